"""CloudWatch's alarms and the metrics of versions, through boto3: implements `windrow.ports.RolloutMonitor`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.clients.cloudwatch.metrics import NAMESPACE, version_dimensions
from windrow.core.errors import DeploymentError
from windrow.core.metric import Metric
from windrow.core.version_comparison import RolloutReading, Work
from windrow.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

FIRING = "ALARM"
COMPLETE = ("Complete", "PartialData")
PERIOD_S = 60

MetricId = tuple[str, str, Mapping[str, str]]
"""Namespace, name and dimensions."""


class _Alarm(msgspec.Struct, frozen=True, rename="pascal"):
    """One alarm of the answer to DescribeAlarms."""

    alarm_name: str
    state_value: str
    alarm_actions: list[str] = []


class _Alarms(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to DescribeAlarms."""

    metric_alarms: list[_Alarm]
    composite_alarms: list[_Alarm] = []


class _Result(msgspec.Struct, frozen=True, rename="pascal"):
    """One result of the answer to GetMetricData."""

    id: str
    status_code: str
    values: list[Annotated[float, msgspec.Meta(ge=0)]]


class _Results(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetMetricData."""

    metric_data_results: list[_Result]


class CloudWatchMonitor:
    """Reads alarms, and each version's work: its runs, counted by Lambda, and its files, counted by Windrow.

    A prefix selects all alarms whose names begin with it and that have an action: those that are only part of a
    composite alarm, and fire for a spike, do not count. Only Lambda's metrics have the alias as a dimension:
    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """

    def __init__(
        self,
        function: str,
        alias: str,
        client: CloudWatchClient,
        clock: Clock,
        *,
        alarms: Sequence[str] = (),
        prefixes: Sequence[str] = (),
    ) -> None:
        self._function = function
        self._alias = alias
        self._client = client
        self._clock = clock
        self._alarms = list(dict.fromkeys(alarms))
        self._prefixes = list(dict.fromkeys(prefixes))

    def firing(self) -> frozenset[str]:
        """Check that all alarms exist, and return those that are firing; see the contract."""
        states = self._states()
        absent = [name for name in self._alarms if name not in states]
        if absent:
            raise DeploymentError(f"there is no alarm called {', '.join(absent)}")
        unused = [prefix for prefix in self._prefixes if not any(name.startswith(prefix) for name in states)]
        if unused:
            raise DeploymentError(f"there is no alarm with an action whose name begins with {', '.join(unused)}")
        return _firing(states)

    def read(self, version: str, before: str, since: datetime) -> RolloutReading:
        """Return a reading; see the contract."""
        firing = _firing(self._states())
        sums = self._sums(
            {
                "invocations": self._of_lambda("Invocations", version),
                "errors": self._of_lambda("Errors", version),
                "delivered": self._of_windrow(Metric.FILES_PROCESSED, version),
                "returned": self._of_windrow(Metric.FILES_RETRIED, version),
                "olddelivered": self._of_windrow(Metric.FILES_PROCESSED, before),
                "oldreturned": self._of_windrow(Metric.FILES_RETRIED, before),
            },
            since,
        )
        new, old = Work(sums["delivered"], sums["returned"]), Work(sums["olddelivered"], sums["oldreturned"])
        return RolloutReading(sums["invocations"], sums["errors"], new, old, firing)

    def _states(self) -> dict[str, str]:
        with failing_as(DeploymentError, "the alarms could not be read"):
            named = self._described(AlarmNames=self._alarms) if self._alarms else ()
            found = {alarm.alarm_name: alarm.state_value for alarm in named}
            for prefix in self._prefixes:
                for alarm in self._described(AlarmNamePrefix=prefix):
                    if alarm.alarm_actions:
                        found[alarm.alarm_name] = alarm.state_value
        return found

    def _described(self, **which: Any) -> Iterator[_Alarm]:  # noqa: ANN401 - the caller's choice of request parameters
        paginator = self._client.get_paginator("describe_alarms")
        for page in paginator.paginate(**which, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            found = answers.read(page, _Alarms)
            yield from found.metric_alarms
            yield from found.composite_alarms

    def _of_lambda(self, name: str, version: str) -> MetricId:
        resource = f"{self._function}:{self._alias}"
        return "AWS/Lambda", name, {"FunctionName": self._function, "Resource": resource, "ExecutedVersion": version}

    def _of_windrow(self, name: str, version: str) -> MetricId:
        return NAMESPACE, name, version_dimensions(self._function, version)

    def _sums(self, metrics: Mapping[str, MetricId], since: datetime) -> dict[str, int]:
        """Return each metric's sum since the beginning of the minute of ``since``."""
        with failing_as(DeploymentError, "the metrics of the versions could not be read"):
            pages = self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[_query(name, metric) for name, metric in metrics.items()],
                StartTime=since.replace(second=0, microsecond=0),
                EndTime=self._clock.now(),
            )
            return _added_up(
                metrics, (result for page in pages for result in answers.read(page, _Results).metric_data_results)
            )


def _query(name: str, metric: MetricId) -> Any:  # noqa: ANN401 - a TypedDict of the stubs, which do not exist at run time
    namespace, metric_name, dimensions = metric
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric_name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": PERIOD_S,
            "Stat": "Sum",
        },
    }


def _added_up(names: Iterable[str], results: Iterable[_Result]) -> dict[str, int]:
    sums = dict.fromkeys(names, 0.0)
    for result in results:
        if result.status_code not in COMPLETE or result.id not in sums:
            raise DeploymentError(f"CloudWatch did not answer for {result.id}: {result.status_code}")
        sums[result.id] += sum(result.values)
    return {name: round(value) for name, value in sums.items()}


def _firing(states: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name, state in states.items() if state == FIRING)
