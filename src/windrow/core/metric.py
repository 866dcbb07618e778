"""The names of all metrics: a contract, which alarms, dashboards and others' queries rely on."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from windrow.core.errors import DestinationFault


class Metric(StrEnum):
    """What is measured; in CloudWatch in the namespace ``Windrow``.

    ``...Ms`` are milliseconds, ``Share...`` per cent, all else counts.
    """

    FILES_PROCESSED = "FilesProcessed"
    FILES_DUPLICATE = "FilesDuplicate"
    FILES_REJECTED = "FilesRejected"
    FILES_RETRIED = "FilesRetried"
    FILES_OVER_2_MINUTES = "FilesOver2Minutes"
    FILES_OVER_3_MINUTES = "FilesOver3Minutes"
    EVENTS_IGNORED = "EventsIgnored"
    PROCESSING_LATENCY_MS = "ProcessingLatencyMs"
    OLDEST_RETRIED_MS = "OldestRetriedMs"
    ARCHIVES_DELIVERED = "ArchivesDelivered"
    ARCHIVE_BYTES = "ArchiveBytes"
    RAW_BYTES = "RawBytes"
    CHECKSUM_MISMATCH = "ChecksumMismatch"

    DESTINATION_UP = "DestinationUp"
    DESTINATION_PROBE_MS = "DestinationProbeMs"
    DESTINATION_FAULT_BUCKET = "DestinationFaultBucket"
    DESTINATION_FAULT_CHECKSUM = "DestinationFaultChecksum"
    DESTINATION_FAULT_CONNECT = "DestinationFaultConnect"
    DESTINATION_FAULT_CREDENTIALS = "DestinationFaultCredentials"
    DESTINATION_FAULT_PROTOCOL = "DestinationFaultProtocol"
    DESTINATION_FAULT_REFUSED = "DestinationFaultRefused"
    DESTINATION_FAULT_SLOW = "DestinationFaultSlow"
    DESTINATION_FAULT_TLS = "DestinationFaultTls"
    DESTINATION_FAULT_UNAVAILABLE = "DestinationFaultUnavailable"
    CREDENTIALS_AGE_HOURS = "CredentialsAgeHours"

    ARCHIVES_COPIED = "ArchivesCopied"
    ARCHIVE_COPY_FAILED = "ArchiveCopyFailed"
    RAW_FILES_EXPIRED = "RawFilesExpired"
    RAW_FILES_EXPIRE_FAILED = "RawFilesExpireFailed"
    RETENTION_SWEEPS_COMPLETED = "RetentionSweepsCompleted"

    FILES_MISSING = "FilesMissing"
    FILES_DUPLICATED = "FilesDuplicated"
    SHARE_WITHIN_2_MINUTES = "ShareWithin2Minutes"
    SHARE_WITHIN_3_MINUTES = "ShareWithin3Minutes"

    @classmethod
    def of_fault(cls, kind: DestinationFault) -> Self:
        """Return the metric that is 1 while the destination has a fault of this kind."""
        return cls(f"DestinationFault{kind.value.capitalize()}")


DAILY = frozenset(
    {
        Metric.FILES_MISSING,
        Metric.FILES_DUPLICATED,
        Metric.SHARE_WITHIN_2_MINUTES,
        Metric.SHARE_WITHIN_3_MINUTES,
    }
)
"""Published by the daily audit, once for each statement, about all files that arrived. Not available in Prometheus: the
daily audit runs on Lambda only."""
