"""The latency objective (NFR-02): 95 % of the files are delivered within 2 minutes of arrival, 99.9 % within 3."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

FAST_S = 120.0
FAST_SHARE = 0.95
SURE_S = 180.0
SURE_SHARE = 0.999


class Latency(msgspec.Struct, frozen=True):
    """Percentiles of latencies in seconds, and whether they meet the objective."""

    p50: float
    p95: float
    p99_9: float
    max: float
    objective_met: bool


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that at least ``share`` (over 0, up to 1) of the values do not exceed, by nearest rank.

    ``ordered`` must be ascending and not empty. The result is always one of the values, so a tail that was measured
    is never smoothed away: https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method.
    """
    return ordered[nearest_rank(len(ordered), share)]


def nearest_rank(count: int, share: float) -> int:
    """Return the index of that value among ``count`` (not 0) ascending ones."""
    if not 0 < share <= 1:
        raise ValueError(f"a share is over 0 and up to 1, not {share}")
    # Rounded first: 0.999 * 1000 is slightly above 999 in binary and would give rank 1,000.
    rank = math.ceil(round(share * count, 9))
    return max(rank, 1) - 1


def share_within(values: Sequence[float], limit_s: float) -> float:
    """Return the share of the values (not empty) that are at most ``limit_s``."""
    return sum(value <= limit_s for value in values) / len(values)


def met(values: Sequence[float]) -> bool:
    """Return whether latencies in seconds (not empty) meet the objective."""
    return share_within(values, FAST_S) >= FAST_SHARE and share_within(values, SURE_S) >= SURE_SHARE


def latency(values: Iterable[float]) -> Latency | None:
    """Return the summary of latencies in seconds, None if there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Latency(
        p50=percentile(ordered, 0.5),
        p95=percentile(ordered, 0.95),
        p99_9=percentile(ordered, 0.999),
        max=ordered[-1],
        objective_met=met(ordered),
    )
