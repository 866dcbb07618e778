"""The report of a retention sweep."""

from __future__ import annotations

from datetime import datetime

import msgspec

from windrow.operations.audit import Finding
from windrow.operations.retention.deletable import Deletable

SHOWN = 20
"""Most failures that a report names; it counts them all."""


class SweepReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep over the archives of [start, end) did; in a dry run, what it would have done.

    - ``archives`` were listed, ``copied`` of them were copied now, with ``copied_bytes`` together;
    - ``expired`` raw files were deleted (one that was gone before counts too): delivered, and old enough;
    - ``young`` ones are listed by an old archive but are not old enough themselves;
    - ``unversioned`` ones can't be distinguished from a newer file under their key, and stay;
    - ``foreign`` ones are in a bucket that is not one of ``WINDROW_LANDING_BUCKETS``, and stay;
    - ``refused`` ones were not deleted by S3;
    - ``failed`` archives could not be copied or verified: their raw files stay.

    ``complete`` means that everything was checked. If not, ``left_since`` is the start of the oldest window that is
    left to the next run.
    """

    start: datetime
    end: datetime
    dry_run: bool
    archives: int
    copied: int
    copied_bytes: int
    expired: int
    young: int
    unversioned: int
    foreign: int
    refused: int
    failed: int
    complete: bool
    left_since: datetime | None
    examples: list[Finding]
    ok: bool


class Tally:
    """The counts of a sweep in progress."""

    def __init__(self) -> None:
        self.archives = 0
        self.copied = 0
        self.copied_bytes = 0
        self.expired = 0
        self.young = 0
        self.unversioned = 0
        self.foreign = 0
        self.refused = 0
        self.failed = 0
        self.in_a_row = 0
        """Archives that failed since the last one that did not."""
        self.left_since: datetime | None = None
        self.examples: list[Finding] = []

    def succeed(self) -> None:
        """Reset the count of failures in a row."""
        self.in_a_row = 0

    def keep(self, found: Deletable) -> None:
        """Count the files of an archive that stay."""
        self.young += found.young
        self.unversioned += found.unversioned
        self.foreign += found.foreign

    def fail(self, finding: Finding) -> None:
        """Count an archive that failed."""
        self.failed += 1
        self.in_a_row += 1
        self._show(finding)

    def refuse(self, finding: Finding) -> None:
        """Count a file that S3 did not delete."""
        self.refused += 1
        self._show(finding)

    def leave(self, window_start: datetime) -> None:
        """Record that an archive is left to the next run."""
        if self.left_since is None or window_start < self.left_since:
            self.left_since = window_start

    def report(self, start: datetime, end: datetime, *, dry_run: bool, complete: bool) -> SweepReport:
        """Return the counts as a report."""
        return SweepReport(
            start=start,
            end=end,
            dry_run=dry_run,
            archives=self.archives,
            copied=self.copied,
            copied_bytes=self.copied_bytes,
            expired=self.expired,
            young=self.young,
            unversioned=self.unversioned,
            foreign=self.foreign,
            refused=self.refused,
            failed=self.failed,
            complete=complete,
            left_since=self.left_since,
            examples=self.examples,
            ok=complete and not self.failed and not self.refused,
        )

    def _show(self, finding: Finding) -> None:
        if len(self.examples) < SHOWN:
            self.examples.append(finding)
