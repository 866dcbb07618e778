"""Settle a batch with the queue: acknowledge, reject with the reason, give back with a delay."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from windrow.core.errors import DestinationError, LandingError, LedgerError, OutOfTime, Permanent
from windrow.core.events import Message
from windrow.core.metric import Metric
from windrow.core.planning import SUSPECT_AFTER_RECEIVES
from windrow.core.windows import MINUTE, floor
from windrow.pipeline.batch import Batch, ObjectResult, Outcome
from windrow.ports import Clock, Metrics, Queue

FIRST_BACKOFF_S = 10
MAX_BACKOFF_S = 900

FAILURES = (LandingError, LedgerError, DestinationError)
"""What takes run time away: if it ended early in a batch with one of these, it went there."""

CAUSES = 5
"""Causes of retries, and names of ignored events, that a batch's log line tells, the most frequent first."""

OBJECTS = 5
"""Objects of one message that a log line names; S3 sends one a message."""

MessageResult = tuple[Message, ObjectResult]

_log = logging.getLogger(__name__)


def backoff_s(receive_count: int, jitter: Callable[[], float]) -> int:
    """Return the delay before the next try: 10 s, doubling with each receive to 900 s, times 0.5 to 1.

    ``jitter`` gives a number from 0 to 1.
    """
    full = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(receive_count - 1, 16))
    return int(full * (0.5 + 0.5 * jitter()))


class Settler:
    """Tells the queue what became of each message."""

    def __init__(self, queue: Queue, metrics: Metrics, clock: Clock, spread: Callable[[str], float]) -> None:
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._spread = spread

    def acknowledge_finished(self, batch: Batch) -> None:
        """Delete messages that are done already, each once, before work starts that may kill the process."""
        done = [
            message
            for message in batch.messages
            if message.message_id not in batch.acknowledged and batch.finished(message)
        ]
        if done:
            self._queue.delete(done)
            batch.acknowledged.update(message.message_id for message in done)

    def settle(self, batch: Batch) -> list[str]:
        """Dispose of every message; return the ids of those that stay in the queue, for the batch response."""
        results = [(message, batch.message_result(message)) for message in batch.messages]
        rejected = self._reject(results)
        kept = [(message, result) for message, result in results if _stays(message, result, rejected)]
        if kept:
            self._give_back(batch, kept)
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
        """Copy what is rejected to the dead-letter queue; return the ids of the messages that are there now."""
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

    def _give_back(self, batch: Batch, kept: Sequence[MessageResult]) -> None:
        """Hide each message for its delay, and publish how old the oldest is."""
        failed = any(isinstance(result.error, FAILURES) for result in batch.results.values())
        self._queue.set_visibility(
            [(message, self._delay_s(batch, message, result, late_by_failure=failed)) for message, result in kept]
        )
        self._report_oldest(batch, min(kept, key=lambda each: each[0].sent_at))

    def _delay_s(self, batch: Batch, message: Message, result: ObjectResult, *, late_by_failure: bool) -> int:
        """Return the seconds to hide a message that stays.

        What only lacked time comes back at once: the next run has more. Where failures took the time, the next run
        would fare no better, and the message would soon have used up its receives. What arrived in one minute and was
        received as often comes back together, whichever batches it was in: each message by itself would scatter a
        minute over as many batches, and archives, as the longest delay has windows.
        """
        if result.delay_s is not None:
            return result.delay_s
        if isinstance(result.error, OutOfTime) and not late_by_failure:
            return 0
        arrived = min((batch.objects[each].event_time for each in batch.named_in(message)), default=message.sent_at)
        share = self._spread(f"{floor(arrived, MINUTE):%Y%m%dT%H%M} {message.receive_count}")
        return backoff_s(message.receive_count, lambda: share)

    def _report_oldest(self, batch: Batch, kept: MessageResult) -> None:
        """Publish how long the oldest message that is given back has waited, in ms since it was first queued.

        SQS's own ApproximateAgeOfOldestMessage leaves out what was received three times or more, which is what a file
        that fails again and again soon is:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        message, result = kept
        age_s = max(0.0, (self._clock.now() - message.sent_at).total_seconds())
        self._metrics.latency(Metric.OLDEST_RETRIED_MS, [age_s * 1000])
        if message.receive_count > SUSPECT_AFTER_RECEIVES:
            _log.warning(
                "oldest message given back again",
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
    """Tell whether a message stays in the queue: to be tried again, or since it could not be copied when rejected."""
    if result.outcome is Outcome.REJECTED:
        return message.message_id not in rejected
    return result.outcome is Outcome.RETRY
