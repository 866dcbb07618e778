"""Whether new objects of a landing bucket are announced to the queue."""

from __future__ import annotations

from typing import Any

import pytest

from windrow.doctor.aws import events_check

QUEUE = "arn:aws:sqs:eu-west-2:1:queue"
OTHER = "arn:aws:sqs:eu-west-2:1:other"
CREATED, REMOVED = ["s3:ObjectCreated:*"], ["s3:ObjectRemoved:*"]
TOPIC = "arn:aws:sns:eu-west-2:1:topic"


class Bucket:
    """A client of S3 that knows one bucket's notifications."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self._configuration = configuration

    def get_bucket_notification_configuration(self, **_bucket: str) -> dict[str, Any]:
        """Return them."""
        return self._configuration


@pytest.mark.parametrize(
    ("configuration", "status"),
    [
        ({"QueueConfigurations": [{"QueueArn": QUEUE, "Events": CREATED}]}, "ok"),
        ({"QueueConfigurations": [{"QueueArn": QUEUE, "Events": CREATED}], "EventBridgeConfiguration": {}}, "ok"),
        ({"TopicConfigurations": [{"TopicArn": TOPIC, "Events": CREATED}]}, "warn"),
        ({"EventBridgeConfiguration": {}}, "warn"),
        ({"TopicConfigurations": [{"TopicArn": TOPIC, "Events": REMOVED}]}, "fail"),
        ({"QueueConfigurations": [{"QueueArn": QUEUE, "Events": REMOVED}]}, "fail"),
        ({"QueueConfigurations": [{"QueueArn": OTHER, "Events": CREATED}]}, "fail"),
        ({}, "fail"),
    ],
)
def test_the_way_of_an_event_is_told(configuration: dict[str, Any], status: str) -> None:
    """By SNS and EventBridge it can't be followed from the bucket, which is no failure."""
    assert status == events_check("events", Bucket(configuration), "landing", QUEUE).state
