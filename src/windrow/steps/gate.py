"""The gate: is the destination there at all? Asked before anything is claimed or fetched."""

from __future__ import annotations

from windrow.core.errors import DestinationError
from windrow.ports import Clock, Destination

CACHE_S = 10.0
"""How long one probe's answer counts, from when it came: a probe that hangs takes longer than this by itself."""


class Gate:
    """Remembers the last probe for 10 s."""

    def __init__(self, destination: Destination, clock: Clock) -> None:
        self._destination = destination
        self._clock = clock
        self._answered_at: float | None = None
        self._fault: DestinationError | None = None

    def fault(self) -> DestinationError | None:
        """Return None when the destination answers, else why not."""
        if self._answered_at is None or self._clock.monotonic() - self._answered_at >= CACHE_S:
            try:
                self._destination.probe()
                self._fault = None
            except DestinationError as error:
                self._fault = error
            self._answered_at = self._clock.monotonic()
        return self._fault

    def forget(self) -> None:
        """Ask again at the next occasion: a delivery has just failed."""
        self._answered_at = None
