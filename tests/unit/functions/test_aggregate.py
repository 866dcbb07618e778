"""The Lambda entry point: AWS's shapes in and out."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.world import World
from windrow.core.errors import SettingsError
from windrow.core.events import Message
from windrow.functions import aggregate


class Context:
    """What is used of Lambda's context."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        """Return a minute."""
        return 60_000


def event(*messages: Message) -> dict[str, object]:
    """Return Lambda's SQS event with these messages."""
    return {
        "Records": [
            {
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": str(message.receive_count),
                    "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
                    "SenderId": "AIDA",
                    "ApproximateFirstReceiveTimestamp": "1767323045000",
                },
                "messageAttributes": {
                    "windrow-rejections": {"stringValue": "2", "dataType": "Number", "binaryValue": None},
                    "blob": {"binaryValue": "AAEC", "dataType": "Binary"},
                },
                "md5OfBody": "0",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-2:000000000000:landing",
                "awsRegion": "eu-west-2",
            }
            for message in messages
        ]
    }


def test_what_failed_is_listed_and_the_rest_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list means that everything succeeded."""
    world = World()
    monkeypatch.setattr(aggregate, "_aggregator", world.worker)
    good, gone = world.upload("a"), world.upload("b")
    messages = [world.message(good), world.message(gone)]
    world.landing.remove(gone)
    world.sources = [good]

    def refuse(_name: str) -> None:
        raise RuntimeError("SQS is away")

    world.queue.hook = refuse

    answer = aggregate.handler(event(*messages), Context())
    empty = aggregate.handler({"Records": []}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": messages[1].message_id}]}
    assert empty == {"batchItemFailures": []}
    world.assert_each_once()


def test_a_records_fields_reach_the_pipeline() -> None:
    """Receive count, times and text attributes are what decisions rest on."""
    message = aggregate._message(event(World().message(receives=7))["Records"][0])  # type: ignore[index]

    assert (message.receive_count, message.sent_at.isoformat()) == (7, "2026-01-02T03:04:05+00:00")
    assert message.attributes == {"windrow-rejections": "2"}


def test_wrong_settings_fail_the_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole batch stays in the queue, and the error names what is wrong."""
    monkeypatch.delenv("WINDROW_QUEUE_URL", raising=False)
    aggregate._aggregator.cache_clear()

    with pytest.raises(SettingsError, match="WINDROW_QUEUE_URL is needed"):
        aggregate.handler({"Records": []}, Context())


DATACLASSES = """
import dataclasses, inspect, sys
from windrow.functions import aggregate
modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "windrow"]
assert len(modules) > 50, modules
print(*{found for module in modules for _, found in inspect.getmembers(module, dataclasses.is_dataclass)})
"""


def test_a_cold_start_defines_no_dataclass() -> None:
    """Each takes half a millisecond, forty times as long as a Struct."""
    done = subprocess.run([sys.executable, "-c", DATACLASSES], capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()
