"""One batch: what is deleted, what is reported, and how failures slow the gathering down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL, FakeSqs, InlineExecutor
from windrow.clients.sqs.source_queue import SqsSourceQueue
from windrow.core.mapping import MappingConfig
from windrow.ports import Received
from windrow.testing import FakeClock
from windrow.worker.batcher import CloseReason, MessageBatch
from windrow.worker.dispatch import Dispatcher
from windrow.worker.pool import Function, Invocation
from windrow.worker.progress import BatchFinished, BatchStarted, InvocationOutcome, Progress

PARTIAL = MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN)
WHOLE = MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN, partial_responses=False)

FAILS_TWO = b'{"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m2"}]}'
FAILS_UNKNOWN = b'{"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m9"}]}'


class FakePool:
    """Ends every invocation as told."""

    def __init__(self) -> None:
        self.ends = Invocation(InvocationOutcome.OK)
        self.calls: list[tuple[bytes, Function, float]] = []

    def invoke(self, event: bytes, function: Function, timeout_s: float, request_id: str) -> Invocation:
        """Record the call."""
        self.calls.append((event, function, timeout_s))
        return self.ends


class Rig:
    """A dispatcher with everything around it fake."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sqs = FakeSqs(self.clock, [])
        self.pool = FakePool()
        self.told: list[Progress] = []
        queue = SqsSourceQueue(self.sqs, QUEUE_URL, QUEUE_ARN, self.clock, InlineExecutor())  # type: ignore[arg-type]
        self.dispatcher = Dispatcher(queue, self.pool, self.clock, self.told.append)  # type: ignore[arg-type]

    def run(self, config: MappingConfig = PARTIAL, **ends: Any) -> None:
        """Dispatch a batch of three."""
        self.pool.ends = Invocation(**ends)
        batch = MessageBatch(10, 60)
        for number in range(3):
            batch.offer(Received(f"m{number}", f"r{number}", b"{}"), 0.0)
        self.dispatcher.run(batch, CloseReason.WINDOW, config)


@pytest.mark.parametrize(
    ("config", "ends", "deleted", "outcome"),
    [
        (PARTIAL, {"outcome": InvocationOutcome.OK, "response": b"null"}, ["r0", "r1", "r2"], InvocationOutcome.OK),
        (PARTIAL, {"outcome": InvocationOutcome.OK, "response": b"{}"}, ["r0", "r1", "r2"], InvocationOutcome.OK),
        (PARTIAL, {"outcome": InvocationOutcome.OK, "response": FAILS_TWO}, ["r1"], InvocationOutcome.OK),
        (PARTIAL, {"outcome": InvocationOutcome.OK, "response": FAILS_UNKNOWN}, [], InvocationOutcome.MALFORMED),
        (PARTIAL, {"outcome": InvocationOutcome.OK, "response": b'"done"'}, [], InvocationOutcome.MALFORMED),
        (PARTIAL, {"outcome": InvocationOutcome.ERROR, "detail": "ValueError"}, [], InvocationOutcome.ERROR),
        (PARTIAL, {"outcome": InvocationOutcome.TIMEOUT, "detail": "killed"}, [], InvocationOutcome.TIMEOUT),
        (PARTIAL, {"outcome": InvocationOutcome.CRASH, "detail": "exited"}, [], InvocationOutcome.CRASH),
        (WHOLE, {"outcome": InvocationOutcome.OK, "response": FAILS_TWO}, ["r0", "r1", "r2"], InvocationOutcome.OK),
        (WHOLE, {"outcome": InvocationOutcome.OK, "response": b'"done"'}, ["r0", "r1", "r2"], InvocationOutcome.OK),
        (WHOLE, {"outcome": InvocationOutcome.ERROR, "detail": "ValueError"}, [], InvocationOutcome.ERROR),
    ],
)
def test_what_is_deleted(
    config: MappingConfig, ends: dict[str, Any], deleted: list[str], outcome: InvocationOutcome
) -> None:
    """Exactly the messages that succeeded are deleted; the others keep their visibility timeout."""
    rig = Rig()
    rig.run(config, **ends)
    finished = rig.told[-1]

    assert deleted == rig.sqs.deleted
    assert [] == rig.sqs.shown
    assert isinstance(finished, BatchFinished)
    assert (outcome, 3, len(deleted), 3 - len(deleted)) == (
        finished.outcome,
        finished.messages,
        finished.deleted,
        finished.failed,
    )


def test_invocation_has_the_functions_limits() -> None:
    """The event holds the batch; the function's name, ARN, memory and time limit come from the mapping."""
    rig = Rig()
    rig.run(outcome=InvocationOutcome.OK)

    function = Function(PARTIAL.function_name, PARTIAL.function_arn, PARTIAL.memory_mb)
    assert [(b'{"Records":[{},{},{}]}', function, PARTIAL.timeout_s)] == rig.pool.calls


def test_start_and_end_are_told_with_one_id() -> None:
    """Observers can match the start of a batch with its end."""
    rig = Rig()
    rig.run(outcome=InvocationOutcome.OK)
    started, finished = rig.told

    assert isinstance(started, BatchStarted)
    assert isinstance(finished, BatchFinished)
    assert started.request_id == finished.request_id
    assert (3, len(b'{"Records":[{},{},{}]}')) == (started.messages, started.payload_bytes)


def test_failures_slow_down_and_a_success_ends_it() -> None:
    """Each failure in a row doubles the pause; messages that the function lists as failed are no failure of its own."""
    rig = Rig()
    pauses = []
    for _ in range(3):
        rig.run(outcome=InvocationOutcome.CRASH)
        pauses.append(rig.dispatcher.pause_s())
    rig.run(outcome=InvocationOutcome.OK, response=FAILS_TWO)
    pauses.append(rig.dispatcher.pause_s())

    assert [1, 2, 4, 0] == pauses


def test_pause_runs_down() -> None:
    """The pause ends by itself."""
    rig = Rig()
    rig.run(outcome=InvocationOutcome.ERROR)
    rig.clock.advance(0.75)
    assert 0.25 == rig.dispatcher.pause_s()
    rig.clock.advance(0.5)

    assert 0 == rig.dispatcher.pause_s()
