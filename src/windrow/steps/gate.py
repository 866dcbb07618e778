"""The gate: is the destination there at all? Asked before anything is claimed or fetched."""

from __future__ import annotations

from windrow.core.errors import DestinationError
from windrow.ports import Clock, Destination

CACHE_S = 10.0
"""How long one probe's answer counts."""


class Gate:
    """Remembers the last probe for 10 s."""

    def __init__(self, destination: Destination, clock: Clock) -> None:
        self._destination = destination
        self._clock = clock
        self._asked_at: float | None = None
        self._fault: DestinationError | None = None

    def fault(self) -> DestinationError | None:
        """Return None when the destination answers, else why not."""
        now = self._clock.monotonic()
        if self._asked_at is None or now - self._asked_at >= CACHE_S:
            self._asked_at = now
            try:
                self._destination.probe()
                self._fault = None
            except DestinationError as error:
                self._fault = error
        return self._fault

    def forget(self) -> None:
        """Ask again at the next occasion: a delivery has just failed."""
        self._asked_at = None
