"""The disturbance of a load test: the destination is killed and started again; and the sentinel, run each minute."""

from __future__ import annotations

import threading
import time

import msgspec

from windrow.core.errors import LocalStackError
from windrow.lab.load.course import Course
from windrow.lab.load.plan import Interval
from windrow.lab.stack.process import Server
from windrow.worker.pool import Function, Pool
from windrow.worker.progress import InvocationOutcome

SENTINEL = "windrow.functions.sentinel.handler"
INTERVAL_S = 60.0
"""How often EventBridge Scheduler runs the sentinel."""
LIMIT_S = 60.0
FAILURES_MOST = 3
"""Failed runs in a row after which the sentinel counts as broken. A busy emulator may cause fewer."""
_FUNCTION = Function("windrow-sentinel", "arn:aws:lambda:eu-west-2:000000000000:function:windrow-sentinel", 256)


class SentinelRun(msgspec.Struct, frozen=True):
    """One run of the sentinel: when (seconds from the start), and the circuit after it.

    ``error`` says why the run failed, if it did; the circuit is as it was then.
    """

    at_s: float
    opened: bool
    fault: str = ""
    error: str = ""


class _Answer(msgspec.Struct, frozen=True):
    opened: bool
    fault: str


class SentinelRuns:
    """Runs the sentinel's entry point at its interval, in a process of its own as on Lambda."""

    def __init__(self, pool: Pool, begun: float, interval_s: float = INTERVAL_S) -> None:
        self._pool = pool
        self._begun = begun
        self._interval_s = interval_s
        self.probes: list[SentinelRun] = []

    def run(self, stop: threading.Event) -> None:
        """Probe until ``stop`` is set; after a run that failed the next one comes as usual, as on Lambda.

        Raises:
            LocalStackError: several runs in a row failed.
        """
        due = self._begun
        while not stop.wait(max(0.0, due - time.monotonic())):
            self.probes.append(self._probe())
            latest = self.probes[-FAILURES_MOST:]
            if len(latest) == FAILURES_MOST and all(probe.error for probe in latest):
                raise LocalStackError(f"the sentinel failed {FAILURES_MOST} times in a row: {latest[-1].error}")
            due += self._interval_s

    def _probe(self) -> SentinelRun:
        done = self._pool.invoke(b"{}", _FUNCTION, LIMIT_S)
        at_s = time.monotonic() - self._begun
        if done.outcome is not InvocationOutcome.OK:
            opened = bool(self.probes) and self.probes[-1].opened
            return SentinelRun(at_s, opened, error=done.detail)
        answer = msgspec.json.decode(done.response, type=_Answer)
        return SentinelRun(at_s, answer.opened, answer.fault)


class Outage:
    """Kills the destination at the planned time and starts it again; `down` and `over` say how far that is."""

    def __init__(self, destination: Server, span: Interval) -> None:
        self._destination = destination
        self._span = span
        self.down = False
        self.over = False
        self.actual: Interval | None = None

    def run(self, course: Course) -> None:
        """Carry it out; if the run is to stop, start the destination again at once. Raises `LocalStackError`."""
        if course.wait_until(self._span.start_s):
            return
        self.down = True
        start_s = course.now_s()
        course.note("the destination is killed")
        self._destination.kill()
        course.wait_until(self._span.end_s)
        self._destination.start()
        self.actual = Interval(start_s, course.now_s() - start_s)
        self.down = False
        self.over = True
        course.note("the destination is back")
