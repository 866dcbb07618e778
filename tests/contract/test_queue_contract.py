"""The contract of `windrow.ports.Queue`, on the fake, MiniStack and ElasticMQ."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3.session
import pytest

from tests.servers.endpoint import Endpoint, new_name
from windrow.clients.sqs.queue import SqsQueue, connect
from windrow.core.errors import MalformedEvent, ObjectMissing
from windrow.core.events import Message
from windrow.core.sqs import MAX_PAYLOAD_BYTES
from windrow.ports import Queue
from windrow.testing import START, FakeClock, FakeQueue

SERVERS = ["ministack", pytest.param("elasticmq", marks=pytest.mark.needs("elasticmq"))]


@dataclass
class Queues:
    """A queue and its dead-letter queue on a server, and what is in them."""

    queue: SqsQueue
    sqs: Any
    url: str
    dlq_url: str

    def send(self, count: int) -> list[Message]:
        """Send messages and receive them."""
        for index in range(count):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=f"body {index}")
        received = self.receive(self.url)
        assert count == len(received)
        return [new_message(m["MessageId"], m["Body"], m["ReceiptHandle"]) for m in received]

    def receive(self, url: str) -> list[dict[str, Any]]:
        """Receive all that is visible."""
        messages: list[dict[str, Any]] = []
        while answer := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=600
        ).get("Messages"):
            messages += answer
        return messages

    def dead(self) -> list[tuple[str, dict[str, str]]]:
        """Return bodies and attributes of what is in the dead-letter queue."""
        return [
            (m["Body"], {name: value["StringValue"] for name, value in m["MessageAttributes"].items()})
            for m in self.receive(self.dlq_url)
        ]


def new_message(message_id: str, body: str = "{}", handle: str = "no-handle", **attributes: str) -> Message:
    """Return a message."""
    return Message(message_id, handle, body, 1, datetime(2026, 11, 23, 10, 7, tzinfo=UTC), attributes)


@pytest.fixture(params=SERVERS)
def queues(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Queues:
    """Return two empty queues on a server."""
    return new_queues(request, monkeypatch)


@pytest.fixture(params=["fake", *SERVERS])
def queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """Return a queue."""
    return FakeQueue() if request.param == "fake" else new_queues(request, monkeypatch).queue


def new_queues(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Queues:
    """Create two queues on the server that the fixture's parameter names."""
    server: Endpoint = request.getfixturevalue(request.param)
    server.introduce(monkeypatch)
    client = connect(boto3.session.Session())
    url, dlq_url = (client.create_queue(QueueName=new_name(kind))["QueueUrl"] for kind in ("queue", "dlq"))
    return Queues(SqsQueue(url, dlq_url, client, FakeClock()), client, url, dlq_url)


def test_dead_letter_answers_with_the_ids_copied(queue: Queue) -> None:
    """More than one call's worth."""
    rejects = [(new_message(f"m{index}"), ObjectMissing("gone")) for index in range(23)]
    assert {f"m{index}" for index in range(23)} == queue.dead_letter(rejects)
    assert set() == queue.dead_letter([])


def test_what_sqs_refuses_is_not_raised(queue: Queue) -> None:
    """Receipt handles that are none."""
    messages = [new_message(f"m{index}") for index in range(12)]
    queue.set_visibility([(message, 10) for message in messages])
    queue.delete(messages)
    queue.set_visibility([])
    queue.delete([])


def test_visibility_zero_brings_messages_back_at_once(queues: Queues) -> None:
    """The others stay hidden, whatever SQS thinks of the number."""
    messages = queues.send(23)
    queues.queue.set_visibility([(message, 0 if index < 12 else 99_999) for index, message in enumerate(messages)])
    back = {message["MessageId"] for message in queues.receive(queues.url)}
    assert {message.message_id for message in messages[:12]} == back


def test_deleted_messages_are_gone(queues: Queues) -> None:
    """The rest comes back."""
    messages = queues.send(15)
    queues.queue.delete(messages[:12])
    queues.queue.set_visibility([(message, 0) for message in messages])
    assert {message.message_id for message in messages[12:]} == {m["MessageId"] for m in queues.receive(queues.url)}


def test_dead_letters_carry_reason_detail_and_origin(queues: Queues) -> None:
    """With the message's own attributes beside them."""
    message = new_message("m1", "body ü 😀\n", own="value")
    queues.queue.dead_letter([(message, MalformedEvent("it is\x00 not\ud800 right " + "x" * 500))])
    ((body, attributes),) = queues.dead()
    assert "body ü 😀\n" == body
    assert {
        "own": "value",
        "windrow-reason": "malformed",
        "windrow-detail": ("it is\ufffd not\ufffd right " + "x" * 500)[:256],
        "windrow-message-id": "m1",
        "windrow-rejected-at": START.isoformat(timespec="milliseconds"),
        "windrow-rejections": "1",
    } == attributes


@pytest.mark.parametrize(("before", "after"), [("1", "2"), ("41", "42"), ("many", "1"), ("²", "1"), ("-3", "1")])
def test_rejections_count_on(queues: Queues, before: str, after: str) -> None:
    """A message that was redriven and rejected again says so; an attribute somebody else made does no harm."""
    message = new_message("m1", **{"windrow-rejections": before, "windrow-detail": "former"})
    queues.queue.dead_letter([(message, ObjectMissing("gone"))])
    ((_, attributes),) = queues.dead()
    assert (after, "gone") == (attributes["windrow-rejections"], attributes["windrow-detail"])


def test_an_error_without_text_has_a_detail(queues: Queues) -> None:
    """SQS takes no empty attribute."""
    assert {"m1"} == queues.queue.dead_letter([(new_message("m1"), ObjectMissing(" "))])
    assert "missing" == queues.dead()[0][1]["windrow-detail"]


def test_of_many_attributes_some_stay(queues: Queues) -> None:
    """SQS allows ten."""
    message = new_message("m1", **{f"own-{index}": "x" for index in range(10)})
    assert {"m1"} == queues.queue.dead_letter([(message, ObjectMissing("gone"))])
    ((_, attributes),) = queues.dead()
    assert (4, True) == (sum(name.startswith("own-") for name in attributes), "windrow-reason" in attributes)


@pytest.mark.parametrize("fill", ["x", "ü"])
def test_a_body_that_leaves_no_room_is_cut(queues: Queues, fill: str) -> None:
    """With its length in an attribute; the message beside it is copied too."""
    noise = fill * (MAX_PAYLOAD_BYTES // len(fill.encode()))
    rejects = [(new_message(name, body, own="x"), ObjectMissing("gone")) for name, body in (("m1", noise), ("m2", "b"))]
    assert {"m1", "m2"} == queues.queue.dead_letter(rejects)
    dead_letters = {attributes["windrow-message-id"]: (body, attributes) for body, attributes in queues.dead()}
    body, attributes = dead_letters["m1"]
    assert noise.startswith(body)
    assert str(MAX_PAYLOAD_BYTES) == attributes["windrow-truncated"]
    total = len(body.encode()) + sum(len(name) + 6 + len(value) for name, value in attributes.items())
    assert MAX_PAYLOAD_BYTES - 1 <= total <= MAX_PAYLOAD_BYTES
    assert "windrow-truncated" not in dead_letters["m2"][1]


def test_calls_keep_to_the_payload_limit(queues: Queues) -> None:
    """Ten bodies of 100 KB do not fit into one."""
    rejects = [(new_message(f"m{index}", "x" * 100_000), ObjectMissing("gone")) for index in range(10)]
    assert {f"m{index}" for index in range(10)} == queues.queue.dead_letter(rejects)
    assert 10 == len(queues.dead())


def test_an_absent_dead_letter_queue_copies_nothing(queues: Queues, caplog: pytest.LogCaptureFixture) -> None:
    """The messages stay where they are, and the log says why."""
    broken = SqsQueue(queues.url, queues.dlq_url + "-absent", queues.sqs, FakeClock())
    with caplog.at_level(logging.WARNING, logger="windrow"):
        assert set() == broken.dead_letter([(new_message("m1"), ObjectMissing("gone"))])
    assert ["queue call failed"] == [record.message for record in caplog.records]
