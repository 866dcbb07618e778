"""The dead-letter queue for operators: list, redrive and delete messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.clients.sqs.queue import PREFIX, attributes, by_payload, numbers, refused, rejections
from windrow.core.errors import QueueError
from windrow.core.events import REJECTIONS
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.core.words import counted

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")

HOLD_S = 900
"""How long a message that was read is hidden, also from the same walk; it is released when the walk ends."""

_UNKNOWN_ACTION = frozenset({"InvalidAction", "AWS.SimpleQueueService.UnsupportedOperation", "UnsupportedOperation"})

UNKNOWN_REASON = "received too often"
"""Reason shown for a message that SQS itself moved here, after its last receive."""

MOVED_BY_SQS = "DeadLetterQueueSourceArn"
"""The attribute of a message that SQS itself moved here. A message that Windrow rejects is copied here as a new one:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""

_log = logging.getLogger(__name__)


class _MessageAttributes(msgspec.Struct, frozen=True, rename="pascal"):
    """A message's system attributes, which are text; the time is in ms since 1970."""

    sent_timestamp: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,14}$")]
    moved_by_sqs: str | None = msgspec.field(name=MOVED_BY_SQS, default=None)


class _Message(msgspec.Struct, frozen=True, rename="pascal"):
    """One message of the answer to ReceiveMessage."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: _MessageAttributes
    message_attributes: dict[str, dict[str, Any]] = {}


class _Received(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ReceiveMessage."""

    messages: list[_Message] = []


class _MoveTask(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to StartMessageMoveTask."""

    task_handle: str


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
    """Reads and moves dead-letter messages. Every method raises `QueueError` if SQS refuses or fails."""

    def __init__(self, dlq_url: str, queue_url: str, sqs: SQSClient) -> None:
        self._dlq_url = dlq_url
        self._queue_url = queue_url
        self._sqs = sqs
        self._held: dict[str, DeadLetter] = {}

    @contextmanager
    def returning(self) -> Iterator[None]:
        """At the end of the block, release the messages that `walk` read and that were neither released nor deleted.

        This happens after an error or Ctrl-C too. Only messages of a receive that was under way then stay hidden.
        """
        try:
            yield
        except BaseException:
            try:
                self.release(list(self._held.values()))
            except QueueError as error:
                # The error that ended the block is more important.
                _log.warning("some messages stay hidden for up to 15 minutes: %s", error)
            raise
        self.release(list(self._held.values()))

    def walk(self, limit: int) -> Generator[DeadLetter, None, None]:
        """Yield up to ``limit`` different messages, hidden from others for 15 minutes; release or delete each.

        `returning` releases the rest. A walk that is ended early must be closed.
        """
        seen: set[str] = set()
        while len(seen) < limit:
            messages = self._call("read", partial(self._receive, min(MESSAGES_A_CALL, limit - len(seen))))
            self._held |= {message.message_id: message for message in messages}
            fresh = [message for message in messages if message.message_id not in seen]
            if not fresh:
                return
            seen.update(message.message_id for message in fresh)
            try:
                while fresh:
                    yield fresh.pop(0)
            finally:
                # The caller stopped early and never saw these.
                self.release(fresh)

    def _receive(self, most: int) -> list[DeadLetter]:
        answer = self._sqs.receive_message(
            QueueUrl=self._dlq_url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=HOLD_S,
            WaitTimeSeconds=1,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [_dead_letter(message) for message in answers.read(answer, _Received).messages]

    def release(self, messages: Sequence[DeadLetter]) -> None:
        """Make messages of `walk` visible again, as many as SQS accepts."""
        self._change(
            messages,
            lambda entries: self._sqs.change_message_visibility_batch(QueueUrl=self._dlq_url, Entries=entries),
            lambda message: {"ReceiptHandle": message.receipt_handle, "VisibilityTimeout": 0},
        )

    def redrive(self, messages: Sequence[DeadLetter]) -> None:
        """Send messages to the source queue with their attributes, then delete them here.

        A message that was sent but could not be deleted is here too. That is harmless: a second delivery of the same
        object is recognised.
        """
        for batch in by_payload(messages, _bytes):
            left = self._left(
                batch,
                lambda entries: self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries),
                lambda message: {"MessageBody": message.body, "MessageAttributes": message.attributes},
            )
            self.drop([message for index, message in enumerate(batch) if index not in left])
            if left:
                raise _refusal(left)

    def drop(self, messages: Sequence[DeadLetter]) -> None:
        """Delete messages for good, as many as SQS accepts."""
        self._change(
            messages,
            lambda entries: self._sqs.delete_message_batch(QueueUrl=self._dlq_url, Entries=entries),
            lambda message: {"ReceiptHandle": message.receipt_handle},
        )

    def gone(self, messages: Sequence[DeadLetter]) -> int:
        """Return how many of these messages of `walk` are not held any more: redriven, deleted or released."""
        return sum(message.message_id not in self._held for message in messages)

    def redrive_all(self) -> str | None:
        """Start SQS's own move task for the whole queue; return its handle, None if an emulator has no such tasks."""
        source, target = self._arn(self._dlq_url), self._arn(self._queue_url)
        try:
            return self._call(
                "redriven",
                lambda: (
                    answers.read(
                        self._sqs.start_message_move_task(SourceArn=source, DestinationArn=target), _MoveTask
                    ).task_handle
                ),
            )
        except QueueError as error:
            if answers.code(error.__cause__) in _UNKNOWN_ACTION:
                return None
            raise

    def depth(self) -> int:
        """Return about how many messages there are, including hidden ones."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(
            self._call(
                "read",
                lambda: numbers(self._sqs.get_queue_attributes(QueueUrl=self._dlq_url, AttributeNames=names), names),
            )
        )

    def _arn(self, url: str) -> str:
        names: Any = ["QueueArn"]
        (arn,) = self._call(
            "read", lambda: attributes(self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names), names)
        )
        return arn

    def _change(
        self,
        messages: Sequence[DeadLetter],
        call: Callable[[Any], Any],
        entry: Callable[[DeadLetter], dict[str, Any]],
    ) -> None:
        """Release or delete messages; those that fail stay held, and the others are still tried."""
        failure: QueueError | None = None
        for at in range(0, len(messages), MESSAGES_A_CALL):
            batch = messages[at : at + MESSAGES_A_CALL]
            try:
                left = self._left(batch, call, entry)
            except QueueError as error:
                failure = error
                continue
            for index, message in enumerate(batch):
                if index not in left:
                    self._held.pop(message.message_id, None)
            failure = _refusal(left) if left else failure
        if failure is not None:
            raise failure

    def _left(
        self,
        messages: Sequence[DeadLetter],
        call: Callable[[Any], Any],
        entry: Callable[[DeadLetter], dict[str, Any]],
    ) -> dict[int, str]:
        """Make one batch call; return the causes, by position, of those that are not known to be done."""
        entries = [{"Id": str(index), **entry(message)} for index, message in enumerate(messages)]
        return self._call("changed", lambda: refused(call(entries), len(entries)))

    def _call(self, what: str, call: Callable[[], T]) -> T:
        with failing_as(QueueError, f"the dead-letter queue could not be {what}"):
            return call()


def _refusal(left: dict[int, str]) -> QueueError:
    return QueueError(f"SQS refused {counted(len(left), 'message')}, the first because: {next(iter(left.values()))}")


def _dead_letter(message: _Message) -> DeadLetter:
    attributes = {
        name: {field: value[field] for field in ("DataType", "StringValue", "BinaryValue") if value.get(field)}
        for name, value in message.message_attributes.items()
    }

    def text(name: str) -> str:
        return str(attributes.get(name, {}).get("StringValue", ""))

    reason, detail = text(PREFIX + "reason") or UNKNOWN_REASON, text(PREFIX + "detail")
    if message.attributes.moved_by_sqs and reason != UNKNOWN_REASON:
        # It was redriven, and not rejected again: its attributes are about the earlier rejection.
        reason, detail = UNKNOWN_REASON, f"before that {reason}: {detail}"
    return DeadLetter(
        message_id=message.message_id,
        receipt_handle=message.receipt_handle,
        body=message.body,
        reason=reason,
        detail=detail,
        rejections=rejections(text(REJECTIONS)),
        sent_at=datetime.fromtimestamp(int(message.attributes.sent_timestamp) / 1000, UTC),
        attributes=attributes,
    )


def _bytes(message: DeadLetter) -> int:
    """Return the message's bytes as SQS counts them: body, and each attribute's name, type and value."""
    named = sum(
        len(name.encode())
        + len(value["DataType"])
        + len(value.get("StringValue", "").encode())
        + len(value.get("BinaryValue", b""))
        for name, value in message.attributes.items()
    )
    return len(message.body.encode()) + named
