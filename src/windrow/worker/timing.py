"""Time for the engine: waits that a stop ends at once, and delays that grow with failures."""

from __future__ import annotations

import threading
import time
from typing import Protocol

TICK_S = 0.25
"""How long a wait lasts at most before the loops look again at the stop event and the mapping."""


class Clock(Protocol):
    """Monotonic time and interruptible waits, so that tests can hold them."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, ``seconds`` at most; tell whether it is set."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, ``seconds`` at most; tell whether it is set."""
        return event.wait(max(0.0, seconds))


def backoff_s(failures: int, *, first_s: float = 1.0, most_s: float = 30.0) -> float:
    """Return the wait after so many failures in a row: none, then ``first_s`` doubling up to ``most_s``."""
    if failures <= 0:
        return 0.0
    return min(most_s, first_s * 2.0 ** min(failures - 1, 16))
