"""The work of one sweep, day by day, oldest first: copies archives without a copy, then deletes expired raw files.

An archive belongs to the hour in which its window ends. An hour is due when everything that arrived in it is old
enough. Then each of its archives is verified and its files deleted; if anything is left, the next run checks the hour
again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from windrow.core.errors import CopyError, DestinationError, LedgerError, OutOfTime
from windrow.core.keys import day_folder, window_of
from windrow.core.windows import DAY, HOUR, days, floor
from windrow.operations.audit import ArchiveReader, Finding
from windrow.operations.retention.copier import Copier
from windrow.operations.retention.deletable import Deletable, DeletableFinder
from windrow.operations.retention.markers import Markers
from windrow.operations.retention.report import Tally
from windrow.pipeline.bounded_map import bounded_map
from windrow.pipeline.deadline import Deadline
from windrow.ports import CopyStore, Destination, RawFiles, RawVersion

COPIES_AT_ONCE = 4
"""Each takes 24 MiB of memory; the keys of one day come on top."""

READERS = 8
VERIFIED_AT_ONCE = 32
"""Archives whose files are deleted together: with 60 files each, two calls."""

DELETED_AT_ONCE = 2_000
"""About the most files that are deleted together: an archive may have thousands, whose keys take 4 KB each."""

LARGE_BYTES = 64 * 1024 * 1024
"""Larger archives are copied last, so that the others need not wait for one that takes a whole run."""

TOO_MANY = 100
"""The sweep stops after this many failures in a row: then the archives are not the cause."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An archive as the destination lists it; ``hour`` is the start of the one in which its window ends."""

    key: str
    size: int
    hour: datetime


@dataclass(frozen=True, slots=True)
class OutOfRunTime:
    """The copy was left to the next run because the run time was over."""


CopyResult = int | Finding | OutOfRunTime | None
"""The bytes copied, what is wrong, no time left, or no copy needed."""


@dataclass
class Sweep:
    """One sweep of the hours of [start, end). Archives of windows that ended after ``settled`` are not copied yet."""

    destination: Destination
    archives: ArchiveReader
    copies: CopyStore
    raw_files: RawFiles
    copier: Copier
    finder: DeletableFinder
    markers: Markers
    prefix: str
    start: datetime
    end: datetime
    settled: datetime
    old: datetime
    tally: Tally
    deadline: Deadline
    dry_run: bool
    _later: list[Listed] = field(default_factory=list)
    """Large archives, to be copied last."""
    _skipped: set[str] = field(default_factory=set)
    """Keys of archives that have no copy yet: their files do not expire in this run."""

    def run(self) -> Iterator[None]:
        """Do the work; yield after each step, for progress. Raises `DestinationError`, `CopyError`."""
        for day in days(self.start, self.end):
            if not self._has_time(max(day, self.start)):
                break
            listed = list(self._list(day))
            self.tally.archives += len(listed)
            yield
            if listed:
                held = dict(self.copies.list(day_folder(self.prefix, day)))
                yield from self._copy(self._without_copy(listed, held))
                yield from self._expire_due(listed)
        yield from self._copy(sorted(self._later, key=lambda archive: archive.size))

    def _list(self, day: datetime) -> Iterator[Listed]:
        for key, size in self.archives.listed(day, day + DAY):
            window = window_of(key)
            if window is None or window.end > self.settled:
                continue
            hour = floor(window.end - timedelta.resolution, HOUR)
            if self.start <= hour < self.end:
                yield Listed(key, size, hour)

    def _without_copy(self, listed: Iterable[Listed], held: dict[str, int]) -> list[Listed]:
        """Return the archives that need a copy now, oldest first; keep the large ones for later."""
        needed = [archive for archive in listed if held.get(archive.key) != archive.size]
        large = [archive for archive in needed if archive.size > LARGE_BYTES]
        self._later += large
        self._skipped.update(archive.key for archive in large)
        return sorted((archive for archive in needed if archive.size <= LARGE_BYTES), key=lambda archive: archive.hour)

    def _copy(self, needed: Collection[Listed]) -> Iterator[None]:
        with ThreadPoolExecutor(COPIES_AT_ONCE, thread_name_prefix="copies") as pool:
            in_time = (archive for archive in needed if self._has_time(archive.hour, archive.key))
            for archive, result in bounded_map(pool, self._copy_one, in_time, COPIES_AT_ONCE):
                self._count(archive, result)
                yield

    def _copy_one(self, archive: Listed) -> tuple[Listed, CopyResult]:
        fresh = self.deadline.is_fresh
        try:
            return archive, self.copier.copy(archive.key, self.deadline, dry_run=self.dry_run)
        except OutOfTime as error:
            # It had most of a run: the next run will not be enough either.
            return archive, Finding(archive.key, f"{error}; sweep with a worker") if fresh else OutOfRunTime()
        except CopyError as error:
            return archive, Finding(archive.key, str(error))
        except DestinationError as error:
            return archive, self._wrong(archive.key, error)

    def _count(self, archive: Listed, result: CopyResult) -> None:
        if isinstance(result, int):
            self.tally.succeed()
            self.tally.copied += 1
            self.tally.copied_bytes += result
            return
        if result is None:
            return
        self._skipped.add(archive.key)
        if isinstance(result, Finding):
            self.tally.fail(result)
        else:
            self.tally.leave(archive.hour)

    def _expire_due(self, listed: Iterable[Listed]) -> Iterator[None]:
        hours: defaultdict[datetime, list[str]] = defaultdict(list)
        for archive in listed:
            if archive.hour + HOUR <= self.old:
                hours[archive.hour].append(archive.key)
        with ThreadPoolExecutor(READERS, thread_name_prefix="verifications") as pool:
            for hour, keys in sorted(hours.items()):
                if self.markers.has(hour, keys):
                    continue
                done = True
                in_time = (key for key in keys if key not in self._skipped and self._has_time(hour, key))
                for piece in _groups(bounded_map(pool, self._inspect, in_time, READERS)):
                    done &= self._expire(piece)
                    yield
                if done and self._skipped.isdisjoint(keys) and not self.dry_run:
                    self.markers.write(hour, keys)

    def _inspect(self, key: str) -> Deletable | Finding:
        try:
            return self.finder.find(key)
        except (CopyError, LedgerError) as error:
            return Finding(key, str(error))
        except DestinationError as error:
            return self._wrong(key, error)

    def _expire(self, inspected: list[Deletable | Finding]) -> bool:
        """Delete the files of verified archives; return whether nothing is left to do for any of the archives."""
        failed = [found for found in inspected if isinstance(found, Finding)]
        verified = [found for found in inspected if isinstance(found, Deletable)]
        for finding in failed:
            self.tally.fail(finding)
        if verified:
            self.tally.succeed()
        all_deleted = self._delete([version for found in verified for version in found.versions])
        for found in verified:
            self.tally.keep(found)
        return all_deleted and not failed and not any(found.young for found in verified)

    def _delete(self, versions: Sequence[RawVersion]) -> bool:
        """Delete files; return whether S3 deleted all of them."""
        refused = [] if self.dry_run else self.raw_files.delete(versions)
        for version, reason in refused:
            what = f"{version.bucket}/{version.key}"
            self.tally.refuse(Finding(what, f"version {version.version_id} was not deleted: {reason}"))
        self.tally.expired += len(versions) - len(refused)
        return not refused

    def _wrong(self, key: str, error: DestinationError) -> Finding:
        """Return what is wrong with one archive. Raises `DestinationError` if the destination is down."""
        self.destination.probe()
        return Finding(key, str(error))

    def _has_time(self, hour: datetime, key: str = "") -> bool:
        """Return whether to go on; if not, record that this hour is left to the next run."""
        if self.deadline.may_start() and self.tally.in_a_row < TOO_MANY:
            return True
        self.tally.leave(hour)
        self._skipped.add(key)
        return False


def _groups(inspected: Iterable[Deletable | Finding]) -> Iterator[list[Deletable | Finding]]:
    """Yield archives in groups whose files are deleted together."""
    piece: list[Deletable | Finding] = []
    files = 0
    for found in inspected:
        piece.append(found)
        files += len(found.versions) if isinstance(found, Deletable) else 0
        if len(piece) == VERIFIED_AT_ONCE or files >= DELETED_AT_ONCE:
            yield piece
            piece, files = [], 0
    if piece:
        yield piece
