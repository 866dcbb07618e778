"""A semaphore whose limit may change while it is used."""

from __future__ import annotations

import threading


class ResizableSemaphore:
    """Limits the batches that are gathered or run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0

    def acquire(self, limit: int, timeout_s: float) -> bool:
        """Take a slot as soon as fewer than ``limit`` are taken; return False if that is not within ``timeout_s``."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy < limit, timeout_s):
                return False
            self._busy += 1
            return True

    def release(self) -> None:
        """Release a slot."""
        with self._changed:
            self._busy -= 1
            self._changed.notify()
