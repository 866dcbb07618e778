"""Settles a batch: acknowledges messages, dead-letters them with a reason, or returns them to the queue."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from windrow.core.backoff import redelivery_delay_s
from windrow.core.errors import DestinationError, LandingError, LedgerError, OutOfTime, Permanent
from windrow.core.events import Message
from windrow.core.metric import Metric
from windrow.core.planning import SUSPECT_AFTER_RECEIVES
from windrow.core.windows import MINUTE, floor
from windrow.pipeline.batch import Batch, ObjectResult, Outcome
from windrow.ports import Clock, Metrics, Queue

FAILURES = (LandingError, LedgerError, DestinationError)
"""Errors that cost run time: if a batch with one of these ran out of time, they are the cause."""

CAUSES = 5
"""Most causes of retries, and most names of ignored events, in a batch's log line, the most frequent first."""

OBJECTS = 5
"""Most objects of one message in a log line; S3 sends one for each message."""

MessageResult = tuple[Message, ObjectResult]

_log = logging.getLogger(__name__)


class Settler:
    """Passes the results of a batch's messages to the queue."""

    def __init__(self, queue: Queue, metrics: Metrics, clock: Clock, spread: Callable[[str], float]) -> None:
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._spread = spread

    def acknowledge_finished(self, batch: Batch) -> None:
        """Delete messages that are done, each once, before work starts that may kill the process."""
        done = [
            message
            for message in batch.messages
            if message.message_id not in batch.acknowledged and batch.finished(message)
        ]
        if done:
            self._queue.delete(done)
            batch.acknowledged.update(message.message_id for message in done)

    def settle(self, batch: Batch) -> list[str]:
        """Settle every message; return the ids of those that stay in the queue, for the batch response."""
        results = [(message, batch.message_result(message)) for message in batch.messages]
        rejected = self._reject(results)
        kept = [(message, result) for message, result in results if _stays(message, result, rejected)]
        if kept:
            self._return_to_queue(batch, kept)
        self._count(batch, rejected=len(rejected), retried=len(kept))
        causes = Counter(str(result.error) for _, result in kept if result.error is not None)
        _log.info(
            "batch settled",
            extra={
                "messages": len(results),
                "kept": len(kept),
                "rejected": len(rejected),
                "ignored": dict(batch.ignored.most_common(CAUSES)),
                "causes": dict(causes.most_common(CAUSES)),
            },
        )
        return [message.message_id for message, _ in kept]

    def _reject(self, results: Sequence[MessageResult]) -> set[str]:
        """Copy rejected messages to the dead-letter queue; return the ids of those that were copied."""
        rejects = [
            (message, result.error)
            for message, result in results
            if result.outcome is Outcome.REJECTED and isinstance(result.error, Permanent)
        ]
        copied = self._queue.dead_letter(rejects) if rejects else set()
        for message, error in rejects:
            _log.warning(
                "message rejected",
                extra={"message_id": message.message_id, "reason": error.reason, "detail": str(error)[:512]},
            )
        return copied

    def _return_to_queue(self, batch: Batch, kept: Sequence[MessageResult]) -> None:
        """Hide each message for its delay, and publish the age of the oldest."""
        failed = any(isinstance(result.error, FAILURES) for result in batch.results.values())
        self._queue.set_visibility(
            [(message, self._delay_s(batch, message, result, late_by_failure=failed)) for message, result in kept]
        )
        self._report_oldest(batch, min(kept, key=lambda each: each[0].sent_at))

    def _delay_s(self, batch: Batch, message: Message, result: ObjectResult, *, late_by_failure: bool) -> int:
        """Return for how many seconds to hide a message that stays.

        A message that only ran out of time returns at once: the next run has more. If failures used up the time, the
        next run would fail too, and the message would soon have used up its receives. The backoff is the same for all
        messages of one minute with the same number of receives, whichever batches they were in: with a random backoff
        for each, the minute would be scattered over as many archives as the longest delay has windows.
        """
        if result.delay_s is not None:
            return result.delay_s
        if isinstance(result.error, OutOfTime) and not late_by_failure:
            return 0
        arrived = min((batch.objects[each].event_time for each in batch.named_in(message)), default=message.sent_at)
        share = self._spread(f"{floor(arrived, MINUTE):%Y%m%dT%H%M} {message.receive_count}")
        return redelivery_delay_s(message.receive_count, lambda: share)

    def _report_oldest(self, batch: Batch, kept: MessageResult) -> None:
        """Publish the age of the oldest message that is returned to the queue, in ms since it was first queued.

        SQS's own ApproximateAgeOfOldestMessage leaves out messages that were received three times or more, and so those
        of a file that fails again and again:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        message, result = kept
        age_s = max(0.0, (self._clock.now() - message.sent_at).total_seconds())
        self._metrics.latency(Metric.OLDEST_RETRIED_MS, [age_s * 1000])
        if message.receive_count > SUSPECT_AFTER_RECEIVES:
            _log.warning(
                "oldest message returned to the queue again",
                extra={
                    "message_id": message.message_id,
                    "objects": batch.named_in(message)[:OBJECTS],
                    "receives": message.receive_count,
                    "age_s": round(age_s),
                    "cause": str(result.error)[:512],
                },
            )

    def _count(self, batch: Batch, *, rejected: int, retried: int) -> None:
        outcomes = [result.outcome for result in batch.results.values()]
        self._metrics.count(Metric.FILES_PROCESSED, outcomes.count(Outcome.DELIVERED))
        self._metrics.count(Metric.FILES_DUPLICATE, outcomes.count(Outcome.DUPLICATE) + batch.repeats())
        self._metrics.count(Metric.FILES_REJECTED, rejected)
        self._metrics.count(Metric.FILES_RETRIED, retried)
        self._metrics.count(Metric.EVENTS_IGNORED, batch.ignored.total())


def _stays(message: Message, result: ObjectResult, rejected: Collection[str]) -> bool:
    """Return whether a message stays in the queue: it is retried, or it was rejected and could not be copied."""
    if result.outcome is Outcome.REJECTED:
        return message.message_id not in rejected
    return result.outcome is Outcome.RETRY
