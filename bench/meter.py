"""Measures one piece of work in this process: wall time, CPU time, peak memory, and boto3's calls."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import psutil
from botocore.httpsession import URLLib3Session

from bench.stand import requests

_SAMPLE_S = 0.05


class Figures(msgspec.Struct, frozen=True):
    """What one run took. ``peak_bytes`` is memory resident at once.

    ``calls`` are requests by operation: to the S3 server, and what boto3 sent to the emulator.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    calls: dict[str, int] = {}


class Meter:
    """A context manager; afterwards ``figures`` holds what the block took.

    ``s3_endpoint`` is the MinIO whose requests are counted. ``children``: the work is done by child processes that end
    within the block. Then CPU time and memory are theirs.
    """

    figures: Figures

    def __init__(self, s3_endpoint: str, *, children: bool = False) -> None:
        self._s3_endpoint = s3_endpoint
        self._children = children
        self._peak = _PeakOfChildren() if children else None

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
        peak = self._peak.stop() if self._peak else peak_bytes()
        calls = requests(self._s3_endpoint) - self._before + self._calls
        self.figures = Figures(wall_s, cpu_s, peak, dict(calls))

    def _used_s(self) -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN if self._children else resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """Return the most memory that this process has had resident.

    Linux tells it in VmHWM; its ``ru_maxrss`` would include what the parent had when it started this process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _PeakOfChildren(threading.Thread):
    """Looks at the memory of all descendants 20 times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._peak = 0

    def run(self) -> None:
        own = psutil.Process()
        while not self._over.wait(_SAMPLE_S):
            total = 0
            for child in own.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += child.memory_info().rss
            self._peak = max(self._peak, total)

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self._peak


def _count_calls() -> Counter[str]:
    """Count every request that boto3 sends from now on, by the operation that AWS's JSON services name in a header."""
    counted: Counter[str] = Counter()
    send = URLLib3Session.send

    def counting(session: URLLib3Session, request: Any) -> Any:  # noqa: ANN401 - botocore ships no types
        target = request.headers.get("X-Amz-Target", b"")
        if target:
            counted[(target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]] += 1
        return send(session, request)

    setattr(URLLib3Session, "send", counting)  # noqa: B010 - a method is replaced on purpose
    return counted
