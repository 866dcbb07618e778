"""Errors that are neither botocore's nor a server's, and what `S3Destination` makes of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest
import trustme
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from urllib3.exceptions import DecodeError, HTTPError, SSLError

from windrow.clients.destination.bucket import S3Destination
from windrow.clients.destination.tls import StrictHttp, context_for
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.core.errors import DestinationError, DestinationFault
from windrow.ports import Credentials
from windrow.testing import FakeClock

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest


def connect(region: str = "us-east-1") -> S3Destination:
    """Return a destination that nothing is asked of."""
    secrets = FixedSecrets(Credentials("access", "secret"))
    return S3Destination("https://minio.invalid", "bucket", region, secrets, FakeClock())


def on(monkeypatch: pytest.MonkeyPatch, client: object) -> S3Destination:
    """Return a destination with a client at hand."""
    destination = connect()
    monkeypatch.setattr(destination, "_client", lambda _credentials: client)
    return destination


class Breaking:
    """A client whose answers break off while they are read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_object(self, **_request: object) -> dict[str, object]:
        """Return an answer."""
        body = StreamingBody(self, 10)  # type: ignore[arg-type]  # the stubs ask for a whole IO
        return {"Body": body, "ContentLength": 10, "ContentRange": "bytes 0-9/10"}

    def read(self, _amount: int | None = None) -> bytes:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SSLError("bad record mac"), DestinationFault.TLS),
        (ssl.SSLError("bad record mac"), DestinationFault.TLS),
        (DecodeError("no gzip"), DestinationFault.UNAVAILABLE),
        (OSError("reset"), DestinationFault.UNAVAILABLE),
        (ValueError("I/O operation on closed file"), DestinationFault.UNAVAILABLE),
    ],
    ids=repr,
)
def test_a_body_that_breaks_off_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: DestinationFault
) -> None:
    """Of urllib3's errors botocore translates two there, and no others."""
    with pytest.raises(DestinationError, match=str(error)) as caught:
        on(monkeypatch, Breaking(error)).read("k", 0, 10)
    assert kind is caught.value.kind


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("error", [SSLError("x"), HTTPError("x"), OSError("x"), ValueError("x")], ids=repr)
def test_a_put_may_be_stored_once_its_body_is_out(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reads: bool
) -> None:
    """Whatever the error."""

    def fail(_http: StrictHttp, request: AWSPreparedRequest) -> None:
        if reads:
            assert b"body" == b"".join(request.body)  # type: ignore[arg-type]  # the stubs know bytes only
        raise error

    monkeypatch.setattr(StrictHttp, "send", fail)
    with pytest.raises(DestinationError) as caught:
        connect().put("k", [b"body"], b"digest", {})
    assert reads == caught.value.maybe_stored


ASKS: Sequence[Callable[[S3Destination], object]] = (
    lambda destination: destination.probe(),
    lambda destination: destination.put("k", [b"body"], b"digest", {}),
)


@pytest.mark.parametrize("ask", ASKS, ids=["probe", "put"])
def test_a_client_that_cannot_be_made_is_a_fault_and_stored_nothing(ask: Callable[[S3Destination], object]) -> None:
    """A region that is none."""
    with pytest.raises(DestinationError, match="eu west") as caught:
        ask(connect(region="eu west"))
    assert (DestinationFault.UNAVAILABLE, False) == (caught.value.kind, caught.value.maybe_stored)


def test_a_missing_ca_bundle_is_a_tls_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file, which Python's does not."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "no-such.pem")
    with pytest.raises(DestinationError, match=r"no-such\.pem") as caught:
        connect().probe()
    assert DestinationFault.TLS is caught.value.kind


def test_what_is_no_failure_of_a_request_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the code must not look like one of the destination."""
    with pytest.raises(TypeError):
        on(monkeypatch, Breaking(TypeError("bug"))).read("k", 0, 10)


def test_a_range_behind_the_end_is_still_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the status of S3's answer."""
    error = ClientError({"ResponseMetadata": {"HTTPStatusCode": 416}}, "GetObject")  # type: ignore[typeddict-item]
    assert b"" == on(monkeypatch, Breaking(error)).read("k", 0, 10)


@pytest.mark.parametrize(
    "dress",
    [
        lambda pem: f"# Müller CA\n{pem}",
        lambda pem: f"\ufeff{pem}",
        lambda pem: f"Certificate:\n    Data:\n        Issuer: O = Müller\n{pem}",
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: f"{pem}\n{pem}trailing notes",
    ],
    ids=["comment", "BOM", "openssl's text", "CRLF", "two"],
)
def test_what_stands_between_certificates_does_not_matter(dress: Callable[[str], str]) -> None:
    """As in any PEM file: a name with an umlaut, a text editor's mark, what openssl writes before the block."""
    pem = trustme.CA().cert_pem.bytes().decode()
    assert 1 == context_for(dress(pem)).cert_store_stats()["x509_ca"]


@pytest.mark.parametrize("ca_pem", ["", "Müller", "-----BEGIN CERTIFICATE-----\nMüller\n-----END CERTIFICATE-----\n"])
def test_a_ca_that_is_none_is_a_tls_fault(ca_pem: str) -> None:
    """It is reported as that, whatever ssl makes of it."""
    with pytest.raises(DestinationError, match="not a PEM certificate") as caught:
        context_for(ca_pem)
    assert DestinationFault.TLS is caught.value.kind
