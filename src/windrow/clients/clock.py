"""The machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Event


class SystemClock:
    """`windrow.ports.Clock` on the machine's own clocks."""

    def now(self) -> datetime:
        """Return the current time as aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set, ``seconds`` at most; return whether it is set."""
        return event.wait(max(0.0, seconds))
