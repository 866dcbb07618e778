"""One trial of the whole pipeline: upload, wait until everything is delivered, verify it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from windrow import settings
from windrow.lab.stack.samples import Sample
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.upload import Uploader
from windrow.lab.stack.verification import Deliveries, Report, report, verify
from windrow.lab.stack.waiting import polls

POLL_S = 0.25
SETTLED_S = 15.0
"""An empty queue for so long, with files not delivered, means that nobody will deliver them any more."""
TIMEOUT_S = 90.0
"""Longest wait without any progress, beyond the window: a message that failed comes back after 10 s and more."""


class State(msgspec.Struct, frozen=True):
    """A trial's progress. ``queued`` counts messages in the queue, those being worked on included."""

    uploaded: int = 0
    delivered: int = 0
    archives: int = 0
    queued: int = 0
    dead_lettered: int = 0
    verified: int = 0


class Trial:
    """Runs samples through a running stack; ``on_progress`` is called several times a second."""

    def __init__(
        self, stack: Stack, samples: Sequence[Sample], rate: float, on_progress: Callable[[State], object]
    ) -> None:
        import boto3

        from windrow.bootstrap import dead_letter_queue, destination

        self._stack = stack
        self._samples = samples
        self._rate = rate
        self._on_progress = on_progress
        self._s3 = boto3.client("s3")
        self._sqs = boto3.client("sqs")
        loaded = settings.load(stack.environment())
        self._dead_letters = dead_letter_queue(loaded)
        self._destination = destination(loaded)
        self._deliveries = Deliveries(self._destination)
        self._state = State()

    def run(self) -> Report:
        """Upload, wait, verify.

        Raises:
            LocalStackError: a part of the stack ended on the way.
        """
        with Uploader(self._s3, self._stack.outputs.landing_bucket, self._samples, self._rate) as uploader:
            self._await_delivery(uploader)
            uploaded = uploader.uploaded()
        found = verify(uploaded, self._deliveries, self._destination, self._verified)
        return report(
            uploaded,
            self._deliveries,
            found,
            kind=self._stack.kind,
            window_s=self._stack.shape.window_s,
            dead_lettered=self._why_dead() if self._state.dead_lettered else [],
        )

    def _why_dead(self) -> list[str]:
        messages = list(self._dead_letters.walk(self._state.dead_lettered))
        self._dead_letters.release(messages)
        return [f"{message.reason}: {message.detail}" for message in messages]

    def _await_delivery(self, uploader: Uploader) -> None:
        """Return when all is delivered and the queue is empty, or when nothing moves any more."""
        changed_s = 0.0
        timeout_s = TIMEOUT_S + self._stack.shape.window_s
        for passed_s in polls(math.inf, POLL_S):
            before = self._state
            everything_sent = uploader.done  # before the queue is counted, which must then hold all events
            self._poll(uploader)
            if self._state != before:
                changed_s = passed_s
            still_s = passed_s - changed_s
            complete = self._state.delivered >= len(self._samples)
            settled = everything_sent and not self._state.queued and (complete or still_s > SETTLED_S)
            if settled or still_s > timeout_s:
                return

    def _poll(self, uploader: Uploader) -> None:
        self._stack.check()
        queued = _depth(self._sqs, self._stack.outputs.queue_url)
        dead = _depth(self._sqs, self._stack.outputs.dlq_url)
        self._deliveries.refresh()
        self._state = State(
            uploaded=uploader.count,
            delivered=self._deliveries.count,
            archives=len(self._deliveries.archives),
            queued=queued,
            dead_lettered=dead,
        )
        self._on_progress(self._state)

    def _verified(self, count: int) -> None:
        self._state = msgspec.structs.replace(self._state, verified=self._state.verified + count)
        self._on_progress(self._state)


def _depth(sqs: Any, queue_url: str) -> int:  # noqa: ANN401
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)
