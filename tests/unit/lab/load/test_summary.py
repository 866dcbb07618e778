from __future__ import annotations

import msgspec
import pytest

from tests.unit.lab.load.records import MACHINE, record
from windrow.lab.load.outage import SentinelRun
from windrow.lab.load.plan import Interval
from windrow.lab.load.result import LoadResult, encode
from windrow.lab.load.run import Record
from windrow.lab.load.summary import POINTS, summarize


def summary(seen: Record) -> LoadResult:
    """Summarise a made-up load test."""
    return summarize(seen, profile="baseline", command="windrow load --profile baseline", machine=MACHINE)


def test_percentiles_count_to_the_end_of_the_second() -> None:
    """Latency runs from the event time to the end of the second that the archive's time stamp names."""
    latency = summary(record([10.0] * 94 + [50.0] * 5 + [70.0])).latency
    assert latency is not None
    assert (10.0, 50.0, 70.0, 70.0) == (latency.p50, latency.p95, latency.p99_9, latency.max)
    assert (1.0, 1.0, True) == (latency.within_2_minutes, latency.within_3_minutes, latency.objective_met)


def test_histogram_holds_every_file_in_its_bin() -> None:
    """Bins begin at 0 and are as wide as they say; a value on an edge belongs to the bin that it begins."""
    latency = summary(record([2.0, 3.0, 3.0, 90.0])).latency
    assert latency is not None
    assert 2 == latency.bin_s
    expected = {1: 3, 45: 1}
    assert expected == {number: count for number, count in enumerate(latency.counts) if count}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (record([10.0] * 20), True),
        (record([130.0] * 2 + [10.0] * 18), False),
        (record([130.0] * 2 + [10.0] * 18, outage=Interval(1, 2)), True),
        (record([10.0] * 20, twice=True), False),
        (record([10.0] * 20, failed=["key: ConnectionError"]), False),
        (record([]), False),
    ],
)
def test_ok_asks_for_every_file_once_and_in_time(seen: Record, expected: bool) -> None:
    """A file twice, a failed upload, nothing at all, or, without an outage, a missed objective are not fine."""
    assert expected == summary(seen).ok


def test_drain_is_from_the_last_upload_to_the_last_archive() -> None:
    """The last of three uploads was answered at 2.01 s, the last archive is there by 32 s."""
    assert pytest.approx(29.99, abs=0.06) == summary(record([5.0, 5.0, 30.0])).drain_s


def test_outage_is_told_with_what_followed() -> None:
    """The circuit opens and closes with the sentinel's runs; the backlog is gone with its last file's archive."""
    probes = [
        SentinelRun(0.0, opened=False, fault=""),
        SentinelRun(60.0, opened=False, fault="connect"),
        SentinelRun(120.0, opened=True, fault="connect"),
        SentinelRun(180.0, opened=False, fault=""),
    ]
    found = summary(record([5.0] * 10 + [200.0] + [5.0] * 290, outage=Interval(8, 142), probes=probes)).disturbance
    assert found is not None
    assert (120.0, 180.0, 210.0) == (found.circuit_opened_s, found.circuit_closed_s, found.caught_up_s)


def test_circuit_that_never_moved_is_none() -> None:
    """An outage shorter than two runs of the sentinel opens nothing."""
    found = summary(
        record([5.0] * 10, outage=Interval(2, 3), probes=[SentinelRun(0.0, opened=False, fault="")])
    ).disturbance
    assert found is not None
    assert (None, None) == (found.circuit_opened_s, found.circuit_closed_s)


def test_series_are_thinned_without_losing_peaks() -> None:
    """A long run keeps at most 300 points; rates still add up to the files, ages keep their highest value."""
    result = summary(record([5.0] * 1000))
    series = result.series
    lengths = {len(values) for values in (series.at_s, series.uploaded_per_s, series.oldest_s, series.busy)}
    assert lengths == {len(series.at_s)}
    assert len(series.at_s) <= POINTS + 1
    assert 6.0 == max(series.oldest_s)
    spans = [after - before for before, after in zip([0.0, *series.at_s], series.at_s, strict=False)]
    uploaded = sum(rate * span for rate, span in zip(series.uploaded_per_s, spans, strict=True))
    assert pytest.approx(1000, rel=0.01) == uploaded
    assert len(result.arrivals.at_s) <= POINTS + 1


def test_limit_is_named_by_what_was_measured() -> None:
    """With free processors the window is the limit; with none it is reported who had them."""
    idle, crowded = summary(record([5.0] * 10)), summary(record([5.0] * 10, machine_cores=1.95))
    alone = summarize(record([5.0] * 10), profile="peak", command="", machine=msgspec.structs.replace(MACHINE, cores=1))
    assert idle.limit.startswith("the batching window; the processors were not: 50%")
    assert crowded.limit.startswith("the batching window, and programs outside the test: 98%")
    assert alone.limit.startswith("the processors: 100%")
    assert "the test took 0.60 of them, most of that the handlers (0.50)" in crowded.limit
    assert (0.4, 1.35) == (idle.resources.other_cores, crowded.resources.other_cores)


def test_result_survives_its_file() -> None:
    """What is written as JSON reads back as the same result."""
    result = summary(record([5.0] * 10, outage=Interval(2, 3)))
    assert result == msgspec.json.decode(encode(result), type=LoadResult)
