"""Metrics under the names that Prometheus knows."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from windrow.clients.prometheus import COUNTS, FAULTS, LATENCIES, PrometheusMetrics
from windrow.core.errors import DestinationFault
from windrow.core.metric import DAILY, Metric


def value(name: str, **labels: str) -> float:
    """Return what would be scraped."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_metric_has_a_name() -> None:
    """Whatever is counted or measured anywhere can be scraped."""
    states = {Metric.DESTINATION_UP, Metric.CREDENTIALS_AGE_HOURS, *FAULTS}

    assert set(Metric) - DAILY == COUNTS.keys() | LATENCIES.keys() | states


def test_counts_add_up() -> None:
    """Over calls and over objects; all are there from the start."""
    before = value("windrow_files_processed_total")
    for _ in range(2):
        PrometheusMetrics().count(Metric.FILES_PROCESSED, 3)

    assert before + 6 == value("windrow_files_processed_total")
    assert all(REGISTRY.get_sample_value(f"{named.name}_total") is not None for named in COUNTS.values())


def test_times_are_in_seconds() -> None:
    """In buckets that the objectives can be read from."""
    names = [f"windrow_delivery_seconds_{part}" for part in ("count", "sum")]
    before = [value(name) for name in names]
    late = value("windrow_delivery_seconds_bucket", le="120.0")
    metrics = PrometheusMetrics()
    metrics.latency(Metric.PROCESSING_LATENCY_MS, [1_000.0, 119_000.0])
    metrics.latency(Metric.PROCESSING_LATENCY_MS, [121_000.0])
    metrics.flush()

    assert [3, 241] == [round(value(name) - old, 6) for name, old in zip(names, before, strict=True)]
    assert late + 2 == value("windrow_delivery_seconds_bucket", le="120.0")


@pytest.mark.parametrize("kind", DestinationFault)
def test_the_destination_is_as_the_last_probe_found_it(kind: DestinationFault) -> None:
    """A state, not a sum."""
    metrics = PrometheusMetrics()
    seen = []
    for up in (1, 0, 0, 1):
        metrics.count(Metric.DESTINATION_UP, up)
        metrics.count(Metric.of_fault(kind), 1 - up)
        seen.append((value("windrow_destination_up"), value("windrow_destination_fault", kind=kind.value)))

    assert [(1, 0), (0, 1), (0, 1), (1, 0)] == seen


def test_the_age_of_the_credentials_is_a_state_in_seconds() -> None:
    """After a rotation it is small again."""
    metrics = PrometheusMetrics()
    seen = []
    for hours in (700, 0):
        metrics.count(Metric.CREDENTIALS_AGE_HOURS, hours)
        seen.append(value("windrow_credentials_age_seconds"))

    assert [2_520_000, 0] == seen
