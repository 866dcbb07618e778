from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.objectives import Latency, latency, met, nearest_rank, percentile, share_within

SECONDS = st.lists(st.floats(0, 10_000), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.05, 15), (0.3, 20), (0.4, 20), (0.5, 35), (0.95, 50), (0.999, 50), (1.0, 50)],
)
def test_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    """The percentiles of the textbook's example (15, 20, 35, 40, 50) are the textbook's."""
    assert expected == percentile([15, 20, 35, 40, 50], share)


def test_percentile_is_not_off_by_one_where_binary_fractions_are() -> None:
    """99.9 % of 1,000 values is the 999th value, although 0.999 * 1000 is not a whole number in every case."""
    assert [999, 1998, 2997, 57 * 999] == [
        percentile(range(1, count + 1), 0.999) for count in (1000, 2000, 3000, 57_000)
    ]


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(1, 1.0, 0), (10, 0.1, 0), (10, 0.11, 1), (10, 1e-12, 0), (10, 0.100_000_000_2, 1), (10, 0.100_000_000_02, 0)],
)
def test_a_rank_is_rounded_up_but_for_what_binary_fractions_add(count: int, share: float, expected: int) -> None:
    """The ninth digit behind the point still counts, the tenth is taken for an error of the multiplication."""
    assert expected == nearest_rank(count, share)


@given(SECONDS, st.floats(0.001, 1))
def test_percentile_covers_its_share_and_no_smaller_value_does(values: list[float], share: float) -> None:
    """At least that share of the values is at most the percentile, and less than that is below it."""
    ordered = sorted(values)
    found = percentile(ordered, share)
    needed = share * len(ordered) - 1e-6
    assert sum(value <= found for value in ordered) >= needed
    assert sum(value < found for value in ordered) < needed + 1e-5 or found == ordered[0]


@pytest.mark.parametrize("share", [0, -0.1, 1.001, math.nan])
def test_percentile_refuses_what_is_no_share(share: float) -> None:
    """A share of nothing, or of more than all, is an error."""
    with pytest.raises(ValueError, match="share"):
        percentile([1.0], share)


def test_share_within_counts_the_limit_itself() -> None:
    """A file that took exactly the limit is within it."""
    assert share_within([1.0, 2.0, 3.0, 4.0], 2.0) == 0.5


@pytest.mark.parametrize(
    ("slow", "very_slow", "expected"),
    [
        (0, 0, True),
        (50, 0, True),
        (51, 0, False),
        (0, 1, True),
        (0, 2, False),
        (49, 1, True),
        (50, 1, False),
    ],
)
def test_objective_is_95_percent_in_2_minutes_and_999_permille_in_3(slow: int, very_slow: int, expected: bool) -> None:
    """Of 1,000 files 50 may take over 2 minutes, and 1 of those over 3."""
    values = [120.0] * (1000 - slow - very_slow) + [180.0] * slow + [181.0] * very_slow
    assert expected == met(values)


def test_latency_of_nothing_is_none() -> None:
    """No files have no latency, rather than one of 0."""
    assert latency([]) is None


@given(SECONDS)
def test_latency_is_ordered_and_does_not_depend_on_the_order_given(values: list[float]) -> None:
    """The percentiles ascend to the maximum, whatever order the values come in."""
    summary = latency(values)
    assert summary is not None
    assert summary == latency(reversed(values))
    assert summary.p50 <= summary.p95 <= summary.p99_9 <= summary.max == max(values)


def test_latency_names_the_percentiles_of_the_objective() -> None:
    """Of 2,000 files: the 1,000th, the 1,900th, the 1,998th and the last."""
    assert Latency(1000, 1900, 1998, 2000, objective_met=False) == latency(range(1, 2001))
    assert Latency(1, 1, 1, 1, objective_met=True) == latency([1.0])
