"""Sends the few operations that a worker calls most in AWS's JSON protocol, by `windrow.clients.signed_requests`."""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError

from windrow.clients.answers import UnreadableAnswer, code, status
from windrow.clients.signed_requests import send
from windrow.core.backoff import RetryPolicy

T = TypeVar("T")

ONCE = RetryPolicy(attempts=1, first_s=0.0)

_SERVER_FAILED = 500
_THROTTLED = frozenset({"RequestThrottled", "Throttling", "ThrottlingException", "TooManyRequestsException"})


def light(
    client: T,
    operations: Collection[str],
    retries: RetryPolicy = ONCE,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Return a proxy for a boto3 client that sends ``operations`` (as ``delete_message_batch``) as light requests.

    Their answers are the decoded JSON: bytes are Base64, and no field is left out. They raise what boto3 raises.
    ``retries`` applies to failures that may pass: no answer, a server error, throttling.
    """
    return cast("T", _LightClient(client, operations, retries, sleep))


class _LightClient:
    def __init__(
        self,
        client: Any,  # noqa: ANN401
        operations: Collection[str],
        retries: RetryPolicy,
        sleep: Callable[[float], object],
    ) -> None:
        self._client = client
        self._retries = retries
        self._sleep = sleep
        self._url = f"{client.meta.endpoint_url.rstrip('/')}/"
        model = client.meta.service_model
        self._type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
        self._light = {
            method: partial(self._call, name, f"{model.metadata['targetPrefix']}.{name}")
            for method, name in client.meta.method_to_api_mapping.items()
            if method in operations
        }

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        return self._light.get(name) or getattr(self._client, name)

    def _call(self, operation: str, target: str, **parameters: object) -> dict[str, Any]:
        body = _encoded(parameters)
        return self._retries.call(partial(self._once, operation, target, body), _may_pass, self._sleep)

    def _once(self, operation: str, target: str, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": self._type, "X-Amz-Target": target}
        response = send(self._client, operation, AWSRequest("POST", self._url, headers, body))
        checksum = response.headers.get("x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(response.content)):
            raise UnreadableAnswer(detail="the body is not what its checksum says")
        return _decoded(response.content)


def _encoded(parameters: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(parameters)
    except UnicodeEncodeError:  # a lone surrogate, which JSON can escape
        return json.dumps(parameters, default=_base64).encode()


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):  # perhaps a lone surrogate, which Python's own decoder accepts
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UnreadableAnswer(detail=error) from error
    if not isinstance(answer, dict):
        raise UnreadableAnswer(detail="the body is not a JSON object")
    return answer


def _base64(value: object) -> str:
    return base64.b64encode(cast("bytes", value)).decode()


def _may_pass(error: Exception) -> bool:
    """Return whether a retry may help, by the rules of botocore's standard retry mode."""
    if isinstance(error, (HTTPClientError, NoConnection)):
        return True
    return status(error) >= _SERVER_FAILED or code(error) in _THROTTLED
