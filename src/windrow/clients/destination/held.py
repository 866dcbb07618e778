"""Requests to the destination that are sent up to a certain byte and finished later, to test races.

boto3 sends a request as a whole. How a server handles two concurrent requests shows only if both end at the same
moment, or one between the beginning and the end of the other.
"""

from __future__ import annotations

from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Self
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from windrow.clients.aws import proxies_for
from windrow.clients.destination.tls import context_for
from windrow.core.errors import DestinationError, DestinationFault
from windrow.ports import Part, Secrets

TIMEOUT_S = 60.0
"""Timeout for an answer: a server may delay it until the other request ends."""


class HeldRequest(msgspec.Struct, frozen=True):
    """The bytes of a signed request; ``body_at`` is where its body begins."""

    method: str
    data: bytes
    body_at: int


class Answer(msgspec.Struct, frozen=True):
    """The answer to a request."""

    status: int
    body: bytes

    @property
    def done(self) -> bool:
        """Whether the request was carried out. S3 may report an error of a completion with status 200."""
        return 200 <= self.status < 300 and b"<Error" not in self.body  # noqa: PLR2004 - statuses of HTTP


class HeldConnection:
    """Sends one request after the other, each in two steps. A context manager. Raises `DestinationError`."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self._request: HeldRequest
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, request: HeldRequest, upto: int) -> None:
        """Send a request up to a byte."""
        try:
            if not self._connection.sock:
                self._connection.connect()
            self._connection.sock.sendall(request.data[:upto])
        except OSError as error:
            raise _failed(error) from error
        self._request, self._sent = request, upto

    def end(self) -> None:
        """Send the rest."""
        try:
            self._connection.sock.sendall(self._request.data[self._sent :])
        except OSError as error:
            raise _failed(error) from error

    def answer(self) -> Answer:
        """Wait for the answer."""
        response = HTTPResponse(self._connection.sock, method=self._request.method)
        try:
            response.begin()
            body = response.read()
        except (OSError, HTTPException) as error:
            raise _failed(error) from error
        if response.will_close:
            self.close()
        return Answer(response.status, body)

    def close(self) -> None:
        """Close the connection; an unfinished request is dropped."""
        self._connection.close()


class HeldRequests:
    """Signs requests to one bucket, and opens connections for them."""

    def __init__(self, endpoint: str, bucket: str, region: str, secrets: Secrets) -> None:
        self._endpoint = endpoint
        self._bucket = bucket
        self._region = region
        self._secrets = secrets

    @property
    def possible(self) -> bool:
        """Whether the destination is reached without a proxy, which might buffer requests."""
        return urlsplit(self._endpoint).scheme not in proxies_for(self._endpoint)

    def connect(self) -> HeldConnection:
        """Return a connection, which connects at its first request. Raises `DestinationError`, `SecretError`."""
        url = urlsplit(self._endpoint)
        host = url.hostname or ""
        if url.scheme == "http":
            return HeldConnection(HTTPConnection(host, url.port or 80, timeout=TIMEOUT_S))
        context = context_for(self._secrets.credentials().ca_pem)
        return HeldConnection(HTTPSConnection(host, url.port or 443, timeout=TIMEOUT_S, context=context))

    def put(self, key: str, body: bytes) -> HeldRequest:
        """Return a PUT on the condition that the key does not exist. Raises `SecretError`."""
        return self._signed("PUT", key, {}, body)

    def complete(self, key: str, upload_id: str, part: Part) -> HeldRequest:
        """Return the completion of an upload of one part, on the same condition. Raises `SecretError`."""
        digest = f"<ChecksumSHA256>{b64encode(part.sha256).decode()}</ChecksumSHA256>" if part.sha256 else ""
        body = (
            "<CompleteMultipartUpload><Part>"
            f'<PartNumber>{part.number}</PartNumber><ETag>"{part.etag}"</ETag>{digest}'
            "</Part></CompleteMultipartUpload>"
        )
        return self._signed("POST", key, {"uploadId": upload_id}, body.encode())

    def _signed(self, method: str, key: str, query: dict[str, str], body: bytes) -> HeldRequest:
        url = f"{self._endpoint}/{self._bucket}/{quote(key)}" + (f"?{urlencode(query)}" if query else "")
        request = AWSRequest(method, url, {"Content-Length": str(len(body)), "If-None-Match": "*"}, body)
        keys = self._secrets.credentials()
        S3SigV4Auth(Keys(keys.access_key, keys.secret_key), "s3", self._region).add_auth(request)
        parts = urlsplit(url)
        lines = [f"{method} {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        return HeldRequest(method, head + body, len(head))


def _failed(error: Exception) -> DestinationError:
    return DestinationError(f"a request sent in two steps failed: {error}", DestinationFault.CONNECT)
