"""Windrow's own contender: its Lambda handler with all its real clients, given one event."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from bench.events import batch
from bench.meter import Figures, Meter
from bench.task import Task
from bench.testbed import Upload
from windrow.functions import aggregate


@dataclass
class Context:
    """What the handler uses of Lambda's context."""

    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    remaining_ms: int = 600_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the run time left, in milliseconds."""
        return self.remaining_ms


def contend(task: Task) -> Figures:
    """Aggregate the task's files with one call of the handler, after a small one that opens its connections."""
    _aggregate(batch(task.warm, task.landing))
    event = batch(task.files, task.landing)
    with Meter(task.s3_endpoint) as meter:
        _aggregate(event)
    return meter.figures


def _aggregate(event: dict[str, list[Upload]]) -> None:
    answer = aggregate.handler(event, Context())
    if answer["batchItemFailures"]:
        raise SystemExit(f"the handler reported {len(answer['batchItemFailures'])} messages as failed")
