"""What is measured each second of a load test."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import msgspec
import psutil

from windrow.bootstrap import queue_statistics
from windrow.lab.load.generator import Generator
from windrow.lab.load.processes import Meter, Usage, cores_busy
from windrow.lab.load.watch import DeliveryMonitor
from windrow.lab.stack.process import Process
from windrow.lab.stack.stack import Stack
from windrow.ports import QueueDepth
from windrow.worker.pool import Pool


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The state at one moment. ``oldest_s`` is the age of the oldest upload that is not delivered, 0 without one.

    ``machine_cores`` counts what every process of the machine used since the sample before, ``load`` is the
    one-minute load average.
    """

    at_s: float
    uploaded: int
    delivered: int
    archives: int
    queued: QueueDepth
    oldest_s: float
    usage: dict[str, Usage]
    machine_cores: float
    load: float


class Sampler:
    """Takes samples of a load test on a stack."""

    def __init__(self, stack: Stack, generator: Generator, watch: DeliveryMonitor, sentinel: Pool) -> None:
        self._queue = queue_statistics(stack.outputs.queue_url)
        self._generator = generator
        self._watch = watch
        self._meter = Meter(groups(stack, sentinel))
        self._meter.measure(1.0)
        cores_busy()
        self._before_s = 0.0
        self._oldest = 0

    def take(self, at_s: float) -> Measurement:
        """Return the state now, which is ``at_s`` seconds from the start of the run."""
        elapsed_s = max(at_s - self._before_s, 1e-3)
        self._before_s = at_s
        return Measurement(
            at_s=at_s,
            uploaded=len(self._generator.sent),
            delivered=len(self._watch.delivered),
            archives=self._watch.archives,
            queued=self._queue.depth(),
            oldest_s=self._oldest_s(at_s),
            usage=self._meter.measure(elapsed_s),
            machine_cores=cores_busy(),
            load=os.getloadavg()[0],
        )

    def _oldest_s(self, at_s: float) -> float:
        sent, delivered = self._generator.sent, self._watch.delivered
        while self._oldest < len(sent):
            oldest = sent[self._oldest]
            if (oldest.file.key, oldest.file.version_id) not in delivered:
                return max(0.0, at_s - oldest.ended_s)
            self._oldest += 1
        return 0.0


def groups(stack: Stack, sentinel: Pool) -> dict[str, Callable[[], list[int]]]:
    """Return which processes are counted together; children count with their parent unless named before it."""

    def handlers() -> list[int]:
        return [child.pid for pid in ids(stack.worker) for child in psutil.Process(pid).children()]

    def ids(process: Process) -> list[int]:
        return [process.pid] if process.running else []

    fast = {"queue": stack.fast.queue, "landing": stack.fast.landing} if stack.fast else {}
    parts = {"AWS emulator": stack.aws, **fast, "destination": stack.destination}
    return {
        "handlers": handlers,
        "engine": lambda: ids(stack.worker),  # whichever it is: a deployment replaces it
        **{name: partial(ids, part) for name, part in parts.items()},
        "sentinel": lambda: sentinel.pids,
        "generator": lambda: [os.getpid()],
    }
