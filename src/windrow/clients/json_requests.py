"""Sends the few operations that a worker calls most in AWS's JSON protocol, bypassing most of boto3.

boto3 takes ten times as long to validate, serialise, route and parse a request of a few fields as to send it. Here such
a request is JSON, signed by botocore and sent over the client's own connections, so that endpoint, timeouts, proxies,
certificates, credentials and errors are the same as for all other operations.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from windrow.clients.answers import REFUSED_STATUS, UnreadableAnswer, code, error_of, status
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
            method: partial(self._call, model.operation_model(name), f"{model.metadata['targetPrefix']}.{name}")
            for method, name in client.meta.method_to_api_mapping.items()
            if method in operations
        }

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        return self._light.get(name) or getattr(self._client, name)

    def _call(self, operation: Any, target: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore's model
        body = _encoded(parameters)
        return self._retries.call(partial(self._once, operation, target, body), _may_pass, self._sleep)

    def _once(self, operation: Any, target: str, body: bytes) -> dict[str, Any]:  # noqa: ANN401
        response = self._send(target, body)
        if response.status_code >= REFUSED_STATUS:
            parsed: Any = error_of(response.status_code, response.headers, response.content, operation.output_shape)
            raise ClientError(parsed, operation.name)
        checksum = response.headers.get("x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(response.content)):
            raise UnreadableAnswer(detail="the body is not what its checksum says")
        return _decoded(response.content)

    def _send(self, target: str, body: bytes) -> AWSResponse:
        """Send one request, signed with the current credentials. Raises what botocore raises."""
        signer = self._client._request_signer  # noqa: SLF001 - botocore has no public access to these
        credentials = signer._credentials  # noqa: SLF001
        request = AWSRequest(
            method="POST",
            url=self._url,
            headers={"Content-Type": self._type, "X-Amz-Target": target},
            data=body,
        )
        frozen = credentials and credentials.get_frozen_credentials()
        SigV4Auth(frozen, signer.signing_name, signer.region_name).add_auth(request)
        session = self._client._endpoint.http_session  # noqa: SLF001
        return cast("AWSResponse", session.send(request.prepare()))


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
