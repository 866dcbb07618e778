"""Gathers messages into batches, as AWS Lambda does for an SQS event source.

A batch closes when its size, the payload limit of an invocation or its batching window is reached:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from enum import StrEnum

from windrow.core.backoff import exponential_s
from windrow.core.errors import QueueError
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.ports import Clock, Received

_log = logging.getLogger(__name__)

TICK_S = 0.25
"""Longest wait before the loops check the stop event and the mapping again."""

PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
"""Largest event of a synchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

QUIET_WAIT_S = 20
"""SQS's longest long poll, which AWS uses on an empty queue."""

RECEIVERS = 8
"""Receives under way at once per poller on a deep queue: 8 of 10 messages at 40 ms each are 2,000 messages/s."""

PAUSE_MOST_S = 1.0
"""Longest pause after receives that return few messages, so that slow arrivals do not cost a request a message."""

_HEAD, _TAIL = b'{"Records":[', b"]}"

Receive = Callable[[int, int], list[Received]]
"""Receives up to (count) messages, waiting up to (seconds) for the first. Raises `QueueError`."""


class CloseReason(StrEnum):
    """Why a batch was closed."""

    SIZE = "size"
    PAYLOAD = "payload"
    WINDOW = "window"
    DISABLED = "disabled"
    CHANGED = "changed"
    """The mapping changed before the first message."""
    STOPPED = "stopped"


class MessageBatch:
    """Messages for one invocation. ``window_s`` counts from its first message."""

    def __init__(self, batch_size: int, window_s: float, payload_limit_bytes: int = PAYLOAD_LIMIT_BYTES) -> None:
        self.messages: list[Received] = []
        self.payload_bytes = len(_HEAD) + len(_TAIL)
        self._batch_size = batch_size
        self._window_s = window_s
        self._limit_bytes = payload_limit_bytes
        self._opened_at = math.inf
        self._refused_one = False

    def offer(self, message: Received, now: float) -> bool:
        """Add the message if it fits; return False if it does not, and then the batch is closed.

        An empty batch accepts any message: one that exceeds the limit alone would otherwise wait for ever.
        """
        if self._refused_one or len(self.messages) >= self._batch_size:
            return False
        added_bytes = len(message.record) + bool(self.messages)
        if self.messages and self.payload_bytes + added_bytes > self._limit_bytes:
            self._refused_one = True
            return False
        if not self.messages:
            self._opened_at = now
        self.messages.append(message)
        self.payload_bytes += added_bytes
        return True

    def closed(self, now: float) -> CloseReason | None:
        """Return why the batch is closed, None while it is open."""
        if self._refused_one or self.payload_bytes >= self._limit_bytes:
            return CloseReason.PAYLOAD
        if len(self.messages) >= self._batch_size:
            return CloseReason.SIZE
        if self.remaining_s(now) <= 0:
            return CloseReason.WINDOW
        return None

    def remaining_s(self, now: float) -> float:
        """Seconds of the window that are left; infinite while the batch is empty."""
        return self._opened_at + self._window_s - now

    def room(self, expected: int) -> int:
        """Return how many more messages to receive when receives for ``expected`` messages are under way.

        The payload limit is estimated from the mean size so far, so that few messages are received and do not fit.
        """
        room = self._batch_size - len(self.messages)
        if self.messages:
            mean_bytes = self.payload_bytes / len(self.messages)
            room = min(room, math.ceil((self._limit_bytes - self.payload_bytes) / mean_bytes))
        return max(0, room - expected)

    @property
    def pause_s(self) -> float:
        """How long to pause after a receive that returned few messages: a tenth of the window, one second at most."""
        return min(PAUSE_MOST_S, self._window_s / 10)

    def payload(self) -> bytes:
        """Return the event, encoded; its length is ``payload_bytes``."""
        return b"".join((_HEAD, b",".join(message.record for message in self.messages), _TAIL))


class Gatherer:
    """Receives messages and fills one batch at a time. One thread uses it; receives run on the executor.

    Messages that were received and did not fit are held for the next batch, in order of arrival. So are those of
    receives that are under way when a batch closes.
    """

    def __init__(
        self,
        receive: Receive,
        executor: Executor,
        clock: Clock,
        *,
        receivers: int = RECEIVERS,
        quiet_wait_s: int = QUIET_WAIT_S,
    ) -> None:
        self._receive = receive
        self._executor = executor
        self._clock = clock
        self._receivers = receivers
        self._quiet_wait_s = quiet_wait_s
        self._held: deque[Received] = deque()
        self._pending: dict[Future[list[Received]], int] = {}
        self._concurrency = 1
        self._failures = 0
        self._pause_until = -math.inf

    def gather(
        self, batch: MessageBatch, halted: Callable[[], CloseReason | None], stop: threading.Event
    ) -> CloseReason:
        """Fill the batch until it closes or ``halted`` gives a reason; return why. Waits end early with ``stop``."""
        while True:
            now = self._clock.monotonic()
            self._fill(batch, now)
            reason = halted() or batch.closed(now)
            if reason in (CloseReason.WINDOW, CloseReason.DISABLED):
                # Messages that are about to arrive would otherwise wait for the next batch, perhaps for long.
                wait(self._pending, timeout=TICK_S)
                self._collect(batch)
                self._fill(batch, now)
            if reason:
                return reason
            if now >= self._pause_until:
                self._start_receives(batch, now)
            self._wait(batch, now, stop)

    def has_messages(self) -> bool:
        """Return whether it holds messages that are in no batch yet."""
        return bool(self._held) or any(future.done() for future in self._pending)

    def drain(self) -> list[Received]:
        """Wait for the receives under way (``quiet_wait_s`` at most, and a round trip); return all that is held."""
        wait(self._pending)
        self._collect(None)
        held = list(self._held)
        self._held.clear()
        return held

    def _fill(self, batch: MessageBatch, now: float) -> None:
        while self._held and batch.offer(self._held[0], now):
            self._held.popleft()

    def _start_receives(self, batch: MessageBatch, now: float) -> None:
        """Start receives while the batch has room for their messages.

        Only one is a long poll: on a nearly empty queue, several would share the few messages.
        """
        while len(self._pending) < self._concurrency:
            count = min(MESSAGES_A_CALL, batch.room(sum(self._pending.values())))
            if count == 0:
                return
            wait_s = 0 if self._pending else int(min(self._quiet_wait_s, batch.remaining_s(now)))
            self._pending[self._executor.submit(self._receive, count, wait_s)] = count

    def _wait(self, batch: MessageBatch, now: float, stop: threading.Event) -> None:
        timeout_s = min(TICK_S, batch.remaining_s(now))
        if self._pending:
            wait(self._pending, timeout=timeout_s, return_when=FIRST_COMPLETED)
        else:
            self._clock.wait(stop, min(timeout_s, self._pause_until - now))
        self._collect(batch)

    def _collect(self, batch: MessageBatch | None) -> None:
        for future in [future for future in self._pending if future.done()]:
            count = self._pending.pop(future)
            try:
                messages = future.result()
            except QueueError as error:
                self._failures += 1
                self._concurrency = 1
                self._pause(exponential_s(self._failures))
                _log.warning("receiving failed %d times in a row: %s", self._failures, error)
                continue
            self._failures = 0
            self._held.extend(messages)
            self._adapt(len(messages), count, batch)

    def _adapt(self, got: int, requested: int, batch: MessageBatch | None) -> None:
        """Run more receives at once while they return all messages requested; after few, pause and run one."""
        if got == requested:
            self._concurrency = min(self._receivers, self._concurrency * 2)
        elif got < requested / 2:
            self._concurrency = 1
            if batch and (got or batch.messages):
                self._pause(batch.pause_s)

    def _pause(self, seconds: float) -> None:
        self._pause_until = self._clock.monotonic() + seconds
