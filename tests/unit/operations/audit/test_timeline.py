"""Timelines: steps and bins that fit any range, and counts that add up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from windrow.operations.audit.timeline import BINS, STEPS, step_of, timeline


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(seconds=1), 1),
        (timedelta(hours=1), 30),
        (timedelta(days=1), 600),
        (timedelta(days=2), 1800),
        (timedelta(days=31), 21_600),
        (timedelta(days=3650), 2_102_400),
    ],
)
def test_a_range_has_so_many_steps_at_most(span: timedelta, expected: int) -> None:
    """Of a width that people count in, as long as one is wide enough."""
    drawn = timeline(span, step_of(span), {}, {}, [])

    assert expected == step_of(span)
    assert len(drawn.arrived) <= STEPS


def test_a_step_has_its_counts_and_percentiles() -> None:
    """By nearest rank, in whole seconds; one without deliveries has none."""
    latencies = [(0, 60, 18, 0), (0, 130, 1, 1), (0, 200, 1, 1), (2, 5, 1, 0)]
    drawn = timeline(timedelta(minutes=3), 60, {0: 21, 1: 1}, {1: 1}, latencies)

    assert ([21, 1, 0], [20, 0, 1], [0, 1, 0], [2, 0, 0]) == (
        drawn.arrived,
        drawn.delivered,
        drawn.undelivered,
        drawn.late,
    )
    assert ([60, None, 5], [130, None, 5], [200, None, 5]) == (drawn.p50_s, drawn.p95_s, drawn.max_s)


def test_what_clocks_put_outside_is_counted_at_the_edges() -> None:
    """Nothing delivered is left out of the chart."""
    drawn = timeline(timedelta(minutes=2), 60, {}, {}, [(-1, 1, 2, 0), (2, 1, 3, 0)])

    assert [2, 3] == drawn.delivered


@pytest.mark.parametrize(("longest", "bin_s"), [(0, 1), (59, 1), (60, 2), (400, 10), (90_000, 1800)])
def test_latencies_fall_into_bins(longest: int, bin_s: int) -> None:
    """So many at most, however long the longest took, and it is in the last."""
    drawn = timeline(timedelta(minutes=1), 60, {}, {}, [(0, 0, 4, 0), (0, longest, 1, 0)])

    assert (bin_s, 5) == (drawn.latency_bin_s, sum(drawn.latency))
    assert longest // bin_s + 1 == len(drawn.latency) <= BINS


def test_nothing_has_no_bins() -> None:
    """Where nothing was delivered."""
    assert [] == timeline(timedelta(minutes=1), 60, {0: 1}, {0: 1}, []).latency
