"""Gathering: size, payload limit, window, quiet queue, backpressure."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL, FakeSqs, InlineExecutor, aws_error
from windrow.clients.sqs.source_queue import SqsSourceQueue
from windrow.ports import Received
from windrow.testing import FakeClock
from windrow.worker.batcher import PAYLOAD_LIMIT_BYTES, CloseReason, Gatherer, MessageBatch

GO_ON = threading.Event()


def message(number: int, size: int = 10) -> Received:
    """Return a message whose record has so many bytes."""
    return Received(f"m{number}", f"r{number}", b'"' + b"x" * (size - 2) + b'"')


class Rig:
    """A gatherer on a fake queue, under a fake clock, without threads."""

    def __init__(self, arrivals: list[tuple[float, str]]) -> None:
        self.clock = FakeClock()
        self.sqs = FakeSqs(self.clock, arrivals)
        queue = SqsSourceQueue(self.sqs, QUEUE_URL, QUEUE_ARN, self.clock, InlineExecutor())  # type: ignore[arg-type]
        self.gatherer = Gatherer(queue.receive, InlineExecutor(), self.clock)

    def gather(
        self, size: int = 10_000, window_s: float = 10, limit: int = PAYLOAD_LIMIT_BYTES, until_s: float = 10_000
    ) -> tuple[list[str], CloseReason]:
        """Return the next batch's message ids, and why it closed; disabled at ``until_s``."""

        def halted() -> CloseReason | None:
            return CloseReason.DISABLED if self.clock.monotonic() - self.sqs.start >= until_s else None

        batch = MessageBatch(size, window_s, limit)
        reason = self.gatherer.gather(batch, halted, GO_ON)
        return [m.message_id for m in batch.messages], reason


def ids(first: int, end: int) -> list[str]:
    """Return the ids of a range of the queue's messages."""
    return [f"m{number}" for number in range(first, end)]


def burst(count: int, at: float = 0.0, body: str = "b") -> list[tuple[float, str]]:
    """Return so many messages that arrive at once."""
    return [(at, body)] * count


@given(
    sizes=st.lists(st.integers(2, 400), max_size=60),
    batch_size=st.integers(1, 20),
    limit=st.integers(60, 1000),
)
def test_batches_hold_every_message_once_in_order(sizes: list[int], batch_size: int, limit: int) -> None:
    """Whatever the sizes, each message is in exactly one batch, in order, and the encoded event keeps to the limit."""
    messages = [message(number, size) for number, size in enumerate(sizes)]
    batches: list[MessageBatch] = []
    for m in messages:
        if not batches or not batches[-1].offer(m, 0.0):
            batches.append(MessageBatch(batch_size, 10, limit))
            assert batches[-1].offer(m, 0.0)

    assert messages == [m for batch in batches for m in batch.messages]
    for batch in batches:
        assert len(batch.payload()) == batch.payload_bytes
        assert batch.payload_bytes <= limit or len(batch.messages) == 1
        assert len(batch.messages) <= batch_size


@given(
    arrivals=st.lists(st.tuples(st.floats(0, 50), st.integers(0, 900).map(lambda n: "x" * n)), max_size=80),
    batch_size=st.integers(1, 50),
    window_s=st.integers(0, 30),
    limit=st.integers(400, 8000),
)
def test_gathering_loses_and_doubles_nothing(
    arrivals: list[tuple[float, str]], batch_size: int, window_s: int, limit: int
) -> None:
    """Whenever messages come and however large they are, each is gathered once and in the queue's order."""
    rig = Rig(arrivals)
    gathered: list[str] = []
    while len(gathered) < len(arrivals):
        batch, _ = rig.gather(batch_size, window_s, limit)
        gathered += batch

    assert ids(0, len(arrivals)) == gathered
    assert [] == rig.gatherer.drain()


def test_payload_limit_is_six_mebibytes_of_event() -> None:
    """A batch fills to 6 MiB of encoded event, envelope included, and the message over it opens the next."""
    exact = PAYLOAD_LIMIT_BYTES - len('{"Records":[]}')
    batch = MessageBatch(10, 60)

    assert batch.offer(message(0, exact - 101), 0.0)
    assert batch.offer(message(1, 100), 0.0)
    assert PAYLOAD_LIMIT_BYTES == len(batch.payload())
    assert CloseReason.PAYLOAD == batch.closed(0.0)
    assert not batch.offer(message(2, 2), 0.0)


def test_message_over_the_limit_goes_alone() -> None:
    """A message that no batch could hold is invoked by itself instead of waiting for ever."""
    batch = MessageBatch(10, 60, payload_limit_bytes=50)

    assert batch.offer(message(0, 80), 0.0)
    assert not batch.offer(message(1, 5), 0.0)
    assert CloseReason.PAYLOAD == batch.closed(0.0)


def test_batch_takes_nothing_after_it_turned_one_away() -> None:
    """A smaller message does not overtake one that did not fit."""
    batch = MessageBatch(10, 60, payload_limit_bytes=100)
    batch.offer(message(0, 50), 0.0)

    assert not batch.offer(message(1, 60), 0.0)
    assert not batch.offer(message(2, 5), 0.0)


def test_backlog_fills_batches_at_once() -> None:
    """With a deep queue a batch closes by its size, long before its window."""
    rig = Rig(burst(250))

    assert (ids(0, 100), CloseReason.SIZE) == rig.gather(size=100)
    assert (ids(100, 200), CloseReason.SIZE) == rig.gather(size=100)
    assert rig.sqs.start == rig.clock.monotonic()


def test_backlog_is_received_in_parallel() -> None:
    """On a deep queue the receives grow to eight at once, of which only the first waits for messages."""
    rig = Rig(burst(1000))
    rig.gather(size=300)

    rounds = [[True], [True, False], [True] + [False] * 7, [True] + [False] * 7]
    assert [waits for together in rounds for waits in together] == [wait_s > 0 for _, wait_s in rig.sqs.receives[:19]]


def test_never_receives_more_than_the_batch_may_take() -> None:
    """Receives ask for no more than what is missing, so nothing is held while its visibility runs down."""
    rig = Rig(burst(1000))
    rig.gather(size=37)

    assert 1000 - 37 == len(rig.sqs.waiting)
    assert [] == rig.gatherer.drain()


def test_payload_limit_holds_back_few_messages() -> None:
    """Near the payload limit receives go by the mean size, so less than ten messages wait for the next batch."""
    rig = Rig(burst(1000, body="x" * 1000))
    batch, reason = rig.gather(limit=200_000)

    assert CloseReason.PAYLOAD == reason
    assert 0 < 1000 - len(rig.sqs.waiting) - len(batch) < 10


def test_window_counts_from_the_first_message() -> None:
    """A batch closes when its window is over since its first message, not since the polling began."""
    rig = Rig([(100.0, "a"), (105.0, "b"), (109.5, "c"), (114.0, "d"), (123.9, "e"), (124.1, "f")])

    assert (ids(0, 3), CloseReason.WINDOW) == rig.gather(window_s=10)
    assert (ids(3, 5), CloseReason.WINDOW) == rig.gather(window_s=10)


def test_no_window_takes_one_receive() -> None:
    """Without a window a batch is what one receive finds."""
    rig = Rig([(3.0, "a"), (3.0, "b"), (4.0, "c")])

    assert (ids(0, 2), CloseReason.WINDOW) == rig.gather(size=10, window_s=0)
    assert (ids(2, 3), CloseReason.WINDOW) == rig.gather(size=10, window_s=0)


def test_quiet_queue_is_waited_on_for_twenty_seconds() -> None:
    """An empty queue costs one long poll of 20 s after the other."""
    rig = Rig([])

    assert ([], CloseReason.DISABLED) == rig.gather(until_s=60)
    assert [(10, 20)] * 3 == rig.sqs.receives


def test_long_poll_never_outlasts_the_window() -> None:
    """Once a batch is open, a receive waits at most for the whole seconds that are left."""
    rig = Rig([(0.0, "a")])
    rig.gather(window_s=3.5)

    assert rig.sqs.receives[1:]
    assert all(wait_s <= 3 for _, wait_s in rig.sqs.receives[1:])
    assert 3.5 == rig.clock.monotonic() - rig.sqs.start


def test_trickle_does_not_cost_a_request_a_message() -> None:
    """Ten messages a second over a window of a minute are received with three requests a second at most."""
    rig = Rig([(number / 10, "b") for number in range(600)])
    batch, _ = rig.gather(window_s=60)

    assert len(batch) >= 590
    assert len(rig.sqs.receives) <= 180


def test_failing_receive_is_tried_again_with_growing_rests() -> None:
    """Errors of SQS cost time but no message."""
    rig = Rig(burst(3))
    rig.sqs.refusals = [aws_error("OverLimit"), aws_error(), aws_error()]

    assert (ids(0, 3), CloseReason.SIZE) == rig.gather(size=3)
    assert 1 + 2 + 4 == pytest.approx(rig.clock.monotonic() - rig.sqs.start)


def test_disabling_finishes_what_is_gathered() -> None:
    """When the mapping is disabled, nothing more is asked for and the open batch is handed over."""
    rig = Rig([(0.0, "a"), (1.0, "b"), (30.0, "c")])

    assert (ids(0, 2), CloseReason.DISABLED) == rig.gather(window_s=300, until_s=5)
    assert 1 == len(rig.sqs.waiting)


def test_held_messages_come_first_and_are_drained() -> None:
    """What did not fit is in the next batch or, at the end, returned to the queue."""
    rig = Rig(burst(10, body="x" * 1000))
    first, _ = rig.gather(limit=5000)

    assert rig.gatherer.has_messages()
    assert ids(len(first), 10) == [m.message_id for m in rig.gatherer.drain()]
    assert not rig.gatherer.has_messages()
