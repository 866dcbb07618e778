"""How late files were, by CloudWatch's counts."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from windrow.clients.cloudwatch.metrics import EmfMetrics
from windrow.clients.cloudwatch.punctuality import COUNTED, CloudWatchPunctuality
from windrow.core.errors import MetricsError
from windrow.ports import Punctuality
from windrow.testing import START, FakeClock


def asked(answer: dict[str, list[float]], stack: str = "") -> tuple[Punctuality | None, list[dict[str, Any]]]:
    """Ask CloudWatch, which answers with values by the name of a query; return what comes and the queries."""
    client: Any = boto3.client("cloudwatch")
    requests: list[dict[str, Any]] = []
    client.meta.events.register("provide-client-params", lambda params, **_: requests.append(params))
    results = [{"Id": name, "Values": values} for name, values in answer.items()]
    with Stubber(client) as stub:
        expected = {"MetricDataQueries": ANY, "StartTime": START - timedelta(hours=1), "EndTime": START}
        stub.add_response("get_metric_data", {"MetricDataResults": results}, expected)
        found = CloudWatchPunctuality(client, FakeClock(), stack=stack).last_hour()
    return found, requests[0]["MetricDataQueries"]


def test_the_hours_minutes_are_added_up() -> None:
    """A page may give a query in pieces; one with no value at all counts nothing."""
    found, _ = asked({"files": [600.0, 500.0], "over2": [7.0], "over3": []})

    assert Punctuality(1100, over_2_minutes=7, over_3_minutes=0) == found


def test_without_a_delivery_nothing_is_known() -> None:
    """It is no share of files that none of them was late."""
    assert asked({"files": [0.0], "over2": [], "over3": []})[0] is None


@pytest.mark.parametrize("stack", ["", "blue"])
def test_what_is_asked_for_is_what_a_batch_publishes(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Namespace, names and dimensions are those of the metrics themselves."""
    metrics = EmfMetrics(stack=stack)
    for name in COUNTED.values():
        metrics.count(name)
    metrics.flush()
    published = json.loads(capsys.readouterr().out)
    ((told,),) = ([each["Dimensions"] for each in published["_aws"]["CloudWatchMetrics"]],)
    _, queries = asked({"files": []}, stack)

    for query in queries:
        metric = query["MetricStat"]["Metric"]
        assert {name: published[name] for name in told[0]} == {
            each["Name"]: each["Value"] for each in metric["Dimensions"]
        }
        assert metric["MetricName"] in published
        assert metric["Namespace"] == published["_aws"]["CloudWatchMetrics"][0]["Namespace"]


def test_an_answer_of_no_is_an_error_of_its_own() -> None:
    """Without the permission the rest of the status is reported all the same."""
    client: Any = boto3.client("cloudwatch")
    with Stubber(client) as stub:
        stub.add_client_error("get_metric_data", "AccessDenied")
        with pytest.raises(MetricsError, match="the latencies could not be read"):
            CloudWatchPunctuality(client, FakeClock(), stack="").last_hour()
