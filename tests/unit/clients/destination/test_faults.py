"""What the errors of requests are reported as."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError, ReadTimeoutError

from windrow.clients.destination.faults import to_destination_error

URL = "https://minio.example:9000/archives"


def chained(outer: Exception, inner: Exception) -> Exception:
    """Return an error as libraries raise it: inside the handler of what it came from."""
    try:
        try:
            raise inner
        except Exception:  # noqa: BLE001 - any
            raise outer  # noqa: B904 - as botocore does
    except Exception as error:  # noqa: BLE001 - any
        return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            chained(EndpointConnectionError(endpoint_url=URL), ConnectionRefusedError(111, "Connection refused")),
            "HEAD bucket: Connection refused",
        ),
        (
            chained(EndpointConnectionError(endpoint_url=URL), socket.gaierror(-2, "Name or service not known")),
            "HEAD bucket: Name or service not known",
        ),
        (
            chained(ReadTimeoutError(endpoint_url=URL), TimeoutError("timed out")),
            f'HEAD bucket: ReadTimeoutError: Read timeout on endpoint URL: "{URL}"',
        ),
        (
            HTTPClientError(error="odd"),
            "HEAD bucket: HTTPClientError: An HTTP Client raised an unhandled exception: odd",
        ),
    ],
)
def test_a_connection_that_fails_says_why(error: Exception, text: str) -> None:
    """As the operating system says it, where it does: a name that is not known is mended elsewhere than a port."""
    assert text == str(to_destination_error(error, "HEAD bucket", sent=False))


@pytest.mark.parametrize(
    ("code", "text"),
    [("403", "HEAD bucket: HTTP 403"), ("AccessDenied", "HEAD bucket: AccessDenied (HTTP 403)")],
)
def test_a_status_is_told_once(code: str, text: str) -> None:
    """The answer to a HEAD has no body, and botocore gives the status as its code."""
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    assert text == str(to_destination_error(ClientError(answer, "HeadBucket"), "HEAD bucket", sent=False))
