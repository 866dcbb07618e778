"""Where windows start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from windrow.core.windows import DAY, HOUR, MINUTE, days, floor

T0 = datetime(2026, 11, 23, 10, 7, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (MINUTE, datetime(2026, 11, 23, 10, 7, tzinfo=UTC)),
        (HOUR, datetime(2026, 11, 23, 10, tzinfo=UTC)),
        (DAY, datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_a_window_starts_at_the_full_minute_hour_or_day(width: timedelta, expected: datetime) -> None:
    """To the microsecond; and a start is its own."""
    assert expected == floor(T0.replace(microsecond=999_999), width) == floor(expected, width)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (T0, datetime(2026, 11, 23, tzinfo=UTC), []),
        (T0, T0 + timedelta(microseconds=1), [23]),
        (T0, datetime(2026, 11, 24, tzinfo=UTC), [23]),
        (T0, datetime(2026, 11, 24, 0, 0, 1, tzinfo=UTC), [23, 24]),
        (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC), [23, 24, 25]),
    ],
)
def test_a_range_has_days(start: datetime, end: datetime, expected: list[int]) -> None:
    """Its first one from wherever it begins; none of what begins at its end."""
    assert [datetime(2026, 11, day, tzinfo=UTC) for day in expected] == list(days(start, end))
