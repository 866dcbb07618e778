"""Polls a worker's queues and circuit, for monitoring without CloudWatch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from windrow.core.circuit import Circuit
from windrow.core.errors import WindrowError
from windrow.ports import CircuitStore, Clock, DeadLetters, QueueDepth, QueueStatistics
from windrow.worker.progress import Totals

POLL_EVERY_S = 10.0
"""How often AWS is polled, however often the worker is scraped."""
STALE_S = 60.0
"""A snapshot this old is not used: AWS does not answer."""

T = TypeVar("T")


class Snapshot(msgspec.Struct, frozen=True):
    """The result of a poll. A field is None if it could not be read, and then ``problems`` says why, by its name."""

    queue: QueueDepth | None
    dead_letters: int | None
    circuit: Circuit | None
    problems: Mapping[str, str]


FIELDS = ("queue", "dead_letters", "circuit")


class Poller:
    """Polls queues and circuit in the background, so that a scrape never waits for AWS."""

    def __init__(self, queue: QueueStatistics, dead_letters: DeadLetters, circuits: CircuitStore, clock: Clock) -> None:
        self._queue = queue
        self._dead_letters = dead_letters
        self._circuits = circuits
        self._clock = clock
        self._latest = clock.monotonic(), Snapshot(None, None, None, dict.fromkeys(FIELDS, "not polled yet"))

    def poll_until(self, stop: threading.Event) -> None:
        """Poll every `POLL_EVERY_S` until the stop."""
        while True:
            self._latest = self._clock.monotonic(), self._poll()
            if self._clock.wait(stop, POLL_EVERY_S):
                return

    def latest(self) -> Snapshot:
        """Return the last snapshot; an empty one if it is older than `STALE_S`."""
        at, snapshot = self._latest
        age_s = self._clock.monotonic() - at
        if age_s < STALE_S:
            return snapshot
        return Snapshot(None, None, None, dict.fromkeys(FIELDS, f"no answer for {age_s:.0f} s"))

    def _poll(self) -> Snapshot:
        problems: dict[str, str] = {}

        def read(name: str, request: Callable[[], T]) -> T | None:
            try:
                return request()
            except WindrowError as error:
                problems[name] = str(error)
                return None

        return Snapshot(
            queue=read("queue", self._queue.depth),
            dead_letters=read("dead_letters", self._dead_letters.depth),
            circuit=read("circuit", self._circuits.load),
            problems=problems,
        )


def unready(totals: Totals, snapshot: Snapshot) -> dict[str, str]:
    """Return why a worker could not deliver a file now, by the part at fault; empty if it could."""
    faults = {} if totals.started else {"handler": "not loaded yet"}
    if snapshot.queue is None:
        faults["queue"] = snapshot.problems["queue"]
    if snapshot.circuit is None:
        faults["ledger"] = snapshot.problems["circuit"]
    elif snapshot.circuit.opened:
        faults["destination"] = f"the circuit is open ({snapshot.circuit.fault or 'held by an operator'})"
    elif snapshot.circuit.fault:
        faults["destination"] = f"the last probe failed ({snapshot.circuit.fault})"
    return faults
