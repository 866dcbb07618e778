"""The source queue for the engine, through boto3: receives, deletes and releases messages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import UnreadableAnswer, failing_as
from windrow.clients.json_requests import light
from windrow.clients.sqs.queue import attributes, numbers, refused
from windrow.clients.sqs.records import receive_record
from windrow.core.backoff import RetryPolicy, exponential_s
from windrow.core.errors import QueueError
from windrow.core.mapping import MappingConfig
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.ports import Clock, Received, SourceQueue

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_sqs import SQSClient

_log = logging.getLogger(__name__)

DELETE_ATTEMPTS = 4
"""Attempts of each delete, besides the client's own retries; a message that stays is recognised as delivered later."""


LIGHT = frozenset({"receive_message", "delete_message_batch"})
"""Operations that bypass boto3 (`windrow.clients.json_requests`): the engine calls them for each ten messages."""
RETRIES = RetryPolicy(attempts=3, first_s=0.2)
"""Retries of a receive or delete, before the engine pauses."""


class _Url(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetQueueUrl."""

    queue_url: str


class _Reply(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ReceiveMessage."""

    messages: list[Any] = []


class SqsSourceQueue:
    """Implements `SourceQueue` for one queue. All methods are safe to call from several threads at once."""

    def __init__(self, client: SQSClient, url: str, arn: str, clock: Clock, executor: Executor) -> None:
        self._client = client
        self._url = url
        self._arn = arn
        self._clock = clock
        self._executor = executor
        self._never = threading.Event()

    def receive(self, count: int, wait_s: int) -> list[Received]:
        """Receive up to ``count`` (1 to 10) messages, waiting up to ``wait_s`` for the first. Raises `QueueError`."""
        with failing_as(QueueError, "ReceiveMessage failed"):
            reply = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=count,
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = answers.read(reply, _Reply).messages
        return [received for message in messages if (received := self._record(message)) is not None]

    def _record(self, message: object) -> Received | None:
        try:
            return receive_record(message, self._arn)
        except UnreadableAnswer as error:
            _log.warning("a message can't be read and returns after the visibility timeout: %s", error)
            return None

    def visibility_timeout_s(self) -> int:
        """Return how long the queue hides a received message. Raises `QueueError`."""
        with failing_as(QueueError, "GetQueueAttributes failed"):
            reply = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])
            (seconds,) = numbers(reply, ["VisibilityTimeout"])
        return seconds

    def delete(self, messages: Sequence[Received]) -> int:
        """Delete the messages, ten a request, requests concurrently; return how many are known to be deleted."""
        return sum(self._executor.map(self._delete_ten, _tens(messages)))

    def release(self, messages: Sequence[Received]) -> None:
        """Make the messages visible at once; see the port's contract."""
        list(self._executor.map(self._release_ten, _tens(messages)))

    def _delete_ten(self, messages: Sequence[Received]) -> int:
        left = list(messages)
        problem = ""
        for attempt in range(DELETE_ATTEMPTS):
            self._clock.wait(self._never, exponential_s(attempt, first_s=0.2))
            try:
                reply = self._client.delete_message_batch(
                    QueueUrl=self._url,
                    Entries=[{"Id": str(i), "ReceiptHandle": m.receipt_handle} for i, m in enumerate(left)],
                )
                failed = refused(reply, len(left))
            except (BotoCoreError, ClientError) as error:
                problem = str(error)
                continue
            if not failed:
                return len(messages)
            problem = "; ".join(sorted(set(failed.values())))
            left = [left[position] for position in failed]
        _log.error(
            "%d messages were processed and not deleted, they will be received again: %s (first: %s)",
            len(left),
            problem,
            left[0].message_id,
        )
        return len(messages) - len(left)

    def _release_ten(self, messages: Sequence[Received]) -> None:
        try:
            reply = self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(i), "ReceiptHandle": m.receipt_handle, "VisibilityTimeout": 0}
                    for i, m in enumerate(messages)
                ],
            )
            failed = refused(reply, len(messages))
        except (BotoCoreError, ClientError) as error:
            _log.warning("%d messages could not be returned to the queue at once: %s", len(messages), error)
            return
        for position, cause in failed.items():
            _log.warning(
                "message %s could not be returned to the queue at once: %s", messages[position].message_id, cause
            )


def connect(
    session: boto3.session.Session, *, read_timeout_s: float, connect_timeout_s: float, connections: int
) -> SQSClient:
    """Return a client for a worker, which sends receives and deletes as light requests."""
    config = Config(
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        retries={"mode": "standard"},
        max_pool_connections=connections,
    )
    return light(session.client("sqs", config=config), LIGHT, RETRIES)


def opener(client: SQSClient, clock: Clock) -> Callable[[MappingConfig, Executor], SourceQueue]:
    """Return a function that opens a mapping's queue; the queue's requests run on the executor."""
    return lambda config, executor: SqsSourceQueue(client, config.queue_url, config.queue_arn, clock, executor)


def queue_url(sqs_client: SQSClient, queue_arn: str) -> str:
    """Return the URL of the queue that an ARN names. Raises `QueueError`."""
    account, name = queue_arn.split(":")[4:6]
    with failing_as(QueueError, f"GetQueueUrl of {queue_arn} failed"):
        return answers.read(sqs_client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account), _Url).queue_url


def queue_arn(sqs_client: SQSClient, queue_url: str) -> str:
    """Return the ARN of a queue. Raises `QueueError`."""
    with failing_as(QueueError, f"GetQueueAttributes of {queue_url} failed"):
        reply = sqs_client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        (arn,) = attributes(reply, ["QueueArn"])
    return arn


def _tens(messages: Sequence[Received]) -> Iterator[Sequence[Received]]:
    return (messages[start : start + MESSAGES_A_CALL] for start in range(0, len(messages), MESSAGES_A_CALL))
