"""Runs sweeps: sets one up, publishes its metrics, and returns its report."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from windrow.core.metric import Metric
from windrow.core.windows import HOUR, floor
from windrow.operations.audit import ArchiveReader
from windrow.operations.retention.copier import Copier
from windrow.operations.retention.deletable import DeletableFinder
from windrow.operations.retention.markers import KEPT, Markers
from windrow.operations.retention.report import SweepReport, Tally
from windrow.operations.retention.sweep import Sweep
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.inspector import Found
from windrow.ports import Clock, CopyStore, Destination, Metrics, RawFiles

LOOKBACK = timedelta(days=7)
"""How far before the hot days a run starts by default: longer than an outage of the destination (4 days), in which
nothing can be verified, and longer than a file may wait in the queues (14 days, less 7 hot ones)."""

SETTLING = timedelta(minutes=10)
"""Archives whose window ended less than this ago are left to a later run: one that fails its verification is still to
be replaced by a tombstone."""

OWNER = "retention"
"""The owner of the records that a sweep writes."""

SLACK = timedelta(hours=1)
"""How much longer files stay than they must: an audit that began before they were old enough still expects them."""

Progress = Callable[[SweepReport], None]


def _quiet(_report: SweepReport) -> None:
    """Do nothing."""


class Sweeper:
    """Copies archives and deletes expired raw files. Safe to run twice at once, to interrupt, and to repeat."""

    def __init__(
        self,
        *,
        destination: Destination,
        archives: ArchiveReader,
        commit_point: CommitPoint,
        copies: CopyStore,
        raw_files: RawFiles,
        buckets: Collection[str],
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._destination = destination
        self._archives = archives
        self._commit_point = commit_point
        self._copies = copies
        self._raw_files = raw_files
        self._buckets = buckets
        self._metrics = metrics
        self._clock = clock

    def sweep(
        self,
        *,
        hot: timedelta,
        start: datetime | None = None,
        end: datetime | None = None,
        remaining_s: float = float("inf"),
        dry_run: bool = False,
        progress: Progress = _quiet,
    ) -> SweepReport:
        """Sweep the archives whose window ends in one of the hours of [start, end), and publish metrics.

        Raw files that arrived less than ``hot`` ago stay. Without ``start``, the sweep starts `LOOKBACK` before them.
        What does not fit into ``remaining_s`` is left to the next run. ``progress`` is called with the report so far.

        Raises:
            DestinationError: the destination is down; nothing can be verified, so nothing more is deleted.
            CopyError: the bucket for copies could not be listed.
        """
        now = self._clock.now()
        start, end = floor(start or now - hot - LOOKBACK, HOUR), end or now
        tally = Tally()
        complete = False
        try:
            for _ in self._set_up(now, start, end, hot, tally, remaining_s, dry_run=dry_run).run():
                progress(tally.report(start, end, dry_run=dry_run, complete=False))
            complete = tally.left_since is None
        finally:
            if not dry_run:
                self._publish(tally, complete=complete)
        return tally.report(start, end, dry_run=dry_run, complete=complete)

    def _set_up(
        self,
        now: datetime,
        start: datetime,
        end: datetime,
        hot: timedelta,
        tally: Tally,
        remaining_s: float,
        *,
        dry_run: bool,
    ) -> Sweep:
        old = now - hot - SLACK
        markers = Markers(self._destination, prefix=self._archives.prefix, buckets=self._buckets)
        markers.load(kept_since=None if dry_run else old - KEPT)
        copier = Copier(self._destination, self._copies)
        finder = DeletableFinder(
            self._archives,
            None if dry_run else copier.verify,
            None if dry_run else self._commit,
            buckets=self._buckets,
            old=old,
        )
        return Sweep(
            destination=self._destination,
            archives=self._archives,
            copies=self._copies,
            raw_files=self._raw_files,
            copier=copier,
            finder=finder,
            markers=markers,
            prefix=self._archives.prefix,
            start=start,
            end=end,
            settled=now - SETTLING,
            old=old,
            tally=tally,
            deadline=Deadline(self._clock, remaining_s),
            dry_run=dry_run,
        )

    def _commit(self, key: str, found: Found) -> bool:
        return self._commit_point.commit(self._commit_point.record_of(key, OWNER, found)) is not None

    def _publish(self, tally: Tally, *, complete: bool) -> None:
        """Publish the counts, including zeros: an alarm needs to see that nothing happened."""
        self._metrics.count(Metric.ARCHIVES_COPIED, tally.copied)
        self._metrics.count(Metric.ARCHIVE_COPY_FAILED, tally.failed)
        self._metrics.count(Metric.RAW_FILES_EXPIRED, tally.expired)
        self._metrics.count(Metric.RAW_FILES_EXPIRE_FAILED, tally.refused)
        self._metrics.count(Metric.RETENTION_SWEEPS_COMPLETED, int(complete))
        self._metrics.flush()
