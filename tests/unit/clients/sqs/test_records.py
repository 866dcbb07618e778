"""Records of Lambda's SQS event."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.worker.fakes import QUEUE_ARN
from windrow.clients.sqs.records import receive_record

MESSAGE: dict[str, Any] = {
    "MessageId": "id-1",
    "ReceiptHandle": "handle-1",
    "Body": '{"a": "é\n"}',
    "MD5OfBody": "m" * 32,
    "MD5OfMessageAttributes": "n" * 32,
    "Attributes": {
        "ApproximateReceiveCount": "2",
        "SentTimestamp": "1700000000000",
        "SenderId": "AIDA",
        "ApproximateFirstReceiveTimestamp": "1700000000001",
    },
    "MessageAttributes": {
        "text": {"StringValue": "v", "DataType": "String"},
        "raw": {"BinaryValue": b"\x00\xff", "DataType": "Binary"},
    },
}


def test_record_has_the_shape_of_lambda() -> None:
    """Each field is named and typed as in the event that Lambda hands to a function."""
    received = receive_record(MESSAGE, QUEUE_ARN)

    assert {
        "messageId": "id-1",
        "receiptHandle": "handle-1",
        "body": '{"a": "é\n"}',
        "attributes": MESSAGE["Attributes"],
        "messageAttributes": {
            "text": {"stringValue": "v", "dataType": "String", "stringListValues": [], "binaryListValues": []},
            "raw": {"binaryValue": "AP8=", "dataType": "Binary", "stringListValues": [], "binaryListValues": []},
        },
        "md5OfBody": "m" * 32,
        "md5OfMessageAttributes": "n" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "eu-west-2",
    } == json.loads(received.record)
    assert ("id-1", "handle-1") == (received.message_id, received.receipt_handle)


def test_message_without_attributes() -> None:
    """A plain message has an empty object of message attributes and no digest of them."""
    plain = {name: MESSAGE[name] for name in ("MessageId", "ReceiptHandle", "Body", "MD5OfBody", "Attributes")}

    record = json.loads(receive_record(plain, QUEUE_ARN).record)

    assert {} == record["messageAttributes"]
    assert "md5OfMessageAttributes" not in record


def test_body_without_utf8_form() -> None:
    """A lone surrogate reaches the function instead of stopping the engine."""
    received = receive_record({**MESSAGE, "Body": "\ud800"}, QUEUE_ARN)

    assert "\ud800" == json.loads(received.record)["body"]
