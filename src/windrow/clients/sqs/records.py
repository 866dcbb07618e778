"""Turns a received message into a record of Lambda's SQS event.

The format is AWS's: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from windrow.clients import answers
from windrow.ports import Received


class _Message(msgspec.Struct, frozen=True, rename="pascal"):
    """One message of the answer to ReceiveMessage. ``attributes`` are SQS's, which the function reads."""

    message_id: str
    receipt_handle: str
    body: str
    md5_of_body: str = msgspec.field(name="MD5OfBody")
    attributes: dict[str, str]
    message_attributes: dict[str, dict[str, Any]] = {}
    md5_of_message_attributes: str = msgspec.field(name="MD5OfMessageAttributes", default="")


def receive_record(received: object, queue_arn: str) -> Received:
    """Encode a message once, on the thread that received it, so that sizes are exact and records only need joining.

    Raises:
        UnreadableAnswer: it is not a message in SQS's format.
    """
    message = answers.read(received, _Message)
    return Received(
        message_id=message.message_id,
        receipt_handle=message.receipt_handle,
        record=_encode(_record(message, queue_arn)),
    )


def _record(message: _Message, queue_arn: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if message.md5_of_message_attributes:
        record["md5OfMessageAttributes"] = message.md5_of_message_attributes
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType", "")}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        binary = value["BinaryValue"]  # Base64 already, if it comes from a light request
        attribute["binaryValue"] = binary if isinstance(binary, str) else base64.b64encode(binary).decode()
    return attribute


def _encode(record: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form. Escaped, it reaches the function, which rejects that message only.
        return json.dumps(record, separators=(",", ":")).encode()
