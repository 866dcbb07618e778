"""Finds out whether a fault took effect, by what the proxy has counted and the worker has logged since it began."""

from __future__ import annotations

import time

from bench.faults.environment import Environment


class Evidence:
    """What was counted and logged since its creation."""

    def __init__(self, environment: Environment, listener: str) -> None:
        self._environment = environment
        self._listener = listener
        self._begun = time.monotonic()
        self._before = environment.http.counts(listener)
        self._log_bytes = environment.stack.worker.log.stat().st_size

    @property
    def age_s(self) -> float:
        """Seconds since its creation."""
        return time.monotonic() - self._begun

    def asked(self) -> bool:
        """Return whether a whole request came to the listener."""
        return self._environment.http.counts(self._listener).requests > self._before.requests

    def greeted(self) -> bool:
        """Return whether a client opened TLS with the listener."""
        return self._environment.http.counts(self._listener).greetings > self._before.greetings

    def answered(self) -> bool:
        """Return whether the listener sent anything back, which the connections before it were to break."""
        now = self._environment.http.counts(self._listener)
        return now.answers > self._before.answers or now.greetings > self._before.greetings

    def logged(self, *texts: str) -> bool:
        """Return whether the worker wrote a line with all of these texts."""
        with self._environment.stack.worker.log.open("rb") as log:
            log.seek(self._log_bytes)
            lines = log.read().decode(errors="replace").splitlines()
        return any(all(text in line for text in texts) for line in lines)
