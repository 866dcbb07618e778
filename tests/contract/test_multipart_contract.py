"""The contract of `windrow.ports.MultipartDestination`, on the fake, MiniStack and servers that are sound."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from random import Random
from threading import Barrier

import pytest

from tests.contract.test_destination_contract import METADATA, SERVERS
from tests.servers.endpoint import Endpoint
from windrow.clients.clock import SystemClock
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.core.errors import DestinationError, DestinationFault
from windrow.doctor.parts import PartsTrial
from windrow.lab.stack.waiting import LIMIT_S
from windrow.ports import ByteRange, Credentials, MultipartDestination, Part, Stored
from windrow.testing import FakeDestination, FakeSecrets

PART_BYTES = 5 * 1024 * 1024
BODIES = [Random(1).randbytes(PART_BYTES), Random(2).randbytes(PART_BYTES + 7), b"the last may be small"]
WHOLE = b"".join(BODIES)


def connect(server: Endpoint) -> MultipartDestination:
    """Return a destination on a new bucket of a server."""
    secrets = FakeSecrets(Credentials(server.access_key, server.secret_key))
    return S3MultipartDestination(server.url, server.new_bucket(), server.region, secrets, SystemClock())


@pytest.fixture(params=["fake", *SERVERS])
def destination(request: pytest.FixtureRequest) -> MultipartDestination:
    """Return an empty destination."""
    if request.param == "fake":
        return FakeDestination()
    return connect(request.getfixturevalue(request.param))


def send(destination: MultipartDestination, key: str, bodies: list[bytes] = BODIES) -> tuple[str, list[Part]]:
    """Begin an upload and send its parts, the first one last; return id and parts in order."""
    upload_id = destination.begin(key, METADATA, verified=True)
    numbered = list(enumerate(bodies, 1))
    parts = [
        destination.send_part(key, upload_id, number, [body[:100], body[100:]], sha256(body).digest())
        for number, body in numbered[1:] + numbered[:1]
    ]
    return upload_id, sorted(parts, key=lambda part: part.number)


def stage(destination: MultipartDestination) -> Stored:
    """Store the parts as the object ``stage``."""
    upload_id, parts = send(destination, "stage")
    assert destination.complete("stage", upload_id, parts)
    stored = destination.head("stage")
    assert stored is not None
    return stored


def copy(destination: MultipartDestination, key: str, etag: str) -> tuple[str, list[Part]]:
    """Begin an upload and copy its parts from ``stage``; return id and parts."""
    upload_id = destination.begin(key, METADATA, verified=False)
    parts, start = [], 0
    for number, body in enumerate(BODIES, 1):
        parts.append(destination.copy_part(key, upload_id, number, ByteRange("stage", etag, start, len(body))))
        start += len(body)
    return upload_id, parts


def test_parts_become_one_object_with_its_metadata(destination: MultipartDestination) -> None:
    """In the order of their numbers, and with no checksum that could be taken for the whole's."""
    stored = stage(destination)
    assert (len(WHOLE), METADATA, None) == (stored.size, dict(stored.metadata), stored.checksum_sha256)
    assert WHOLE == destination.read("stage", 0, len(WHOLE))


def test_an_upload_that_is_not_complete_is_no_object(destination: MultipartDestination) -> None:
    """Neither to HEAD nor to a listing."""
    send(destination, "k")
    assert (None, []) == (destination.head("k"), list(destination.list("")))


def test_a_part_with_another_digest_is_refused(destination: MultipartDestination) -> None:
    """The server itself verifies each part."""
    upload_id = destination.begin("k", {}, verified=True)
    with pytest.raises(DestinationError) as caught:
        destination.send_part("k", upload_id, 1, [b"sent"], sha256(b"meant").digest())
    assert (DestinationFault.CHECKSUM, False) == (caught.value.kind, caught.value.maybe_stored)


def test_a_part_may_be_sent_again(destination: MultipartDestination) -> None:
    """A lost reply is mended by a repetition."""
    upload_id = destination.begin("k", {}, verified=True)
    parts = [destination.send_part("k", upload_id, 1, [b"again"], sha256(b"again").digest()) for _ in range(2)]
    assert destination.complete("k", upload_id, parts[1:])
    assert b"again" == destination.read("k", 0, 10)


def test_complete_changes_nothing_where_the_key_is_taken(destination: MultipartDestination) -> None:
    """By an object that was put, or by another upload."""
    destination.put("put", [b"first"], sha256(b"first").digest(), {})
    stage(destination)
    for key, before in (("put", b"first"), ("stage", WHOLE)):
        upload_id, parts = send(destination, key, [b"second"])
        assert not destination.complete(key, upload_id, parts)
        assert before == destination.read(key, 0, len(WHOLE))


def test_put_changes_nothing_where_an_upload_was_completed(destination: MultipartDestination) -> None:
    """One condition for both ways to store."""
    stage(destination)
    assert not destination.put("stage", [b"late"], sha256(b"late").digest(), {})
    assert WHOLE == destination.read("stage", 0, len(WHOLE))


def test_of_writers_at_once_one_succeeds(destination: MultipartDestination) -> None:
    """Four complete an upload, four put: the key is written once."""
    uploads = [send(destination, "k", [f"upload {index}".encode()]) for index in range(4)]
    start = Barrier(8)

    def complete(index: int) -> bool:
        start.wait(LIMIT_S)
        return _until_told(lambda: destination.complete("k", *uploads[index]))

    def put(index: int) -> bool:
        body = f"put {index}".encode()
        start.wait(LIMIT_S)
        return _until_told(lambda: destination.put("k", [body], sha256(body).digest(), {}))

    with ThreadPoolExecutor(8) as pool:
        completed, stored = [pool.submit(complete, index) for index in range(4)], pool.map(put, range(4))
        outcomes = [future.result() for future in completed] + list(stored)
    bodies = [f"upload {index}".encode() for index in range(4)] + [f"put {index}".encode() for index in range(4)]
    assert 1 == outcomes.count(True)
    assert bodies[outcomes.index(True)] == destination.read("k", 0, 100)


def _until_told(write: Callable[[], bool]) -> bool:
    """Write again while the server says that another write of the key runs."""
    while True:
        try:
            return write()
        except DestinationError as error:
            if error.kind is not DestinationFault.UNAVAILABLE:
                raise


def test_a_copy_has_the_bytes_the_new_metadata_and_the_etag_of_what_was_copied(
    destination: MultipartDestination,
) -> None:
    """Same parts, same ETag: the server's digest of the parts' digests proves the copy."""
    staged = stage(destination)
    upload_id, parts = copy(destination, "final", staged.etag)
    assert destination.complete("final", upload_id, parts)
    stored = destination.head("final")
    assert stored is not None
    assert (len(WHOLE), METADATA, staged.etag) == (stored.size, dict(stored.metadata), stored.etag)
    assert WHOLE == destination.read("final", 0, len(WHOLE))


def test_the_etag_is_made_from_the_bytes(destination: MultipartDestination) -> None:
    """MD5 over the MD5s of the parts, so that it can prove a copy; where a server encrypts, Windrow reads back."""
    digests = b"".join(md5(body, usedforsecurity=False).digest() for body in BODIES)
    staged = stage(destination)
    _, parts = copy(destination, "final", staged.etag)
    assert [md5(body, usedforsecurity=False).hexdigest() for body in BODIES] == [part.etag for part in parts]
    assert f"{md5(digests, usedforsecurity=False).hexdigest()}-3" == staged.etag


def test_a_copy_from_another_object_is_refused(destination: MultipartDestination) -> None:
    """Gone, or with another ETag than the one that was verified."""
    staged = stage(destination)
    upload_id = destination.begin("final", {}, verified=False)
    for span in (ByteRange("absent", staged.etag, 0, PART_BYTES), ByteRange("stage", "0" * 32 + "-3", 0, PART_BYTES)):
        with pytest.raises(DestinationError) as caught:
            destination.copy_part("final", upload_id, 1, span)
        assert (DestinationFault.REFUSED, False) == (caught.value.kind, caught.value.maybe_stored)


def test_abandon_drops_the_upload(destination: MultipartDestination) -> None:
    """It cannot be completed afterwards; abandoning it twice, or when it is complete, is fine."""
    upload_id, parts = send(destination, "k", [b"body"])
    destination.abort("k", upload_id)
    destination.abort("k", upload_id)
    with pytest.raises(DestinationError):
        destination.complete("k", upload_id, parts)
    assert destination.head("k") is None
    done, parts = send(destination, "done", [b"body"])
    destination.complete("done", done, parts)
    destination.abort("done", done)
    assert b"body" == destination.read("done", 0, 10)


def test_complete_with_other_parts_is_refused(destination: MultipartDestination) -> None:
    """A part that was never sent."""
    upload_id, parts = send(destination, "k", [b"body"])
    with pytest.raises(DestinationError):
        destination.complete("k", upload_id, [*parts, Part(2, "0" * 32, sha256(b"").digest())])
    assert destination.head("k") is None


def test_the_doctor_finds_these_servers_fit(destination: MultipartDestination) -> None:
    """Its trial of parts ends well on each of them, and leaves the object beside it alone."""
    destination.put("taken", [b"first"], sha256(b"first").digest(), {})
    trial = PartsTrial(destination, "taken")
    found = list(trial.run())
    trial.clear()
    assert [] == [check for check in found if check.state != "ok"]
    assert [("taken", 5)] == list(destination.list(""))
