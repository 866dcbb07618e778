"""SQS's limits.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

MESSAGES_A_CALL = 10
"""Most messages that one receive returns, and most entries of one batch call."""

MAX_ATTRIBUTES = 10
"""Most attributes of a message."""

MAX_PAYLOAD_BYTES = 256 * 1024
"""Most bytes of a message with its attributes, and of all entries of a batch call together. SQS has accepted 1 MiB
since August 2025, but a queue may be set to less, and emulators may not know it."""

MAX_VISIBILITY_S = 43_200
"""Longest visibility timeout."""

IN_FLIGHT_MOST = 120_000
"""Most messages of one standard queue that are received and not deleted; beyond that, SQS answers OverLimit."""
