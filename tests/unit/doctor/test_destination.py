"""The doctor's look at a destination: every ability that may be missing."""

from __future__ import annotations

import hashlib
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
from windrow.doctor.check import Check, State
from windrow.doctor.destination import PROMISE, DestinationChecks, verdict
from windrow.ports import ByteRange, Credentials, Part, Stored
from windrow.settings import MIB, Settings
from windrow.testing import FakeClock, FakeDestination, FakeSecrets

if TYPE_CHECKING:
    from typing_extensions import Buffer

PUTS = ["write", "stored checksum", "conditional write", "checksum verification", "read", "list", "large body"]
COPIES = ["conditional copy", "copy in parts"]
PARTS = ["write in parts", "part verification", "conditional completion", *COPIES, "abort"]
TRIAL = [*PUTS, *PARTS, "delete"]


class NoRaces:
    """Requests that can't be held: what servers do with these is tried on servers."""

    possible = False


def checks(
    destination: FakeDestination,
    endpoint: str = "http://127.0.0.1:9000",
    secrets: FakeSecrets | None = None,
    clock: FakeClock | None = None,
    max_object_bytes: int = Settings().max_object_bytes,
) -> dict[str, Check]:
    """Run the checks; return them by name."""
    settings = Settings(
        destination_endpoint=endpoint,
        destination_bucket="archives",
        destination_prefix="in",
        max_object_bytes=max_object_bytes,
        max_archive_bytes=MIB,
    )
    examination = DestinationChecks(
        settings,
        destination,
        secrets or FakeSecrets(),
        clock or FakeClock(),
        lambda: "trial",
        NoRaces(),  # type: ignore[arg-type]
    )
    found = [check for check in examination.run() if check.name not in ("races", "exactly once")]
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
    assert ({}, {}) == (destination.objects, destination.uploads)


def test_parts_are_not_tried_where_none_are_used() -> None:
    """Where no object may be larger than an archive, a server needs to know nothing of parts."""
    found = checks(FakeDestination(), max_object_bytes=MIB)
    assert ["secret", "TLS", "destination", *PUTS, "delete"] == list(found)


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


class DroppingUnderscores(FakeDestination):
    """Stands behind a proxy that drops what has an underscore in its name, and notices that it was signed."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Refuse."""
        if any("_" in name for name in metadata):
            raise DestinationError(f"PUT {key}: AccessDenied (HTTP 403)", DestinationFault.CREDENTIALS)
        return super().put(key, chunks, sha256, metadata)


class LosingUnderscores(FakeDestination):
    """Stands behind such a proxy, and does not notice."""

    def head(self, key: str) -> Stored | None:
        """Leave those metadata out."""
        stored = super().head(key)
        kept = {name: text for name, text in stored.metadata.items() if "_" not in name} if stored else {}
        return msgspec.structs.replace(stored, metadata=kept) if stored else None


class SparingSmall(FakeDestination):
    """Stands behind a proxy that limits bodies."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Refuse what is large."""
        if sum(memoryview(chunk).nbytes for chunk in chunks) >= MIB:
            raise DestinationError(f"PUT {key}: 413 (HTTP 413)", DestinationFault.REFUSED)
        return super().put(key, chunks, sha256, metadata)


class Undeleting(FakeDestination):
    """Keeps what is deleted."""

    def delete(self, key: str) -> None:
        """Do nothing."""


class WithoutParts(FakeDestination):
    """Knows no uploads in parts."""

    def begin(self, key: str, metadata: Mapping[str, str], *, verified: bool) -> str:
        """Refuse."""
        raise DestinationError(f"POST {key}: NotImplemented", DestinationFault.REFUSED)


class CompletingOver(FakeDestination):
    """Heeds no condition when an upload in parts is completed."""

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Replace what is there."""
        self.objects.pop(key, None)
        return super().complete(key, upload_id, parts)


class OverwritingSilently(FakeDestination):
    """Says that the key is taken, and replaces what is there all the same."""

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Replace, then say what it should have done."""
        taken = self.objects.pop(key, None) is not None
        return super().complete(key, upload_id, parts) and not taken


class UnverifyingParts(FakeDestination):
    """Stores whatever part comes."""

    def send_part(self, key: str, upload_id: str, number: int, chunks: Sequence[Buffer], sha256: bytes) -> Part:
        """Store the chunks under the digest that they really have."""
        from hashlib import sha256 as digest_of

        return super().send_part(key, upload_id, number, chunks, digest_of(b"".join(map(bytes, chunks))).digest())


class CopyingAnything(FakeDestination):
    """Heeds no ETag when it copies."""

    def copy_part(self, key: str, upload_id: str, number: int, span: ByteRange) -> Part:
        """Copy whatever is there."""
        etag = self.objects[span.key][0].etag
        return super().copy_part(key, upload_id, number, msgspec.structs.replace(span, etag=etag))


class CopyingWrongly(FakeDestination):
    """Copies the start of the object for every part."""

    def copy_part(self, key: str, upload_id: str, number: int, span: ByteRange) -> Part:
        """Forget where the part begins."""
        return super().copy_part(key, upload_id, number, msgspec.structs.replace(span, start=0))


class Encrypting(FakeDestination):
    """Makes ETags that are no digest, as servers that encrypt do."""

    def head(self, key: str) -> Stored | None:
        """Tell an ETag of the key's own."""
        stored = super().head(key)
        return msgspec.structs.replace(stored, etag=key) if stored else None

    def copy_part(self, key: str, upload_id: str, number: int, span: ByteRange) -> Part:
        """Heed the ETag as it is told."""
        etag = self.objects[span.key][0].etag if span.etag == span.key else span.etag
        return super().copy_part(key, upload_id, number, msgspec.structs.replace(span, etag=etag))


class Unabandoning(FakeDestination):
    """Does not let this key's user give an upload up."""

    def abort(self, key: str, upload_id: str) -> None:
        """Refuse."""
        raise DestinationError(f"DELETE {key} upload: AccessDenied", DestinationFault.CREDENTIALS)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Overwriting, {"conditional write": "fail"}),
        (Unverifying, {"checksum verification": "fail"}),
        (KeepingWrong, {"checksum verification": "fail"}),
        (Forgetful, {"stored checksum": "fail", "list": "fail", "write in parts": "fail"}),
        (LosingUnderscores, {"stored checksum": "fail"}),
        (SparingSmall, {"large body": "fail"}),
        (WithoutChecksum, {"stored checksum": "warn"}),
        (Misreading, {"read": "fail", "copy in parts": "fail"}),
        (Undeleting, {"delete": "fail"}),
        (WithoutParts, {"write in parts": "fail", "part verification": "fail", "conditional completion": "fail"}),
        (CompletingOver, {"conditional completion": "fail"}),
        (OverwritingSilently, {"conditional completion": "fail"}),
        (UnverifyingParts, {"part verification": "fail"}),
        (CopyingAnything, {"conditional copy": "fail"}),
        (CopyingWrongly, {"copy in parts": "fail"}),
        (Encrypting, {"copy in parts": "warn"}),
        (Unabandoning, {"abort": "warn"}),
    ],
)
def test_each_missing_ability_is_named(kind: type[FakeDestination], wrong: dict[str, str]) -> None:
    """A server that lacks it is found out, with what to do, and the other checks are made all the same."""
    found = checks(kind())

    assert wrong == not_ok(found)
    assert all(found[name].advice for name in wrong)
    needing = set() if found["write in parts"].state == "ok" else set(COPIES)
    assert set(TRIAL) - needing == set(TRIAL) & found.keys()


def test_a_proxy_that_drops_underscores_is_named() -> None:
    """Whether the server refuses what is left of the request or stores it, the advice is nginx's setting."""
    refused, lost = checks(DroppingUnderscores()), checks(LosingUnderscores())

    assert {"write": "fail"} == not_ok(refused)
    for check in (refused["write"], lost["stored checksum"]):
        assert "underscores_in_headers on" in check.advice


def test_a_limit_of_bodies_is_named() -> None:
    """The advice is nginx's setting, and Windrow's."""
    check = checks(SparingSmall())["large body"]

    assert "413" in check.detail
    assert "client_max_body_size" in check.advice
    assert "WINDROW_MAX_ARCHIVE_BYTES" in check.advice


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


@pytest.mark.parametrize(
    "operation", ["put", "head", "read", "list", "begin", "send_part", "complete", "copy_part", "abort"]
)
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

    assert ["warn" if operation == "abort" else "fail"] == list(not_ok(found).values())
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
    """Version and expiry are reported."""
    authority = trustme.CA()
    now = datetime.now(UTC)
    expires = now + timedelta(days=90)
    check = examined(authority.issue_cert("127.0.0.1", not_after=expires), authority, now)

    assert ("ok", f"TLSv1.3, certificate until {expires:%Y-%m-%d}") == (check.state, check.detail)


def test_tls_that_ends_soon_is_a_warning() -> None:
    """Three weeks ahead, an expiry is reported."""
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


def found(**states: str) -> list[Check]:
    """Return all checks that the promise rests on as well, but for those of ``states``; "" leaves one out."""
    named = {name.replace("_", " "): state for name, state in states.items()}
    checks = {name: named.get(name, "ok") for name in PROMISE}
    return [Check(name, State(state), "both won") for name, state in checks.items() if state]


@pytest.mark.parametrize(
    ("checks", "state", "detail"),
    [
        (found(), State.OK, "held: "),
        (found(race_of_completions="", race_of_copies="", conditional_copy=""), State.OK, "held: "),
        (found(race_of_writes="fail"), State.FAIL, "not held: race of writes: both won"),
        (found(race_of_writes="fail", cut_write=""), State.FAIL, "not held: race of writes: both won"),
        (
            found(race_of_writes="", cut_write=""),
            State.WARN,
            "not known, because these were not tested: race of writes, ",
        ),
        ([], State.WARN, "not known, because these were not tested: conditional write, "),
    ],
)
def test_the_doctor_says_whether_the_promise_is_held(checks: list[Check], state: State, detail: str) -> None:
    """What was not tried is not taken for held."""
    said = verdict(checks)

    assert ("exactly once", state) == (said.name, said.state)
    assert said.detail.startswith(detail)


class StoringRefused(FakeDestination):
    """Says that a body is wrong, and keeps it."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store first, then refuse."""
        try:
            return super().put(key, chunks, sha256, metadata)
        except DestinationError:
            body = b"".join(chunks)
            super().put(key, chunks, hashlib.sha256(body).digest(), metadata)
            raise


def test_a_refused_body_that_is_stored_is_named() -> None:
    """Such an answer would be taken for one after which nothing is there."""
    check = checks(StoringRefused())["checksum verification"]

    assert "fail" == check.state
    assert "was stored, although it was refused" in check.detail
