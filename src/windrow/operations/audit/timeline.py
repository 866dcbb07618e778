"""Arrivals and deliveries over a range, in steps, for the charts of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from windrow.core.objectives import nearest_rank

STEPS = 150
"""Most steps of a range."""
BINS = 60
"""Most bins of latencies."""
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the files that arrived in each step of ``step_s`` seconds, and how long they took, in whole seconds.

    ``late`` files took over 2 minutes, ``undelivered`` ones are in no archive. ``p50_s``, ``p95_s`` and ``max_s`` are
    None in steps without a delivery. ``latency`` counts delivered files in bins of ``latency_bin_s`` seconds.
    """

    step_s: int
    arrived: list[int]
    delivered: list[int]
    undelivered: list[int]
    late: list[int]
    p50_s: list[int | None]
    p95_s: list[int | None]
    max_s: list[int | None]
    latency_bin_s: int
    latency: list[int]


def step_of(span: timedelta) -> int:
    """Return the width of a step in seconds."""
    return _width_for(span.total_seconds(), STEPS)


def timeline(
    span: timedelta,
    step_s: int,
    arrived: Mapping[int, int],
    undelivered: Mapping[int, int],
    latencies: Iterable[tuple[int, int, int, int]],
) -> Timeline:
    """Return the timeline of these counts.

    ``latencies`` are (step, whole seconds, files, late files), in order. A step outside the range, as clocks differ, is
    counted in the first or the last one.
    """
    steps = max(1, -int(-span.total_seconds() // step_s))
    seen: list[dict[int, int]] = [{} for _ in range(steps)]
    late = [0] * steps
    for step, seconds, files, slow in latencies:
        at = min(max(step, 0), steps - 1)
        seen[at][seconds] = seen[at].get(seconds, 0) + files
        late[at] += slow
    bin_s = _width_for(1.0 + max((max(each, default=0) for each in seen), default=0), BINS)
    return Timeline(
        step_s=step_s,
        arrived=[arrived.get(step, 0) for step in range(steps)],
        delivered=[sum(each.values()) for each in seen],
        undelivered=[undelivered.get(step, 0) for step in range(steps)],
        late=late,
        p50_s=[_percentile(each, 0.5) for each in seen],
        p95_s=[_percentile(each, 0.95) for each in seen],
        max_s=[max(each, default=None) for each in seen],
        latency_bin_s=bin_s,
        latency=_binned(seen, bin_s),
    )


def _width_for(seconds: float, most: int) -> int:
    """Return the smallest width of which ``most`` steps cover ``seconds``."""
    fitting = (width for width in _WIDTHS_S if width * most >= seconds)
    return next(fitting, -int(-seconds // most))


def _percentile(seen: Mapping[int, int], share: float) -> int | None:
    if not seen:
        return None
    left = nearest_rank(sum(seen.values()), share)
    for seconds in sorted(seen):
        left -= seen[seconds]
        if left < 0:
            return seconds
    raise AssertionError("a rank is below the count")


def _binned(seen: Iterable[Mapping[int, int]], bin_s: int) -> list[int]:
    counts: dict[int, int] = {}
    for each in seen:
        for seconds, files in each.items():
            counts[seconds // bin_s] = counts.get(seconds // bin_s, 0) + files
    return [counts.get(index, 0) for index in range(1 + max(counts, default=-1))]
