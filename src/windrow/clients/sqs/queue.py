"""The source queue and its dead-letter queue in SQS, as batches use them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import UnreadableAnswer
from windrow.core.errors import Permanent
from windrow.core.events import REJECTIONS, Message
from windrow.core.sqs import MAX_ATTRIBUTES, MAX_PAYLOAD_BYTES, MAX_VISIBILITY_S, MESSAGES_A_CALL
from windrow.ports import Clock

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_sqs import SQSClient

MAX_DETAIL_CHARS = 256
CONNECTIONS = 8

PREFIX = "windrow-"

_NOT_ALLOWED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that SQS refuses in bodies and attributes: all but those in
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html (a set of those takes ten
times as long to compile, at each cold start).
"""

LARGEST_COUNT = 10**6
"""A larger count in a message's attribute is not Windrow's: anybody may set attributes."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True, rename="pascal"):
    """The result of one entry of a batch call; ``code`` and ``message`` are those of a failure."""

    id: str
    code: str = "no reason given"
    message: str = ""


class _Entries(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to a batch call."""

    successful: list[_Entry] = []
    failed: list[_Entry] = []


class _Attributes(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetQueueAttributes."""

    attributes: dict[str, str]


def refused(answer: object, count: int) -> dict[int, str]:
    """Return the causes, by position, of those of a batch call's ``count`` entries that SQS does not confirm.

    Raises:
        UnreadableAnswer: the result of no entry is known.
    """
    result = answers.read(answer, _Entries)
    causes = {each.id: each.message or each.code for each in result.failed}
    done = {each.id for each in result.successful} - causes.keys()
    names = {position: str(position) for position in range(count)}
    return {at: causes.get(name, "SQS's answer lacks it") for at, name in names.items() if name not in done}


def attributes(answer: object, names: Iterable[str]) -> list[str]:
    """Return these attributes of a queue from the answer to GetQueueAttributes. Raises `UnreadableAnswer`."""
    found = answers.read(answer, _Attributes).attributes
    try:
        return [found[name] for name in names]
    except KeyError as error:
        raise UnreadableAnswer(detail=f"the queue has no {error}") from error


def numbers(answer: object, names: Iterable[str]) -> list[int]:
    """Return these attributes as numbers. Raises `UnreadableAnswer`."""
    try:
        return [int(text) for text in attributes(answer, names)]
    except ValueError as error:
        raise UnreadableAnswer(detail="a queue's attribute is not a number") from error


def rejections(text: str) -> int:
    """Return how often a message was rejected, from its attribute; 0 if that is not a count of Windrow's."""
    counted = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_COUNT))
    return int(text) if counted else 0


def connect(session: boto3.session.Session) -> SQSClient:
    """Return a client with timeouts that fit into a batch's run time."""
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return session.client("sqs", config=config)


class SqsQueue:
    """`windrow.ports.Queue` on SQS, with ten messages a call and concurrent calls."""

    def __init__(self, queue_url: str, dlq_url: str, client: SQSClient, clock: Clock) -> None:
        self._queue_url = queue_url
        self._dlq_url = dlq_url
        self._client = client
        self._clock = clock
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="queue")

    def set_visibility(self, delays: Sequence[tuple[Message, int]]) -> None:
        """Hide each message for its number of seconds (0 to 43,200) from now; best effort."""

        def change(batch: Sequence[tuple[Message, int]]) -> set[int]:
            entries: Any = [
                {
                    "Id": str(index),
                    "ReceiptHandle": message.receipt_handle,
                    "VisibilityTimeout": min(max(0, seconds), MAX_VISIBILITY_S),
                }
                for index, (message, seconds) in enumerate(batch)
            ]
            return self._done(
                "visibility",
                lambda: self._client.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries),
                len(entries),
            )

        list(self._pool.map(change, _chunks(delays)))

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; best effort."""

        def delete(batch: Sequence[Message]) -> set[int]:
            entries: Any = [
                {"Id": str(index), "ReceiptHandle": message.receipt_handle} for index, message in enumerate(batch)
            ]
            return self._done(
                "delete",
                lambda: self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries),
                len(entries),
            )

        list(self._pool.map(delete, _chunks(messages)))

    def dead_letter(self, rejects: Sequence[tuple[Message, Permanent]]) -> set[str]:
        """Copy messages to the dead-letter queue with the reason as attributes; return the ids of those copied."""
        rejected_at = self._clock.now().isoformat(timespec="milliseconds")
        dead_letters = [(message.message_id, *dead_letter(message, error, rejected_at)) for message, error in rejects]

        def send(batch: Sequence[tuple[str, str, Mapping[str, str]]]) -> set[str]:
            entries: Any = [
                {
                    "Id": str(index),
                    "MessageBody": body,
                    "MessageAttributes": {
                        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                    },
                }
                for index, (_, body, attributes) in enumerate(batch)
            ]
            done = self._done(
                "dead-letter",
                lambda: self._client.send_message_batch(QueueUrl=self._dlq_url, Entries=entries),
                len(entries),
            )
            return {batch[index][0] for index in done}

        batches = by_payload(dead_letters, lambda entry: payload_bytes(entry[1], entry[2]))
        return set[str]().union(*self._pool.map(send, batches))

    def _done(self, what: str, call: Callable[[], Any], count: int) -> set[int]:
        """Make one batch call of ``count`` entries; return the positions that succeeded and log the others."""
        try:
            left = refused(call(), count)
        except (ClientError, BotoCoreError) as error:
            _log.warning("queue call failed", extra={"call": what, "error": str(error)})
            return set()
        for cause in left.values():
            _log.warning("queue refused a message", extra={"call": what, "cause": cause})
        return set(range(count)) - left.keys()


def dead_letter(message: Message, error: Permanent, rejected_at: str) -> tuple[str, dict[str, str]]:
    """Return body and attributes of a message's copy in the dead-letter queue.

    Four of its own attributes are kept (SQS allows ten). If the body is too large with them, they are left out and it
    is cut; ``windrow-truncated`` is then its length in bytes. An S3 notification, at most a few KiB, never is.
    """
    reasons = {
        PREFIX + "reason": error.reason,
        PREFIX + "detail": _NOT_ALLOWED.sub("\ufffd", str(error))[:MAX_DETAIL_CHARS].strip() or error.reason,
        PREFIX + "message-id": message.message_id,
        PREFIX + "rejected-at": rejected_at,
        REJECTIONS: str(rejections(message.attributes.get(REJECTIONS, "")) + 1),
    }
    own = {
        name: _NOT_ALLOWED.sub("\ufffd", value)
        for name, value in message.attributes.items()
        if not name.startswith(PREFIX)
    }
    attributes = reasons | dict(list(own.items())[: MAX_ATTRIBUTES - len(reasons) - 1])
    body = _NOT_ALLOWED.sub("\ufffd", message.body)
    if payload_bytes(body, attributes) > MAX_PAYLOAD_BYTES:
        raw = body.encode()
        attributes = reasons | {PREFIX + "truncated": str(len(raw))}
        body = raw[: MAX_PAYLOAD_BYTES - payload_bytes("", attributes)].decode(errors="ignore")
    return body, attributes


def payload_bytes(body: str, attributes: Mapping[str, str]) -> int:
    """Return a message's bytes as SQS counts them: the body, and each attribute's name, type and value."""
    named = sum(len(name.encode()) + len("String") + len(value.encode()) for name, value in attributes.items())
    return len(body.encode()) + named


def by_payload(messages: Iterable[T], size_of: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield batches within SQS's limits of entries and bytes a call; ``size_of`` returns bytes as SQS counts them."""
    batch: list[T] = []
    batch_bytes = 0
    for message in messages:
        message_bytes = size_of(message)
        if batch and (len(batch) == MESSAGES_A_CALL or batch_bytes + message_bytes > MAX_PAYLOAD_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(message)
        batch_bytes += message_bytes
    if batch:
        yield batch


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[at : at + MESSAGES_A_CALL] for at in range(0, len(items), MESSAGES_A_CALL))
