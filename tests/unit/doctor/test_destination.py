"""The doctor's look at a destination: every ability that may be missing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
import trustme

from windrow.core.errors import DestinationError, DestinationFault, SecretError
from windrow.doctor.check import Check
from windrow.doctor.destination import DestinationChecks
from windrow.ports import Credentials, Stored
from windrow.settings import Settings
from windrow.testing import FakeClock, FakeDestination, FakeSecrets

if TYPE_CHECKING:
    from typing_extensions import Buffer

TRIAL = ["write", "conditional write", "checksum verification", "stored checksum", "read", "list", "delete"]


def checks(
    destination: FakeDestination,
    endpoint: str = "http://127.0.0.1:9000",
    secrets: FakeSecrets | None = None,
    clock: FakeClock | None = None,
) -> dict[str, Check]:
    """Run the checks; return them by name."""
    settings = Settings(destination_endpoint=endpoint, destination_bucket="archives", destination_prefix="in")
    examination = DestinationChecks(
        settings, destination, secrets or FakeSecrets(), clock or FakeClock(), lambda: "trial"
    )
    found = list(examination.run())
    assert len(found) == len({check.name for check in found})
    return {check.name: check for check in found}


def not_ok(found: Mapping[str, Check]) -> dict[str, str]:
    """Return name and state of what is not well, TLS left out."""
    return {name: str(check.state) for name, check in found.items() if check.state != "ok" and name != "TLS"}


def test_a_good_destination() -> None:
    """Every ability is found, and nothing stays behind."""
    destination = FakeDestination()
    found = checks(destination)

    assert ["secret", "TLS", "destination", *TRIAL] == list(found)
    assert {} == not_ok(found)
    assert {} == destination.objects


class Overwriting(FakeDestination):
    """Takes every PUT."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the chunks, whatever the key holds."""
        kept = self.objects.pop(key, None)
        try:
            return super().put(key, chunks, sha256, metadata or (dict(kept[0].metadata) if kept else {}))
        except DestinationError:
            if kept:
                self.objects[key] = kept
            raise


class Unverifying(FakeDestination):
    """Stores whatever comes."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the chunks under the digest that they really have."""
        from hashlib import sha256 as digest_of

        return super().put(key, chunks, digest_of(b"".join(map(bytes, chunks))).digest(), metadata)


class KeepingWrong(FakeDestination):
    """Refuses a wrong body, and stores it all the same."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store first, look afterwards."""
        if key.endswith("-wrong"):
            self.objects[key] = Stored(1, "", {}, None, self.clock.now()), b"x"
        return super().put(key, chunks, sha256, metadata)


class Forgetful(FakeDestination):
    """Keeps neither metadata nor listings."""

    def head(self, key: str) -> Stored | None:
        """Leave the metadata out."""
        stored = super().head(key)
        return msgspec.structs.replace(stored, metadata={}) if stored else None

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List nothing."""
        return iter(())


class WithoutChecksum(FakeDestination):
    """Keeps no SHA-256."""

    def head(self, key: str) -> Stored | None:
        """Leave the checksum out."""
        stored = super().head(key)
        return msgspec.structs.replace(stored, checksum_sha256=None) if stored else None


class Misreading(FakeDestination):
    """Ignores ranges."""

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return the whole object."""
        return super().read(key, 0, 10_000)


class Undeleting(FakeDestination):
    """Keeps what is deleted."""

    def delete(self, key: str) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Overwriting, {"conditional write": "fail"}),
        (Unverifying, {"checksum verification": "fail"}),
        (KeepingWrong, {"checksum verification": "fail"}),
        (Forgetful, {"stored checksum": "fail", "list": "fail"}),
        (WithoutChecksum, {"stored checksum": "warn"}),
        (Misreading, {"read": "fail"}),
        (Undeleting, {"delete": "fail"}),
    ],
)
def test_each_missing_ability_is_named(kind: type[FakeDestination], wrong: dict[str, str]) -> None:
    """A server that lacks it is found out, with what to do, and the other checks are made all the same."""
    found = checks(kind())

    assert wrong == not_ok(found)
    assert all(found[name].advice for name in wrong)
    assert set(TRIAL) <= set(found)


@pytest.mark.parametrize("kind", DestinationFault)
def test_an_unreachable_destination_ends_the_trial_before_it_begins(kind: DestinationFault) -> None:
    """Each kind of fault has its own advice; nothing is written."""
    destination = FakeDestination()

    def away(_operation: str) -> None:
        raise DestinationError("away", kind)

    destination.hook = away
    found = checks(destination)

    assert {"destination": "fail"} == not_ok(found)
    assert found["destination"].advice
    assert set() == set(TRIAL) & set(found)


@pytest.mark.parametrize("operation", ["put", "head", "read", "list"])
def test_a_fault_in_the_trial_is_a_finding_and_cleaned_up(operation: str) -> None:
    """Whatever fails on the way, the object is deleted."""
    destination = FakeDestination()
    calls: list[str] = []

    def fail_once(name: str) -> None:
        calls.append(name)
        if name == operation and calls.count(name) == 1:
            raise DestinationError("it failed", DestinationFault.UNAVAILABLE)

    destination.hook = fail_once
    found = checks(destination)

    assert ["fail"] == list(not_ok(found).values())
    assert {} == destination.objects


def test_a_secret_that_cannot_be_read_ends_it() -> None:
    """Without credentials there is nothing to try."""

    def refuse(_operation: str) -> None:
        raise SecretError("no such secret")

    found = checks(FakeDestination(), secrets=FakeSecrets(hook=refuse))

    assert ["secret"] == list(found)
    assert {"secret": "fail"} == not_ok(found)


@contextmanager
def tls_server(certificate: trustme.LeafCert) -> Iterator[str]:
    """Run a server that only shakes hands; give its endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                connection, _ = listening.accept()
                with connection, context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(1)
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            thread.join()


def examined(certificate: trustme.LeafCert, trusted: trustme.CA, now: datetime) -> Check:
    """Return what the doctor says of a server's TLS."""
    secrets = FakeSecrets(Credentials("a", "s", trusted.cert_pem.bytes().decode()))
    with tls_server(certificate) as endpoint:
        return checks(FakeDestination(), endpoint, secrets, FakeClock(now))["TLS"]


def test_tls_with_the_private_ca() -> None:
    """Version and expiry are told."""
    authority = trustme.CA()
    now = datetime.now(UTC)
    expires = now + timedelta(days=90)
    check = examined(authority.issue_cert("127.0.0.1", not_after=expires), authority, now)

    assert ("ok", f"TLSv1.3, certificate until {expires:%Y-%m-%d}") == (check.state, check.detail)


def test_tls_that_ends_soon_is_a_warning() -> None:
    """Three weeks ahead, an expiry is told."""
    authority = trustme.CA()
    now = datetime.now(UTC)
    check = examined(authority.issue_cert("127.0.0.1", not_after=now + timedelta(days=5)), authority, now)

    assert "warn" == check.state
    assert "4 days" in check.detail


@pytest.mark.parametrize("wrong", ["ca", "name"])
def test_tls_that_cannot_be_trusted_fails(wrong: str) -> None:
    """Another CA or another name is a failure that says so."""
    authority = trustme.CA()
    certificate = authority.issue_cert("other.example" if wrong == "name" else "127.0.0.1")
    check = examined(certificate, trustme.CA() if wrong == "ca" else authority, datetime.now(UTC))

    assert "fail" == check.state
    assert "CERTIFICATE_VERIFY_FAILED" in check.detail
    assert "ca_pem" in check.advice


def test_nobody_at_the_address_is_no_matter_of_tls() -> None:
    """A refused connection gets the advice for connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    check = checks(FakeDestination(), f"https://127.0.0.1:{port}")["TLS"]

    assert "fail" == check.state
    assert "VPN" in check.advice
