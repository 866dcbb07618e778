"""The dead-letter queue as an operator sees it, on moto."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from windrow.cli.dlq import chosen, grouped
from windrow.cli.root import run
from windrow.clients.clock import SystemClock
from windrow.clients.sqs.dead_letters import UNKNOWN_REASON, DeadLetter, DeadLetterQueue
from windrow.clients.sqs.queue import SqsQueue
from windrow.core.errors import MalformedEvent, ObjectMissing, Permanent, QueueError
from windrow.core.events import Message


def impatient(sqs: Any) -> Any:
    """Return a client that does not wait for messages: moto has all there are at once."""
    receive = sqs.receive_message
    sqs.receive_message = lambda **arguments: receive(**(arguments | {"WaitTimeSeconds": 0}))
    return sqs


class Queues:
    """A source queue and its dead-letter queue."""

    def __init__(self) -> None:
        self.sqs = impatient(boto3.client("sqs"))
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
        messages = list(self.dlq.walk(1000))
        self.dlq.release(messages)
        return sorted(message.reason for message in messages)


@pytest.fixture
def queues() -> Iterator[Queues]:
    """Queues of this test's own."""
    with mock_aws():
        yield Queues()


def take(queues: Queues, reason: str | None, limit: int) -> list[DeadLetter]:
    """Drop what is chosen and return it."""
    with chosen(queues.dlq, reason, limit, Counter()) as batches:
        messages = [message for batch in batches for message in batch]
        queues.dlq.drop(messages)
    return messages


def test_walk_shows_why_each_message_is_there(queues: Queues) -> None:
    """Reason, detail and count of rejections come back; what SQS moved by itself has a reason of ours."""
    queues.reject("one", ObjectMissing("it is gone"), {"windrow-rejections": "2"})
    queues.sqs.send_message(QueueUrl=queues.dlq_url, MessageBody="two")
    messages = {message.body: message for message in queues.dlq.walk(10)}

    assert ("missing", "it is gone", 3) == (
        messages["one"].reason,
        messages["one"].detail,
        messages["one"].rejections,
    )
    assert (UNKNOWN_REASON, "", 0) == (messages["two"].reason, messages["two"].detail, messages["two"].rejections)


def test_a_message_that_sqs_moved_itself_has_a_reason_of_its_own(queues: Queues) -> None:
    """It was rejected, sent back, and received too often: the first reason is history, which stays visible."""
    queues.reject("body", ObjectMissing("it is gone"))
    receive = queues.sqs.receive_message

    def as_moved(**arguments: Any) -> Any:
        """Add what SQS adds; moto does not."""
        answer = receive(**arguments)
        for message in answer.get("Messages", []):
            message["Attributes"]["DeadLetterQueueSourceArn"] = "arn:aws:sqs:eu-west-2:123456789012:source"
        return answer

    queues.sqs.receive_message = as_moved
    (message,) = queues.dlq.walk(10)

    assert (UNKNOWN_REASON, 1) == (message.reason, message.rejections)
    assert "before that missing: it is gone" == message.detail


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

    (last,) = queues.dlq.walk(10)
    assert 4 == last.rejections


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

    assert ["missing"] * 12 == [message.reason for message in take(queues, "missing", 1000)]
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
    with chosen(queues.dlq, None, 1000, Counter()) as batches:
        for batch in batches:
            queues.dlq.redrive(batch)
            taken += len(batch)
            for message in batch:
                queues.reject(message.body, MalformedEvent("again"))

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


@pytest.fixture
def command(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return what runs ``windrow dlq`` on the queues, with its exit code."""
    monkeypatch.setenv("WINDROW_QUEUE_URL", queues.url)
    monkeypatch.setenv("WINDROW_DLQ_URL", queues.dlq_url)
    monkeypatch.setattr("windrow.bootstrap.dead_letter_queue", lambda _settings: queues.dlq)
    return lambda *arguments: run(["dlq", *arguments])


def failing(call: Callable[..., Any], error: BaseException, *, at: int) -> Callable[..., Any]:
    """Return a call that raises at its n-th use."""
    uses = count(1)

    def instead(**arguments: Any) -> Any:
        if next(uses) == at:
            raise error
        return call(**arguments)

    return instead


OUTCOMES = [(KeyboardInterrupt(), 130), (EndpointConnectionError(endpoint_url="x"), 1)]


@pytest.mark.parametrize(("error", "code"), OUTCOMES, ids=["Ctrl-C", "an error"])
@pytest.mark.parametrize("arguments", [["ls"], ["drop", "--yes"], ["redrive", "--reason", "missing"]])
def test_an_interruption_hides_nothing(
    queues: Queues, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], error: BaseException, code: int,
) -> None:  # fmt: skip
    """Whatever was taken so far is visible at once, and none of it is lost."""
    for number in range(25):
        queues.reject(f"{number}", MalformedEvent("no"))
    with monkeypatch.context() as patch:
        patch.setattr(queues.sqs, "receive_message", failing(queues.sqs.receive_message, error, at=3))

        assert code == command(*arguments)
    assert ["malformed"] * 25 == queues.left()


@pytest.mark.parametrize(("error", "code"), OUTCOMES, ids=["Ctrl-C", "an error"])
@pytest.mark.parametrize(("arguments", "left"), [(["drop", "--yes"], 15), (["redrive", "--limit", "25"], 15)])
def test_an_interruption_amid_deletions_hides_nothing(
    queues: Queues, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], left: int, error: BaseException, code: int,
) -> None:  # fmt: skip
    """What was not deleted yet is visible at once."""
    for number in range(25):
        queues.reject(f"{number}", MalformedEvent("no"))
    with monkeypatch.context() as patch:
        patch.setattr(queues.sqs, "delete_message_batch", failing(queues.sqs.delete_message_batch, error, at=2))
        ended = command(*arguments)
    everything = list(queues.dlq.walk(1000))

    assert code == ended
    assert len(everything) == (left if "redrive" in arguments or code == 130 else 10)


@pytest.mark.parametrize(("error", "code"), OUTCOMES, ids=["Ctrl-C", "an error"])
@pytest.mark.parametrize(
    ("arguments", "call", "field"),
    [
        (["redrive", "--limit", "25"], "send_message_batch", "redriven"),
        (["drop", "--yes"], "delete_message_batch", "dropped"),
    ],
)
def test_what_was_done_before_an_error_is_told(  # noqa: PLR0917
    queues: Queues, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], call: str, field: str, error: BaseException, code: int,
) -> None:  # fmt: skip
    """An operator must know how much of the work is left, and so must a script."""
    for number in range(30):
        queues.reject(f"{number}", MalformedEvent("no"))
    with monkeypatch.context() as patch:
        patch.setattr(queues.sqs, call, failing(getattr(queues.sqs, call), error, at=3))
        ended = command(*arguments, "--json")
    report = json.loads(capsys.readouterr().out.splitlines()[0])
    for number in range(20):
        queues.reject(f"again {number}", MalformedEvent("no"))
    with monkeypatch.context() as patch:
        patch.setattr(queues.sqs, call, failing(getattr(queues.sqs, call), error, at=2))
        command(*arguments)

    assert code == ended
    assert (False, 20) == (report["ok"], report[field])
    how = "something failed" if code == 1 else "it was interrupted"
    assert capsys.readouterr().out.endswith(f", then {how}\n")


def test_what_sqs_refuses_of_a_batch_is_not_counted_as_sent(
    queues: Queues, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest of its batch is sent back and leaves the dead-letter queue; the refused one stays."""
    for number in range(4):
        queues.reject(f"{number}", MalformedEvent("no"))
    send = queues.sqs.send_message_batch

    def refusing(**arguments: Any) -> Any:
        *taken, refused = arguments["Entries"]
        failed = {"Id": refused["Id"], "SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"}
        return send(**(arguments | {"Entries": taken})) | {"Failed": [failed]}

    monkeypatch.setattr(queues.sqs, "send_message_batch", refusing)
    code = command("redrive", "--reason", "malformed")
    printed = capsys.readouterr()

    assert (1, "3 messages sent back, then something failed\n") == (code, printed.out)
    assert "SQS refused 1 message, the first because" in printed.err
    assert (["malformed"], 3) == (queues.left(), len(queues.source()))


def test_an_answer_of_no_gives_everything_back(
    queues: Queues, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is deleted and nothing hidden."""
    queues.reject("body", MalformedEvent("no"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda _question: False)

    assert 0 == command("drop")
    assert ["malformed"] == queues.left()


def test_messages_that_others_hold_are_told(
    queues: Queues, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A queue whose messages are hidden is not called empty: exit code 1, and when they come back."""
    for number in range(5):
        queues.reject(f"{number}", MalformedEvent("no"))
    other = DeadLetterQueue(queues.dlq_url, queues.url, queues.sqs)
    held = list(other.walk(10))
    codes = [command("ls"), command("ls", "--json"), command("redrive", "--limit", "9"), command("drop", "--yes")]
    text, _, rest = capsys.readouterr().out.partition("\n")
    report = json.loads(rest.splitlines()[0])
    other.release(held[1:])
    some = command("ls")

    assert [1, 1, 1, 1] == codes
    assert "about 5 messages held elsewhere, visible within 15 minutes" == text
    assert (False, 0, 5, 5) == (report["ok"], report["looked_at"], report["about"], report["held_elsewhere"])
    assert 0 == some
    assert "about 1 message held elsewhere" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["redrive"], ["drop", "--yes"]])
def test_an_unknown_reason_is_wrong_use(
    queues: Queues, command: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A typing error must not look like a queue without such messages; it tells what there is."""
    queues.reject("body", MalformedEvent("no"))

    assert 2 == command(*arguments, "--reason", "malfromed")
    assert "did you mean malformed? Now the dead-letter queue holds malformed (1)" in capsys.readouterr().err
    assert ["malformed"] == queues.left()
    assert 2 == command(*arguments, "--reason", "nothing like it")
    assert "they are access-denied, archived, checksum," in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "done"), [(["redrive"], "0 messages sent back"), (["drop", "--yes"], "0 messages deleted")]
)
@pytest.mark.parametrize("reason", ["missing", UNKNOWN_REASON])
def test_a_reason_that_no_message_has_is_told(
    queues: Queues, command: Callable[..., int], capsys: pytest.CaptureFixture[str],
    arguments: list[str], done: str, reason: str,
) -> None:  # fmt: skip
    """It is no problem, and what is there instead is said."""
    for number in range(2):
        queues.reject(f"{number}", MalformedEvent("no"))

    assert 0 == command(*arguments, "--reason", reason)
    expected = f"{done}: none was rejected as {reason}; the dead-letter queue holds malformed (2)\n"
    assert expected == capsys.readouterr().out


def test_one_message_is_singular(
    queues: Queues, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """And a reason of its own, of a newer Windrow say, is known by being there."""
    queues.sqs.send_message(
        QueueUrl=queues.dlq_url,
        MessageBody="body",
        MessageAttributes={"windrow-reason": {"DataType": "String", "StringValue": "of-later"}},
    )

    assert 0 == command("drop", "--yes", "--reason", "of-later")
    assert "1 message deleted\n" == capsys.readouterr().out


def test_an_empty_queue_is_called_empty(
    queues: Queues, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """There and only there."""
    assert 0 == command("ls")
    assert "the dead-letter queue is empty\n" == capsys.readouterr().out


def test_a_queue_that_is_not_there_is_an_error(queues: Queues) -> None:
    """Every method says so as `QueueError`."""
    gone = DeadLetterQueue(f"{queues.dlq_url}-gone", queues.url, queues.sqs)
    for call in (gone.depth, gone.redrive_all, lambda: list(gone.walk(1))):
        with pytest.raises(QueueError):
            call()
