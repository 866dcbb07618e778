"""The gate: is the destination there at all? Asked before anything is claimed or fetched."""

from __future__ import annotations

from windrow.core.circuit import Streak
from windrow.core.errors import DestinationError
from windrow.ports import Clock, DeliveryHealth, Destination

CACHE_S = 10.0
"""How long one probe's answer counts, from when it came: a probe that hangs takes longer than this by itself."""

DELIVERED_EVERY_S = 30
"""A worker whose deliveries succeed says so this often; the sentinel looks once a minute."""


class Gate:
    """Remembers the last probe for 10 s, and tells the sentinel how deliveries end."""

    def __init__(self, destination: Destination, health: DeliveryHealth, clock: Clock) -> None:
        self._destination = destination
        self._health = health
        self._clock = clock
        self._answered_at: float | None = None
        self._fault: DestinationError | None = None
        self._streak = Streak()
        self._delivered_at = 0

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
        """Ask again at the next occasion: the destination has just failed."""
        self._answered_at = None

    def failed(self, error: Exception | None) -> None:
        """Note that a delivery has just failed; whatever failed it but the destination says nothing of that."""
        self.forget()
        if not isinstance(error, DestinationError):
            return
        now_s = int(self._clock.now().timestamp())
        streak = self._streak
        self._streak = Streak(streak.failures + 1, streak.since or now_s, now_s, error.kind.value)
        self._health.note_failed(self._streak)

    def delivered(self) -> None:
        """Note that a delivery has just succeeded."""
        now_s = int(self._clock.now().timestamp())
        if self._streak.failures or now_s - self._delivered_at >= DELIVERED_EVERY_S:
            self._health.note_delivered(now_s)
            self._delivered_at = now_s
        self._streak = Streak()
