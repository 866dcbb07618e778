"""What a worker tells of its poller, and whether it is ready."""

from __future__ import annotations

import threading

import pytest

from windrow.core.circuit import Circuit, Mode
from windrow.core.errors import LedgerError, QueueError
from windrow.ports import QueueDepth
from windrow.testing import FakeCircuits, FakeClock
from windrow.worker.poller import POLL_EVERY_S, STALE_S, Poller, Snapshot, unready
from windrow.worker.progress import Totals

DEPTH = QueueDepth(3, 2, 1)
WELL = Snapshot(DEPTH, 4, Circuit(), {})
RUNNING = Totals(started=True)


class Queue:
    """A queue, and the dead-letter queue."""

    def __init__(self, depth: QueueDepth | int | Exception) -> None:
        self.answer = depth
        self.asked = 0

    def depth(self) -> QueueDepth | int:
        """Answer or fail."""
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def poller(clock: FakeClock, queue: Queue, circuits: FakeCircuits | None = None) -> Poller:
    """Return poller that were not looked at yet."""
    return Poller(queue, Queue(4), circuits or FakeCircuits(), clock)  # type: ignore[arg-type]


def poll(around: Poller) -> None:
    """Have it poll once."""
    stop = threading.Event()
    stop.set()
    around.poll_until(stop)


def test_queues_and_circuit_are_seen() -> None:
    """All of them, without a problem."""
    around = poller(FakeClock(), Queue(DEPTH))
    poll(around)

    assert WELL == around.latest()


def test_what_can_not_be_read_hides_nothing_of_the_rest() -> None:
    """Each is asked for itself."""
    around = poller(FakeClock(), Queue(QueueError("no way there")))
    poll(around)

    assert Snapshot(None, 4, Circuit(), {"queue": "no way there"}) == around.latest()


def test_who_asks_never_waits_for_aws() -> None:
    """Before the first poll and after one that hangs it is said that nothing is known."""
    clock, queue = FakeClock(), Queue(DEPTH)
    around = poller(clock, queue)
    before = around.latest()
    poll(around)
    clock.advance(STALE_S)

    assert (None, "not polled yet") == (before.queue, before.problems["queue"])
    assert (None, "no answer for 70 s") == (around.latest().circuit, around.latest().problems["circuit"])
    assert 1 == queue.asked


def test_it_is_looked_at_again_and_again() -> None:
    """Until the stop."""
    clock, queue = FakeClock(), Queue(DEPTH)

    class Until(threading.Event):
        def is_set(self) -> bool:
            return queue.asked == 3

    poller(clock, queue).poll_until(Until())

    assert (3, 3 * POLL_EVERY_S) == (queue.asked, clock.monotonic())


@pytest.mark.parametrize(
    ("totals", "seen", "faults"),
    [
        (RUNNING, WELL, {}),
        (Totals(), WELL, {"handler": "not loaded yet"}),
        (RUNNING, Snapshot(None, 4, Circuit(), {"queue": "no way there"}), {"queue": "no way there"}),
        (RUNNING, Snapshot(DEPTH, None, Circuit(), {"dead_letters": "no way there"}), {}),
        (RUNNING, Snapshot(DEPTH, 4, None, {"circuit": "the table is gone"}), {"ledger": "the table is gone"}),
        (
            RUNNING,
            Snapshot(DEPTH, 4, Circuit(opened=True, fault="tls"), {}),
            {"destination": "the circuit is open (tls)"},
        ),
        (
            RUNNING,
            Snapshot(DEPTH, 4, Circuit(mode=Mode.OPEN, opened=True), {}),
            {"destination": "the circuit is open (held by an operator)"},
        ),
        (RUNNING, Snapshot(DEPTH, 4, Circuit(fault="slow"), {}), {"destination": "the last probe failed (slow)"}),
    ],
)
def test_a_worker_is_ready_while_a_file_would_be_delivered(
    totals: Totals, seen: Snapshot, faults: dict[str, str]
) -> None:
    """Otherwise it is told what is in the way."""
    assert faults == unready(totals, seen)


def test_a_ledger_that_fails_is_a_problem() -> None:
    """As the circuit's store raises it."""

    def lost(_operation: str) -> None:
        raise LedgerError("the table is gone")

    around = poller(FakeClock(), Queue(DEPTH), FakeCircuits(hook=lost))
    poll(around)

    assert {"circuit": "the table is gone"} == around.latest().problems
