"""What the engine tells of itself while it runs, for live displays, JSON output and tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

import msgspec

from windrow.worker.batcher import CloseReason


class InvocationOutcome(StrEnum):
    """How an invocation ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH = "crash"
    MALFORMED = "malformed"


class ReceivedMessages(msgspec.Struct, frozen=True, tag="received", tag_field="event"):
    """Messages were received."""

    count: int


class GivenBack(msgspec.Struct, frozen=True, tag="given_back", tag_field="event"):
    """Messages that were received and not dispatched were made visible again."""

    count: int


class BatchStarted(msgspec.Struct, frozen=True, tag="batch_started", tag_field="event"):
    """An invocation begins."""

    request_id: str
    messages: int
    payload_bytes: int
    closed_by: CloseReason


class BatchFinished(msgspec.Struct, frozen=True, tag="batch_finished", tag_field="event"):
    """An invocation is over and its messages are settled.

    ``failed`` counts the messages that stay in the queue because of it, ``detail`` says why the whole batch failed.
    ``deleted`` + ``failed`` is less than ``messages`` where SQS refused a delete.
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
"""Is called on the engine's threads, several at once: it must be quick, thread-safe and never raise."""


class Totals(msgspec.Struct, frozen=True):
    """Sums since the start. ``messages_in_flight`` are those received and neither settled nor given back.

    ``started`` tells that the handler is loaded and the mapping known.
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
        """Invocations under way."""
        return self.batches_started - self.batches_finished


class Counters:
    """An observer that sums; `totals` may be read at any time."""

    def __init__(self, then: Observer | None = None) -> None:
        self._lock = threading.Lock()
        self._totals = Totals()
        self._then = then

    def __call__(self, progress: Progress) -> None:
        """Add to the sums, then pass on."""
        with self._lock:
            self._totals = _add(self._totals, progress)
        if self._then:
            self._then(progress)

    def totals(self) -> Totals:
        """Return the sums."""
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
