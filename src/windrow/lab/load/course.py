"""What goes on in the course of a load test beside its uploads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from windrow.lab.stack.verification import Version


@dataclass(frozen=True)
class Course:
    """A load test under way. ``note`` records an event, ``delivered`` grows while files arrive at the destination."""

    begun: float
    """The monotonic clock's time from which the seconds of the run count."""
    stop: threading.Event
    note: Callable[[str], object] = lambda _: None
    delivered: AbstractSet[Version] = frozenset()

    def now_s(self) -> float:
        """Return the seconds from the start."""
        return time.monotonic() - self.begun

    def wait_until(self, at_s: float) -> bool:
        """Wait until then; return whether the run is to stop instead."""
        return self.stop.wait(max(0.0, at_s - self.now_s()))


class Disturbance(Protocol):
    """Something that happens to the stack amid the load, on a thread of its own."""

    @property
    def over(self) -> bool:
        """Whether the load test may end, as far as this is concerned."""

    def run(self, course: Course) -> None:
        """Carry it out; return soon once ``course.stop`` is set. Raises `WindrowError`, which ends the load test."""
