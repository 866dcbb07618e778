"""Deleting and giving back."""

from __future__ import annotations

import logging

import pytest

from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL, FakeSqs, InlineExecutor, aws_error
from windrow.clients.sqs.source_queue import SqsSourceQueue
from windrow.core.errors import QueueError
from windrow.ports import Received
from windrow.testing import FakeClock


@pytest.fixture
def sqs() -> FakeSqs:
    """Return a queue with three messages."""
    return FakeSqs(FakeClock(), [(0.0, "a"), (0.0, "b"), (0.0, "c")])


@pytest.fixture
def queue(sqs: FakeSqs) -> SqsSourceQueue:
    """Return what is tested."""
    return SqsSourceQueue(sqs, QUEUE_URL, QUEUE_ARN, sqs.clock, InlineExecutor())  # type: ignore[arg-type]


def _messages(count: int) -> list[Received]:
    return [Received(f"m{number}", f"r{number}", b"{}") for number in range(count)]


def test_receives_encoded_records(queue: SqsSourceQueue) -> None:
    """Messages come as records, with what is needed to delete them."""
    assert [("m0", "r0"), ("m1", "r1")] == [(m.message_id, m.receipt_handle) for m in queue.receive(2, 0)]


def test_failing_receive_is_a_queue_error(sqs: FakeSqs, queue: SqsSourceQueue) -> None:
    """boto3's errors do not leave the module."""
    sqs.refusals = [aws_error()]
    with pytest.raises(QueueError, match="ReceiveMessage"):
        queue.receive(10, 0)


def test_deletes_in_tens(sqs: FakeSqs, queue: SqsSourceQueue) -> None:
    """Every message is deleted once, however many there are."""
    assert 25 == queue.delete(_messages(25))
    assert [f"r{number}" for number in range(25)] == sqs.deleted
    assert 0 == queue.delete([])


def test_refused_deletes_alone_are_repeated(sqs: FakeSqs, queue: SqsSourceQueue) -> None:
    """Entries that SQS refused are tried again, after a rest, and the others are not."""
    sqs.refusals = [{"r1", "r2"}, aws_error(), {"r2"}]

    assert 3 == queue.delete(_messages(3))
    assert ["r0", "r1", "r2"] == sqs.deleted
    assert sqs.clock.monotonic() > sqs.start


def test_delete_that_never_works_is_logged(
    sqs: FakeSqs, queue: SqsSourceQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be deleted is counted as not deleted and named in the log; the rest is deleted."""
    sqs.refusals = [{"r1"}, {"r1"}, {"r1"}, {"r1"}]
    with caplog.at_level(logging.ERROR):
        deleted = queue.delete(_messages(12))

    assert 11 == deleted
    assert "m1" in caplog.text
    assert "InternalError" in caplog.text


def test_gives_back_in_tens(sqs: FakeSqs, queue: SqsSourceQueue) -> None:
    """Every message is made visible at once."""
    queue.release(_messages(13))

    assert [f"r{number}" for number in range(13)] == sqs.shown


def test_reads_the_visibility_timeout(queue: SqsSourceQueue) -> None:
    """The queue's own attribute is what counts."""
    assert 3600 == queue.visibility_timeout_s()
