"""Limits how fast this process sends: a token bucket that all its threads share."""

from __future__ import annotations

from threading import Lock

from windrow.ports import Clock

BURST_S = 0.25
"""The share of a second's bytes that may be sent at once after a pause."""


class Pace:
    """Limits all sending threads together to ``bytes_per_s`` on average. They wait outside the lock."""

    def __init__(self, bytes_per_s: int, clock: Clock) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._lock = Lock()
        self._free_at = clock.monotonic()

    def send(self, size: int) -> None:
        """Wait until ``size`` bytes may be sent."""
        with self._lock:
            now = self._clock.monotonic()
            self._free_at = max(self._free_at, now - BURST_S) + size / self._bytes_per_s
            wait_s = self._free_at - now
        if wait_s > 0:
            self._clock.sleep(wait_s)
