"""The gate: probes the destination before anything is claimed or fetched."""

from __future__ import annotations

from windrow.core.circuit import Streak
from windrow.core.errors import DestinationError
from windrow.ports import Clock, DeliveryHealth, Destination

CACHE_S = 10.0
"""How long a probe's result is cached, from its end: a probe that hangs takes longer than this."""

DELIVERED_EVERY_S = 30
"""How often a worker records that its deliveries succeed; the sentinel reads that once a minute."""


class Gate:
    """Caches the last probe's result, and records the results of deliveries for the sentinel."""

    def __init__(self, destination: Destination, health: DeliveryHealth, clock: Clock) -> None:
        self._destination = destination
        self._health = health
        self._clock = clock
        self._probed_at: float | None = None
        self._fault: DestinationError | None = None
        self._streak = Streak()
        self._delivered_at = 0

    def fault(self) -> DestinationError | None:
        """Return the destination's fault, None if it is up."""
        if self._probed_at is None or self._clock.monotonic() - self._probed_at >= CACHE_S:
            try:
                self._destination.probe()
                self._fault = None
            except DestinationError as error:
                self._fault = error
            self._probed_at = self._clock.monotonic()
        return self._fault

    def forget(self) -> None:
        """Forget the last probe, because the destination has just failed."""
        self._probed_at = None

    def failed(self, error: Exception | None) -> None:
        """Record that a delivery has just failed; only errors of the destination count for the sentinel."""
        self.forget()
        if not isinstance(error, DestinationError):
            return
        now_s = int(self._clock.now().timestamp())
        streak = self._streak
        self._streak = Streak(streak.failures + 1, streak.since or now_s, now_s, error.kind.value)
        self._health.record_failed(self._streak)

    def delivered(self) -> None:
        """Record that a delivery has just succeeded."""
        now_s = int(self._clock.now().timestamp())
        if self._streak.failures or now_s - self._delivered_at >= DELIVERED_EVERY_S:
            self._health.record_delivered(now_s)
            self._delivered_at = now_s
        self._streak = Streak()
