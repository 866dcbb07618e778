"""Which minutes are complete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from windrow.core.completeness import LONGEST_UPLOAD, complete_spans, covered
from windrow.core.manifest import Window


def at(hour: int, minute: int = 0, second: int = 0, day: int = 23) -> datetime:
    """Return a time of November 2026."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def spans(start: datetime, end: datetime, *blocked: datetime) -> list[tuple[datetime, datetime]]:
    """Return the complete spans."""
    return [(span.start, span.end) for span in complete_spans(start, end, set(blocked))]


def test_spans_are_of_whole_minutes() -> None:
    """What is cut at an edge of the range is not judged."""
    assert [(at(10, 1), at(10, 5))] == spans(at(10, 0, 1), at(10, 5, 59))
    assert [(at(10), at(10, 1))] == spans(at(10), at(10, 1))
    assert [] == spans(at(10, 0, 1), at(10, 1, 59))
    assert [] == spans(at(10), at(9))


def test_a_blocked_minute_is_in_no_span() -> None:
    """At the edges, in between, and two in a row."""
    blocked = (at(10), at(10, 3), at(10, 4), at(10, 9))

    assert [(at(10, 1), at(10, 3)), (at(10, 5), at(10, 9))] == spans(at(10), at(10, 10), *blocked)


def test_a_span_is_within_one_day() -> None:
    """Marks are looked for by days."""
    assert [(at(23, 59), at(0, day=24)), (at(0, day=24), at(0, 1, day=24))] == spans(at(23, 59), at(0, 1, day=24))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], False),
        ([(0, 60)], True),
        ([(10, 20)], True),
        ([(10, 20), (25, 30)], True),
        ([(10, 19)], False),
        ([(11, 20)], False),
        ([(15, 20), (0, 15)], True),
        ([(0, 15), (16, 20)], False),
        ([(0, 18), (5, 6), (12, 30)], True),
    ],
)
def test_minutes_are_covered_by_all_marks_together(given: list[tuple[int, int]], expected: bool) -> None:
    """Whatever their order, and however they overlap."""
    windows = [Window(at(10) + timedelta(minutes=one), at(10) + timedelta(minutes=other)) for one, other in given]

    assert expected == covered(windows, at(10, 10), at(10, 20))


def test_no_upload_takes_more_than_a_day() -> None:
    """So long before a range must be complete too, as the page for those who receive archives says."""
    assert timedelta(days=1) == LONGEST_UPLOAD
