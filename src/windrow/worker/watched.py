"""What can be seen of a worker's surroundings and of itself, for those who watch it without CloudWatch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from windrow.core.circuit import Circuit
from windrow.core.errors import WindrowError
from windrow.ports import CircuitStore, Clock, QueueDepth, QueueGauge
from windrow.status import DeadLetters
from windrow.worker.progress import Totals

LOOK_EVERY_S = 10.0
"""However often the worker is asked, AWS is so seldom."""
STALE_S = 60.0
"""A look this old says nothing of now: whoever is asked does not answer."""

T = TypeVar("T")


class Look(msgspec.Struct, frozen=True):
    """What was seen; None where it could not be read, and then ``problems`` says why, by name of the field."""

    queue: QueueDepth | None
    dead_letters: int | None
    circuit: Circuit | None
    problems: Mapping[str, str]


FIELDS = ("queue", "dead_letters", "circuit")


class Surroundings:
    """Looks at queues and circuit again and again, so that who asks never waits for AWS."""

    def __init__(self, queue: QueueGauge, dead_letters: DeadLetters, circuits: CircuitStore, clock: Clock) -> None:
        self._queue = queue
        self._dead_letters = dead_letters
        self._circuits = circuits
        self._clock = clock
        self._seen = clock.monotonic(), Look(None, None, None, dict.fromkeys(FIELDS, "not asked yet"))

    def keep_looking(self, stop: threading.Event) -> None:
        """Look until the stop."""
        while True:
            self._seen = self._clock.monotonic(), self._look()
            if self._clock.wait(stop, LOOK_EVERY_S):
                return

    def seen(self) -> Look:
        """Return what was seen last, unless that is long ago."""
        at, look = self._seen
        age_s = self._clock.monotonic() - at
        if age_s < STALE_S:
            return look
        return Look(None, None, None, dict.fromkeys(FIELDS, f"no answer for {age_s:.0f} s"))

    def _look(self) -> Look:
        problems: dict[str, str] = {}

        def read(name: str, ask: Callable[[], T]) -> T | None:
            try:
                return ask()
            except WindrowError as error:
                problems[name] = str(error)
                return None

        return Look(
            queue=read("queue", self._queue.depth),
            dead_letters=read("dead_letters", self._dead_letters.depth),
            circuit=read("circuit", self._circuits.load),
            problems=problems,
        )


def unready(totals: Totals, look: Look) -> dict[str, str]:
    """Return why a worker would get no file delivered now, by what is in the way; nothing when it would."""
    faults = {} if totals.started else {"handler": "not loaded yet"}
    if look.queue is None:
        faults["queue"] = look.problems["queue"]
    if look.circuit is None:
        faults["ledger"] = look.problems["circuit"]
    elif look.circuit.opened:
        faults["destination"] = f"the circuit is open ({look.circuit.fault or 'held by an operator'})"
    elif look.circuit.fault:
        faults["destination"] = f"the last probe failed ({look.circuit.fault})"
    return faults
