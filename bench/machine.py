"""What a figure was measured on: ratios travel from one machine to another, absolute times do not."""

from __future__ import annotations

import os
import platform

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """The machine, without anything that names it. ``load`` is the one-minute load average at that moment."""

    system: str
    architecture: str
    cores: int
    memory_gb: float
    python: str
    load: float

    def __str__(self) -> str:
        return (
            f"{self.system} {self.architecture}, {self.cores} cores, {self.memory_gb:.0f} GB, Python {self.python},"
            f" load {self.load:.1f}"
        )


def describe() -> Machine:
    """Return this machine, with the cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        cores=cores,
        memory_gb=round(memory / 1e9, 1),
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )
