"""What a sweep counts and tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from windrow.operations.audit import Finding
from windrow.operations.retention.deletable import Deletable
from windrow.operations.retention.report import Tally

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_report_holds_what_was_counted() -> None:
    """Each under its own name."""
    tally = Tally()
    tally.archives, tally.copied, tally.copied_bytes, tally.expired = 1, 2, 3, 4
    for _ in range(2):
        tally.keep(Deletable([], young=5, unversioned=6, foreign=7))

    report = tally.report(START, START + HOUR, dry_run=True, complete=True)

    assert {
        "start": START,
        "end": START + HOUR,
        "dry_run": True,
        "archives": 1,
        "copied": 2,
        "copied_bytes": 3,
        "expired": 4,
        "young": 10,
        "unversioned": 12,
        "foreign": 14,
        "refused": 0,
        "failed": 0,
        "complete": True,
        "left_since": None,
        "examples": [],
        "ok": True,
    } == msgspec.structs.asdict(report)


@pytest.mark.parametrize(
    ("failed", "refused", "complete", "ok"),
    [(0, 0, True, True), (1, 0, True, False), (0, 1, True, False), (0, 0, False, False)],
)
def test_a_sweep_is_ok_when_all_was_looked_at_and_nothing_went_wrong(
    failed: int, refused: int, complete: bool, ok: bool
) -> None:
    """What stays because it is young or has no version is nothing wrong."""
    tally = Tally()
    for _ in range(failed):
        tally.fail(Finding("key", "wrong"))
    for _ in range(refused):
        tally.refuse(Finding("key", "refused"))

    report = tally.report(START, START + HOUR, dry_run=False, complete=complete)

    assert (failed, refused, ok, failed + refused) == (
        report.failed,
        report.refused,
        report.ok,
        len(report.examples),
    )


def test_twenty_failures_are_shown_and_all_are_counted() -> None:
    """Files that S3 refused among them."""
    tally = Tally()
    for number in range(15):
        tally.fail(Finding(f"{number}", "wrong"))
        tally.refuse(Finding(f"{number}", "refused"))

    report = tally.report(START, START + HOUR, dry_run=False, complete=True)

    assert (15, 15, 20) == (report.failed, report.refused, len(report.examples))
    assert [Finding("0", "wrong"), Finding("0", "refused")] == report.examples[:2]


def test_failures_in_a_row_are_counted_from_the_last_success() -> None:
    """A refused file is no archive that failed."""
    tally = Tally()
    tally.fail(Finding("a", "wrong"))
    tally.succeed()
    tally.fail(Finding("b", "wrong"))
    tally.fail(Finding("c", "wrong"))
    tally.refuse(Finding("d", "refused"))

    assert (2, 3) == (tally.in_a_row, tally.failed)


def test_the_oldest_window_that_is_left_is_told() -> None:
    """Whatever order they come in."""
    tally = Tally()
    for hours in (2, 1, 3):
        tally.leave(START + hours * HOUR)

    assert START + HOUR == tally.report(START, START + 9 * HOUR, dry_run=False, complete=False).left_since
