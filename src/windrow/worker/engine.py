"""The engine: pollers gather batches, worker processes run them, messages that succeeded are deleted.

A batch is gathered only while a slot is free to run it, so that no message waits in memory while its visibility
timeout runs down. A slot is held from the start of the gathering until the batch is settled.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import msgspec

from windrow.core.errors import MappingError, MappingGone, QueueError, SettingsError
from windrow.core.mapping import CONCURRENCY_MOST, MappingConfig, in_flight_fault, visibility_fault
from windrow.ports import Clock, ConfigSource, Received, SourceQueue
from windrow.worker import memory
from windrow.worker.batcher import QUIET_WAIT_S, RECEIVERS, TICK_S, CloseReason, Gatherer, MessageBatch
from windrow.worker.dispatch import Dispatcher
from windrow.worker.pool import Pool
from windrow.worker.progress import GivenBack, Observer, ReceivedMessages, Switched
from windrow.worker.semaphore import ResizableSemaphore

_log = logging.getLogger(__name__)

CONFIG_REFRESH_S = 3.0
"""How old the configuration may become; the circuit breaker takes effect through it."""

REQUESTERS = 4
"""Delete and release requests under way at once."""


class Engine:
    """Runs one event source mapping until it is stopped; an engine runs once.

    ``open_queue`` opens the mapping's queue, with an executor for its requests. Each of the ``pollers`` gathers a
    batch: 1 gives the fullest batches, AWS starts with 5. The caller closes the pool. ``quiet_wait_s`` (1 to 20) is the
    long poll on an empty queue, and so how long a stop may take when nothing runs.
    """

    def __init__(
        self,
        config_source: ConfigSource,
        open_queue: Callable[[MappingConfig, Executor], SourceQueue],
        pool: Pool,
        clock: Clock,
        observer: Observer = lambda _: None,
        *,
        pollers: int = 1,
        quiet_wait_s: int = QUIET_WAIT_S,
    ) -> None:
        self._source = config_source
        self._open_queue = open_queue
        self._pool = pool
        self._clock = clock
        self._observe = observer
        self._pollers = pollers
        self._quiet_wait_s = quiet_wait_s
        self._slots = ResizableSemaphore()
        self._fault: BaseException | None = None

    def run(self, stop: threading.Event) -> None:
        """Gather and run batches until ``stop`` is set.

        Then nothing more is received, messages that were gathered and not dispatched return to the queue, and running
        invocations are awaited. An error of the engine itself sets ``stop`` too and is raised at the end.

        Raises:
            MappingError: the mapping, its function or its queue cannot be read at the start.
            SettingsError: the engine does not support the mapping.
            QueueError: the queue cannot be read at the start.
            HandlerNotLoaded: the handler cannot be imported.
        """
        self._config = self._source.read()
        with ExitStack() as stack:

            def threads(name: str, most: int) -> Executor:
                return stack.enter_context(ThreadPoolExecutor(most, f"windrow-{name}"))

            self._queue = self._open_queue(self._config, threads("request", REQUESTERS))
            self._warn()
            self._pool.warm()
            self._observe(Switched(self._config.enabled))
            self._dispatcher = Dispatcher(self._queue, self._pool, self._clock, self._observe)
            receives, invocations = threads("receive", RECEIVERS * self._pollers), threads("invoke", CONCURRENCY_MOST)
            pollers = threads("poll", self._pollers)
            for _ in range(self._pollers):
                gatherer = Gatherer(self._receive, receives, self._clock, quiet_wait_s=self._quiet_wait_s)
                pollers.submit(self._guard, stop, self._poll, gatherer, invocations, stop)
            self._guard(stop, self._refresh_config, stop)
        if self._fault:
            raise self._fault

    def _guard(self, stop: threading.Event, work: Callable[..., None], *args: object) -> None:
        """Stop the engine when a thread fails."""
        try:
            work(*args)
        except BaseException as error:  # noqa: BLE001 - raised again at the end of `run`
            self._fault = self._fault or error
            stop.set()

    def _poll(self, gatherer: Gatherer, invocations: Executor, stop: threading.Event) -> None:
        """Gather one batch after the other and submit each, until the stop."""
        while not stop.is_set():
            idle_s = 0.0 if self._config.enabled or gatherer.has_messages() else TICK_S
            if pause_s := max(idle_s, min(TICK_S, self._dispatcher.pause_s())):
                self._clock.wait(stop, pause_s)
                continue
            config = self._config
            if not self._slots.acquire(config.concurrency, TICK_S):
                continue
            batch = MessageBatch(config.batch_size, config.window_s)
            reason = gatherer.gather(batch, partial(self._close_reason, batch, config, stop), stop)
            if batch.messages and reason is not CloseReason.STOPPED:
                invocations.submit(self._guard, stop, self._dispatch, batch, reason, config)
                continue
            self._slots.release()
            self._release(batch.messages)
        self._release(gatherer.drain())

    def _close_reason(self, batch: MessageBatch, config: MappingConfig, stop: threading.Event) -> CloseReason | None:
        if stop.is_set():
            return CloseReason.STOPPED
        if not self._config.enabled:
            return CloseReason.DISABLED
        return CloseReason.CHANGED if not batch.messages and self._config != config else None

    def _dispatch(self, batch: MessageBatch, reason: CloseReason, config: MappingConfig) -> None:
        try:
            self._dispatcher.run(batch, reason, config)
        finally:
            self._slots.release()
        memory.give_back()

    def _receive(self, count: int, wait_s: int) -> list[Received]:
        messages = self._queue.receive(count, wait_s)
        if messages:
            self._observe(ReceivedMessages(len(messages)))
        return messages

    def _release(self, messages: list[Received]) -> None:
        if messages:
            self._queue.release(messages)
            self._observe(GivenBack(len(messages)))

    def _refresh_config(self, stop: threading.Event) -> None:
        """Read the configuration every few seconds until the stop."""
        while not self._clock.wait(stop, CONFIG_REFRESH_S):
            before = self._config
            try:
                self._config = self._source.read()
                if _ignoring_enabled(self._config) != _ignoring_enabled(before):
                    _log.info("the mapping has changed: %s", self._config)
                    self._warn()
            except MappingGone as error:
                if before.enabled:
                    _log.error("no more messages are received: %s", error)
                self._config = msgspec.structs.replace(before, enabled=False)
            except (MappingError, SettingsError, QueueError) as error:
                _log.warning("the mapping could not be read, its last configuration is used: %s", error)
            if self._config.enabled != before.enabled:
                _log.info("the mapping was %s", "enabled" if self._config.enabled else "disabled")
                self._observe(Switched(self._config.enabled))

    def _warn(self) -> None:
        """Log risks in the configuration that do not prevent work."""
        config = self._config
        visibility_s = self._queue.visibility_timeout_s()
        for risk in (visibility_fault(visibility_s, config.timeout_s, config.window_s), in_flight_fault(config)):
            if risk:
                _log.warning(risk)


def _ignoring_enabled(config: MappingConfig) -> MappingConfig:
    return msgspec.structs.replace(config, enabled=True)
