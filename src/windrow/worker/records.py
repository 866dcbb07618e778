"""From what SQS returns to a record of Lambda's SQS event.

The shape is AWS's: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef


class Received(msgspec.Struct, frozen=True):
    """One message in hand, and its record of the event, encoded."""

    message_id: str
    receipt_handle: str
    record: bytes


def receive_record(message: MessageTypeDef, queue_arn: str) -> Received:
    """Encode a message once, on the thread that received it: sizes are then exact and a batch is only joined."""
    return Received(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        record=_encode(_record(message, queue_arn)),
    )


def _record(message: MessageTypeDef, queue_arn: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: MessageAttributeValueOutputTypeDef) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute


def _encode(record: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form: escaped, it reaches the function, which rejects that message alone.
        return json.dumps(record, separators=(",", ":")).encode()
