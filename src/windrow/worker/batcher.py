"""Gathering messages into batches, as AWS Lambda does for an SQS event source.

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
"""How long a wait lasts at most before the loops look again at the stop event and the mapping."""

PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024
"""Largest event of a synchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

QUIET_WAIT_S = 20
"""The longest long poll that SQS knows, and what AWS waits on a quiet queue."""

RECEIVERS = 8
"""Receives under way at once per poller on a deep queue: 8 of 10 messages at 40 ms each are 2,000 messages/s."""

PAUSE_MOST_S = 1.0
"""The longest rest between receives that find little: a trickle then costs few requests a second, not one a message."""

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
        self._turned_away = False

    def offer(self, message: Received, now: float) -> bool:
        """Take the message if it fits; once one did not, the batch is closed and takes no more.

        An empty batch takes any message: one that is over the limit alone would otherwise wait for ever.
        """
        if self._turned_away or len(self.messages) >= self._batch_size:
            return False
        added_bytes = len(message.record) + bool(self.messages)
        if self.messages and self.payload_bytes + added_bytes > self._limit_bytes:
            self._turned_away = True
            return False
        if not self.messages:
            self._opened_at = now
        self.messages.append(message)
        self.payload_bytes += added_bytes
        return True

    def closed(self, now: float) -> CloseReason | None:
        """Return why the batch takes no more messages, or None while it does."""
        if self._turned_away or self.payload_bytes >= self._limit_bytes:
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
        """Return how many more messages to ask for when ``expected`` are asked for already.

        The payload limit enters by the mean size so far, so that few messages are received in vain.
        """
        room = self._batch_size - len(self.messages)
        if self.messages:
            mean_bytes = self.payload_bytes / len(self.messages)
            room = min(room, math.ceil((self._limit_bytes - self.payload_bytes) / mean_bytes))
        return max(0, room - expected)

    @property
    def pause_s(self) -> float:
        """How long to rest after a receive that found little: a tenth of the window, one second at most."""
        return min(PAUSE_MOST_S, self._window_s / 10)

    def payload(self) -> bytes:
        """Return the event, encoded; its length is ``payload_bytes``."""
        return b"".join((_HEAD, b",".join(message.record for message in self.messages), _TAIL))


class Gatherer:
    """Receives messages and fills one batch at a time. One thread uses it; receives run on the executor.

    What was received and did not fit is held for the next batch, in order of arrival. Receives that are under way
    when a batch closes go on, and what they bring is held too.
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
        self._asked: dict[Future[list[Received]], int] = {}
        self._lanes = 1
        self._failures = 0
        self._rest_until = -math.inf

    def gather(
        self, batch: MessageBatch, halted: Callable[[], CloseReason | None], stop: threading.Event
    ) -> CloseReason:
        """Fill the batch until it closes or ``halted`` gives a reason; return why. Waits end early with ``stop``."""
        while True:
            now = self._clock.monotonic()
            self._pour(batch, now)
            reason = halted() or batch.closed(now)
            if reason in (CloseReason.WINDOW, CloseReason.DISABLED):
                # What is about to arrive would otherwise wait for the next batch, which may be long in coming.
                wait(self._asked, timeout=TICK_S)
                self._collect(batch)
                self._pour(batch, now)
            if reason:
                return reason
            if now >= self._rest_until:
                self._ask(batch, now)
            self._listen(batch, now, stop)

    def holds(self) -> bool:
        """Return whether messages are in hand that belong to no batch yet."""
        return bool(self._held) or any(future.done() for future in self._asked)

    def drain(self) -> list[Received]:
        """Wait for the receives under way (``quiet_wait_s`` at most, and a round trip); return all that is held."""
        wait(self._asked)
        self._collect(None)
        held = list(self._held)
        self._held.clear()
        return held

    def _pour(self, batch: MessageBatch, now: float) -> None:
        while self._held and batch.offer(self._held[0], now):
            self._held.popleft()

    def _ask(self, batch: MessageBatch, now: float) -> None:
        """Start receives while the batch has room for what they may bring.

        Only one waits for messages: more would each hold a message back from it on a quiet queue.
        """
        while len(self._asked) < self._lanes:
            count = min(MESSAGES_A_CALL, batch.room(sum(self._asked.values())))
            if count == 0:
                return
            wait_s = 0 if self._asked else int(min(self._quiet_wait_s, batch.remaining_s(now)))
            self._asked[self._executor.submit(self._receive, count, wait_s)] = count

    def _listen(self, batch: MessageBatch, now: float, stop: threading.Event) -> None:
        timeout_s = min(TICK_S, batch.remaining_s(now))
        if self._asked:
            wait(self._asked, timeout=timeout_s, return_when=FIRST_COMPLETED)
        else:
            self._clock.wait(stop, min(timeout_s, self._rest_until - now))
        self._collect(batch)

    def _collect(self, batch: MessageBatch | None) -> None:
        for future in [future for future in self._asked if future.done()]:
            count = self._asked.pop(future)
            try:
                messages = future.result()
            except QueueError as error:
                self._failures += 1
                self._lanes = 1
                self._rest(exponential_s(self._failures))
                _log.warning("receiving failed %d times in a row: %s", self._failures, error)
                continue
            self._failures = 0
            self._held.extend(messages)
            self._adapt(len(messages), count, batch)

    def _adapt(self, got: int, asked: int, batch: MessageBatch | None) -> None:
        """Receive with more lanes while the queue gives all that is asked, with one and a rest when it gives little."""
        if got == asked:
            self._lanes = min(self._receivers, self._lanes * 2)
        elif got < asked / 2:
            self._lanes = 1
            if batch and (got or batch.messages):
                self._rest(batch.pause_s)

    def _rest(self, seconds: float) -> None:
        self._rest_until = self._clock.monotonic() + seconds
