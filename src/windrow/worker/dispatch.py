"""Runs one batch: invokes the function and settles the messages."""

from __future__ import annotations

import logging
import threading
import uuid

from windrow.core.backoff import exponential_s
from windrow.core.errors import ResponseError
from windrow.core.mapping import MappingConfig
from windrow.ports import Clock, SourceQueue
from windrow.worker.batcher import CloseReason, MessageBatch
from windrow.worker.pool import Function, Invocation, Pool
from windrow.worker.progress import BatchFinished, BatchStarted, InvocationOutcome, Observer
from windrow.worker.response import failed_ids

_log = logging.getLogger(__name__)


class Dispatcher:
    """Runs batches, from several threads at once, and pauses after failures of the function."""

    def __init__(self, queue: SourceQueue, pool: Pool, clock: Clock, observe: Observer) -> None:
        self._queue = queue
        self._pool = pool
        self._clock = clock
        self._observe = observe
        self._lock = threading.Lock()
        self._failures = 0
        self._resume_at = 0.0

    def pause_s(self) -> float:
        """Return for how many seconds to gather nothing, because the last invocations failed as a whole.

        AWS reduces the concurrency of a function that fails; this waits 1 s, doubled up to 30 s. Messages that the
        function reports as failed do not count.
        """
        with self._lock:
            return max(0.0, self._resume_at - self._clock.monotonic())

    def run(self, batch: MessageBatch, closed_by: CloseReason, config: MappingConfig) -> None:
        """Invoke the function and delete messages that succeeded; the others return after the visibility timeout."""
        request_id = str(uuid.uuid4())
        self._observe(BatchStarted(request_id, len(batch.messages), batch.payload_bytes, closed_by))
        function = Function(config.function_name, config.function_arn, config.memory_mb)
        invocation = self._pool.invoke(batch.payload(), function, config.timeout_s, request_id)
        outcome, detail, failed = judge(invocation, {m.message_id for m in batch.messages}, config.partial_responses)
        self._count(outcome)
        if detail:
            _log.error("invocation %s of %d messages: %s: %s", request_id, len(batch.messages), outcome, detail)
        done = [message for message in batch.messages if message.message_id not in failed]
        self._observe(
            BatchFinished(
                request_id,
                outcome,
                messages=len(batch.messages),
                deleted=self._queue.delete(done),
                failed=len(batch.messages) - len(done),
                seconds=invocation.seconds,
                detail=detail,
            )
        )

    def _count(self, outcome: InvocationOutcome) -> None:
        with self._lock:
            self._failures = 0 if outcome is InvocationOutcome.OK else self._failures + 1
            self._resume_at = self._clock.monotonic() + exponential_s(self._failures)


def judge(
    invocation: Invocation,
    message_ids: set[str],
    partial_responses: bool,  # noqa: FBT001 - a field of the mapping
) -> tuple[InvocationOutcome, str, frozenset[str]]:
    """Return the outcome, why the whole batch failed if it did, and the ids of the messages that stay."""
    if invocation.outcome is not InvocationOutcome.OK:
        return invocation.outcome, invocation.detail, frozenset(message_ids)
    if not partial_responses:
        return InvocationOutcome.OK, "", frozenset()
    try:
        return InvocationOutcome.OK, "", failed_ids(invocation.response, message_ids)
    except ResponseError as error:
        return InvocationOutcome.MALFORMED, str(error), frozenset(message_ids)
