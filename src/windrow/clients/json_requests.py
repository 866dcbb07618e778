"""The few operations of a boto3 client that a worker calls most, in AWS's JSON protocol and without boto3's weight.

boto3 takes ten times as long to check, serialise, route and parse a request of a few fields as to send it. Here such a
request is JSON, signed by botocore and sent over the client's own connections, so that its endpoint, time-outs,
proxies, certificates and credentials are what they are for all other operations, and its errors too.
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
    """Return a stand-in for a boto3 client that makes ``operations`` (``delete_message_batch``) lightly.

    Their answers are the JSON that came: bytes in it are Base64, and nothing is left out. They raise what boto3 raises,
    and are tried again, by ``retries``, after what may pass: no answer, a server's failure, throttling.
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
        """Send one request, signed with the credentials of now. Raises what botocore raises."""
        signer = self._client._request_signer  # noqa: SLF001 - what a client is made of is not in its interface
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
    except UnicodeEncodeError:  # half a character, which JSON can escape
        return json.dumps(parameters, default=_base64).encode()


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):  # half a character perhaps, which Python's own reader lets pass
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise UnreadableAnswer(detail=error) from error
    if not isinstance(answer, dict):
        raise UnreadableAnswer(detail="the body is no JSON object")
    return answer


def _base64(value: object) -> str:
    return base64.b64encode(cast("bytes", value)).decode()


def _may_pass(error: Exception) -> bool:
    """Return whether trying again may help, by what botocore's standard mode goes by."""
    if isinstance(error, (HTTPClientError, NoConnection)):
        return True
    return status(error) >= _SERVER_FAILED or code(error) in _THROTTLED
