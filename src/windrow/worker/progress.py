"""The engine's progress events, for live displays, JSON output and tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

import msgspec

from windrow.worker.batcher import CloseReason


class InvocationOutcome(StrEnum):
    """The outcome of an invocation."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH = "crash"
    MALFORMED = "malformed"


class ReceivedMessages(msgspec.Struct, frozen=True, tag="received", tag_field="event"):
    """Messages were received."""

    count: int


class GivenBack(msgspec.Struct, frozen=True, tag="given_back", tag_field="event"):
    """Messages that were received and not dispatched were returned to the queue."""

    count: int


class BatchStarted(msgspec.Struct, frozen=True, tag="batch_started", tag_field="event"):
    """An invocation starts."""

    request_id: str
    messages: int
    payload_bytes: int
    closed_by: CloseReason


class BatchFinished(msgspec.Struct, frozen=True, tag="batch_finished", tag_field="event"):
    """An invocation has ended and its messages are settled.

    ``failed`` counts the messages that stay in the queue because of it, ``detail`` says why the whole batch failed.
    ``deleted`` + ``failed`` is less than ``messages`` if SQS refused a delete.
    """

    request_id: str
    outcome: InvocationOutcome
    messages: int
    deleted: int
    failed: int
    seconds: float
    detail: str = ""


class Switched(msgspec.Struct, frozen=True, tag="switched", tag_field="event"):
    """The mapping was enabled or disabled."""

    enabled: bool


Progress = ReceivedMessages | GivenBack | BatchStarted | BatchFinished | Switched

Observer = Callable[[Progress], None]
"""Called on several of the engine's threads at once: it must be fast and thread-safe, and must not raise."""


class Totals(msgspec.Struct, frozen=True):
    """Totals since the start. ``messages_in_flight`` are received and neither settled nor returned to the queue.

    ``started`` is true once the handler is loaded and the mapping was read.
    """

    started: bool = False
    enabled: bool = True
    messages_received: int = 0
    messages_deleted: int = 0
    messages_failed: int = 0
    messages_given_back: int = 0
    messages_in_flight: int = 0
    batches_started: int = 0
    batches_finished: int = 0
    batches_failed: int = 0

    @property
    def batches_running(self) -> int:
        """Invocations that are running."""
        return self.batches_started - self.batches_finished


class Counters:
    """An observer that adds events up; `totals` may be read at any time."""

    def __init__(self, then: Observer | None = None) -> None:
        self._lock = threading.Lock()
        self._totals = Totals()
        self._then = then

    def __call__(self, progress: Progress) -> None:
        """Add the event to the totals, then pass it on."""
        with self._lock:
            self._totals = _add(self._totals, progress)
        if self._then:
            self._then(progress)

    def totals(self) -> Totals:
        """Return the totals so far."""
        with self._lock:
            return self._totals


def _add(totals: Totals, progress: Progress) -> Totals:
    replace = msgspec.structs.replace
    match progress:
        case ReceivedMessages(count=count):
            return replace(
                totals,
                messages_received=totals.messages_received + count,
                messages_in_flight=totals.messages_in_flight + count,
            )
        case GivenBack(count=count):
            return replace(
                totals,
                messages_given_back=totals.messages_given_back + count,
                messages_in_flight=totals.messages_in_flight - count,
            )
        case BatchStarted():
            return replace(totals, batches_started=totals.batches_started + 1)
        case BatchFinished():
            return replace(
                totals,
                batches_finished=totals.batches_finished + 1,
                batches_failed=totals.batches_failed + (progress.outcome is not InvocationOutcome.OK),
                messages_deleted=totals.messages_deleted + progress.deleted,
                messages_failed=totals.messages_failed + progress.failed,
                messages_in_flight=totals.messages_in_flight - progress.messages,
            )
        case Switched(enabled=enabled):
            return replace(totals, enabled=enabled, started=True)
