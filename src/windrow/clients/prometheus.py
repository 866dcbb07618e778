"""Counts and latencies for Prometheus, shared by the processes of one worker.

``prometheus_client`` keeps the values of each process in files below ``PROMETHEUS_MULTIPROC_DIR``; the scraped process
adds them up, including those of processes that have exited. The variable must be set before the package is imported:
https://prometheus.github.io/client_python/multiprocess/

This module needs the extra ``server``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

from windrow.core.errors import DestinationFault
from windrow.core.metric import Metric

DELIVERY_S = (5, 10, 20, 30, 45, 60, 65, 75, 90, 120, 150, 180, 300, 600, 1800, 3600, 21600, 86400, 345600)
AGE_S = (60, 300, 900, 3600, 21600, 86400, 345600)
PROBE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Named(NamedTuple):
    """A metric's name in Prometheus, and its help text."""

    name: str
    help: str


COUNTS = {
    Metric.ARCHIVE_BYTES: Named("windrow_archive_bytes", "Bytes of the archives that were delivered."),
    Metric.ARCHIVE_COPY_FAILED: Named(
        "windrow_archive_copies_failed", "Archives that the retention sweep could not copy."
    ),
    Metric.ARCHIVES_COPIED: Named("windrow_archives_copied", "Archives that the retention sweep copied."),
    Metric.ARCHIVES_DELIVERED: Named("windrow_archives_delivered", "Archives that were delivered."),
    Metric.CHECKSUM_MISMATCH: Named("windrow_checksum_mismatches", "Archives held with other bytes than were sent."),
    Metric.EVENTS_IGNORED: Named("windrow_events_ignored", "Events that are not about new objects."),
    Metric.FILES_DUPLICATE: Named(
        "windrow_files_duplicate", "Files that were announced again after they were delivered."
    ),
    Metric.FILES_OVER_2_MINUTES: Named("windrow_files_over_2m", "Files that were delivered after more than 2 minutes."),
    Metric.FILES_OVER_3_MINUTES: Named("windrow_files_over_3m", "Files that were delivered after more than 3 minutes."),
    Metric.FILES_PROCESSED: Named("windrow_files_processed", "Files that were delivered."),
    Metric.FILES_REJECTED: Named("windrow_files_rejected", "Files that were rejected for good."),
    Metric.FILES_RETRIED: Named("windrow_files_retried", "Files that were returned to the queue."),
    Metric.RAW_BYTES: Named("windrow_raw_bytes", "Bytes of the files that were delivered."),
    Metric.RAW_FILES_EXPIRED: Named("windrow_raw_files_expired", "Delivered files that the retention sweep deleted."),
    Metric.RAW_FILES_EXPIRE_FAILED: Named("windrow_raw_files_expire_failed", "Files that S3 refused to delete."),
    Metric.RETENTION_SWEEPS_COMPLETED: Named(
        "windrow_retention_sweeps_completed", "Retention sweeps that were completed."
    ),
}
LATENCIES = {
    Metric.DESTINATION_PROBE_MS: (Named("windrow_destination_probe_seconds", "Time that a probe takes."), PROBE_S),
    Metric.OLDEST_RETRIED_MS: (
        Named("windrow_oldest_retried_seconds", "Age of the oldest file that is returned to the queue."),
        AGE_S,
    ),
    Metric.PROCESSING_LATENCY_MS: (Named("windrow_delivery_seconds", "Time from upload to delivery."), DELIVERY_S),
}
FAULTS = {Metric.of_fault(kind): kind for kind in DestinationFault}
HOUR_S = 3600


class PrometheusMetrics:
    """Implements `windrow.ports.Metrics`. Values can be scraped at once; `flush` does nothing.

    All metrics exist from the start with 0: Prometheus sees no increase from absent to a first value.
    """

    def __init__(self) -> None:
        for name in COUNTS:
            _counter(name)
        for name in LATENCIES:
            _histogram(name)

    def count(self, name: Metric, value: int = 1) -> None:
        """Add to a counter, or set the destination's state or its credentials' age."""
        if name is Metric.DESTINATION_UP:
            _up().set(value)
        elif name is Metric.CREDENTIALS_AGE_HOURS:
            _age().set(value * HOUR_S)
        elif kind := FAULTS.get(name):
            _faults().labels(kind=kind.value).set(value)
        else:
            _counter(name).inc(value)

    def latency(self, name: Metric, values_ms: Sequence[float]) -> None:
        """Add measurements in milliseconds; they are kept in seconds, as is usual for Prometheus."""
        histogram = _histogram(name)
        for value_ms in values_ms:
            histogram.observe(value_ms / 1000)

    def flush(self) -> None:
        """Do nothing."""


@cache
def _counter(name: Metric) -> Counter:
    return Counter(*COUNTS[name])


@cache
def _histogram(name: Metric) -> Histogram:
    named, buckets = LATENCIES[name]
    return Histogram(*named, buckets=buckets)


@cache
def _up() -> Gauge:
    text = "1 if the last probe of the destination succeeded."
    return Gauge("windrow_destination_up", text, multiprocess_mode="mostrecent")


@cache
def _age() -> Gauge:
    text = "Age of the destination's credentials."
    return Gauge("windrow_credentials_age_seconds", text, multiprocess_mode="mostrecent")


@cache
def _faults() -> Gauge:
    text = "1 for the kind of fault that the last probe of the destination found."
    return Gauge("windrow_destination_fault", text, ["kind"], multiprocess_mode="mostrecent")
