"""Uploads of known digests: the same requests as boto3's."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.credentials import Credentials as BotoCredentials

from tests.servers.scripted import Answer, Request, request_server, signature, socket_server
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.destination.object_lock import ObjectLock
from windrow.clients.destination.tls import StrictHttp
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.core.errors import DestinationError, DestinationFault
from windrow.ports import Credentials
from windrow.testing import FakeClock

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

BODY = [b"some ", b"bytes"]
DIGEST = sha256(b"".join(BODY))
CHECKSUM = base64.b64encode(DIGEST.digest()).decode()
NOW = datetime(2026, 11, 29, 12, 30, 15, 250_000, tzinfo=UTC)
LOCK = ObjectLock("GOVERNANCE", timedelta(days=3), applies=lambda _key: True)

VARYING = {"amz-sdk-invocation-id", "amz-sdk-request", "authorization", "user-agent", "x-amz-date"}


class Server:
    """Answers every upload with an ETag, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Answer:
        """Keep the request, and answer it."""
        self.requests.append(request)
        return 200, {"ETag": '"e"'}, b""

    def sent(self) -> list[tuple[str, str, dict[str, str], bytes]]:
        """Return what was sent, without what differs from request to request."""
        return [(each.method, each.path, _lasting(each), each.body) for each in self.requests]


def _lasting(request: Request) -> dict[str, str]:
    named = {name.lower(): value for name, value in request.headers.items()}
    return {name: value for name, value in named.items() if name not in VARYING}


@pytest.fixture
def server() -> Iterator[Server]:
    """Run one."""
    found = Server()
    with request_server(found.answer) as found.url:
        yield found


CREDENTIALS = Credentials("access", "secret", session_token="token")


def connect(url: str, lock: ObjectLock | None = None) -> S3MultipartDestination:
    """Return a destination on a server."""
    return S3MultipartDestination(
        url, "bucket", "eu-west-2", FixedSecrets(CREDENTIALS), FakeClock(NOW), object_lock=lock
    )


def boto3_of(destination: S3MultipartDestination) -> Any:
    """Return the destination's client, whose own uploads are boto3's."""
    return destination._client(CREDENTIALS)


KEYS = ["archives/2026/11/29/a.tar.gz", "a b", "ü+%/?#&=;:@,$!'()*~.gz", "\u4e2d\u6587", "a//b", "./c"]


@pytest.mark.parametrize("key", KEYS)
def test_a_put_is_boto3s(server: Server, key: str) -> None:
    """Path, headers and body."""
    destination = connect(server.url, LOCK)
    boto3_of(destination).put_object(
        Bucket="bucket",
        Key=key,
        Body=b"".join(BODY),
        ChecksumSHA256=CHECKSUM,
        Metadata={"file-count": "2"},
        ContentType="application/gzip",
        IfNoneMatch="*",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=NOW + timedelta(days=3),
    )
    assert destination.put(key, BODY, DIGEST.digest(), {"file-count": "2"})

    by_boto3, lightly = server.sent()
    assert by_boto3 == lightly


@pytest.mark.parametrize("upload", ["id", "a/b+c=&d?#%20 é"])
def test_a_part_is_boto3s(server: Server, upload: str) -> None:
    """Also with an upload's name that a server of another make gave."""
    destination = connect(server.url)
    boto3_of(destination).upload_part(
        Bucket="bucket",
        Key="k",
        UploadId=upload,
        PartNumber=7,
        Body=b"".join(BODY),
        ChecksumSHA256=CHECKSUM,
    )
    assert "e" == destination.send_part("k", upload, 7, BODY, DIGEST.digest()).etag

    by_boto3, lightly = ((method, _query(path), headers, body) for method, path, headers, body in server.sent())
    assert by_boto3 == lightly


def _query(path: str) -> tuple[str, set[str]]:
    """Return a path, and its parameters in no order."""
    path, _, query = path.partition("?")
    return path, set(query.split("&"))


@pytest.mark.parametrize("put", [True, False])
def test_what_is_sent_is_what_was_signed(server: Server, put: bool) -> None:
    """The signature is that of path, headers and body as they came."""
    destination = connect(server.url)
    if put:
        destination.put(KEYS[2], BODY, DIGEST.digest(), {"file-count": "2"})
    else:
        destination.send_part(KEYS[2], "a/b+c", 7, BODY, DIGEST.digest())

    (sent,) = server.requests
    signer = S3SigV4Auth(BotoCredentials("access", "secret", "token"), "s3", "eu-west-2")
    signed, expected = signature(sent, server.url, signer)
    assert {"host", "x-amz-content-sha256", "x-amz-checksum-sha256", "x-amz-security-token"} <= signed
    assert sha256(sent.body).hexdigest() == sent.headers["X-Amz-Content-SHA256"]
    assert sent.headers["Authorization"].endswith(f"Signature={expected}")


def test_the_body_waits_for_the_servers_word() -> None:
    """A refusal before that costs no transfer."""
    received: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        while not b"".join(received).endswith(b"\r\n\r\n"):
            received.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        received.append(connection.recv(65536))

    with socket_server(refuse) as port, pytest.raises(DestinationError) as caught:
        connect(f"http://127.0.0.1:{port}").put("k", BODY, DIGEST.digest(), {})

    assert DestinationFault.UNAVAILABLE is caught.value.kind
    assert b"some" not in b"".join(received)


def test_metadata_that_is_no_header_is_an_error(server: Server) -> None:
    """Nothing is sent under another header's name."""
    with pytest.raises(DestinationError):
        connect(server.url).put("k", BODY, DIGEST.digest(), {"a": "b\r\nX-Amz-Acl: public-read"})
    assert [] == server.requests


def test_over_tls_no_body_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by botocore; the checksum is signed, and the server compares it."""
    seen: list[dict[str, str]] = []

    def keep(_http: StrictHttp, request: AWSPreparedRequest) -> None:
        seen.append(dict(request.headers))
        raise OSError

    monkeypatch.setattr(StrictHttp, "send", keep)
    with pytest.raises(DestinationError):
        connect("https://minio.invalid").put("k", BODY, DIGEST.digest(), {})

    (headers,) = seen
    assert ("UNSIGNED-PAYLOAD", CHECKSUM) == (headers["X-Amz-Content-SHA256"], headers["X-Amz-Checksum-Sha256"])
