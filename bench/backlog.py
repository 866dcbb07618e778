"""Queues that are filled before a contender starts, one message a file, as S3 would send them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from bench.events import body
from bench.testbed import Upload

SENDERS = 4
SEND_MOST = 10
"""Messages of one SendMessageBatch."""
_DEPTHS = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]


def create(sqs: Any, name: str, **attributes: str) -> str:  # noqa: ANN401 - boto3's client
    """Create an empty queue and return its URL."""
    url: str = sqs.create_queue(QueueName=f"{name}-{uuid.uuid4().hex}", Attributes=attributes)["QueueUrl"]
    return url


def fill(sqs: Any, queue_url: str, uploads: Sequence[Upload], bucket: str) -> None:  # noqa: ANN401
    """Queue one message for each upload, ten a request."""
    moment = datetime.now(UTC)

    def send(group: Sequence[Upload]) -> None:
        entries = [{"Id": str(n), "MessageBody": body(upload, bucket, moment)} for n, upload in enumerate(group)]
        sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, (uploads[at : at + SEND_MOST] for at in range(0, len(uploads), SEND_MOST))))


def depth(sqs: Any, queue_url: str) -> int:  # noqa: ANN401
    """Return how many messages a queue holds, those being worked on included."""
    held = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=_DEPTHS)["Attributes"]
    return sum(int(held[name]) for name in _DEPTHS)
