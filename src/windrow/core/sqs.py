"""SQS's limits.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

MESSAGES_A_CALL = 10
"""Messages that one receive returns, and entries of one batch call, at most."""

MAX_ATTRIBUTES = 10
"""Attributes of a message."""

MAX_PAYLOAD_BYTES = 256 * 1024
"""Bytes of a message, its attributes included, and of all entries of a batch call together. SQS takes 1 MiB since
August 2025, but a queue may be set to less, and emulators may not know it."""

MAX_VISIBILITY_S = 43_200
"""Longest visibility timeout."""

IN_FLIGHT_MOST = 120_000
"""Messages of one standard queue that may be received and not deleted; SQS answers OverLimit beyond."""
