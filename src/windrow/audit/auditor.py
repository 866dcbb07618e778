"""Reconciles landing buckets, ledger and manifests over a range of arrival times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from windrow.audit.archives import ArchiveReader
from windrow.audit.report import AuditReport, Finding
from windrow.audit.scratch import Scratch
from windrow.ports import Clock, LandingIndex, Ledger, ListedVersion

SKEW = timedelta(hours=1)
"""Event times and listing times come from different clocks: this far outside the range is looked at too."""

LONGEST_UPLOAD = timedelta(days=1)
"""S3 lists an object under the time its upload *began*, its event tells when the upload ended. A multipart upload that
took longer than this may be misjudged at the edges of a range."""

Progress = Callable[[str, int], None]


def _quiet(_what: str, _count: int) -> None:
    """Tell nobody."""


class Auditor:
    """Reconciles landing buckets, ledger and manifests over a range of arrival times."""

    def __init__(
        self,
        *,
        index: LandingIndex,
        ledger: Ledger,
        archives: ArchiveReader,
        buckets: Iterable[str],
        clock: Clock,
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._archives = archives
        self._buckets = sorted(buckets)
        self._clock = clock

    def audit(
        self,
        start: datetime,
        end: datetime,
        *,
        grace: timedelta,
        retention: timedelta,
        prefix: str = "",
        progress: Progress = _quiet,
    ) -> AuditReport:
        """Audit arrivals in [start, end) of landing keys under a prefix.

        The listings are of that prefix only; archives are read whatever they hold, and all broken ones reported.
        ``progress`` is told of files listed and archives read, as counts.

        Raises:
            LandingError, DestinationError, LedgerError: one of the three could not be read; nothing is reported
                then, since half an audit proves nothing.
        """
        now = self._clock.now()
        with Scratch(start, end, prefix) as scratch:
            broken = self._gather(scratch, start, end, prefix, progress)
            return scratch.report(young=now - grace, kept_since=now - retention, broken=broken)

    def missing(self, start: datetime, end: datetime, *, grace: timedelta, prefix: str = "") -> Iterator[ListedVersion]:
        """Yield landing versions of [start, end) that no archive lists and that are older than the grace.

        Oldest first; ``prefix`` is one of landing keys. Raises as `audit` does.
        """
        young = self._clock.now() - grace
        with Scratch(start, end, prefix) as scratch:
            self._gather(scratch, start, end, prefix, _quiet)
            yield from scratch.missing(young=young)

    def listed(self, start: datetime, end: datetime, prefix: str = "") -> Iterator[ListedVersion]:
        """Yield landing versions of [start, end), by bucket and key. Raises `LandingError`."""
        for bucket in self._buckets:
            versions = self._index.versions(bucket, prefix)
            yield from (version for version in versions if start <= version.last_modified < end)

    def _gather(
        self, scratch: Scratch, start: datetime, end: datetime, prefix: str, progress: Progress
    ) -> list[Finding]:
        """Read listings and archives; return the archives that are broken.

        The listings come first: what lands meanwhile is not taken for missing, and what is delivered meanwhile counts.
        """
        listed = 0
        for count in scratch.add_landed(self.listed(start - LONGEST_UPLOAD, end + SKEW, prefix)):
            listed += count
            progress("landed", listed)
        broken: list[Finding] = []
        archives = 0
        for piece in self._archives.read(start - SKEW, min(end + LONGEST_UPLOAD, self._clock.now() + SKEW)):
            records = self._ledger.records(key for key, _ in piece)
            for key, found in piece:
                record = records.get(key)
                if isinstance(found, Finding):
                    broken.append(found)
                elif record and not record.is_committed and found.manifest.files:
                    broken.append(Finding(key, "it is condemned, and its files are delivered in other archives"))
                else:
                    scratch.add_archive(key, found.manifest, found.stored_at, recorded=record is not None)
            archives += len(piece)
            progress("archives", archives)
        return broken
