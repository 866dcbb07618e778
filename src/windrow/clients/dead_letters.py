"""The dead-letter queue as an operator sees it: look, send back, drop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from windrow.core.errors import QueueError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

T = TypeVar("T")

BATCH = 10
"""Messages of one SQS batch call."""

HOLD_S = 120
"""A message that was looked at is hidden from the next look for this long; it is given back before that."""

UNKNOWN_REASON = "received too often"
"""Reason shown for a message that SQS moved here by itself, after its last receive."""


class DeadLetter(msgspec.Struct, frozen=True):
    """One message in the dead-letter queue. ``rejections`` counts how often Windrow put it here."""

    message_id: str
    receipt_handle: str
    body: str
    reason: str
    detail: str
    rejections: int
    sent_at: datetime
    attributes: dict[str, dict[str, Any]]


class DeadLetterQueue:
    """Reads and moves dead letters. Every method raises `QueueError` when SQS does not do what it must."""

    def __init__(self, dlq_url: str, queue_url: str, sqs: SQSClient) -> None:
        self._dlq_url = dlq_url
        self._queue_url = queue_url
        self._sqs = sqs

    def walk(self, limit: int) -> Iterator[DeadLetter]:
        """Yield up to ``limit`` messages, hidden from others for two minutes; give each back or delete it."""
        seen: set[str] = set()
        while len(seen) < limit:
            answer = self._call(
                "read",
                lambda: self._sqs.receive_message(
                    QueueUrl=self._dlq_url,
                    MaxNumberOfMessages=min(BATCH, limit - len(seen)),
                    VisibilityTimeout=HOLD_S,
                    WaitTimeSeconds=1,
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                ),
            )
            letters = [_letter(message) for message in answer.get("Messages", [])]
            fresh = [letter for letter in letters if letter.message_id not in seen]
            if not fresh:
                return
            seen.update(letter.message_id for letter in fresh)
            yield from fresh

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Make messages that `walk` gave visible again."""
        self._in_batches(
            letters,
            lambda entries: self._sqs.change_message_visibility_batch(QueueUrl=self._dlq_url, Entries=entries),
            lambda letter: {"ReceiptHandle": letter.receipt_handle, "VisibilityTimeout": 0},
        )

    def redrive(self, letters: Sequence[DeadLetter]) -> None:
        """Send messages to the source queue with their history, then delete them here.

        A message that was sent but could not be deleted stays here too: harmless, since a second delivery of the same
        object is recognised.
        """
        self._in_batches(
            letters,
            lambda entries: self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries),
            lambda letter: {"MessageBody": letter.body, "MessageAttributes": letter.attributes},
        )
        self.drop(letters)

    def drop(self, letters: Sequence[DeadLetter]) -> None:
        """Delete messages for good."""
        self._in_batches(
            letters,
            lambda entries: self._sqs.delete_message_batch(QueueUrl=self._dlq_url, Entries=entries),
            lambda letter: {"ReceiptHandle": letter.receipt_handle},
        )

    def redrive_all(self) -> str:
        """Start SQS's own move task for the whole queue; return the task's handle."""
        answer = self._call(
            "redriven",
            lambda: self._sqs.start_message_move_task(
                SourceArn=self._arn(self._dlq_url), DestinationArn=self._arn(self._queue_url)
            ),
        )
        return str(answer["TaskHandle"])

    def depth(self) -> int:
        """Return about how many messages are there, hidden ones included."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._call(
            "read", lambda: self._sqs.get_queue_attributes(QueueUrl=self._dlq_url, AttributeNames=names)
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def _arn(self, url: str) -> str:
        answer = self._call("read", lambda: self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))
        return str(answer["Attributes"]["QueueArn"])

    def _in_batches(
        self,
        letters: Sequence[DeadLetter],
        call: Callable[[Any], Any],
        entry: Callable[[DeadLetter], dict[str, Any]],
    ) -> None:
        for at in range(0, len(letters), BATCH):
            entries = [{"Id": str(index), **entry(letter)} for index, letter in enumerate(letters[at : at + BATCH])]
            answer = self._call("changed", partial(call, entries))
            failed = answer.get("Failed", [])
            if failed:
                raise QueueError(f"SQS refused {len(failed)} messages, the first because: {failed[0].get('Message')}")

    def _call(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (BotoCoreError, ClientError) as error:
            raise QueueError(f"the dead-letter queue could not be {what}: {error}") from error


def _letter(message: MessageTypeDef) -> DeadLetter:
    attributes = {
        name: {field: value[field] for field in ("DataType", "StringValue", "BinaryValue") if value.get(field)}
        for name, value in message.get("MessageAttributes", {}).items()
    }

    def text(name: str) -> str:
        return str(attributes.get(name, {}).get("StringValue", ""))

    return DeadLetter(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        reason=text("windrow-reason") or UNKNOWN_REASON,
        detail=text("windrow-detail"),
        rejections=int(text("windrow-rejections") or 0),
        sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        attributes=attributes,
    )
