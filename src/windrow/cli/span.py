"""Time ranges on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from windrow.core.errors import WrongUse

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhd])")
_LONGEST = timedelta(days=3650)
_YEARS = range(2000, 3000)
"""No object in S3 is older, and adding or subtracting ten years gives a valid time."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Read ``90s``, ``5m``, ``1.5h`` or ``7d``. Raises `WrongUse`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or (found := timedelta(**{_UNITS[match[2]]: float(match[1])})) > _LONGEST:
        raise WrongUse(f"{text!r} is not a duration of up to ten years; write 90s, 5m, 1.5h or 7d")
    return found


def moment(text: str, now: datetime) -> datetime:
    """Read ``now``, a duration before now, or an ISO date or time, UTC unless it has an offset. Raises `WrongUse`."""
    if text == "now":
        return now
    if _DURATION.fullmatch(text.strip()):
        return now - duration(text)
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.year not in _YEARS:
            raise ValueError("out of range")
    except ValueError as error:
        raise WrongUse(f"{text!r} is not a time; write 24h (ago), 2026-11-23 or 2026-11-23T10:07:00Z") from error
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def span(since: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """Read a range. Raises `WrongUse` if it is empty."""
    start, end = moment(since, now), moment(until, now)
    if start >= end:
        raise WrongUse(f"the range is empty: {start:%Y-%m-%dT%H:%M:%SZ} is not before {end:%Y-%m-%dT%H:%M:%SZ}")
    return start, end
