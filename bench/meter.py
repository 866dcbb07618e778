"""Measures one piece of work in this process or its children: wall time, CPU time, peak memory, and boto3's calls."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from collections import Counter
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import psutil
from botocore.httpsession import URLLib3Session

from bench.testbed import requests

_SAMPLE_S = 0.05
_POLL = "GetQueueAttributes"
"""The benchmarks' own request, which finds out whether a queue is empty."""


class Figures(msgspec.Struct, frozen=True):
    """What one run took. ``peak_bytes`` is the most memory that each process had resident, all added up.

    ``calls`` are requests by operation: to the S3 server, and what boto3 sent to the emulator.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    calls: dict[str, int] = {}


class Who(Enum):
    """Whose CPU time and memory are measured."""

    SELF = auto()
    CHILDREN = auto()
    """Processes that start and end within the block."""
    ALL = auto()
    """This process and all it started, before or within the block."""


class Meter:
    """A context manager; afterwards ``figures`` holds what the block took.

    ``s3_endpoint`` is the MinIO whose requests are counted.
    """

    figures: Figures

    def __init__(self, s3_endpoint: str, who: Who = Who.SELF) -> None:
        self._s3_endpoint = s3_endpoint
        self._who = who
        self._peak = None if who is Who.SELF else _PeakOfChildren()

    def __enter__(self) -> Self:
        self._calls = _count_calls()
        self._before = requests(self._s3_endpoint)
        if self._peak:
            self._peak.start()
        self._cpu_s = self._used_s()
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wall_s = time.perf_counter() - self._begun
        cpu_s = self._used_s() - self._cpu_s
        peak = self._peak.stop() if self._peak else 0
        if self._who is not Who.CHILDREN:
            peak += peak_bytes()
        calls = requests(self._s3_endpoint) - self._before + self._calls
        self.figures = Figures(wall_s, cpu_s, peak, dict(calls))

    def _used_s(self) -> float:
        match self._who:
            case Who.SELF:
                return own_cpu_s()
            case Who.CHILDREN:
                return ended_cpu_s()
            case Who.ALL:
                return all_cpu_s()


def own_cpu_s() -> float:
    """Return the CPU seconds of this process."""
    return _seconds(resource.RUSAGE_SELF)


def ended_cpu_s() -> float:
    """Return the CPU seconds of all descendants that have ended and were waited for."""
    return _seconds(resource.RUSAGE_CHILDREN)


def all_cpu_s() -> float:
    """Return the CPU seconds of this process and all its descendants."""
    return own_cpu_s() + ended_cpu_s() + sum(cpu_s(child) for child in _descendants())


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, and of its own children that have ended; 0 if it is gone."""
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def _seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def peak_bytes(pid: int | None = None) -> int:
    """Return the most memory that a process has had resident so far, by default this one.

    On Linux it is VmHWM; its ``ru_maxrss`` would include what the parent had when it started this process. Where
    there is no ``/proc``, another process's is what it has at the moment.

    Raises:
        psutil.Error: the process is gone.
    """
    status = Path(f"/proc/{pid or 'self'}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if pid:
        return int(psutil.Process(pid).memory_info().rss)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _PeakOfChildren(threading.Thread):
    """Reads the peaks of all descendants 20 times a second; returns the highest sum over those that ran together."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._peak = 0

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self._sample()

    def stop(self) -> int:
        self._over.set()
        self.join()
        self._sample()  # a process that is still there has its last peak known
        return self._peak

    def _sample(self) -> None:
        total = 0
        for child in _descendants():
            with contextlib.suppress(psutil.Error, OSError):
                total += peak_bytes(child.pid)
        self._peak = max(self._peak, total)


def _count_calls() -> Counter[str]:
    """Count the requests that boto3 sends from now on, by the operation that AWS's JSON services name in a header."""
    counted: Counter[str] = Counter()
    send = URLLib3Session.send

    def counting(session: URLLib3Session, request: Any) -> Any:  # noqa: ANN401 - botocore ships no types
        target = request.headers.get("X-Amz-Target", b"")
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        if operation and operation != _POLL:
            counted[operation] += 1
        return send(session, request)

    setattr(URLLib3Session, "send", counting)  # noqa: B010 - a method is replaced on purpose
    return counted
