"""Sums of what the engine tells."""

from __future__ import annotations

from windrow.worker.batcher import CloseReason
from windrow.worker.progress import (
    BatchFinished,
    BatchStarted,
    Counters,
    GivenBack,
    InvocationOutcome,
    Progress,
    ReceivedMessages,
    Switched,
    Totals,
)


def test_counters_add_up() -> None:
    """What is in flight is what was received and neither settled nor returned to the queue."""
    told: list[Progress] = []
    counters = Counters(told.append)
    events: list[Progress] = [
        Switched(enabled=False),
        ReceivedMessages(10),
        BatchStarted("a", 4, 100, CloseReason.SIZE),
        BatchStarted("b", 3, 100, CloseReason.WINDOW),
        BatchFinished("a", InvocationOutcome.OK, messages=4, deleted=3, failed=1, seconds=1.0),
        BatchFinished("b", InvocationOutcome.CRASH, messages=3, deleted=0, failed=3, seconds=1.0, detail="x"),
        GivenBack(2),
    ]
    for event in events:
        counters(event)

    assert events == told
    assert counters.totals() == Totals(
        started=True,
        enabled=False,
        messages_received=10,
        messages_deleted=3,
        messages_failed=4,
        messages_given_back=2,
        messages_in_flight=1,
        batches_started=2,
        batches_finished=2,
        batches_failed=1,
    )
    assert 0 == counters.totals().batches_running
