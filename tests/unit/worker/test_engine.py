"""The engine with a queue in memory and a pool that the test steers; its threads are real, its waits are events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL
from windrow.clients.clock import SystemClock
from windrow.clients.sqs.source_queue import opener
from windrow.core.errors import HandlerNotLoaded, MappingError, MappingGone, SettingsError
from windrow.core.mapping import FixedMapping, MappingConfig
from windrow.lab.stack.waiting import LIMIT_S
from windrow.ports import ConfigSource, Received
from windrow.worker import engine as engine_module
from windrow.worker.batcher import CloseReason, MessageBatch
from windrow.worker.engine import Engine
from windrow.worker.pool import Function, Invocation
from windrow.worker.progress import BatchStarted, Counters, InvocationOutcome, Progress, Switched

CONFIG = MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN, batch_size=10, max_concurrency=2, timeout_s=5)


class MemorySqs:
    """A queue in memory whose long poll ends as soon as something is there."""

    def __init__(self, count: int) -> None:
        self._changed = threading.Condition()
        self.visible = [f"m{number}" for number in range(count)]
        self.hidden: set[str] = set()
        self.receiving = 0

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """Give what is visible, or nothing after a blink."""
        with self._changed:
            self.receiving += 1
            self._changed.wait_for(lambda: self.visible, min(request["WaitTimeSeconds"], 0.02))
            self.receiving -= 1
            self._changed.notify_all()
            count = request["MaxNumberOfMessages"]
            taken, self.visible = self.visible[:count], self.visible[count:]
            self.hidden.update(taken)
        shape = {"Body": "", "MD5OfBody": "", "Attributes": {}}
        return {"Messages": [{"MessageId": m, "ReceiptHandle": m, **shape} for m in taken]}

    def put(self, *messages: str) -> None:
        """Queue messages while nobody receives."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.receiving == 0, LIMIT_S)
            self.visible += messages
            self._changed.notify_all()

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        """Delete."""
        with self._changed:
            self.hidden.difference_update(entry["ReceiptHandle"] for entry in request["Entries"])
        return _all_of(request)

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        """Show again."""
        with self._changed:
            for entry in request["Entries"]:
                self.hidden.remove(entry["ReceiptHandle"])
                self.visible.append(entry["ReceiptHandle"])
            self._changed.notify_all()
        return _all_of(request)

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        """Give the visibility timeout."""
        return {"Attributes": {"VisibilityTimeout": "31"}}


def _all_of(request: dict[str, Any]) -> dict[str, Any]:
    """Say that every entry succeeded."""
    return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}


class GatedPool:
    """Holds every invocation until the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.error: Exception | None = None

    def warm(self) -> None:
        """Fail if told to."""
        if isinstance(self.error, HandlerNotLoaded):
            raise self.error

    def invoke(self, event: bytes, function: Function, timeout_s: float, request_id: str) -> Invocation:
        """Succeed once the gate is open."""
        if self.error:
            raise self.error
        assert self.gate.wait(LIMIT_S)
        return Invocation(InvocationOutcome.OK)


class Steered(ConfigSource):
    """A configuration that the test changes."""

    def __init__(self, config: MappingConfig) -> None:
        self.config = config
        self.error: Exception | None = None
        self.reads = threading.Semaphore(0)

    def read(self) -> MappingConfig:
        """Return or raise what the test says."""
        self.reads.release()
        if self.error:
            raise self.error
        return self.config


class Watch(Counters):
    """Counts, and lets the test wait for a state."""

    def __init__(self) -> None:
        super().__init__(self._note)
        self.told: list[Progress] = []
        self._changed = threading.Condition()

    def _note(self, progress: Progress) -> None:
        with self._changed:
            self.told.append(progress)
            self._changed.notify_all()

    def until(self, **sums: Any) -> None:
        """Wait until the sums are so."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: all(getattr(self.totals(), name) == value for name, value in sums.items()), LIMIT_S
            ), self.totals()


def _pass(source: Steered, reads: int) -> None:
    """Let the engine read its configuration so many times more."""
    while source.reads.acquire(blocking=False):
        pass
    for _ in range(reads):
        assert source.reads.acquire(timeout=LIMIT_S)


def engine_on(source: ConfigSource, sqs: MemorySqs, pool: GatedPool, **options: Any) -> Engine:
    """Return an engine by the machine's clock."""
    clock = SystemClock()
    return Engine(source, opener(sqs, clock), pool, clock, **options)  # type: ignore[arg-type]


@contextmanager
def _running(source: ConfigSource, sqs: MemorySqs, pool: GatedPool, pollers: int = 1) -> Iterator[Watch]:
    """Run an engine; the block's end stops it, opens the gate and raises what it raised."""
    watch, stop, errors = Watch(), threading.Event(), list[Exception]()
    engine = engine_on(source, sqs, pool, observer=watch, pollers=pollers, quiet_wait_s=1)

    def run() -> None:
        try:
            engine.run(stop)
        except Exception as error:  # noqa: BLE001 - raised again on the test's thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        pool.gate.set()
        thread.join()
    if errors:
        raise errors[0]


@pytest.fixture(autouse=True)
def _quick_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CONFIG_REFRESH_S", 0.01)


@pytest.mark.parametrize("pollers", [1, 3])
def test_receives_no_more_than_can_run(pollers: int) -> None:
    """While every slot runs a batch, nothing is received; as slots become free the rest is."""
    sqs, pool = MemorySqs(100), GatedPool()
    with _running(FixedMapping(CONFIG), sqs, pool, pollers) as watch:
        watch.until(batches_started=2)
        assert (20, 80) == (watch.totals().messages_received, len(sqs.visible))
        pool.gate.set()
        watch.until(messages_deleted=100)

    assert ([], set()) == (sqs.visible, sqs.hidden)
    assert 0 == watch.totals().messages_in_flight


def test_stop_gives_back_what_is_gathered_and_awaits_what_runs() -> None:
    """At the stop the open batch is visible again at once, and the running ones are settled."""
    config = msgspec.structs.replace(CONFIG, batch_size=40, window_s=300)
    sqs, pool = MemorySqs(50), GatedPool()
    with _running(FixedMapping(config), sqs, pool) as watch:
        watch.until(batches_started=1, messages_received=50)

    assert {f"m{number}" for number in range(40, 50)} == set(sqs.visible)
    assert set() == sqs.hidden
    # The long poll under way may have caught them once more.
    assert (40, 0) == (watch.totals().messages_deleted, watch.totals().messages_in_flight)
    assert watch.totals().messages_given_back >= 10


def test_disabling_stops_receiving_and_enabling_resumes() -> None:
    """The enabled flag takes effect in a running engine; what was gathered is still run."""
    config = msgspec.structs.replace(CONFIG, batch_size=40, window_s=300)
    source, sqs, pool = Steered(config), MemorySqs(5), GatedPool()
    pool.gate.set()
    with _running(source, sqs, pool) as watch:
        watch.until(messages_received=5)
        source.config = msgspec.structs.replace(config, enabled=False)
        watch.until(enabled=False, messages_deleted=5)
        _pass(source, reads=5)
        sqs.put("late")
        _pass(source, reads=5)
        assert 5 == watch.totals().messages_received
        source.config = msgspec.structs.replace(config, batch_size=1)
        watch.until(enabled=True, messages_deleted=6)

    assert [True, False, True] == [told.enabled for told in watch.told if isinstance(told, Switched)]


def test_changed_batch_size_takes_effect() -> None:
    """A new batch size counts from the next batch on."""
    source, sqs, pool = Steered(CONFIG), MemorySqs(0), GatedPool()
    pool.gate.set()
    with _running(source, sqs, pool) as watch:
        source.config = msgspec.structs.replace(CONFIG, batch_size=2)
        _pass(source, reads=3)
        sqs.put(*(f"m{number}" for number in range(24)))
        watch.until(messages_deleted=24)

    sizes = [told.messages for told in watch.told if isinstance(told, BatchStarted)]
    assert 2 == sizes[-1]


def test_empty_batch_follows_a_change() -> None:
    """On a quiet queue a change counts at once; a batch that has begun keeps to what it began with."""
    engine = engine_on(FixedMapping(CONFIG), MemorySqs(0), GatedPool())
    engine._config = msgspec.structs.replace(CONFIG, window_s=7)
    batch, stop = MessageBatch(10, 0), threading.Event()

    assert CloseReason.CHANGED == engine._close_reason(batch, CONFIG, stop)
    batch.offer(Received("m", "r", b"{}"), 0.0)
    assert None is engine._close_reason(batch, CONFIG, stop)
    stop.set()
    assert CloseReason.STOPPED == engine._close_reason(batch, CONFIG, stop)


@pytest.mark.parametrize(("error", "enabled"), [(MappingError("away"), True), (MappingGone("deleted"), False)])
def test_mapping_that_cannot_be_read(error: Exception, enabled: bool) -> None:
    """Trouble with reading changes nothing; a mapping that is deleted ends the receiving."""
    source, sqs, pool = Steered(CONFIG), MemorySqs(0), GatedPool()
    pool.gate.set()
    with _running(source, sqs, pool) as watch:
        assert source.reads.acquire(timeout=LIMIT_S)  # it has started
        source.error = error
        _pass(source, reads=10)
        watch.until(enabled=enabled)


@pytest.mark.parametrize("error", [SettingsError("wrong"), MappingError("away")])
def test_start_needs_a_configuration(error: Exception) -> None:
    """An engine does not start on a configuration that it can't read."""
    source = Steered(CONFIG)
    source.error = error
    with pytest.raises(type(error)), _running(source, MemorySqs(0), GatedPool()):
        pass


def test_start_needs_a_handler() -> None:
    """A handler that can't be imported is reported before anything is received."""
    sqs, pool = MemorySqs(1), GatedPool()
    pool.error = HandlerNotLoaded("no such module")
    with pytest.raises(HandlerNotLoaded), _running(FixedMapping(CONFIG), sqs, pool):
        pass

    assert ["m0"] == sqs.visible


def test_fault_of_the_engine_stops_it() -> None:
    """An error that nobody foresaw ends the run and is raised, instead of a poller going missing silently."""
    sqs, pool = MemorySqs(1), GatedPool()
    pool.error = ZeroDivisionError("bug")
    stop = threading.Event()
    engine = engine_on(FixedMapping(CONFIG), sqs, pool, quiet_wait_s=1)
    with pytest.raises(ZeroDivisionError):
        engine.run(stop)

    assert stop.is_set()


def test_risky_visibility_timeout_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the queue's visibility timeout and the one that is needed."""
    config = msgspec.structs.replace(CONFIG, window_s=2)
    with _running(FixedMapping(config), MemorySqs(0), GatedPool()) as watch:
        watch.until(enabled=True)
    assert "is 31 s and must be at least 32 s" in caplog.text
