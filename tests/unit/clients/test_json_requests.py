"""Light requests: the same as boto3's in all but their weight."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

from tests.servers.scripted import Answer, Request, request_server, signature
from windrow.clients import aws
from windrow.clients.answers import UnreadableAnswer
from windrow.clients.json_requests import ONCE, light
from windrow.core.backoff import RetryPolicy

THREE = RetryPolicy(attempts=3, first_s=0.5)
REGION, KEY, SECRET = "eu-west-2", "AKIDEXAMPLE", "secret"
RECEIVE = {"QueueUrl": "https://sqs.example/1/q", "MaxNumberOfMessages": 10}
MESSAGE = {"MessageId": "m", "ReceiptHandle": "r", "Body": "b", "MD5OfBody": "x"}
JSON_1_0 = {"Content-Type": "application/x-amz-json-1.0"}


def ok(answer: object) -> Answer:
    """Return an answer that is JSON."""
    return 200, JSON_1_0, json.dumps(answer).encode()


def error(status: int, kind: str, **headers: str) -> Answer:
    """Return an error as AWS's JSON services give it."""
    body = json.dumps({"__type": f"com.amazonaws.sqs#{kind}", "message": "as scripted"})
    return status, {**JSON_1_0, **headers}, body.encode()


class Server:
    """A server that answers by a list, the last answer for ever, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[Answer] = [ok({})]
        self.requests: list[Request] = []
        self.pauses: list[float] = []

    def answer(self, request: Request) -> Answer:
        """Keep the request, and answer it."""
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def boto3(self, service: str = "sqs") -> Any:
        """Return boto3's own client, which tries once."""
        session: Any = aws.session({"AWS_REGION": REGION})
        once = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=5)
        return session.client(service, endpoint_url=self.url, config=once)

    def light(self, operation: str = "receive_message", retries: RetryPolicy = ONCE, service: str = "sqs") -> Any:
        """Return one that makes an operation lightly."""
        return light(self.boto3(service), {operation}, retries, self.pauses.append)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run one; credentials are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    found = Server()
    with request_server(found.answer) as found.url:
        yield found


def test_the_request_is_boto3s(server: Server) -> None:
    """The same operation, version and fields."""
    server.boto3().receive_message(**RECEIVE)
    server.light().receive_message(**RECEIVE)

    by_boto3, lightly = (
        (each.method, each.path, json.loads(each.body), each.headers["X-Amz-Target"], each.headers["Content-Type"])
        for each in server.requests
    )
    assert by_boto3 == lightly


def test_what_is_sent_is_what_was_signed(server: Server) -> None:
    """Its signature is that of the headers and the body that came."""
    server.light().receive_message(**RECEIVE)

    (sent,) = server.requests
    signed, expected = signature(sent, server.url, SigV4Auth(Credentials(KEY, SECRET), "sqs", REGION))
    assert ("POST", "/") == (sent.method, sent.path)
    assert {"host", "x-amz-date"} <= signed
    assert sent.headers["Authorization"].endswith(f"Signature={expected}")


def test_the_answer_is_boto3s(server: Server) -> None:
    """All fields, and none for a queue that is empty."""
    server.answers = [ok({"Messages": [MESSAGE]}), ok({"Messages": [MESSAGE]}), ok({})]
    by_boto3 = server.boto3().receive_message(**RECEIVE)

    assert by_boto3["Messages"] == server.light().receive_message(**RECEIVE)["Messages"]
    assert {} == server.light().receive_message(**RECEIVE)


def test_half_a_character_costs_no_other_message(server: Server) -> None:
    """What an uploader's key may hold, escaped by S3: the message that has it can be rejected by itself."""
    odd = {**MESSAGE, "Body": "\ud800"}
    server.answers = [ok({"Messages": [odd, MESSAGE]})]
    assert [odd, MESSAGE] == server.light().receive_message(**RECEIVE)["Messages"]


def test_other_operations_are_boto3s(server: Server) -> None:
    """Also what is no operation."""
    client = server.light()
    client.list_queues()

    assert "AmazonSQS.ListQueues" == server.requests[0].headers["X-Amz-Target"]
    assert server.url == client.meta.endpoint_url


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "InvalidAddress"),
        error(400, "QueueDoesNotExist", **{"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}),
        error(403, "AccessDeniedException"),
        error(500, "InternalError"),
        (503, {}, b"<html>busy</html>"),
        (302, {"Location": "https://elsewhere.example/"}, b""),
        (400, JSON_1_0, b"[]"),
        (400, JSON_1_0, b'{"__type": 7}'),
    ],
)
def test_errors_are_boto3s(server: Server, answer: Answer) -> None:
    """The same code, message and status, however odd the answer is."""
    server.answers = [answer]
    with pytest.raises(ClientError) as by_boto3:
        server.boto3().receive_message(**RECEIVE)
    with pytest.raises(ClientError) as lightly:
        server.light().receive_message(**RECEIVE)

    assert by_boto3.value.response["Error"] == lightly.value.response["Error"]
    expected = by_boto3.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert expected == lightly.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"no JSON"),
        (200, {}, b"[]"),
        (200, {}, b"\xff"),
        (200, {}, b"[" * 10_000),
        (200, {"x-amz-crc32": "1"}, b"{}"),
        (200, {}, b""),
    ],
)
def test_an_odd_answer_is_unreadable(server: Server, answer: Answer) -> None:
    """Not JSON, no object, or other bytes than the server says it sent."""
    server.answers = [answer]
    with pytest.raises(UnreadableAnswer, match="not as documented"):
        server.light().receive_message(**RECEIVE)


def test_a_checksum_that_fits_is_fine(server: Server) -> None:
    """DynamoDB sends one with each answer."""
    server.answers = [(200, {"x-amz-crc32": str(zlib.crc32(b'{"Responses": []}'))}, b'{"Responses": []}')]
    assert {"Responses": []} == server.light("batch_execute_statement", service="dynamodb").batch_execute_statement(
        Statements=[]
    )


@pytest.mark.parametrize(
    "failure", [error(500, "InternalError"), error(400, "ThrottlingException"), (200, {"Content-Length": "99"}, b"{")]
)
def test_what_may_pass_is_tried_again(server: Server, failure: Answer) -> None:
    """A server's failure, throttling, an answer that breaks off."""
    server.answers = [failure, failure, ok({"Messages": []})]
    assert {"Messages": []} == server.light(retries=THREE).receive_message(**RECEIVE)
    assert [0.5, 1.0] == server.pauses


def test_the_last_failure_is_raised(server: Server) -> None:
    """After as many tries as the policy has."""
    server.answers = [error(500, "InternalError")]
    with pytest.raises(ClientError, match="InternalError"):
        server.light(retries=THREE).receive_message(**RECEIVE)
    assert (3, [0.5, 1.0]) == (len(server.requests), server.pauses)


def test_a_refusal_is_not_tried_again(server: Server) -> None:
    """It would be refused again."""
    server.answers = [error(403, "AccessDeniedException")]
    with pytest.raises(ClientError, match="AccessDenied"):
        server.light(retries=THREE).receive_message(**RECEIVE)
    assert 1 == len(server.requests)


def test_no_way_there_is_botocores_error(server: Server) -> None:
    """As callers expect it."""
    server.url = "http://127.0.0.1:9"
    with pytest.raises(BotoCoreError, match="connect"):
        server.light(retries=THREE).receive_message(**RECEIVE)
    assert [0.5, 1.0] == server.pauses


def test_a_closed_connection_is_botocores_error(server: Server) -> None:
    """An answer that breaks off, tried once."""
    server.answers = [(200, {"Content-Length": "99"}, b"{")]
    with pytest.raises(HTTPClientError):
        server.light().receive_message(**RECEIVE)


def test_nothing_is_sent_without_credentials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As boto3 has it."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = server.light()
    with pytest.raises(NoCredentialsError):
        client.receive_message(**RECEIVE)
    assert [] == server.requests


def test_each_request_is_signed_with_the_credentials_of_now(server: Server) -> None:
    """Those of a role change while a worker runs."""
    client = server.light()
    client.receive_message(**RECEIVE)
    client._client._request_signer._credentials.access_key = "ANOTHER"
    client.receive_message(**RECEIVE)

    first, second = (request.headers["Authorization"] for request in server.requests)
    assert ("Credential=AKIDEXAMPLE/" in first, "Credential=ANOTHER/" in second) == (True, True)


def test_bytes_are_base64_and_half_a_character_is_escaped(server: Server) -> None:
    """As boto3 sends them."""
    statement: Any = {"Statement": "s", "Parameters": [{"B": b"\x00\xff"}, {"S": "\ud800"}]}
    server.answers = [ok({"Responses": []})]
    server.boto3("dynamodb").batch_execute_statement(Statements=[statement])
    server.light("batch_execute_statement", service="dynamodb").batch_execute_statement(Statements=[statement])
    statement["Parameters"].pop()
    server.light("batch_execute_statement", service="dynamodb").batch_execute_statement(Statements=[statement])

    by_boto3, escaped, plain = (json.loads(each.body)["Statements"][0]["Parameters"] for each in server.requests)
    assert by_boto3 == escaped
    assert by_boto3[:1] == plain
