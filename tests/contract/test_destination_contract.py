"""The contract of `windrow.ports.Destination`, on the fake, MiniStack and servers that are sound."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from random import Random
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.endpoint import Endpoint, new_name
from tests.servers.seaweedfs import find_seaweedfs
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import S3Destination
from windrow.core.errors import DestinationError, DestinationFault
from windrow.lab.stack.waiting import LIMIT_S
from windrow.ports import Credentials, Destination
from windrow.testing import FakeDestination, FakeSecrets

if TYPE_CHECKING:
    from typing_extensions import Buffer

S3PROXY = pytest.param("s3proxy", marks=pytest.mark.needs("s3proxy"))
REAL = [
    pytest.param("minio", marks=pytest.mark.needs("minio")),
    pytest.param("versitygw", marks=pytest.mark.needs("versitygw")),
    S3PROXY,
    *(["seaweedfs"] if find_seaweedfs() else []),  # built by hand alone
]
"""Servers that check who asks; MiniStack does not by default."""
SERVERS = ["ministack", *REAL]

METADATA = {
    "sha256_checksum": "ab" * 32,
    "format": "windrow/1",
    "file-count": "3",
    "raw-bytes": "12",
    "window-start": "2026-11-23T10:07:00Z",
    "window-end": "2026-11-23T10:08:00Z",
    "manifest-bytes": "9",
}


def connect(server: Endpoint, bucket: str, secrets: FakeSecrets | None = None) -> S3Destination:
    """Return a destination on a server's bucket, with the server's credentials unless others are given."""
    secrets = secrets or FakeSecrets(Credentials(server.access_key, server.secret_key))
    return S3Destination(server.url, bucket, server.region, secrets, SystemClock())


@pytest.fixture(params=["fake", *SERVERS])
def destination(request: pytest.FixtureRequest) -> Destination:
    """Return an empty destination."""
    if request.param == "fake":
        return FakeDestination()
    server = request.getfixturevalue(request.param)
    return connect(server, server.new_bucket())


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Endpoint:
    """Return a server."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=REAL)
def strict_server(request: pytest.FixtureRequest) -> Endpoint:
    """Return a server that checks credentials."""
    return request.getfixturevalue(request.param)


def put(destination: Destination, key: str, body: bytes, metadata: dict[str, str] | None = None) -> bool:
    """Put a body in one chunk, with its digest."""
    return destination.put(key, [body], sha256(body).digest(), metadata or {})


def test_probe_of_a_sound_destination_returns(destination: Destination) -> None:
    """It says nothing when all is well."""
    destination.probe()


def test_put_stores_the_chunks_as_one_object(destination: Destination) -> None:
    """Chunks of any buffer type and size, empty ones too, arrive joined and in order."""
    chunks: list[Buffer] = [
        b"first",
        b"",
        bytearray(b"|second|"),
        memoryview(b"x" * 300_000),
        Random(1).randbytes(1_000_000),
    ]
    body = b"".join(bytes(chunk) for chunk in chunks)
    assert destination.put("a/b.tar.gz", chunks, sha256(body).digest(), METADATA)
    assert body == destination.read("a/b.tar.gz", 0, len(body))


def test_head_tells_size_metadata_and_the_servers_own_checksum(destination: Destination) -> None:
    """What the proof of a delivery needs."""
    body = b"body" * 1000
    put(destination, "k", body, METADATA)
    stored = destination.head("k")
    assert stored is not None
    assert (4000, METADATA, sha256(body).hexdigest()) == (stored.size, dict(stored.metadata), stored.checksum_sha256)
    assert stored.last_modified.utcoffset() is not None
    assert stored.etag.strip('"') == stored.etag != ""


def test_head_of_nothing_is_none(destination: Destination) -> None:
    """An absent object is no error."""
    assert destination.head("absent") is None


def test_second_put_changes_nothing(destination: Destination) -> None:
    """Neither with other bytes nor with the same."""
    put(destination, "k", b"first", {"file-count": "1"})
    before = destination.head("k")
    assert not put(destination, "k", b"second", {"file-count": "2"})
    assert not put(destination, "k", b"first")
    assert (before, b"first") == (destination.head("k"), destination.read("k", 0, 10))


def test_of_16_writers_at_once_one_succeeds(destination: Destination) -> None:
    """And its bytes are the ones that stay. A writer told to try again does."""
    start = Barrier(16)
    bodies = [f"writer {index}".encode() * 20_000 for index in range(16)]

    def write(body: bytes) -> bool:
        start.wait(LIMIT_S)
        while True:
            try:
                return put(destination, "k", body)
            except DestinationError as error:
                if error.kind is not DestinationFault.UNAVAILABLE:
                    raise

    with ThreadPoolExecutor(16) as pool:
        created = list(pool.map(write, bodies))
    assert 1 == created.count(True)
    assert bodies[created.index(True)] == destination.read("k", 0, 1_000_000)


def test_put_with_another_digest_is_refused_and_stores_nothing(destination: Destination) -> None:
    """The server itself verifies the body."""
    with pytest.raises(DestinationError) as caught:
        destination.put("k", [b"what was ", b"sent"], sha256(b"what was meant").digest(), METADATA)
    assert (DestinationFault.CHECKSUM, False) == (caught.value.kind, caught.value.maybe_stored)
    assert destination.head("k") is None
    assert put(destination, "k", b"what was meant")


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (8, 4, b"89"), (0, 100, b"0123456789"), (10, 1, b""), (50, 5, b""), (2, 0, b"")],
)
def test_read_returns_a_range(destination: Destination, start: int, length: int, expected: bytes) -> None:
    """Fewer bytes at the end, none behind it."""
    put(destination, "k", b"0123456789")
    assert expected == destination.read("k", start, length)


def test_read_of_nothing_is_refused(destination: Destination) -> None:
    """Whoever reads has seen the object before."""
    with pytest.raises(DestinationError) as caught:
        destination.read("absent", 0, 1)
    assert DestinationFault.REFUSED == caught.value.kind


def test_delete_removes_and_takes_absence_for_done(destination: Destination) -> None:
    """The key is free afterwards."""
    put(destination, "k", b"1")
    destination.delete("k")
    destination.delete("k")
    assert (None, True) == (destination.head("k"), put(destination, "k", b"2"))


@pytest.mark.parametrize("versioned", [pytest.param("minio", marks=pytest.mark.needs("minio")), "ministack"])
def test_delete_leaves_no_version_behind(request: pytest.FixtureRequest, versioned: str) -> None:
    """Nor a delete marker: what is written for a moment only must not pile up in a bucket with versioning."""
    server: Endpoint = request.getfixturevalue(versioned)
    bucket = server.new_bucket(versioned=True)
    destination = connect(server, bucket)
    for body in (b"1", b"2"):
        put(destination, "k", body)
        destination.delete("k")
    listed = server.client("s3").list_object_versions(Bucket=bucket)

    assert [] == [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]


def test_overwrite_stores_whatever_is_there(destination: Destination) -> None:
    """On a taken key and on a free one; with another digest it changes nothing."""
    put(destination, "a/b c+é", b"first", METADATA)
    for key in ("a/b c+é", "free"):
        destination.overwrite(key, [b"sec", b"ond"], sha256(b"second").digest(), {"file-count": "0"})
        stored = destination.head(key)
        assert stored is not None
        assert ({"file-count": "0"}, b"second") == (dict(stored.metadata), destination.read(key, 0, 99))
    with pytest.raises(DestinationError) as caught:
        destination.overwrite("free", [b"third"], sha256(b"what was meant").digest(), {})
    assert DestinationFault.CHECKSUM == caught.value.kind
    assert b"second" == destination.read("free", 0, 99)


def test_list_gives_keys_and_sizes_in_order(destination: Destination) -> None:
    """Only those under the prefix, however they nest."""
    for key in ("p/b", "p/a/z", "p/a/b", "q/a", "p/c d+é"):
        put(destination, key, key.encode())
    expected = [(key, len(key.encode())) for key in ("p/a/b", "p/a/z", "p/b", "p/c d+é")]
    assert (expected, []) == (list(destination.list("p/")), list(destination.list("absent/")))


def test_list_times_gives_when_each_was_stored(destination: Destination) -> None:
    """To the second, as HEAD does; the prefix may end within a name, beside folders."""
    assert isinstance(destination, S3Destination | FakeDestination)
    for key in ("p/20T1", "p/20/z", "q/a"):
        put(destination, key, b"x")
    listed = [(key, at.replace(microsecond=0)) for key, at in destination.list_times("p/")]
    stored = [(key, destination.head(key)) for key in ("p/20/z", "p/20T1")]
    assert [(key, found.last_modified.replace(microsecond=0)) for key, found in stored if found] == listed
    assert ["p/20T1"] == [key for key, _ in destination.list_times("p/20T")]


@pytest.mark.parametrize("name", [each for each in SERVERS if each != S3PROXY])
def test_list_goes_past_the_first_page(name: str, request: pytest.FixtureRequest) -> None:
    """S3 gives 1,000 keys at a time; S3Proxy takes a quarter of a minute to store as many."""
    server: Endpoint = request.getfixturevalue(name)
    bucket = server.new_bucket()
    s3 = server.client("s3")
    keys = [f"p/{index:04}" for index in range(1_003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"."), keys))
    assert [(key, 1) for key in keys] == list(connect(server, bucket).list("p/"))


def test_head_reads_what_others_stored(server: Endpoint) -> None:
    """Metadata names in lower case; no checksum where none was given."""
    bucket = server.new_bucket()
    server.client("s3").put_object(
        Bucket=bucket, Key="k", Body=b"x", Metadata={"File-Count": "1"}, ChecksumAlgorithm="CRC32"
    )
    stored = connect(server, bucket).head("k")
    assert stored is not None
    assert ({"file-count": "1"}, None) == (dict(stored.metadata), stored.checksum_sha256)


CALLS: dict[str, Any] = {
    "probe": lambda destination: destination.probe(),
    "put": lambda destination: put(destination, "k", b"x"),
    "head": lambda destination: destination.head("k"),
    "read": lambda destination: destination.read("k", 0, 1),
    "delete": lambda destination: destination.delete("k"),
    "overwrite": lambda destination: destination.overwrite("k", [b"x"], sha256(b"x").digest(), {}),
    "list": lambda destination: list(destination.list("")),
}


@pytest.mark.parametrize("call", CALLS)
def test_absent_bucket_is_told_apart(server: Endpoint, call: str) -> None:
    """From an absent object above all: a claim is not to be taken over for it."""
    with pytest.raises(DestinationError) as caught:
        CALLS[call](connect(server, new_name("absent")))
    assert (DestinationFault.BUCKET, False) == (caught.value.kind, caught.value.maybe_stored)


@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
@pytest.mark.parametrize("call", CALLS)
def test_refused_credentials_are_fetched_anew_once_and_then_told(
    strict_server: Endpoint, call: str, wrong: str
) -> None:
    """And none of them shows in the error."""
    right = {"access_key": strict_server.access_key, "secret_key": strict_server.secret_key}
    secrets = FakeSecrets(Credentials(**(right | {wrong: "wrong-but-still-secret"})))
    with pytest.raises(DestinationError) as caught:
        CALLS[call](connect(strict_server, strict_server.new_bucket(), secrets))
    assert (DestinationFault.CREDENTIALS, False, 1) == (caught.value.kind, caught.value.maybe_stored, secrets.refreshed)
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize("call", ["probe", "put", "list"])
def test_rotated_credentials_are_picked_up_within_the_call(strict_server: Endpoint, call: str) -> None:
    """The cached ones are refused, those read anew are taken."""
    right = Credentials(strict_server.access_key, strict_server.secret_key)

    class Rotated(FakeSecrets):
        def refresh(self) -> Credentials:
            self.value = right
            return super().refresh()

    secrets = Rotated(Credentials("former", "former-secret"))
    destination = connect(strict_server, strict_server.new_bucket(), secrets)
    CALLS[call](destination)
    destination.probe()
    assert 1 == secrets.refreshed


def test_checksum_is_what_other_clients_see(server: Endpoint) -> None:
    """As ``x-amz-checksum-sha256``, beside type and metadata."""
    bucket = server.new_bucket()
    put(connect(server, bucket), "k", b"body", {"sha256_checksum": sha256(b"body").hexdigest()})
    seen = server.client("s3").head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert base64.b64encode(sha256(b"body").digest()).decode() == seen["ChecksumSHA256"]
    assert ("application/gzip", sha256(b"body").hexdigest()) == (
        seen["ContentType"],
        seen["Metadata"]["sha256_checksum"],
    )
