"""Metrics under the names that Prometheus knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from windrow.clients.prometheus import AGE, COUNTS, FAULT, LATENCIES, UP, PrometheusMetrics
from windrow.core.errors import DestinationFault

SOURCE = Path(__file__).resolve().parents[3] / "src/windrow"


def value(name: str, **labels: str) -> float:
    """Return what would be scraped."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_metric_of_the_source_has_a_name() -> None:
    """Whatever is counted or measured anywhere can be scraped."""
    code = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    counted = set(re.findall(r'\.count\(\s*f?"([A-Z]\w+)', code))
    measured = set(re.findall(r'\.latency\(\s*"([A-Z]\w+)', code))

    assert counted == {*COUNTS, UP, FAULT, AGE}
    assert measured == set(LATENCIES)


def test_counts_add_up() -> None:
    """Over calls and over objects; all are there from the start."""
    before = value("windrow_files_processed_total")
    for _ in range(2):
        PrometheusMetrics().count("FilesProcessed", 3)

    assert before + 6 == value("windrow_files_processed_total")
    assert all(REGISTRY.get_sample_value(f"{named.name}_total") is not None for named in COUNTS.values())


def test_times_are_in_seconds() -> None:
    """In buckets that the objectives can be read from."""
    names = [f"windrow_delivery_seconds_{part}" for part in ("count", "sum")]
    before = [value(name) for name in names]
    late = value("windrow_delivery_seconds_bucket", le="120.0")
    metrics = PrometheusMetrics()
    metrics.latency("ProcessingLatencyMs", [1_000.0, 119_000.0])
    metrics.latency("ProcessingLatencyMs", [121_000.0])
    metrics.flush()

    assert [3, 241] == [round(value(name) - old, 6) for name, old in zip(names, before, strict=True)]
    assert late + 2 == value("windrow_delivery_seconds_bucket", le="120.0")


@pytest.mark.parametrize("kind", DestinationFault)
def test_the_destination_is_as_the_last_probe_found_it(kind: DestinationFault) -> None:
    """A state, not a sum."""
    metrics = PrometheusMetrics()
    seen = []
    for up in (1, 0, 0, 1):
        metrics.count("DestinationUp", up)
        metrics.count(f"DestinationFault{kind.value.capitalize()}", 1 - up)
        seen.append((value("windrow_destination_up"), value("windrow_destination_fault", kind=kind.value)))

    assert [(1, 0), (0, 1), (0, 1), (1, 0)] == seen


def test_the_age_of_the_credentials_is_a_state_in_seconds() -> None:
    """After a rotation it is small again."""
    metrics = PrometheusMetrics()
    seen = []
    for hours in (700, 0):
        metrics.count("CredentialsAgeHours", hours)
        seen.append(value("windrow_credentials_age_seconds"))

    assert [2_520_000, 0] == seen
