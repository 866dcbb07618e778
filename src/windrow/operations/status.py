"""The status of a deployment: queue, circuit, dead-letter queue and the last delivery, each read separately.

What can't be read is reported as a problem, and the rest is shown: a status is needed most when something is down.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TypeVar

import msgspec

from windrow.core.circuit import Circuit
from windrow.core.errors import DestinationError, WindrowError
from windrow.core.faults import explained
from windrow.core.keys import day_folder, window_of
from windrow.core.windows import DAY, HOUR, floor
from windrow.ports import (
    Archives,
    CircuitStore,
    Clock,
    DeadLetters,
    EventSourceMapping,
    Punctuality,
    PunctualityStatistics,
    QueueDepth,
    QueueStatistics,
)

DAYS_BACK = 7
"""How far back the last delivery is searched, and how old waiting messages may be if their age is not known."""

NEWEST = 100
"""Most new archives whose files are counted, with one request each. If there are more, there is no rate."""

MOST_LISTED = 20_000
"""Most keys that a poll lists, 1,000 a request. If there are more, there is no rate, and the last delivery is the last
of these. The newest hours come first."""

HOURS_APART = 3
"""Most hours of a day that are listed one by one; for more, the whole day is listed."""

T = TypeVar("T")


class LastArchive(msgspec.Struct, frozen=True):
    """The archive that was stored last: its key, its number of files, and when it was stored."""

    key: str
    files: int
    stored_at: datetime


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The status at a moment. A field is None if it is not known; ``problems`` says why, by the field's name.

    If there is no mapping, ``mapped`` is false and ``mapping_enabled`` says whether workers receive messages.
    ``oldest_age_seconds`` and ``last_hour`` come from CloudWatch, which an emulator may lack. ``last_hour`` is about
    files that were delivered in the last hour. ``files_per_second`` (files in new archives) and
    ``queue_change_per_second`` (messages) are since the previous poll with a result. New archives are searched in the
    windows that waiting messages may belong to by their age in the queue, so a replay of older files shows in the queue
    only.
    """

    at: datetime
    queue: QueueDepth | None
    oldest_age_seconds: float | None
    circuit: Circuit | None
    mapping_enabled: bool | None
    mapped: bool = True
    dead_letters: int | None
    last_archive: LastArchive | None
    last_hour: Punctuality | None = None
    files_per_second: float | None = None
    queue_change_per_second: float | None = None
    problems: dict[str, str]

    @property
    def well(self) -> bool:
        """Whether everything could be read, the mapping is enabled and the dead-letter queue is empty."""
        return not self.problems and self.mapping_enabled is True and not self.dead_letters


class Deliveries:
    """Polls for new archives; remembers those of the previous poll, and the last one.

    A window says when files arrived, not when they were delivered: while a backlog drains, archives have old windows,
    also of hours and days. So a poll lists every window from the oldest that may still get files, and returns a rate
    only if the previous poll listed all of these too: otherwise an archive may be old although it is seen first.
    """

    def __init__(self, archives: Archives, prefix: str) -> None:
        self._archives = archives
        self._prefix = prefix
        self.last: LastArchive | None = None
        self._looked_back = False
        self._wanted: list[tuple[datetime, datetime]] = []
        self._since: datetime | None = None
        self._seen: set[str] = set()
        self._counted_at: datetime | None = None

    def poll(self, now: datetime, age: timedelta | None) -> float | None:
        """Return how many files a second new archives hold, None if that is not known.

        ``age`` is how long the oldest message has waited, None if that is not known. A poll that fails changes nothing:
        the next poll counts its archives and its time.

        Raises:
            DestinationError: the destination could not be read.
        """
        since = self._reach(now, age)
        listed = list(islice(self._listed(since, now), MOST_LISTED + 1))
        whole = len(listed) <= MOST_LISTED
        found = {key: at for key, at in listed if (window := window_of(key)) and window.end > since}
        fresh = {key: at for key, at in found.items() if key not in self._seen}
        last = self._last_of(fresh) or self.last or self._look_back(now)
        rate = self._rate(fresh, since, now) if whole else None
        self.last, self._looked_back = last, True
        self._since, self._seen, self._counted_at = since if whole else None, set(found), now
        return rate

    def _rate(self, fresh: Collection[str], since: datetime, now: datetime) -> float | None:
        """Return how many files a second have come since the previous poll, if that listed all from ``since`` on."""
        if not self._since or not self._counted_at or since < self._since or len(fresh) > NEWEST:
            return None
        return sum(map(self._files, fresh)) / _seconds(self._counted_at, now)

    def _reach(self, now: datetime, age: timedelta | None) -> datetime:
        """Return the start of the oldest hour that a poll of the last hour had to list.

        Each poll lists from the hour before the oldest message's on, because CloudWatch is some minutes late. Earlier
        starts hold for an hour: a message returned to the queue comes 15 minutes later, and CloudWatch's age may leave
        it out. If the age is not known, the last poll's start holds: waiting messages were there then, or are newer.
        """
        if age is not None:
            wanted = floor(now - age - HOUR, HOUR)
        elif self._wanted:
            wanted = self._wanted[-1][1]
        else:
            wanted = floor(now - timedelta(days=DAYS_BACK), HOUR)
        self._wanted = [*((at, since) for at, since in self._wanted if now - at <= HOUR), (now, wanted)]
        return min(since for _, since in self._wanted)

    def _listed(self, since: datetime, now: datetime) -> Iterator[tuple[str, datetime]]:
        """Yield every archive with a window that ends after ``since``, and others."""
        return chain.from_iterable(map(self._archives.list_times, self._prefixes(since, now)))

    def _prefixes(self, since: datetime, now: datetime) -> Iterator[str]:
        """Yield the prefixes of this hour and the last, then earlier ones: of hours, or of days if that is fewer.

        An archive of a whole day is in the day's folder, next to the folders of the hours; its name begins with the
        date.
        """
        newest = floor(now, HOUR) - HOUR
        yield from (self._hour_folder(hour) for hour in (newest + HOUR, newest))
        day = floor(now, DAY)
        while day + DAY > since:
            hours = [hour for number in range(24) if since <= (hour := day + number * HOUR) < newest]
            if len(hours) > HOURS_APART:
                yield day_folder(self._prefix, day)
            else:
                yield from map(self._hour_folder, hours)
                yield f"{day_folder(self._prefix, day)}{day:%Y%m%dT}"
            day -= DAY

    def _hour_folder(self, hour: datetime) -> str:
        return f"{day_folder(self._prefix, hour)}{hour:%H}/"

    def _look_back(self, now: datetime) -> LastArchive | None:
        """Return the last archive of the newest day that has any. Needed once: later polls see what comes."""
        if self._looked_back:
            return None
        days = (day_folder(self._prefix, now - timedelta(days=back)) for back in range(DAYS_BACK + 1))
        return next(filter(None, (self._last_of(dict(self._archives.list_times(day))) for day in days)), None)

    def _last_of(self, stored: Mapping[str, datetime]) -> LastArchive | None:
        """Return the archive with files that was stored last, None if it is not newer than the last one known."""
        keys = sorted(filter(window_of, stored), key=lambda key: (stored[key], key), reverse=True)
        for key in keys[:NEWEST]:
            if self.last and stored[key] <= self.last.stored_at:
                return None
            if files := self._files(key):
                return LastArchive(key, files, stored[key])
        return None

    def _files(self, key: str) -> int:
        stored = self._archives.head(key)
        return int(stored.metadata.get("file-count", 0)) if stored else 0


class Watcher:
    """Polls everything; remembers the previous poll for the rates."""

    def __init__(  # noqa: PLR0913 - one for each thing that is polled
        self,
        *,
        queue: QueueStatistics,
        dead_letters: DeadLetters,
        circuits: CircuitStore,
        mapping: EventSourceMapping,
        punctuality: PunctualityStatistics,
        destination: Archives,
        prefix: str,
        clock: Clock,
        mapped: bool = True,
    ) -> None:
        self._mapped = mapped
        self._queue = queue
        self._dead_letters = dead_letters
        self._circuits = circuits
        self._mapping = mapping
        self._punctuality = punctuality
        self._deliveries = Deliveries(destination, prefix)
        self._clock = clock
        self._before: tuple[datetime, QueueDepth] | None = None

    def poll(self) -> Status:
        """Return the status now. Never raises a `WindrowError`."""
        problems: dict[str, str] = {}

        def read(name: str, request: Callable[[], T]) -> T | None:
            try:
                return request()
            except WindrowError as error:
                problems[name] = explained(error) if isinstance(error, DestinationError) else str(error)
                return None

        status = Status(
            at=self._clock.now(),
            queue=read("queue", self._queue.depth),
            oldest_age_seconds=read("oldest_age_seconds", self._queue.oldest_age_s),
            circuit=read("circuit", self._circuits.load),
            mapping_enabled=read("mapping_enabled", self._mapping.enabled),
            mapped=self._mapped,
            dead_letters=read("dead_letters", self._dead_letters.depth),
            last_archive=None,
            last_hour=read("last_hour", self._punctuality.last_hour),
            problems=problems,
        )
        rate = read("last_archive", lambda: self._deliveries.poll(status.at, _age(status)))
        status = msgspec.structs.replace(
            status,
            last_archive=self._deliveries.last,
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


def _age(status: Status) -> timedelta | None:
    """Return how long the oldest message has waited, None if that is not known."""
    if status.oldest_age_seconds is not None:
        return timedelta(seconds=status.oldest_age_seconds)
    return timedelta(0) if status.queue is not None and not status.queue.total else None


def _seconds(before: datetime, after: datetime) -> float:
    return max((after - before).total_seconds(), 0.001)
