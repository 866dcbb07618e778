"""The state file of ``windrow replay --all``: the position of a run that has not finished."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from windrow.core.errors import WrongUse
from windrow.operations.replay import Position


class Request(msgspec.Struct, frozen=True):
    """What a replay was asked for. Another one can't continue from its position."""

    since: str
    until: str
    prefix: str
    buckets: list[str]
    queue_url: str


class Saved(msgspec.Struct, frozen=True):
    """An unfinished replay: its request, the time range that this meant when it began, and its position.

    ``forgotten`` counts the objects left out so far because the ledger would forget them too soon.
    """

    request: Request
    start: datetime
    end: datetime
    position: Position | None
    forgotten: int = 0


class StateFile:
    """Keeps a replay's position between runs; with ``path`` None it keeps nothing."""

    def __init__(self, path: Path | None, request: Request) -> None:
        self._path = path
        self._request = request

    def load(self, start: datetime, end: datetime) -> Saved:
        """Return the saved replay, else a new one of [start, end).

        Raises:
            WrongUse: the file is not a saved replay, or its request is another one.
        """
        if self._path is None or not self._path.exists():
            return Saved(self._request, start, end, None)
        try:
            saved = msgspec.json.decode(self._path.read_bytes(), type=Saved)
        except (OSError, msgspec.DecodeError) as error:
            raise WrongUse(f"{self._path} holds no position of a replay: {error}; delete it to start again") from error
        wanted, found = msgspec.structs.asdict(self._request), msgspec.structs.asdict(saved.request)
        other = [f"{name} {found[name]!r}, not {wanted[name]!r}" for name in wanted if found[name] != wanted[name]]
        if other:
            differs = "; ".join(other)
            raise WrongUse(
                f"{self._path} is of an unfinished replay with {differs}: repeat that, or delete it to start again"
            )
        return saved

    def keep(self, saved: Saved) -> None:
        """Replace the file atomically: a run that is killed meanwhile leaves the previous position."""
        if self._path is not None:
            new = self._path.with_name(self._path.name + ".new")
            new.write_bytes(msgspec.json.encode(saved))
            new.replace(self._path)

    def remove(self) -> None:
        """Delete the file: all is done, and the next replay starts from the beginning."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
