"""The contract of `windrow.ports.Metrics`, on the fake and on EMF as Powertools prints it."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from windrow.clients.cloudwatch.metrics import MAX_VALUES, EmfMetrics, running_version, thin, version_dimensions
from windrow.core.metric import Metric
from windrow.ports import Metrics
from windrow.testing import FakeMetrics

Published = Callable[[], dict[str, list[float]]]
"""Returns each metric's values since the last call."""


@pytest.fixture(params=["fake", "emf"])
def metrics(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> tuple[Metrics, Published]:
    """Return metrics, and what they published."""
    if request.param == "fake":
        fake = FakeMetrics()
        return fake, lambda: {**{name: [count] for name, count in fake.counts.items()}, **fake.latencies}
    return EmfMetrics(), lambda: _values(capsys.readouterr().out)


def _values(printed: str) -> dict[str, list[float]]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for line in printed.splitlines():
        blob = json.loads(line)
        (directive,) = blob["_aws"]["CloudWatchMetrics"]
        assert ("Windrow", [["service"]], "windrow") == (
            directive["Namespace"],
            directive["Dimensions"],
            blob["service"],
        )
        for metric in directive["Metrics"]:
            by_name = "Percent" if metric["Name"].startswith("Share") else "Count"
            assert ("Milliseconds" if metric["Name"].endswith("Ms") else by_name) == metric["Unit"]
            assert len(blob[metric["Name"]]) <= MAX_VALUES
            values[metric["Name"]] += blob[metric["Name"]]
    return values


def test_counts_add_up(metrics: tuple[Metrics, Published]) -> None:
    """Over calls, until they are flushed; a zero counts too."""
    port, published = metrics
    port.count(Metric.FILES_PROCESSED, 3)
    port.count(Metric.FILES_PROCESSED)
    port.count(Metric.FILES_REJECTED, 0)
    port.flush()
    assert {"FilesProcessed": [4], "FilesRejected": [0]} == published()


def test_latencies_are_published(metrics: tuple[Metrics, Published]) -> None:
    """All of a few, of several calls."""
    port, published = metrics
    port.latency(Metric.PROCESSING_LATENCY_MS, [3.0, 1.0])
    port.latency(Metric.PROCESSING_LATENCY_MS, [2.5])
    port.latency(Metric.PROCESSING_LATENCY_MS, [])
    port.flush()
    assert [1.0, 2.5, 3.0] == sorted(published()["ProcessingLatencyMs"])


def test_threads_lose_nothing(metrics: tuple[Metrics, Published]) -> None:
    """Counts from eight at once."""
    port, published = metrics

    def count(_thread: int) -> None:
        for _ in range(500):
            port.count(Metric.RAW_BYTES, 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    port.flush()
    assert {"RawBytes": [8000]} == published()


def test_a_stack_is_a_dimension_of_every_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the later ones too, which a count of values over an object's limit makes."""
    metrics = EmfMetrics(stack="windrow-b")
    metrics.count(Metric.FILES_PROCESSED)
    metrics.latency(Metric.PROCESSING_LATENCY_MS, [1.0] * MAX_VALUES)
    metrics.latency(Metric.OLDEST_RETRIED_MS, [1.0] * MAX_VALUES)
    metrics.flush()
    blobs = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(blobs) > 1
    assert [({"service", "stack"}, "windrow", "windrow-b")] * len(blobs) == [
        (set(blob["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]), blob["service"], blob["stack"]) for blob in blobs
    ]


def test_nothing_gathered_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """And a second flush does not repeat the first."""
    metrics = EmfMetrics()
    metrics.flush()
    assert "" == capsys.readouterr().out
    metrics.count(Metric.ARCHIVES_DELIVERED)
    metrics.flush()
    assert 1 == len(capsys.readouterr().out.splitlines())
    metrics.flush()
    assert "" == capsys.readouterr().out


def test_what_deployments_compare_is_counted_for_the_version_too(capsys: pytest.CaptureFixture[str]) -> None:
    """In an object of its own, so that what alarms rely on keeps its one dimension."""
    metrics = EmfMetrics(version=version_dimensions("windrow-aggregator", "8"))
    for name, value in {Metric.FILES_PROCESSED: 5, Metric.FILES_RETRIED: 0, Metric.RAW_BYTES: 7}.items():
        metrics.count(name, value)
    metrics.flush()
    all_of_them, of_the_version = capsys.readouterr().out.splitlines()
    assert {"FilesProcessed": [5], "FilesRetried": [0], "RawBytes": [7]} == _values(all_of_them)
    blob = json.loads(of_the_version)
    (directive,) = blob["_aws"]["CloudWatchMetrics"]
    (dimensions,) = directive["Dimensions"]
    assert {"service": "windrow", "function_name": "windrow-aggregator", "version": "8"} == {
        name: blob[name] for name in dimensions
    }
    assert {"FilesProcessed": [5], "FilesRetried": [0]} == {
        metric["Name"]: blob[metric["Name"]] for metric in directive["Metrics"]
    }


def test_only_a_published_version_is_counted_apart() -> None:
    """A worker on a server runs no version, and ``$LATEST`` is none that a deployment compares."""
    lambdas = {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "8"}
    assert version_dimensions("f", "8") == running_version(lambdas)
    assert {} == running_version({**lambdas, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"})
    assert {} == running_version({})


@pytest.mark.parametrize("archives", [1, 2, 8])
def test_many_latencies_are_thinned_out(archives: int, capsys: pytest.CaptureFixture[str]) -> None:
    """To 100 an archive, in EMF objects of at most 100 values; no other metric is printed twice."""
    metrics = EmfMetrics()
    for _ in range(archives):
        metrics.latency(Metric.PROCESSING_LATENCY_MS, [float(value) for value in range(2_900)])
        metrics.count(Metric.ARCHIVES_DELIVERED)
    metrics.flush()
    values = _values(capsys.readouterr().out)
    assert (100 * archives, [archives]) == (len(values["ProcessingLatencyMs"]), values["ArchivesDelivered"])
    assert (0.0, 2_899.0) == (min(values["ProcessingLatencyMs"]), max(values["ProcessingLatencyMs"]))


@pytest.mark.parametrize("count", [101, 199, 2_900])
def test_thinned_out_percentiles_stay_close(count: int) -> None:
    """Within one hundredth of the range."""
    values = [float(value) for value in range(count)]
    thinned = thin(values[::-1])
    for share in (0.05, 0.5, 0.95, 0.99):
        assert values[int(share * count)] == pytest.approx(thinned[int(share * len(thinned))], abs=count / 100 + 1)


def test_100_values_stay_as_they_are() -> None:
    """Sorted."""
    assert [float(value) for value in range(100)] == thin([float(value) for value in range(99, -1, -1)])


def test_a_flush_that_fails_raises_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Standard output may be gone."""
    metrics = EmfMetrics()
    metrics.count(Metric.RAW_BYTES)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stdout", closed)
    metrics.flush()
    assert ["metrics were not published"] == [record.message for record in caplog.records]


def test_shares_are_published_in_per_cent(capsys: pytest.CaptureFixture[str]) -> None:
    """As they are, however near to a limit; on the fake and by EMF, where nothing else has to be counted."""
    fake, emf = FakeMetrics(), EmfMetrics()
    for port in (fake, emf):
        port.share(Metric.SHARE_WITHIN_3_MINUTES, 0.99899)
        port.flush()

    printed = _values(capsys.readouterr().out)
    assert pytest.approx(99.899) == printed["ShareWithin3Minutes"][0]
    assert printed == {name: values for name, values in fake.latencies.items() if values}
