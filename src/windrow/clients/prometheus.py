"""Counts and latencies for Prometheus, shared by the processes of one worker.

``prometheus_client`` keeps the values of each process in files below ``PROMETHEUS_MULTIPROC_DIR``, from where the
process that is scraped adds them up, those of processes that are gone included. It must be set before the package is
imported: https://prometheus.github.io/client_python/multiprocess/

It needs the package's extra ``server``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

FAULT = "DestinationFault"

DELIVERY_S = (5, 10, 20, 30, 45, 60, 65, 75, 90, 120, 150, 180, 300, 600, 1800, 3600, 21600, 86400, 345600)
AGE_S = (60, 300, 900, 3600, 21600, 86400, 345600)
PROBE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


class Named(NamedTuple):
    """A metric's name for Prometheus, and what it tells."""

    name: str
    tells: str


COUNTS = {
    "ArchiveBytes": Named("windrow_archive_bytes", "Bytes of the archives that were delivered."),
    "ArchiveCopyFailed": Named("windrow_archive_copies_failed", "Archives that the retention sweep could not copy."),
    "ArchivesCopied": Named("windrow_archives_copied", "Archives that the retention sweep copied."),
    "ArchivesDelivered": Named("windrow_archives_delivered", "Archives that were delivered."),
    "ChecksumMismatch": Named("windrow_checksum_mismatches", "Archives held with other bytes than were sent."),
    "EventsIgnored": Named("windrow_events_ignored", "Events that are not about new objects."),
    "FilesDuplicate": Named("windrow_files_duplicate", "Files that were announced again after they were delivered."),
    "FilesOver2Minutes": Named("windrow_files_over_2m", "Files that were delivered after more than 2 minutes."),
    "FilesOver3Minutes": Named("windrow_files_over_3m", "Files that were delivered after more than 3 minutes."),
    "FilesProcessed": Named("windrow_files_processed", "Files that were delivered."),
    "FilesRejected": Named("windrow_files_rejected", "Files that were rejected for good."),
    "FilesRetried": Named("windrow_files_retried", "Files that were given back to the queue."),
    "RawBytes": Named("windrow_raw_bytes", "Bytes of the files that were delivered."),
    "RawFilesExpired": Named("windrow_raw_files_expired", "Delivered files that the retention sweep deleted."),
    "RawFilesExpireFailed": Named("windrow_raw_files_expire_failed", "Files that S3 refused to delete."),
    "RetentionSweepsCompleted": Named("windrow_retention_sweeps_completed", "Retention sweeps that got to their end."),
}
LATENCIES = {
    "DestinationProbeMs": (Named("windrow_destination_probe_seconds", "Time that a probe takes."), PROBE_S),
    "OldestRetriedMs": (Named("windrow_oldest_retried_seconds", "Age of the oldest file that is given back."), AGE_S),
    "ProcessingLatencyMs": (Named("windrow_delivery_seconds", "Time from upload to delivery."), DELIVERY_S),
}
UP = "DestinationUp"
AGE = "CredentialsAgeHours"
HOUR_S = 3600


class PrometheusMetrics:
    """Implements `windrow.ports.Metrics`. What is counted can be scraped at once; `flush` has nothing to do.

    All are there from the start with a zero: Prometheus sees no increase in what was absent before.
    """

    def __init__(self) -> None:
        for name in COUNTS:
            _counter(name)
        for name in LATENCIES:
            _histogram(name)

    def count(self, name: str, value: int = 1) -> None:
        """Add to a counter, or set the destination's state or its credentials' age."""
        if name == UP:
            _up().set(value)
        elif name == AGE:
            _age().set(value * HOUR_S)
        elif name.startswith(FAULT):
            _faults().labels(kind=name.removeprefix(FAULT).lower()).set(value)
        else:
            _counter(name).inc(value)

    def latency(self, name: str, values_ms: Sequence[float]) -> None:
        """Add measurements in milliseconds; they are kept in seconds, as Prometheus has it."""
        histogram = _histogram(name)
        for value_ms in values_ms:
            histogram.observe(value_ms / 1000)

    def flush(self) -> None:
        """Do nothing."""


@cache
def _counter(name: str) -> Counter:
    return Counter(*COUNTS[name])


@cache
def _histogram(name: str) -> Histogram:
    named, buckets = LATENCIES[name]
    return Histogram(*named, buckets=buckets)


@cache
def _up() -> Gauge:
    tells = "1 if the last probe of the destination was good."
    return Gauge("windrow_destination_up", tells, multiprocess_mode="mostrecent")


@cache
def _age() -> Gauge:
    tells = "Age of the destination's credentials."
    return Gauge("windrow_credentials_age_seconds", tells, multiprocess_mode="mostrecent")


@cache
def _faults() -> Gauge:
    tells = "1 for the kind of fault that the last probe of the destination found."
    return Gauge("windrow_destination_fault", tells, ["kind"], multiprocess_mode="mostrecent")
