from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from windrow.clients.cloudwatch.alarms import CloudWatchMonitor
from windrow.core.errors import DeploymentError
from windrow.core.version_comparison import RolloutReading, Work
from windrow.testing import START, FakeClock

DELIVERED, GIVEN_BACK = "FilesProcessed", "FilesRetried"
Counts = dict[tuple[str, str], int]
"""By metric and version."""


class FakeCloudWatch:
    """Alarms by name and metrics by name and version, in pages; ``error`` is raised at each request."""

    def __init__(self, alarms: list[dict[str, Any]] | None = None, counts: Counts | None = None) -> None:
        self.alarms = alarms or []
        self.counts = counts or {}
        self.status = "Complete"
        self.error: Exception | None = None
        self.queries: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Any:
        """Return itself, bound to the operation."""
        self._operation = operation
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield one page for each alarm or metric."""
        if self.error:
            raise self.error
        return (self._alarms if self._operation == "describe_alarms" else self._metrics)(**arguments)

    def _alarms(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        for alarm in self.alarms:
            name = alarm["AlarmName"]
            if name in arguments.get("AlarmNames", ()) or name.startswith(arguments.get("AlarmNamePrefix", "/")):
                kind = "CompositeAlarms" if "burn" in name else "MetricAlarms"
                assert kind.removesuffix("s") in arguments["AlarmTypes"]
                yield {"MetricAlarms": [], "CompositeAlarms": []} | {kind: [alarm]}

    def _metrics(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.queries = arguments["MetricDataQueries"]
        for query in self.queries:
            metric = query["MetricStat"]["Metric"]
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            version = dimensions.get("version") or dimensions["ExecutedVersion"]
            values = [float(self.counts.get((metric["MetricName"], version), 0))]
            yield {"MetricDataResults": [{"Id": query["Id"], "StatusCode": self.status, "Values": values}]}


def alarm(name: str, state: str = "OK", *, tells: bool = True) -> dict[str, Any]:
    """Return an alarm as CloudWatch describes it."""
    return {"AlarmName": name, "StateValue": state, "AlarmActions": ["topic"] if tells else []}


def watch(client: FakeCloudWatch, *alarms: str, prefix: str | None = None) -> CloudWatchMonitor:
    """Return the adapter on a fake client."""
    prefixes = [prefix] if prefix else []
    return CloudWatchMonitor("f", "live", cast("Any", client), FakeClock(), alarms=alarms, prefixes=prefixes)


def look(counts: Counts) -> RolloutReading:
    """Look at version 8 beside version 7."""
    return watch(FakeCloudWatch(counts=counts)).read("8", "7", START - timedelta(minutes=3))


def test_quiet_alarms_let_it_begin() -> None:
    """Named ones of both kinds, and those of a prefix."""
    client = FakeCloudWatch([alarm("windrow-errors"), alarm("windrow-burn"), alarm("other", "ALARM")])
    watch(client, "windrow-errors", "windrow-burn").firing()
    watch(client, prefix="windrow-").firing()


def test_absent_alarms_are_named() -> None:
    """A name without an alarm, or a prefix without one that tells anybody, would be watching nothing."""
    client = FakeCloudWatch([alarm("windrow-window", tells=False)])
    with pytest.raises(DeploymentError, match="there is no alarm called absent"):
        watch(client, "absent").firing()
    with pytest.raises(DeploymentError, match="no alarm with an action whose name begins with windrow-"):
        watch(client, prefix="windrow-").firing()


def test_firing_alarms_are_seen() -> None:
    """By their names, or by a prefix."""
    client = FakeCloudWatch([alarm("windrow-burn", "ALARM"), alarm("windrow-errors")])
    for watching in (watch(client, "windrow-burn"), watch(client, prefix="windrow-")):
        assert {"windrow-burn"} == watching.firing() == watching.read("8", "7", START).firing


def test_windows_of_a_composite_alarm_are_not_watched_by_prefix() -> None:
    """An alarm without actions tells nobody by itself: a window that is short fires at every spike."""
    client = FakeCloudWatch([alarm("windrow-errors"), alarm("windrow-short", "ALARM", tells=False)])
    assert frozenset() == watch(client, prefix="windrow-").read("8", "7", START).firing


def test_the_work_of_both_versions_is_read() -> None:
    """And the runs of the new one."""
    counts = {("Invocations", "8"): 12, ("Errors", "8"): 1, ("Errors", "7"): 5, (GIVEN_BACK, "8"): 240}
    counts |= {(DELIVERED, "7"): 2_100, (GIVEN_BACK, "7"): 4}
    assert RolloutReading(12, 1, Work(0, 240), Work(2_100, 4)) == look(counts)


def test_metrics_are_those_of_the_versions() -> None:
    """Lambda's know alias and version, Windrow's the function and its version."""
    client = FakeCloudWatch()
    watch(client).read("8", "7", START)
    asked = {
        query["Id"]: {
            dimension["Name"]: dimension["Value"] for dimension in query["MetricStat"]["Metric"]["Dimensions"]
        }
        for query in client.queries
    }
    assert {"FunctionName": "f", "Resource": "f:live", "ExecutedVersion": "8"} == asked["errors"]
    assert {"service": "windrow", "function_name": "f", "version": "7"} == asked["oldreturned"]


@pytest.mark.parametrize("what", ["the alarms could not be read", "the metrics of the versions could not be read"])
def test_refusal_is_a_deployment_error(what: str) -> None:
    """It says what could not be seen."""
    client = FakeCloudWatch()
    client.error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "x")
    watching = watch(client, "a") if "alarms" in what else watch(client)
    with pytest.raises(DeploymentError, match=what):
        watching.read("8", "7", START)


def test_missing_answer_is_no_zero() -> None:
    """What CloudWatch could not compute is not taken for no errors."""
    client = FakeCloudWatch()
    client.status = "InternalError"
    with pytest.raises(DeploymentError, match="CloudWatch did not answer for invocations: InternalError"):
        watch(client).read("8", "7", START)
