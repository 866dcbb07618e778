"""The doctor's look at AWS, if AWS answers oddly: a finding each time, and never a traceback."""

from __future__ import annotations

from typing import Any, cast

import boto3.session
import pytest

from windrow.doctor.aws import AwsChecks
from windrow.settings import Settings

SETTINGS = Settings(
    landing_buckets=frozenset({"landing"}),
    queue_url="https://sqs.example/1/queue",
    dlq_url="https://sqs.example/1/dlq",
    ledger_table="ledger",
    event_source_mapping_id="8bd54ff9-5f85-4b9e-b7bd-d2ab3fcb4a2f",
    copies_bucket="copies",
)


class NotFound(Exception):
    """An error that a client names."""


class Answering:
    """A session whose clients answer everything alike."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def client(self, _service: str) -> Any:
        """Return itself, as a client."""
        return self

    @property
    def exceptions(self) -> Any:
        """The errors of a client."""
        return type("Exceptions", (), {"ResourceNotFoundException": NotFound})

    def __getattr__(self, _operation: str) -> Any:
        return lambda **_request: self._answer


ATTRIBUTES = {"MessageRetentionPeriod": "x", "RedrivePolicy": "[", "VisibilityTimeout": "-"}
ANSWERS: list[Any] = [
    {},
    [],
    None,
    "page",
    {"Attributes": {}},
    {"Attributes": ATTRIBUTES, "Table": {}, "TimeToLiveDescription": [], "QueueConfigurations": [{}], "Arn": None},
    {"Attributes": {"MessageRetentionPeriod": "1", "RedrivePolicy": "{}"}, "Table": {"KeySchema": 5}},
    {"Attributes": {"MessageRetentionPeriod": "1", "RedrivePolicy": '{"a": 1}', "QueueArn": 5}},
]


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_an_odd_answer_of_aws_is_a_finding(answer: Any) -> None:
    """Each check is made all the same."""
    found = list(AwsChecks(SETTINGS, cast("boto3.session.Session", Answering(answer))).run())
    names = {check.name.split()[0] for check in found}

    assert {"identity", "queue", "dead-letter", "mapping", "ledger", "landing", "copies"} == names
    assert any(check.state == "fail" for check in found)
