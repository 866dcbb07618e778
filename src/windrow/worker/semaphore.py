"""Permits for batches, whose number may change while it runs."""

from __future__ import annotations

import threading


class ResizableSemaphore:
    """Counts the batches that are gathered or run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = 0

    def acquire(self, limit: int, timeout_s: float) -> bool:
        """Take a slot if fewer than ``limit`` are taken within ``timeout_s``; tell whether it was."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy < limit, timeout_s):
                return False
            self._busy += 1
            return True

    def release(self) -> None:
        """Give a slot back."""
        with self._changed:
            self._busy -= 1
            self._changed.notify()
