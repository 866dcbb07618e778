"""How punctual the deliveries of the last hour were, from their metrics in CloudWatch."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.clients.cloudwatch.metrics import NAMESPACE, SERVICE
from windrow.core.errors import MetricsError
from windrow.core.metric import Metric
from windrow.ports import Clock, Punctuality

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

HOUR = timedelta(hours=1)
PERIOD_S = 60
COUNTED = {"files": Metric.FILES_PROCESSED, "over2": Metric.FILES_OVER_2_MINUTES, "over3": Metric.FILES_OVER_3_MINUTES}
"""The metrics of batches, by the id of the query."""


class _Result(msgspec.Struct, frozen=True, rename="pascal"):
    id: str
    values: list[float]


class _Results(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetMetricData."""

    metric_data_results: list[_Result]


class CloudWatchPunctuality:
    """Implements `PunctualityStatistics` with one GetMetricData. ``stack`` is the setting."""

    def __init__(self, cloudwatch: CloudWatchClient, clock: Clock, *, stack: str) -> None:
        self._cloudwatch = cloudwatch
        self._clock = clock
        self._dimensions = {"service": SERVICE, **({"stack": stack} if stack else {})}

    def last_hour(self) -> Punctuality | None:
        """Return the counts; see the port's contract."""
        now = self._clock.now()
        with failing_as(MetricsError, "the latencies could not be read from CloudWatch"):
            answer = self._cloudwatch.get_metric_data(
                MetricDataQueries=[self._query(*each) for each in COUNTED.items()], StartTime=now - HOUR, EndTime=now
            )
            results = answers.read(answer, _Results).metric_data_results
        sums = {name: round(sum(sum(each.values) for each in results if each.id == name)) for name in COUNTED}
        if not sums["files"]:
            return None
        return Punctuality(sums["files"], over_2_minutes=sums["over2"], over_3_minutes=sums["over3"])

    def _query(self, name: str, metric: str) -> Any:  # noqa: ANN401 - a TypedDict of the stubs
        dimensions = [{"Name": key, "Value": value} for key, value in self._dimensions.items()]
        which = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
        return {"Id": name, "MetricStat": {"Metric": which, "Period": PERIOD_S, "Stat": "Sum"}}
