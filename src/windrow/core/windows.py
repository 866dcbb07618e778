"""The widths of windows, and where one starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAY_S = 86_400


def floor(moment: datetime, width: timedelta) -> datetime:
    """Return the start of the UTC minute, hour or day that ``moment`` (aware UTC) falls into."""
    if width == DAY:
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if width == HOUR:
        return moment.replace(minute=0, second=0, microsecond=0)
    return moment.replace(second=0, microsecond=0)


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the starts of the UTC days from the one that ``start`` falls into, as far as they are before ``end``."""
    day = floor(start, DAY)
    while day < end:
        yield day
        day += DAY
