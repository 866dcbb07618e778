"""Reconciles landing buckets, ledger and manifests over a range of arrival times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain

import msgspec

from windrow.core.completeness import LONGEST_UPLOAD, Mark
from windrow.core.errors import BucketMissing, DestinationError, DestinationFault
from windrow.core.faults import explained
from windrow.operations.audit.archives import ArchiveReader
from windrow.operations.audit.coverage import SKEW, Coverage, Listing
from windrow.operations.audit.marks import marks
from windrow.operations.audit.report import AuditReport, Finding
from windrow.operations.audit.scratch import Scratch
from windrow.operations.audit.timeline import Timeline
from windrow.ports import Clock, LandingIndex, Ledger, ListedVersion

Progress = Callable[[str, int], None]


def _quiet(_what: str, _count: int) -> None:
    """Do nothing."""


class Judged(msgspec.Struct, frozen=True):
    """An audit's report, its timeline, and when it was judged."""

    report: AuditReport
    timeline: Timeline
    at: datetime


class Auditor:
    """Reconciles landing buckets, ledger and manifests over a range of arrival times.

    ``listed_at`` is when S3 began the inventories that ``index`` reads, None if it lists the buckets.
    """

    def __init__(
        self,
        *,
        index: LandingIndex,
        ledger: Ledger,
        archives: ArchiveReader,
        buckets: Iterable[str],
        clock: Clock,
        listed_at: datetime | None = None,
    ) -> None:
        self._listed_at = listed_at
        self._index = index
        self._ledger = ledger
        self._archives = archives
        self._buckets = sorted(buckets)
        self._clock = clock

    def judge(
        self,
        start: datetime,
        end: datetime,
        *,
        grace: timedelta,
        retention: timedelta,
        prefix: str = "",
        progress: Progress = _quiet,
        mark: Callable[[Mark], object] | None = None,
    ) -> Judged:
        """Audit arrivals in [start, end) of landing keys under a prefix.

        Only keys under the prefix are listed; all archives of the range are read, and all broken ones reported.
        ``progress`` is called with the numbers of files listed and archives read. ``mark`` is called with a mark for
        each span in which everything is delivered (`windrow.operations.audit.marks`), if the prefix is empty.

        A missing bucket is a finding, not an error, because the audit shows what was lost with it.

        Raises:
            LandingError, DestinationError, LedgerError: one of the three could not be read. There is no partial report.
        """
        now = self._clock.now()
        with Scratch(start, end, prefix, self._buckets) as scratch:
            self._gather_existing(scratch, progress)
            report = scratch.report(now=now, grace=grace, kept_since=now - retention)
            if mark and not prefix:
                kept_since = now - retention
                for each in marks(
                    scratch, report, now=now, grace=grace, kept_since=kept_since, listed_at=self._listed_at
                ):
                    mark(each)
            return Judged(report, scratch.timeline(), now)

    def missing(self, start: datetime, end: datetime, *, grace: timedelta, prefix: str = "") -> Missing:
        """Return the landing versions of [start, end) that no archive lists and that are older than the grace.

        ``prefix`` is of landing keys. Iterating raises the errors of `judge`.
        """
        young = self._clock.now() - grace
        return Missing(Scratch(start, end, prefix, self._buckets), self._gather, young)

    def listed(self, start: datetime, end: datetime, prefix: str = "") -> Listing:
        """Return the landing versions of [start, end), by bucket and key. Iterating raises `LandingError`."""
        return Listing(self._versions(prefix), start, end)

    def _versions(self, prefix: str) -> Iterator[ListedVersion]:
        return chain.from_iterable(self._index.versions(bucket, prefix) for bucket in self._buckets)

    def _present(self, bucket: str, scratch: Scratch) -> Iterator[ListedVersion]:
        """Yield a landing bucket's versions; record a bucket that is missing."""
        try:
            yield from self._index.versions(bucket, scratch.prefix)
        except BucketMissing:
            scratch.add_absent_landing(bucket)

    def _gather_existing(self, scratch: Scratch, progress: Progress) -> None:
        """Read as `_gather` does, and record buckets that are missing."""
        present = chain.from_iterable(self._present(bucket, scratch) for bucket in self._buckets)
        self._gather_landed(scratch, present, progress)
        try:
            self._gather_archives(scratch, progress)
        except DestinationError as error:
            if error.kind is not DestinationFault.BUCKET:
                raise
            scratch.add_absent_destination(explained(error))

    def _gather(self, scratch: Scratch, progress: Progress) -> None:
        """Read the listings and archives of the scratch database's range.

        The listings come first: a file that arrives meanwhile does not count as missing, and one that is delivered
        meanwhile counts as delivered.
        """
        self._gather_landed(scratch, self._versions(scratch.prefix), progress)
        self._gather_archives(scratch, progress)

    def _gather_landed(self, scratch: Scratch, versions: Iterator[ListedVersion], progress: Progress) -> None:
        listed = 0
        listing = Listing(versions, scratch.start, scratch.end, before=LONGEST_UPLOAD, after=SKEW)
        for count in scratch.add_landed(listing):
            listed += count
            progress("landed", listed)
        scratch.outside = listing.outside

    def _gather_archives(self, scratch: Scratch, progress: Progress) -> None:
        start, end = scratch.start, scratch.end
        until = min(end + LONGEST_UPLOAD, self._clock.now() + SKEW)
        archives = 0
        for piece in self._archives.read(start - SKEW, until, scratch.add_foreign):
            records = self._ledger.records(key for key, _ in piece)
            for key, found in piece:
                record = records.get(key)
                if isinstance(found, Finding):
                    scratch.add_broken(found)
                elif record and not record.is_committed and found.manifest.files:
                    scratch.add_broken(Finding(key, "it is condemned, and its files are delivered in other archives"))
                else:
                    scratch.add_archive(key, found.manifest, found.stored_at, recorded=record is not None)
            archives += len(piece)
            progress("archives", archives)
        scratch.archives_read = archives


class Missing:
    """Landing versions that no archive lists, oldest first. Iterate once; then ``coverage`` is set."""

    def __init__(self, scratch: Scratch, gather: Callable[[Scratch, Progress], None], young: datetime) -> None:
        self._scratch = scratch
        self._gather = gather
        self._young = young
        self.coverage = Coverage(judged=0, landed=0, pending=0, outside=0, elsewhere=0)

    def __iter__(self) -> Iterator[ListedVersion]:
        with self._scratch as scratch:
            self._gather(scratch, _quiet)
            self.coverage = scratch.coverage(self._young)
            yield from scratch.missing(self._young)
