"""The depth of a queue and the age of its oldest message, through boto3."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.clients.sqs.queue import numbers
from windrow.core.errors import QueueError
from windrow.ports import Clock, QueueDepth

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

AGE_PERIOD_S = 60
AGE_LOOKBACK = timedelta(minutes=15)
"""SQS publishes each minute, some minutes late, and nothing for a queue that was inactive for six hours:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html"""


class _Result(msgspec.Struct, frozen=True, rename="pascal"):
    """The values of one query of GetMetricData, the newest first."""

    values: list[float]


class _Results(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetMetricData for one metric."""

    metric_data_results: Annotated[list[_Result], msgspec.Meta(min_length=1)]


class SqsStatistics:
    """Implements `QueueStatistics` with GetQueueAttributes and CloudWatch's GetMetricData."""

    def __init__(self, queue_url: str, sqs: SQSClient, cloudwatch: CloudWatchClient, clock: Clock) -> None:
        self._queue_url = queue_url
        self._sqs = sqs
        self._cloudwatch = cloudwatch
        self._clock = clock

    def depth(self) -> QueueDepth:
        """Return how many messages there are; see the port's contract."""
        names: Any = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        visible, in_flight, delayed = self._numbers(names)
        return QueueDepth(visible=visible, in_flight=in_flight, delayed=delayed)

    def retention(self) -> timedelta:
        """Return how long the queue keeps a message. Raises `QueueError`."""
        (seconds,) = self._numbers(["MessageRetentionPeriod"])
        return timedelta(seconds=seconds)

    def oldest_age_s(self) -> float | None:
        """Return the age of the oldest message; see the port's contract."""
        now = self._clock.now()
        query: Any = {
            "Id": "age",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": self._queue_url.rpartition("/")[2]}],
                },
                "Period": AGE_PERIOD_S,
                "Stat": "Maximum",
            },
        }
        with failing_as(QueueError, "the age of the oldest message could not be read from CloudWatch"):
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=[query], StartTime=now - AGE_LOOKBACK, EndTime=now, ScanBy="TimestampDescending"
            )
            values = answers.read(answer, _Results).metric_data_results[0].values
        return values[0] if values else None

    def _numbers(self, names: Sequence[QueueAttributeNameType]) -> list[int]:
        with failing_as(QueueError, f"the queue {self._queue_url} could not be read"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=names)
            return numbers(answer, names)
