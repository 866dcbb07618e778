"""Texts about what an audit or a replay judged."""

from __future__ import annotations

from datetime import datetime, timedelta

from windrow.core.words import counted, lasting
from windrow.operations.audit import Coverage


def why_nothing(covered: Coverage, prefix: str, grace: timedelta) -> str:
    """Return why no file was judged, and what to do about it."""
    if covered.pending:
        young = f"{counted(covered.pending, 'file')} arrived less than {lasting(grace)} ago (--grace)"
        return f"{young} and may still be in progress; wait, or give a shorter --grace"
    under = f" with keys under {prefix!r}" if prefix else ""
    if covered.outside:
        return f"no file{under} arrived in this range, {covered.outside:,} before or after it; see --since and --until"
    if covered.elsewhere:
        others = f"archives of the range hold {counted(covered.elsewhere, 'file')} with other keys"
        return f"the landing buckets hold no file{under}; {others}; see --prefix"
    return f"the landing buckets hold no file{under}" + ("; see --prefix" if prefix else "")


def left_open(covered: Coverage, grace: timedelta) -> str:
    """Return how many files were too young to be judged, empty if none was."""
    if not covered.pending:
        return ""
    return f"{covered.pending:,} not judged, younger than {lasting(grace)}"


def range_of(start: datetime, end: datetime) -> str:
    """Return a time range for people."""
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
