"""How things stand: queue, circuit, dead letters and the last delivery, each asked for itself.

What can't be read is told as such and hides nothing of the rest: a status is asked for when something is down.
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
"""How far back the last delivery is looked for, and how old what waits may be where nobody knows its age."""

NEWEST = 100
"""New archives whose files are counted, at most: one request each. Where there are more, the rate is not told."""

MOST_LISTED = 20_000
"""Keys that a look lists at most, 1,000 a request: where there are more, the rate is not told, and the last delivery is
the last of these. The newest hours come first."""

HOURS_APART = 3
"""Hours of a day that are listed one by one, at most; of more, the day is listed whole."""

T = TypeVar("T")


class LastArchive(msgspec.Struct, frozen=True):
    """The archive that was stored last: its key, its files, when that was."""

    key: str
    files: int
    stored_at: datetime


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How things stood at a moment. None where it is not known; ``problems`` says why, by name of the field.

    ``mapping_enabled`` tells whether workers receive where there is no mapping and ``mapped`` is false.
    ``oldest_age_seconds`` and ``last_hour`` come from CloudWatch, which an emulator may not fill. ``last_hour`` is
    about files that were delivered in the last hour. ``files_per_second`` and ``queue_change_per_second`` are since
    the look before that could tell: files in archives that are new, and messages in the queue. Archives are looked
    for in the windows that what waits falls into by its age in the queue; so a replay of older files shows in the
    queue alone.
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
        """Whether everything was readable, the mapping is on and no dead letter waits."""
        return not self.problems and self.mapping_enabled is True and not self.dead_letters


class Deliveries:
    """Looks for new archives; remembers those of the look before, and the last one.

    A window tells when files arrived, not when they were delivered: a drain makes archives of old windows, of hours and
    of days too. So a look lists every window from the oldest one that may still be delivered to, and tells a rate only
    if the look before listed all of those as well: what is seen for the first time for want of looking is not new.
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
        """Return how many files a second new archives hold, None where that is not known.

        ``age``: how long the oldest message has waited, None where nobody knows. A look that fails on the way counts
        nothing: what is new stays so, and the next look has its files and its time.

        Raises:
            DestinationError: the destination could not be asked.
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
        """Return how many files a second have come since the poll before, if that saw all from ``since`` on."""
        if not self._since or not self._counted_at or since < self._since or len(fresh) > NEWEST:
            return None
        return sum(map(self._files, fresh)) / _seconds(self._counted_at, now)

    def _reach(self, now: datetime, age: timedelta | None) -> datetime:
        """Return the start of the oldest hour that a look of the last hour had to list.

        Each has to list the oldest message's, and the one before: CloudWatch is some minutes late. They are kept for an
        hour after: what was given back comes 15 minutes later, and its age is not in CloudWatch's. Where nobody knows
        the age: what waits did so at the look before, or came since.
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
        """Yield the folders of this hour and the last, then those before: of hours, or of days where these are fewer.

        An archive of a whole day has its name, which begins with the date, where hours have their folders.
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
        """Return the last archive of the newest day that has any; asked for once, since each look sees what comes."""
        if self._looked_back:
            return None
        days = (day_folder(self._prefix, now - timedelta(days=back)) for back in range(DAYS_BACK + 1))
        return next(filter(None, (self._last_of(dict(self._archives.list_times(day))) for day in days)), None)

    def _last_of(self, stored: Mapping[str, datetime]) -> LastArchive | None:
        """Return the one with files that was stored last, None if that is no later than the last one known."""
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
    """Looks at everything; remembers the look before for the rates."""

    def __init__(  # noqa: PLR0913 - one for each thing that is looked at
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
        """Return how things stand now. Never raises a `WindrowError`."""
        problems: dict[str, str] = {}

        def read(name: str, ask: Callable[[], T]) -> T | None:
            try:
                return ask()
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
    """Return how long the oldest message has waited, None where nobody knows."""
    if status.oldest_age_seconds is not None:
        return timedelta(seconds=status.oldest_age_seconds)
    return timedelta(0) if status.queue is not None and not status.queue.total else None


def _seconds(before: datetime, after: datetime) -> float:
    return max((after - before).total_seconds(), 0.001)
