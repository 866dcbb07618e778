"""A DynamoDB that plays documented answers: what AWS's pages say it may answer to the requests that Windrow makes.

No emulator tells how the real one fails, so this one makes nothing up: each answer stands here with its source, and
`botocore`'s own model of DynamoDB, which AWS writes, says which codes there are.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.loaders

from tests.servers.endpoint import Endpoint
from tests.servers.scripted import Answer, Request, request_server

TARGET = "DynamoDB_20120810."

ITEM_ERRORS = {
    "AccessDenied": "User is not authorized to perform the operation on the resource",
    "ConditionalCheckFailed": "The conditional request failed",
    "DuplicateItem": "Duplicate primary key exists in table",
    "InternalServerError": "Internal server error",
    "ItemCollectionSizeLimitExceeded": "Collection size exceeded.",
    "ProvisionedThroughputExceeded": "The level of configured provisioned throughput for the table was exceeded.",
    "RequestLimitExceeded": "Throughput exceeds the current throughput limit for your account.",
    "ResourceNotFound": "Requested resource not found",
    "ThrottlingError": "Throughput exceeds the current capacity of your table or index.",
    "TransactionConflict": "Transaction is ongoing for the item",
    "ValidationError": "The provided expression is invalid",
}
"""Codes of one statement of a batch, whose request as a whole succeeded:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html"""

ERRORS = {
    "AccessDeniedException": (400, "com.amazon.coral.service", "User is not authorized to perform the operation"),
    "ConditionalCheckFailedException": (400, "com.amazonaws.dynamodb.v20120810", "The conditional request failed"),
    "InternalServerError": (500, "com.amazonaws.dynamodb.v20120810", "Internal server error"),
    "ItemCollectionSizeLimitExceededException": (400, "com.amazonaws.dynamodb.v20120810", "Collection size exceeded."),
    "ProvisionedThroughputExceededException": (
        400,
        "com.amazonaws.dynamodb.v20120810",
        "You exceeded your maximum allowed provisioned throughput for a table",
    ),
    "ReplicatedWriteConflictException": (
        400,
        "com.amazonaws.dynamodb.v20120810",
        "One or more items in this request are being modified by a request in another Region.",
    ),
    "RequestLimitExceeded": (
        400,
        "com.amazonaws.dynamodb.v20120810",
        "Throughput exceeds the current throughput limit for your account.",
    ),
    "ResourceNotFoundException": (400, "com.amazonaws.dynamodb.v20120810", "Requested resource not found"),
    "ServiceUnavailable": (503, "com.amazonaws.dynamodb.v20120810", "DynamoDB is currently unavailable."),
    "ThrottlingException": (400, "com.amazon.coral.availability", "Rate of requests exceeds the allowed throughput."),
    "TransactionConflictException": (400, "com.amazonaws.dynamodb.v20120810", "Transaction is ongoing for the item"),
    "UnrecognizedClientException": (
        400,
        "com.amazon.coral.service",
        "The security token included in the request is invalid.",
    ),
    "ValidationException": (400, "com.amazon.coral.validate", "One or more parameter values were invalid"),
}
"""Codes of a whole request, with status, the name's prefix on the wire and a message:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""

OF_ANY_REQUEST = (
    "AccessDeniedException",
    "ServiceUnavailable",
    "UnrecognizedClientException",
    "ValidationException",
)
"""Codes that the same page gives and the model does not list under each operation, since all of them may answer so."""


def success(body: Mapping[str, Any]) -> Answer:
    """Return DynamoDB's answer to a request that it carried out."""
    return _answer(200, body)


def error(code: str) -> Answer:
    """Return DynamoDB's answer to a request that it did not carry out."""
    status, namespace, message = ERRORS[code]
    return _answer(status, {"__type": f"{namespace}#{code}", "message": message})


def _answer(status: int, body: Mapping[str, Any]) -> Answer:
    """Put an answer into its form on the wire, checksum included: botocore holds the body to it."""
    content = json.dumps(body).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "x-amz-crc32": str(zlib.crc32(content)),
        "x-amzn-RequestId": "LDM6CJP8RMQ1FHKSC1RBVJFPNVV4KQNSO5AEMF66Q9ASUAAJG",
    }
    return status, headers, content


def statement_done(table: str) -> dict[str, Any]:
    """Return the part of a batch's answer that stands for a statement that was carried out.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementResponse.html
    """
    return {"TableName": table}


def statement_failed(code: str, table: str, item: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the part of a batch's answer that stands for a statement that failed.

    ``item`` is what the condition failed on, which DynamoDB adds when the request asks for it.
    """
    fault = {"Code": code, "Message": ITEM_ERRORS[code]} | ({"Item": item} if item else {})
    return {"Error": fault, "TableName": table}


def documented_errors(operation: str) -> list[str]:
    """Return the codes that a request of this operation as a whole may fail with."""
    listed = _model()["operations"][operation].get("errors", [])
    return sorted({*(fault["shape"] for fault in listed), *OF_ANY_REQUEST})


def documented_item_errors() -> list[str]:
    """Return the codes that one statement of a batch may fail with."""
    return sorted(_model()["shapes"]["BatchStatementErrorCodeEnum"]["enum"])


def _model() -> Any:
    return botocore.loaders.Loader().load_service_model("dynamodb", "service-2")


class ScriptedDynamoDb:
    """Plays its answers one after the other, the last one for ever; ``asked`` lists (operation, request)."""

    def __init__(self) -> None:
        self._answers = deque[Answer]()
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def play(self, *answers: Answer) -> None:
        """Begin anew, with these answers."""
        self._answers = deque(answers)
        self.asked.clear()

    @contextlib.contextmanager
    def running(self) -> Iterator[Endpoint]:
        """Serve on a loopback port."""
        with request_server(self._answer) as url:
            yield Endpoint("scripted DynamoDB", url, "access", "secret")

    def _answer(self, request: Request) -> Answer:
        operation = request.headers["X-Amz-Target"].removeprefix(TARGET)
        self.asked.append((operation, json.loads(request.body)))
        return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
