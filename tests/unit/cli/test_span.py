"""Time ranges on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from windrow.cli.span import duration, moment, span
from windrow.core.errors import WrongUse

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("90s", 90),
        ("5m", 300),
        ("24h", 86_400),
        ("7d", 604_800),
        (" 5m ", 300),
        ("1.5h", 5_400),
        ("0.25d", 21_600),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    """A number and a unit."""
    assert timedelta(seconds=seconds) == duration(text)


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", ".5h", "1.h", "5w", "٥m" * 2, "9" * 30 + "d"])
def test_what_is_no_duration_is_wrong_use(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(WrongUse, match=r"write 90s, 5m, 1\.5h or 7d"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("2h", NOW - timedelta(hours=2)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T10:07", datetime(2026, 11, 22, 10, 7, tzinfo=UTC)),
        ("2026-11-22T10:07:00Z", datetime(2026, 11, 22, 10, 7, tzinfo=UTC)),
        ("2026-11-22T10:07:00+01:00", datetime(2026, 11, 22, 9, 7, tzinfo=UTC)),
    ],
)
def test_moments_are_utc(text: str, expected: datetime) -> None:
    """A time without a zone is UTC, one with a zone is converted."""
    found = moment(text, NOW)

    assert (expected, UTC) == (found, found.tzinfo)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "24", "9000000d"])
def test_what_is_no_moment_is_wrong_use(text: str) -> None:
    """The message shows how to write one."""
    with pytest.raises(WrongUse, match="write"):
        moment(text, NOW)


@pytest.mark.parametrize(("since", "until"), [("now", "now"), ("1h", "2h"), ("2026-11-24", "now")])
def test_an_empty_range_is_wrong_use(since: str, until: str) -> None:
    """Start must come before end."""
    with pytest.raises(WrongUse, match="the range is empty"):
        span(since, until, NOW)
