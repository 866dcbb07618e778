"""CPU and memory of the stack's processes, and how busy the whole machine is."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import psutil


class Usage(msgspec.Struct, frozen=True):
    """Of a group of processes: mean cores used since the last measurement, and what they hold now.

    ``handles`` are open file descriptors.
    """

    cores: float
    rss_mb: float
    handles: int = 0
    threads: int = 0
    processes: int = 1


class _Reading(msgspec.Struct, frozen=True):
    cpu_s: float
    rss: int
    handles: int
    threads: int


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures were measured on, without anything that names it."""

    system: str
    processor: str
    cores: int
    memory_gb: float
    python: str


class Meter:
    """Measures groups of processes. A group is given by the ids it starts from; their children belong to it.

    ``roots`` gives the ids again for each measurement, since a server that was started again has a new one; a group
    that comes earlier keeps a process that several could claim.
    """

    def __init__(self, roots: Mapping[str, Callable[[], list[int]]]) -> None:
        self._roots = roots
        self._processes: dict[int, psutil.Process] = {}
        self._spent: dict[int, float] = {}

    def measure(self, elapsed_s: float) -> dict[str, Usage]:
        """Return the usage of each group over the ``elapsed_s`` since the last call; 0 cores at the first."""
        claimed: set[int] = set()
        usages = {}
        for name, roots in self._roots.items():
            found: list[_Reading] = []
            for process in self._tree(roots()):
                if process.pid in claimed:
                    continue
                claimed.add(process.pid)
                found += self._read(process)
            usages[name] = Usage(
                cores=sum(each.cpu_s for each in found) / elapsed_s,
                rss_mb=sum(each.rss for each in found) / 1e6,
                handles=sum(each.handles for each in found),
                threads=sum(each.threads for each in found),
                processes=len(found),
            )
        self._processes = {pid: process for pid, process in self._processes.items() if pid in claimed}
        return usages

    def _tree(self, pids: list[int]) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for pid in pids:
            try:
                root = self._processes.get(pid) or psutil.Process(pid)
                found += [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return [self._processes.setdefault(process.pid, process) for process in found]

    def _read(self, process: psutil.Process) -> list[_Reading]:
        """Return what a process has used since the last measurement and holds now, nothing if it has ended."""
        try:
            with process.oneshot():
                times, rss = process.cpu_times(), process.memory_info().rss
                handles, threads = process.num_fds(), process.num_threads()
        except psutil.NoSuchProcess:
            return []
        total = times.user + times.system
        before = self._spent.get(process.pid, total)
        self._spent[process.pid] = total
        return [_Reading(max(0.0, total - before), rss, handles, threads)]


def machine() -> Machine:
    """Describe this machine."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        python=platform.python_version(),
    )


def cores_busy() -> float:
    """Return how many cores the whole machine has used on average since the last call; 0 at the first."""
    return psutil.cpu_percent(interval=None) / 100 * (psutil.cpu_count() or 1)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
