"""Archives in a destination, in memory, and what was asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.archives import joined, source
from windrow.archives import connection
from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.described import Described
from windrow.core.keys import archive_key
from windrow.core.manifest import Window
from windrow.core.naming import safe_names
from windrow.core.windows import MINUTE
from windrow.testing import FakeDestination

BUCKET = "archives"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    """Return a time of November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def tar_of(
    files: Sequence[tuple[str, bytes]],
    start: datetime,
    width: timedelta = MINUTE,
    said: Mapping[str, Described] | None = None,
    times: Sequence[datetime] = (),
) -> SealedArchive:
    """Return an archive of a span; its files arrived at ``times``, or at its start."""
    sources = [
        source(key, len(data), f"v{number}", event_time=times[number] if times else start)
        for number, (key, data) in enumerate(files)
    ]
    items = [(name, src, data) for name, src, (_, data) in zip(safe_names(sources), sources, files, strict=True)]
    return seal(Window(start, start + width), [build_frame([item], 6, said or {}) for item in items], 6)


class Shelf:
    """A bucket of archives. ``requests`` counts what was asked of it."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.destination = FakeDestination(hook=lambda operation: self.requests.update([operation]))

    def add(
        self,
        files: Sequence[tuple[str, bytes]],
        start: datetime,
        width: timedelta = MINUTE,
        *,
        prefix: str = "eu",
        said: Mapping[str, Described] | None = None,
        times: Sequence[datetime] = (),
    ) -> str:
        """Put an archive at its key; return the key."""
        number = str(len(self.destination.objects))
        key = archive_key(prefix, start, width, [number])
        self.put(key, tar_of(files, start, width, said, times))
        return key

    def put(self, key: str, sealed: SealedArchive) -> None:
        """Put an archive anywhere."""
        self.destination.put(key, sealed.chunks, sealed.sha256, sealed.metadata)
        self.requests.clear()

    def damage(self, key: str, data: bytes) -> None:
        """Put other bytes in an archive's place."""
        stored, _ = self.destination.objects[key]
        self.destination.objects[key] = msgspec.structs.replace(stored, size=len(data)), data

    def url(self, key: str) -> str:
        """Return a key's URL."""
        return f"s3://{BUCKET}/{key}"


def connected(monkeypatch: pytest.MonkeyPatch, **others: FakeDestination) -> Shelf:
    """Return a shelf that ``s3://archives`` leads to."""
    shelf = Shelf()
    buckets = {BUCKET: shelf.destination, **others}
    monkeypatch.setattr(connection.Buckets, "bucket", lambda _, name: buckets[name])
    return shelf


__all__ = ["BUCKET", "NOON", "Shelf", "at", "connected", "joined", "tar_of"]
