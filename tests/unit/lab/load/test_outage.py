from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from windrow.core.errors import LocalStackError
from windrow.lab.load.course import Course
from windrow.lab.load.outage import Outage, SentinelRuns
from windrow.lab.load.plan import Interval
from windrow.lab.stack.process import Server
from windrow.worker.pool import Invocation, Pool
from windrow.worker.progress import InvocationOutcome


class FakeServer:
    """Remembers what was done to it; ``on_kill`` is called then."""

    def __init__(self, on_kill: Any = lambda: None) -> None:
        self.done: list[str] = []
        self._on_kill = on_kill

    def kill(self) -> None:
        """Note it."""
        self.done.append("kill")
        self._on_kill()

    def start(self) -> None:
        """Note it."""
        self.done.append("start")


class FakePool:
    """Answers as told, and sets ``stop`` after the last answer."""

    def __init__(self, answers: list[Invocation], stop: threading.Event) -> None:
        self._answers = answers
        self._stop = stop

    def invoke(self, event: bytes, _function: object, _timeout_s: float) -> Invocation:
        """Give the next answer."""
        if len(self._answers) == 1:
            self._stop.set()
        return self._answers.pop(0)


def ok(text: bytes) -> Invocation:
    """Return a successful invocation."""
    return Invocation(InvocationOutcome.OK, response=text)


BROKEN = Invocation(InvocationOutcome.ERROR, detail="SettingsError: no table")


def test_outage_kills_and_starts_again() -> None:
    """The destination is down for the planned time; what is going on is reported."""
    server, told = FakeServer(), list[str]()
    outage = Outage(cast("Server", server), Interval(0.01, 0.02))
    assert (False, False) == (outage.down, outage.over)
    outage.run(Course(time.monotonic(), threading.Event(), told.append))
    assert ["kill", "start"] == server.done
    assert ["the destination is killed", "the destination is back"] == told
    assert (False, True) == (outage.down, outage.over)
    assert outage.actual is not None
    assert outage.actual.start_s >= 0.01
    assert outage.actual.end_s >= 0.03


def test_stop_brings_the_destination_back() -> None:
    """A test that ends amid the outage leaves no dead destination."""
    stop = threading.Event()
    server = FakeServer(on_kill=stop.set)
    Outage(cast("Server", server), Interval(0.0, 1e6)).run(Course(time.monotonic(), stop))
    assert ["kill", "start"] == server.done


def test_stop_before_the_outage_prevents_it() -> None:
    """A test that ends before the outage kills nothing."""
    stop = threading.Event()
    stop.set()
    server = FakeServer()
    outage = Outage(cast("Server", server), Interval(1e6, 1))
    outage.run(Course(time.monotonic(), stop))
    assert ([], None) == (server.done, outage.actual)


def test_sentinel_notes_the_circuit_at_each_run() -> None:
    """Each run of the sentinel leaves the circuit's state and the fault it found."""
    stop = threading.Event()
    answers = [
        ok(b'{"mode":"auto","opened":false,"failures":1,"fault":"connect"}'),
        ok(b'{"mode":"auto","opened":true,"failures":2,"fault":"connect"}'),
    ]
    sentinel = SentinelRuns(cast("Pool", FakePool(answers, stop)), time.monotonic(), interval_s=0.01)
    sentinel.run(stop)
    assert [(False, "connect"), (True, "connect")] == [(probe.opened, probe.fault) for probe in sentinel.probes]


def test_failed_run_of_the_sentinel_is_noted_and_made_good() -> None:
    """A run that fails leaves the circuit as it was, and the next one goes on."""
    stop = threading.Event()
    answers = [ok(b'{"opened":true,"fault":"connect"}'), BROKEN, BROKEN, ok(b'{"opened":false,"fault":""}')]
    sentinel = SentinelRuns(cast("Pool", FakePool(answers, stop)), time.monotonic(), interval_s=0.01)
    sentinel.run(stop)
    found = [(probe.opened, probe.error) for probe in sentinel.probes]
    assert [(True, ""), (True, BROKEN.detail), (True, BROKEN.detail), (False, "")] == found


def test_sentinel_that_never_succeeds_is_not_overlooked() -> None:
    """A sentinel that fails again and again ends the load test: its results would mean nothing."""
    stop = threading.Event()
    sentinel = SentinelRuns(cast("Pool", FakePool([BROKEN] * 4, stop)), time.monotonic(), interval_s=0.01)
    with pytest.raises(LocalStackError, match="3 times in a row: SettingsError: no table"):
        sentinel.run(stop)
