"""What `S3Landing` makes of an S3 that fails; scripted servers stand for S3."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import boto3.session
import pytest
from botocore.response import StreamingBody
from urllib3.exceptions import SSLError

from tests.servers.scripted import Answer, http_server, read_request, s3_error, socket_server
from windrow.clients.s3 import landing as module
from windrow.clients.s3.landing import S3Landing
from windrow.core.errors import (
    LandingError,
    ObjectArchived,
    ObjectMissing,
    ObjectRefused,
    Permanent,
    SourceChecksumWrong,
)
from windrow.core.events import SourceObject
from windrow.lab.stack.process import HOST, free_port
from windrow.ports import Body

DATE = {"Last-Modified": "Mon, 23 Nov 2026 10:07:00 GMT", "ETag": '"e"'}
SHORT = b"".join(
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n",
        *(f"{name}: {value}\r\n".encode() for name, value in DATE.items()),
        b"\r\nfo",
    )
)
"""An answer whose body does not come in full."""


def new_source(key: str = "k", size: int = 4) -> SourceObject:
    """Return a source object with a version."""
    return SourceObject("bucket", key, "v1", "e", "01", size, datetime(2026, 11, 23, 10, 7, tzinfo=UTC))


@pytest.fixture
def get(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, SourceObject], Body]:
    """Return a function that gets an object from an endpoint, with short time-outs and no retries of obstore's."""
    monkeypatch.setattr(module, "RETRIES", 0)
    monkeypatch.setattr(module, "REQUEST_S", 1.0)

    def get(url: str, source: SourceObject) -> Body:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        return S3Landing(boto3.session.Session()).get(source)

    return get


@pytest.mark.parametrize("key", ["k", "k/"], ids=["obstore", "boto3"])
@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchKey", ObjectMissing),
        (404, "NoSuchVersion", ObjectMissing),
        (405, "MethodNotAllowed", ObjectMissing),
        (412, "PreconditionFailed", ObjectMissing),
        (403, "InvalidObjectState", ObjectArchived),
        (416, "InvalidRange", SourceChecksumWrong),
        (404, "NoSuchBucket", LandingError),
        (403, "AccessDenied", ObjectRefused),
        (403, "AllAccessDisabled", ObjectRefused),
        (400, "InvalidRequest", ObjectRefused),
        (400, "KMS.DisabledException", ObjectRefused),
        (400, "KMS.InvalidKeyUsageException", ObjectRefused),
        (400, "KMS.KMSInvalidStateException", ObjectRefused),
        (400, "KMS.NotFoundException", ObjectRefused),
        (400, "KMS.Unheard", ObjectRefused),
        (400, "KMS.ThrottlingException", LandingError),
        (400, "KMS.LimitExceededException", LandingError),
        (500, "KMS.KMSInternalException", LandingError),
        (400, "ThrottlingException", LandingError),
        (400, "ExpiredToken", LandingError),
        (403, "InvalidAccessKeyId", LandingError),
        (403, "RequestTimeTooSkewed", LandingError),
        (403, "SignatureDoesNotMatch", LandingError),
    ],
)
def test_refusals_are_told_apart(
    get: Callable[[str, SourceObject], Body], key: str, status: int, code: str, error: type[Exception]
) -> None:
    """What may pass never becomes a reason to dead-letter a file; what lasts becomes one if it goes on."""
    odd: dict[type[Exception], str] = {ObjectArchived: "restored", SourceChecksumWrong: "fewer bytes than"}
    says = odd.get(error, code)
    with http_server(lambda *_: s3_error(status, code)) as url, pytest.raises(error, match=says) as caught:
        get(url, new_source(key))
    assert error is type(caught.value)


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        ("AccessDenied", "access-denied", "Let the role read it"),
        ("AllAccessDisabled", "access-denied", "Let the role read it"),
        ("InvalidRequest", "sse-c", "uploaded again without"),
        ("KMS.DisabledException", "kms-key", "Enable the key"),
        ("KMS.InvalidKeyUsageException", "kms-key", "Enable the key"),
        ("KMS.KMSInvalidStateException", "kms-key", "cancel its deletion"),
        ("KMS.NotFoundException", "kms-key", "Enable the key"),
    ],
)
def test_a_refusal_says_what_it_ends_with_and_what_to_do(
    get: Callable[[str, SourceObject], Body], code: str, reason: str, advice: str
) -> None:
    """With S3's own words, which name role, action and key, and with nothing that a terminal would act on."""
    said = "no kms:Decrypt on arn:aws:kms:::key/1\u202e\x85" + "x" * 1000
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{said}</Message></Error>"

    def answer(*_: object) -> Answer:
        return 403, {"Content-Type": "application/xml"}, body.encode()

    with http_server(answer) as url, pytest.raises(ObjectRefused) as caught:
        get(url, new_source())
    rejection = caught.value.rejection
    assert (reason, str(caught.value)) == (rejection.reason, str(rejection))
    assert [True] * 3 == [text in str(rejection) for text in ("bucket/'k'", code, advice)]
    assert (True, True) == (str(rejection).isprintable(), len(str(rejection)) < 600)


PAGE = b"<html><body>Sign in</body></html>"


@pytest.mark.parametrize("key", ["k", "k/"], ids=["obstore", "boto3"])
@pytest.mark.parametrize(
    "answer",
    [
        *((status, {"Content-Type": "text/html"}, PAGE) for status in (400, 403, 404, 405, 412)),
        (200, {"Content-Type": "text/html"}, PAGE),
        s3_error(301, "PermanentRedirect"),
        (404, {}, b""),
        (404, {"Content-Type": "application/xml"}, b"<Error>"),
    ],
)
def test_an_answer_that_is_not_s3s_may_pass(get: Callable[[str, SourceObject], Body], key: str, answer: Answer) -> None:
    """A proxy's page proves nothing of an object, whatever its status."""
    with http_server(lambda *_: answer) as url, pytest.raises(LandingError) as caught:
        get(url, new_source(key))
    assert LandingError is type(caught.value)


@pytest.mark.parametrize("key", ["k", "k/"], ids=["obstore", "boto3"])
@pytest.mark.parametrize("content_range", ["bytes 0-3/*", "nonsense", "bytes 0-3/\u0663"])
def test_a_range_that_cannot_be_read_may_pass(key: str, content_range: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an answer that S3 does not give."""
    headers = DATE | {"Content-Range": content_range.encode().decode("latin-1")}
    with http_server(lambda *_: (206, headers, b"four")) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        landing = S3Landing(boto3.session.Session())
        with pytest.raises(LandingError), landing.stream(new_source(key, size=8), 4) as (_, pieces):
            list(pieces)


@pytest.mark.parametrize("key", ["k", "k/"], ids=["obstore", "boto3"])
def test_nothing_is_read_of_an_object_larger_than_its_event_says(
    get: Callable[[str, SourceObject], Body], key: str
) -> None:
    """What it takes is known before its body is: a forged event costs no memory."""
    announced = {"Content-Length": str(10**12)}

    def answer(*_: object) -> Answer:
        return 200, DATE | announced, b""

    with http_server(answer) as url, pytest.raises(SourceChecksumWrong, match="1000000000000 bytes"):
        get(url, new_source(key))


@pytest.mark.parametrize("code", ["SlowDown", "InternalError"])
def test_a_failing_s3_may_pass(get: Callable[[str, SourceObject], Body], code: str) -> None:
    """After a bounded number of attempts."""
    requests: list[str] = []

    def answer(method: str, *_: object) -> Answer:
        requests.append(method)
        return s3_error(503, code)

    with http_server(answer) as url, pytest.raises(LandingError, match=code):
        get(url, new_source())
    assert 3 == len(requests)


@pytest.mark.parametrize("said", [b"", SHORT], ids=["silent", "stalled body"])
def test_a_time_out_is_not_repeated(
    get: Callable[[str, SourceObject], Body], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Neither by obstore nor by boto3: the batch's run time pays for it."""
    monkeypatch.setattr(module, "RETRIES", 2)
    monkeypatch.setattr(module, "RETRY_S", 0.4)
    requests: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        requests.append(said)
        connection.sendall(said)
        connection.recv(1)

    with socket_server(serve) as port, pytest.raises(LandingError, match="not served in 1"):
        get(f"http://{HOST}:{port}", new_source())
    assert 1 == len(requests)


def test_a_large_object_may_take_its_time(get: Callable[[str, SourceObject], Body]) -> None:
    """Over a slow line it comes in longer than one of obstore's requests may last, as long as it keeps coming."""
    size = module.OBSTORE_BYTES + 1
    head = SHORT.replace(b"Content-Length: 4", b"Content-Length: %d" % size).removesuffix(b"fo")

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        for start in range(0, size, size // 4):
            connection.sendall(b"x" * min(size // 4, size - start))
            time.sleep(module.REQUEST_S / 3)

    with socket_server(serve) as port:
        assert b"x" * size == bytes(get(f"http://{HOST}:{port}", new_source(size=size)).data)


@pytest.mark.parametrize("error", [SSLError("bad record"), OSError("reset")])
def test_a_body_that_ends_in_an_error_of_the_line_may_pass(
    get: Callable[[str, SourceObject], Body], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Botocore hands on as they are those that come while it reads a body."""

    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(StreamingBody, "read", fail)
    with http_server(lambda *_: (200, DATE, b"four")) as url, pytest.raises(LandingError, match="was not served"):
        get(url, new_source("k/"))


def test_nothing_listening_may_pass(get: Callable[[str, SourceObject], Body]) -> None:
    """As a network does."""
    with pytest.raises(LandingError):
        get(f"http://{HOST}:{free_port()}", new_source())


@pytest.mark.parametrize("key", ["k", "k/"], ids=["obstore", "boto3"])
def test_a_body_cut_short_may_pass(get: Callable[[str, SourceObject], Body], key: str) -> None:
    """The connection ends before the length announced is reached."""
    with http_server(lambda *_: (200, DATE | {"Content-Length": "4"}, b"fo")) as url, pytest.raises(LandingError):
        get(url, new_source(key))


def test_a_body_shortened_on_the_way_may_pass(get: Callable[[str, SourceObject], Body]) -> None:
    """A proxy announces less than S3 holds; S3's own answer decides."""

    def answer(method: str, *_: object) -> Answer:
        return (200, DATE | {"Content-Length": "4"}, b"") if method == "HEAD" else (200, DATE, b"fo")

    with http_server(answer) as url, pytest.raises(LandingError, match="2 of 4 bytes"):
        get(url, new_source())


def test_metadata_beyond_ascii_does_no_harm(get: Callable[[str, SourceObject], Body]) -> None:
    """Obstore refuses such an answer; boto3 reads it."""
    headers = DATE | {"x-amz-meta-name": "\xff\xfe", "x-amz-meta-sha256": "AB" * 32}
    with http_server(lambda *_: (200, headers, b"four")) as url:
        body = get(url, new_source())
    assert (b"four", "ab" * 32) == (bytes(body.data), body.described.sha256)


def test_missing_aws_credentials_may_pass(
    get: Callable[[str, SourceObject], Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role may be attached late."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(LandingError, match="credentials"):
        get(f"http://{HOST}:{free_port()}", new_source())


def test_credentials_are_renewed_before_botocore_lets_them_end() -> None:
    """It keeps temporary ones until 10 minutes before their end; obstore may not keep them longer."""
    assert timedelta(0) < module.CREDENTIALS_TTL < timedelta(minutes=10)


def test_permanent_is_what_no_retry_mends() -> None:
    """The port's contract of errors."""
    assert [True, True, False] == [
        issubclass(kind, Permanent) for kind in (ObjectMissing, ObjectArchived, LandingError)
    ]
