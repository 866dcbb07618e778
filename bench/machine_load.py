"""What other programs use of this machine while a benchmark runs."""

from __future__ import annotations

import time

import psutil

from bench.meter import all_cpu_s


class MachineLoad:
    """Measures from its creation on.

    What this process and all its descendants use, the servers it started among them, is taken off what the machine
    says it was busy with.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._busy_s, self._own_s = _busy_s(), all_cpu_s()

    def cores(self) -> float:
        """Return how many cores others have kept busy so far, on average."""
        others_s = (_busy_s() - self._busy_s) - (all_cpu_s() - self._own_s)
        return round(max(0.0, others_s / (time.monotonic() - self._begun)), 2)


def _busy_s() -> float:
    """Return the CPU seconds of all programs since the machine started; guests are among ``user`` and ``nice``."""
    times = psutil.cpu_times()
    idle = ("idle", "iowait", "guest", "guest_nice")
    return float(sum(times) - sum(getattr(times, name, 0.0) for name in idle))
