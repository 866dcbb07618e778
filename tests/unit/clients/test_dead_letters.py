"""The dead-letter queue as an operator sees it, on moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from windrow.cli.dlq import chosen, grouped
from windrow.clients.clock import SystemClock
from windrow.clients.dead_letters import UNKNOWN_REASON, DeadLetter, DeadLetterQueue
from windrow.clients.queue import SqsQueue
from windrow.core.errors import MalformedEvent, ObjectMissing, Permanent, QueueError
from windrow.core.events import Message


class Queues:
    """A source queue and its dead-letter queue."""

    def __init__(self) -> None:
        self.sqs: Any = boto3.client("sqs")
        self.dlq_url: str = self.sqs.create_queue(QueueName="dlq")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dlq_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 100})
        self.url: str = self.sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy})["QueueUrl"]
        self.dlq = DeadLetterQueue(self.dlq_url, self.url, self.sqs)

    def reject(self, body: str, error: Permanent, attributes: dict[str, str] | None = None) -> None:
        """Put a message into the dead-letter queue as the aggregator does."""
        message = Message("m", "r", body, 1, SystemClock().now(), attributes or {})
        copied = SqsQueue(self.url, self.dlq_url, self.sqs, SystemClock()).dead_letter([(message, error)])
        assert {"m"} == copied

    def source(self) -> list[dict[str, Any]]:
        """Return the messages of the source queue."""
        reply = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return list(reply.get("Messages", []))

    def left(self) -> list[str]:
        """Return the reasons of what is in the dead-letter queue and visible."""
        letters = list(self.dlq.walk(1000))
        self.dlq.give_back(letters)
        return sorted(letter.reason for letter in letters)


@pytest.fixture
def queues() -> Iterator[Queues]:
    """Queues of this test's own."""
    with mock_aws():
        yield Queues()


def take(queues: Queues, reason: str | None, limit: int) -> list[DeadLetter]:
    """Drop what is chosen and return it."""
    with chosen(queues.dlq, reason, limit) as batches:
        letters = [letter for batch in batches for letter in batch]
        queues.dlq.drop(letters)
    return letters


def test_walk_shows_why_each_message_is_there(queues: Queues) -> None:
    """Reason, detail and count of rejections come back; what SQS moved by itself has a reason of ours."""
    queues.reject("one", ObjectMissing("it is gone"), {"windrow-rejections": "2"})
    queues.sqs.send_message(QueueUrl=queues.dlq_url, MessageBody="two")
    letters = {letter.body: letter for letter in queues.dlq.walk(10)}

    assert ("missing", "it is gone", 3) == (
        letters["one"].reason,
        letters["one"].detail,
        letters["one"].rejections,
    )
    assert (UNKNOWN_REASON, "", 0) == (letters["two"].reason, letters["two"].detail, letters["two"].rejections)


def test_redriven_messages_keep_their_history(queues: Queues) -> None:
    """The next rejection of such a message counts one up, however often that happens."""
    queues.reject("body", MalformedEvent("no"))
    for expected in ("1", "2", "3"):
        queues.dlq.redrive(list(queues.dlq.walk(10)))
        (message,) = queues.source()
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert expected == attributes["windrow-rejections"]
        queues.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"])
        queues.reject(message["Body"], MalformedEvent("no"), attributes)

    (letter,) = queues.dlq.walk(10)
    assert 4 == letter.rejections


def test_large_messages_are_sent_in_batches_that_sqs_takes(queues: Queues) -> None:
    """Five messages of 100 KB are more than one call may carry."""
    for number in range(5):
        queues.sqs.send_message(QueueUrl=queues.dlq_url, MessageBody=f"{number}" * 100_000)
    queues.dlq.redrive(list(queues.dlq.walk(10)))

    assert sorted(f"{number}" * 100_000 for number in range(5)) == sorted(m["Body"] for m in queues.source())
    assert 0 == queues.dlq.depth()


def test_a_filter_takes_its_reason_and_gives_the_rest_back(queues: Queues) -> None:
    """Of 25 messages the 12 of one reason are taken; the others are visible at once."""
    for number in range(25):
        queues.reject(f"{number}", ObjectMissing("gone") if number % 2 else MalformedEvent("no"))

    assert ["missing"] * 12 == [letter.reason for letter in take(queues, "missing", 1000)]
    assert ["malformed"] * 13 == queues.left()


def test_a_limit_takes_no_more_and_hides_nothing(queues: Queues) -> None:
    """Whoever stops early leaves all others visible."""
    for number in range(25):
        queues.reject(f"{number}", MalformedEvent("no"))

    assert 3 == len(take(queues, None, 3))
    assert 22 == len(queues.left())


def test_what_comes_back_meanwhile_is_not_taken_twice(queues: Queues) -> None:
    """A walk ends after as many messages as there were at its start, though each redriven one is rejected anew."""
    for number in range(12):
        queues.reject(f"{number}", MalformedEvent("no"))
    taken = 0
    with chosen(queues.dlq, None, 1000) as batches:
        for batch in batches:
            queues.dlq.redrive(batch)
            taken += len(batch)
            for letter in batch:
                queues.reject(letter.body, MalformedEvent("again"))

    assert 12 == taken
    assert 12 == queues.dlq.depth()


def test_move_task_of_sqs_is_used(queues: Queues) -> None:
    """Without a filter SQS moves everything; the answer names the task."""
    arn = "arn:aws:sqs:eu-west-2:123456789012:"
    expected = {"SourceArn": f"{arn}dlq", "DestinationArn": f"{arn}source"}
    with Stubber(queues.sqs) as stub:
        for name in ("dlq", "source"):
            stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": arn + name}})
        stub.add_response("start_message_move_task", {"TaskHandle": "task"}, expected)

        assert "task" == queues.dlq.redrive_all()
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["InvalidAction", "AWS.SimpleQueueService.UnsupportedOperation"])
def test_an_emulator_without_move_tasks_is_no_error(queues: Queues, code: str) -> None:
    """There the caller moves the messages itself; any other refusal is an error."""
    with Stubber(queues.sqs) as stub:
        for name in ("dlq", "source"):
            stub.add_response("get_queue_attributes", {"Attributes": {"QueueArn": name}})
        stub.add_client_error("start_message_move_task", code)

        assert None is queues.dlq.redrive_all()


def test_groups_are_by_reason_with_the_newest_as_examples(queues: Queues) -> None:
    """The most frequent reason comes first, with up to three examples and the objects they name."""
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}
    where = {"bucket": {"name": "b"}, "object": {"key": "a+b%2Fc", "size": 1, "eTag": "e", "versionId": "v"}}
    event = {"Records": [{**record, "eventTime": "2026-11-23T10:07:00Z", "s3": where}]}
    queues.reject(json.dumps(event), ObjectMissing("gone"))
    for number in range(4):
        queues.reject(f"{number}", MalformedEvent("no"))
    malformed, missing = grouped(list(queues.dlq.walk(10)))

    assert ("malformed", 4, 3) == (malformed.reason, malformed.count, len(malformed.examples))
    assert ("missing", ["b/a b/c"]) == (missing.reason, missing.examples[0].objects)
    assert malformed.oldest <= malformed.newest


def test_a_queue_that_is_not_there_is_an_error(queues: Queues) -> None:
    """Every method says so as `QueueError`."""
    gone = DeadLetterQueue(f"{queues.dlq_url}-gone", queues.url, queues.sqs)
    for call in (gone.depth, gone.redrive_all, lambda: list(gone.walk(1))):
        with pytest.raises(QueueError):
            call()
