"""How `S3Destination` tells failures of network, TLS and server apart; TLS on a real MinIO."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event

import msgspec
import pytest
import trustme

from tests.conftest import ACCESS_KEY, SECRET_KEY
from tests.servers.scripted import Answer, http_server, read_request, s3_error, socket_server
from tests.tools import locate
from windrow.clients.destination.bucket import DELIVERING, PROBING, RequestPolicy, S3Destination
from windrow.core.errors import DestinationError, DestinationFault, SecretError
from windrow.lab.stack import servers
from windrow.lab.stack.process import HOST, free_port
from windrow.ports import Credentials
from windrow.testing import FakeClock, FakeSecrets

BODY = b"body" * 50_000
FOUND = {"ETag": '"e"', "Last-Modified": "Wed, 14 Oct 2026 10:00:00 GMT"}
CUT_SHORT = {"Content-Length": "9", "Content-Range": "bytes 0-8/9"}
BRIEF = RequestPolicy(connect_s=1.0, read_s=1.0)


def connect(
    endpoint: str,
    secrets: FakeSecrets | None = None,
    clock: FakeClock | None = None,
    policy: RequestPolicy = DELIVERING,
) -> S3Destination:
    """Return a destination on an endpoint."""
    return S3Destination(
        endpoint,
        "bucket",
        "us-east-1",
        secrets or FakeSecrets(Credentials(ACCESS_KEY, SECRET_KEY)),
        clock or FakeClock(),
        policy,
    )


def put(destination: S3Destination) -> bool:
    """Put a body of some size."""
    return destination.put("k", [BODY], sha256(BODY).digest(), {})


def failure(destination: S3Destination) -> DestinationError:
    """Return the error that a PUT ends with."""
    with pytest.raises(DestinationError) as caught:
        put(destination)
    return caught.value


def test_nothing_listening_is_connect() -> None:
    """Nothing was sent."""
    error = failure(connect(f"http://{HOST}:{free_port()}"))
    assert (DestinationFault.CONNECT, False) == (error.kind, error.maybe_stored)


def test_unknown_host_is_connect() -> None:
    """RFC 2606 keeps ``.invalid`` free of names."""
    error = failure(connect("https://minio.invalid"))
    assert (DestinationFault.CONNECT, False) == (error.kind, error.maybe_stored)


def test_silence_after_the_body_is_slow_and_may_have_stored() -> None:
    """The server may be about to commit."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)

    with socket_server(serve) as port:
        error = failure(connect(f"http://{HOST}:{port}", policy=BRIEF))
    assert (DestinationFault.SLOW, True) == (error.kind, error.maybe_stored)


def test_silence_from_the_start_is_slow() -> None:
    """A server that takes connections and says nothing."""

    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with socket_server(serve) as port, pytest.raises(DestinationError) as caught:
        connect(f"http://{HOST}:{port}", policy=BRIEF).probe()
    assert DestinationFault.SLOW == caught.value.kind


@pytest.mark.parametrize("at", ["HEAD", "PUT", "GET", "DELETE"])
def test_the_sentinels_client_asks_a_hanging_server_once(at: str) -> None:
    """Whichever of its requests is not answered, there is one of it, and then the fault is known."""
    asked: list[str] = []
    hung = Event()

    def answer(method: str, _path: str, body: bytes) -> Answer:
        asked.append(method)
        if method == at:
            hung.wait()
        return 200, FOUND, b"k" if method == "GET" else b""

    with http_server(answer) as url:
        destination = connect(url, policy=msgspec.structs.replace(PROBING, connect_s=1.0, read_s=1.0))
        try:
            with pytest.raises(DestinationError) as caught:
                SENTINEL_ASKS[at](destination)
        finally:
            hung.set()

    assert DestinationFault.SLOW == caught.value.kind
    # Before it deletes it asks for the version that is there.
    assert ["HEAD"] * (at == "DELETE") + [at] == asked


SENTINEL_ASKS: dict[str, Callable[[S3Destination], object]] = {
    "HEAD": lambda destination: destination.probe(),
    "PUT": lambda destination: destination.put("k", [b"k"], sha256(b"k").digest(), {}),
    "GET": lambda destination: destination.read("k", 0, 1),
    "DELETE": lambda destination: destination.delete("k"),
}


def test_silent_tls_handshake_is_slow_and_stored_nothing() -> None:
    """The request never left."""

    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with socket_server(serve) as port:
        error = failure(connect(f"https://{HOST}:{port}", policy=BRIEF))
    assert (DestinationFault.SLOW, False) == (error.kind, error.maybe_stored)


def test_reset_after_the_body_may_have_stored() -> None:
    """The reply is lost, the PUT may not be."""
    with socket_server(read_request) as port:
        error = failure(connect(f"http://{HOST}:{port}"))
    assert (DestinationFault.CONNECT, True) == (error.kind, error.maybe_stored)


def test_reset_before_the_body_stored_nothing() -> None:
    """The client waits for the server's go-ahead before it sends the body."""

    def read_a_byte(connection: socket.socket) -> None:
        connection.recv(1)

    with socket_server(read_a_byte) as port:
        error = failure(connect(f"http://{HOST}:{port}"))
    assert (DestinationFault.CONNECT, False) == (error.kind, error.maybe_stored)


@pytest.mark.parametrize(
    ("status", "code", "kind", "maybe_stored"),
    [
        (500, "InternalError", DestinationFault.UNAVAILABLE, True),
        (503, "SlowDown", DestinationFault.UNAVAILABLE, True),
        (507, "XMinioStorageFull", DestinationFault.UNAVAILABLE, True),
        (409, "ConditionalRequestConflict", DestinationFault.UNAVAILABLE, False),
        (400, "RequestTimeout", DestinationFault.UNAVAILABLE, False),
        (400, "BadDigest", DestinationFault.CHECKSUM, False),
        (400, "XAmzContentSHA256Mismatch", DestinationFault.CHECKSUM, False),
        (400, "XMinioInvalidObjectName", DestinationFault.REFUSED, False),
        (403, "AccessDenied", DestinationFault.CREDENTIALS, False),
        (403, "RequestTimeTooSkewed", DestinationFault.CREDENTIALS, False),
        (404, "NoSuchBucket", DestinationFault.BUCKET, False),
    ],
)
def test_refusals_are_told_apart(status: int, code: str, kind: DestinationFault, maybe_stored: bool) -> None:
    """Only a 5xx leaves it open whether the body was stored; the code stands in the message."""
    with http_server(lambda *_: s3_error(status, code)) as url:
        error = failure(connect(url))
    assert (kind, maybe_stored) == (error.kind, error.maybe_stored)
    assert code in str(error)


def test_an_answer_that_is_no_s3_is_unavailable() -> None:
    """A proxy's page, say."""
    with http_server(lambda *_: (502, {"Content-Type": "text/html"}, b"<html>Bad Gateway<br>")) as url:
        error = failure(connect(url))
    assert (DestinationFault.UNAVAILABLE, True) == (error.kind, error.maybe_stored)


def test_put_is_tried_once() -> None:
    """The caller must look before it repeats."""
    requests = []

    def answer(method: str, path: str, body: bytes) -> Answer:
        requests.append((method, path, len(body)))
        return s3_error(503, "SlowDown")

    with http_server(answer) as url:
        failure(connect(url))
    assert [("PUT", "/bucket/k", len(BODY))] == requests


def test_reading_is_tried_again_after_a_pause() -> None:
    """Three times in all, and the pauses are the clock's."""
    requests = []

    def answer(method: str, path: str, _body: bytes) -> Answer:
        requests.append((method, path))
        return s3_error(503, "SlowDown") if len(requests) < 3 else (206, {"Content-Range": "bytes 0-3/4"}, b"four")

    clock = FakeClock()
    with http_server(answer) as url:
        assert b"four" == connect(url, clock=clock).read("k", 0, 4)
    assert ([("GET", "/bucket/k")] * 3, 2) == (requests, len(clock.sleeps))


def test_a_body_cut_short_is_an_error() -> None:
    """Not fewer bytes."""
    with http_server(lambda *_: (206, CUT_SHORT, b"four")) as url, pytest.raises(DestinationError):
        connect(url).read("k", 0, 9)


def test_an_unreadable_secret_is_a_credentials_fault() -> None:
    """The pipeline knows destination errors only."""

    def hook(_operation: str) -> None:
        raise SecretError("away")

    error = failure(connect("https://minio.invalid", FakeSecrets(hook=hook)))
    assert (DestinationFault.CREDENTIALS, False) == (error.kind, error.maybe_stored)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return the private CA of the data centre."""
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MinIO with a certificate of the private CA for ``127.0.0.1``; give its URL."""
    binary = Path(locate("minio"))
    folder = tmp_path_factory.mktemp("secure")
    certs = folder / "certs"
    certs.mkdir()
    certificate = authority.issue_cert(HOST)
    certificate.private_key_pem.write_to_path(certs / "private.key")
    certificate.cert_chain_pems[0].write_to_path(certs / "public.crt")
    with servers.minio(folder, access_key=ACCESS_KEY, secret_key=SECRET_KEY, certs=certs, binary=binary) as server:
        yield server.url


def trusting(ca_pem: str | None) -> FakeSecrets:
    """Return credentials with a CA."""
    return FakeSecrets(Credentials(ACCESS_KEY, SECRET_KEY, ca_pem))


def pem(authority: trustme.CA) -> str:
    """Return a CA's certificate."""
    return authority.cert_pem.bytes().decode()


@pytest.mark.needs("minio")
def test_private_ca_is_trusted(secure: str, authority: trustme.CA) -> None:
    """The connection stands: MinIO itself says that there is no such bucket."""
    error = failure(connect(secure, trusting(pem(authority))))
    assert DestinationFault.BUCKET == error.kind


@pytest.mark.needs("minio")
@pytest.mark.parametrize("ca", ["other", "system"])
def test_another_ca_is_a_tls_fault(secure: str, ca: str) -> None:
    """Both another private one and those of the system."""
    error = failure(connect(secure, trusting(pem(trustme.CA()) if ca == "other" else None)))
    assert (DestinationFault.TLS, False) == (error.kind, error.maybe_stored)


@pytest.mark.needs("minio")
def test_a_certificate_for_another_name_is_a_tls_fault(secure: str, authority: trustme.CA) -> None:
    """The certificate is for 127.0.0.1 only."""
    error = failure(connect(secure.replace(HOST, "localhost"), trusting(pem(authority))))
    assert (DestinationFault.TLS, False) == (error.kind, error.maybe_stored)


@pytest.mark.needs("minio")
def test_the_ca_may_change_with_the_secret(secure: str, authority: trustme.CA) -> None:
    """A rotation of the CA needs no restart."""
    secrets = trusting(pem(trustme.CA()))
    destination = connect(secure, secrets)
    assert DestinationFault.TLS == failure(destination).kind
    secrets.value = Credentials(ACCESS_KEY, SECRET_KEY, pem(authority))
    assert DestinationFault.BUCKET == failure(destination).kind


def test_a_ca_that_is_no_certificate_is_a_tls_fault() -> None:
    """The message says where it stands and not what."""
    error = failure(connect("https://minio.invalid", trusting("-----BEGIN PRIVATE KEY-----")))
    assert (DestinationFault.TLS, "ca_pem in the destination secret is not a PEM certificate") == (
        error.kind,
        str(error),
    )


def test_plain_http_behind_https_is_a_tls_fault() -> None:
    """A port mixed up."""
    with http_server(lambda *_: s3_error(404, "NoSuchKey")) as url:
        error = failure(connect(url.replace("http://", "https://")))
    assert (DestinationFault.TLS, False) == (error.kind, error.maybe_stored)


def test_tls_1_1_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    """By Windrow: a client that allows it does connect."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(server)
    _allow_tls_1_1(server)

    def serve(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(1)

    with socket_server(serve) as port:
        lax = ssl.create_default_context(cadata=pem(authority))
        _allow_tls_1_1(lax)
        with socket.create_connection((HOST, port)) as plain, lax.wrap_socket(plain, server_hostname=HOST) as wrapped:
            assert "TLSv1.1" == wrapped.version()
        error = failure(connect(f"https://{HOST}:{port}", trusting(pem(authority))))
    assert (DestinationFault.TLS, False) == (error.kind, error.maybe_stored)


def _allow_tls_1_1(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
