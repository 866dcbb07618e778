"""CloudWatch alarms and the errors of a version by boto3: implements `windrow.deployment.Watch`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from windrow.core.errors import DeploymentError
from windrow.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

FIRING = "ALARM"
PERIOD_S = 60


class CloudWatchWatch:
    """Watches alarms, and the ``Errors`` metric that Lambda keeps for each version behind an alias.

    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """

    def __init__(
        self, function: str, alias: str, alarms: Sequence[str], client: CloudWatchClient, clock: Clock
    ) -> None:
        self._function = function
        self._alias = alias
        self._alarms = list(dict.fromkeys(alarms))
        self._client = client
        self._clock = clock

    def check(self) -> None:
        """Check that all alarms exist and none is firing; see the contract."""
        states = self._states()
        absent = [name for name in self._alarms if name not in states]
        if absent:
            raise DeploymentError(f"there is no alarm called {', '.join(absent)}")
        firing = _firing(states)
        if firing:
            raise DeploymentError(f"{firing} already, before anything was deployed")

    def harm(self, version: str, since: datetime) -> str | None:
        """Return what is wrong; see the contract."""
        firing = _firing(self._states())
        if firing:
            return firing
        errors = self._errors(version, since)
        return f"version {version} failed {errors:.0f} times" if errors else None

    def _states(self) -> dict[str, str]:
        if not self._alarms:
            return {}
        try:
            pages = self._client.get_paginator("describe_alarms").paginate(
                AlarmNames=self._alarms, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
            return {
                alarm["AlarmName"]: alarm["StateValue"]
                for page in pages
                for kind in (page.get("MetricAlarms", []), page.get("CompositeAlarms", []))
                for alarm in kind
            }
        except (BotoCoreError, ClientError) as error:
            raise DeploymentError(f"the alarms could not be read: {error}") from error

    def _errors(self, version: str, since: datetime) -> float:
        dimensions = {
            "FunctionName": self._function,
            "Resource": f"{self._function}:{self._alias}",
            "ExecutedVersion": version,
        }
        try:
            found = self._client.get_metric_statistics(
                Namespace="AWS/Lambda",
                MetricName="Errors",
                Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
                StartTime=since.replace(second=0, microsecond=0),
                EndTime=self._clock.now(),
                Period=PERIOD_S,
                Statistics=["Sum"],
            )
        except (BotoCoreError, ClientError) as error:
            raise DeploymentError(f"the errors of version {version} could not be read: {error}") from error
        return sum(point["Sum"] for point in found["Datapoints"])


def _firing(states: dict[str, str]) -> str | None:
    names = sorted(name for name, state in states.items() if state == FIRING)
    return f"{', '.join(names)} in alarm" if names else None
