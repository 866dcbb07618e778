"""How things stand: queue, circuit, dead letters and the last delivery, each asked for itself.

What can't be read is told as such and hides nothing of the rest: a status is looked at when something is away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from windrow.core.circuit import Circuit
from windrow.core.errors import WindrowError
from windrow.core.planning import DAY, HOUR, floor, window_of
from windrow.ports import CircuitStore, Clock, Destination, EventSourceMapping, QueueDepth, QueueGauge

HOURS_BACK = 6
DAYS_BACK = 7
"""How far back the last delivery is looked for: hour by hour, then day by day."""

NEWEST = 100
"""New archives whose files are counted, at most: one request each. Where there are more, the rate is not told."""

T = TypeVar("T")


class DeadLetters(Protocol):
    """The dead-letter queue's depth."""

    def depth(self) -> int:
        """Return about how many messages are there. Raises `QueueError`."""


class LastArchive(msgspec.Struct, frozen=True):
    """The archive with the newest window: its key, its files, when it was stored."""

    key: str
    files: int
    stored_at: datetime


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How things stood at a moment. None where it is not known; ``problems`` says why, by name of the field.

    ``oldest_age_seconds`` comes from CloudWatch, which an emulator may not fill. ``files_per_second`` and
    ``queue_change_per_second`` are since the look before that could tell: files in archives that are new, and messages
    in the queue.
    """

    at: datetime
    queue: QueueDepth | None
    oldest_age_seconds: float | None
    circuit: Circuit | None
    mapping_enabled: bool | None
    dead_letters: int | None
    last_archive: LastArchive | None
    files_per_second: float | None = None
    queue_change_per_second: float | None = None
    problems: dict[str, str]

    @property
    def well(self) -> bool:
        """Whether everything was readable, the mapping is on and no dead letter waits."""
        return not self.problems and self.mapping_enabled is True and not self.dead_letters


class Watcher:
    """Looks at everything; remembers the look before for the rates."""

    def __init__(
        self,
        *,
        queue: QueueGauge,
        dead_letters: DeadLetters,
        circuits: CircuitStore,
        mapping: EventSourceMapping,
        destination: Destination,
        prefix: str,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._dead_letters = dead_letters
        self._circuits = circuits
        self._mapping = mapping
        self._destination = destination
        self._prefix = prefix
        self._clock = clock
        self._before: tuple[datetime, QueueDepth] | None = None
        self._seen: set[str] = set()
        self._counted_at: datetime | None = None
        self._newest: LastArchive | None = None

    def look(self) -> Status:
        """Return how things stand now. Never raises a `WindrowError`."""
        problems: dict[str, str] = {}

        def read(name: str, ask: Callable[[], T]) -> T | None:
            try:
                return ask()
            except WindrowError as error:
                problems[name] = str(error)
                return None

        status = Status(
            at=self._clock.now(),
            queue=read("queue", self._queue.depth),
            oldest_age_seconds=read("oldest_age_seconds", self._queue.oldest_age_s),
            circuit=read("circuit", self._circuits.load),
            mapping_enabled=read("mapping_enabled", self._mapping.enabled),
            dead_letters=read("dead_letters", self._dead_letters.depth),
            last_archive=None,
            problems=problems,
        )
        rate = read("last_archive", lambda: self._delivery_rate(status.at))
        status = msgspec.structs.replace(
            status,
            last_archive=self._newest,
            files_per_second=rate,
            queue_change_per_second=self._queue_change(status),
        )
        if status.queue is not None:
            self._before = status.at, status.queue
        return status

    def _queue_change(self, status: Status) -> float | None:
        """Return by how many messages a second the queue has grown."""
        if self._before is None or status.queue is None:
            return None
        before_at, before = self._before
        return (status.queue.total - before.total) / _seconds(before_at, status.at)

    def _delivery_rate(self, now: datetime) -> float | None:
        """Remember the newest archive; return how many files a second new ones hold, None where that is not known.

        A look that fails on the way counts nothing: what is new stays so, and the next look has its files and its time.
        """
        keys = self._recent(now)
        fresh = sorted(set(keys) - self._seen, key=_order, reverse=True)
        newest: LastArchive | None = None
        files = 0
        for key in fresh[:NEWEST]:
            stored = self._destination.head(key)
            count = int(stored.metadata.get("file-count", 0)) if stored else 0
            files += count
            if stored and count and newest is None:
                newest = self._newest = LastArchive(key, count, stored.last_modified)
            if newest and self._counted_at is None:
                break
        self._seen = set(keys)
        since, self._counted_at = self._counted_at, now
        return None if since is None or len(fresh) > NEWEST else files / _seconds(since, now)

    def _recent(self, now: datetime) -> list[str]:
        """Return the archives of the newest hour (else day) that has any; of this hour and the last while it turns."""
        for folders in self._folders(now):
            keys = [key for folder in folders for key, _ in self._destination.list(folder) if window_of(key)]
            if keys:
                return keys
        return []

    def _folders(self, now: datetime) -> Iterator[list[str]]:
        hour = floor(now, HOUR)
        yield [self._folder(hour - HOUR, "%Y/%m/%d/%H/"), self._folder(hour, "%Y/%m/%d/%H/")]
        for back in range(2, HOURS_BACK):
            yield [self._folder(hour - back * HOUR, "%Y/%m/%d/%H/")]
        for back in range(DAYS_BACK):
            yield [self._folder(floor(now, DAY) - timedelta(days=back), "%Y/%m/%d/")]

    def _folder(self, moment: datetime, form: str) -> str:
        path = moment.astimezone(UTC).strftime(form)
        return f"{self._prefix}/{path}" if self._prefix else path


def _seconds(before: datetime, after: datetime) -> float:
    return max((after - before).total_seconds(), 0.001)


def _order(key: str) -> tuple[datetime, str]:
    window = window_of(key)
    return (window.start if window else datetime.min.replace(tzinfo=UTC)), key
