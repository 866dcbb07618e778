"""Sends messages to the source queue, through boto3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from windrow.clients.answers import failing_as
from windrow.clients.sqs.queue import refused
from windrow.core.errors import QueueError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsSender:
    """Implements `Sender` with SendMessageBatch."""

    def __init__(self, queue_url: str, sqs: SQSClient) -> None:
        self._queue_url = queue_url
        self._sqs = sqs

    def send(self, bodies: Sequence[str]) -> None:
        """Send up to ten messages; see the port's contract."""
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
        with failing_as(QueueError, "messages could not be queued"):
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)  # type: ignore[arg-type]
            left = refused(answer, len(entries))
        if left:
            raise QueueError(f"{len(left)} messages were not queued, the first because: {next(iter(left.values()))}")
