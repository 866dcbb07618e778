"""Formats counts, spans of time and shares for people."""

from __future__ import annotations

import math
from datetime import timedelta

from windrow.core.windows import DAY_S

_UNITS = (("day", DAY_S), ("hour", 3600), ("minute", 60))


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return ``1 file``, ``2,500 files``; ``plural`` where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def measured(amount: float, unit: str) -> str:
    """Return ``1 day``, ``1.5 days``; up to six digits, without trailing zeros."""
    return f"{amount:,.6g} {unit if amount == 1 else unit + 's'}"


def lasting(span: timedelta) -> str:
    """Return a span in its largest whole unit: ``5 minutes``, ``1 hour``, ``90 s``."""
    seconds = round(span.total_seconds())
    for unit, size in _UNITS:
        if seconds and seconds % size == 0:
            return counted(seconds // size, unit)
    return f"{seconds:,} s"


def percent(share: float) -> str:
    """Return a share of 0 to 1 in per cent with two decimals, rounded down: 99.899 % must not read as 99.90 %."""
    return f"{math.floor(round(share * 10_000, 6)) / 100:.2f} %"
