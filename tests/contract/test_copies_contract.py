"""The contract of `windrow.ports.CopyStore`, on the fake, MiniStack, MinIO and versitygw."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from random import Random
from threading import Barrier
from typing import Any

import pytest

from tests.contract.test_destination_contract import METADATA, SERVERS
from tests.servers.endpoint import Endpoint, new_name
from windrow.clients.s3.copies import PART_BYTES, S3Copies
from windrow.core.errors import CopyError
from windrow.lab.stack.waiting import LIMIT_S
from windrow.ports import CopyStore, StoredCopy
from windrow.testing import FakeCopies

PIECE_BYTES = 8 * 1024 * 1024
SMALL = b"small" * 1000
LARGE = Random(1).randbytes(2 * PART_BYTES + 7)
BODIES = [pytest.param(SMALL, id="one PUT"), pytest.param(LARGE, id="parts"), pytest.param(b"", id="empty")]


def connect(server: Endpoint, bucket: str | None = None, s3: Any = None) -> S3Copies:
    """Return copies on a server's bucket; MinIO knows no Deep Archive."""
    storage_class: Any = "DEEP_ARCHIVE" if server.name == "ministack" else "STANDARD"
    return S3Copies(bucket or server.new_bucket(), s3 or server.client("s3"), storage_class)


@pytest.fixture(params=["fake", *SERVERS])
def copies(request: pytest.FixtureRequest) -> CopyStore:
    """Return an empty bucket for copies."""
    return FakeCopies() if request.param == "fake" else connect(request.getfixturevalue(request.param))


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Endpoint:
    """Return a server."""
    return request.getfixturevalue(request.param)


def pieces(body: bytes) -> Iterator[bytes]:
    """Yield a body as it is read from the destination."""
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def store(copies: CopyStore, key: str, body: bytes, sent: bytes | None = None) -> bool:
    """Store a body, or another one in its stead."""
    return copies.store(key, pieces(body if sent is None else sent), len(body), sha256(body).digest(), METADATA)


def uploads(server: Endpoint, bucket: str) -> list[str]:
    """Return the keys of uploads that have not ended."""
    return [each["Key"] for each in server.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


@pytest.mark.parametrize("body", BODIES)
def test_a_copy_has_size_and_metadata(copies: CopyStore, body: bytes) -> None:
    """What the proof before an expiry needs."""
    assert store(copies, "a/b.tar.gz", body)
    assert StoredCopy(len(body), METADATA) == copies.head("a/b.tar.gz")


@pytest.mark.parametrize("body", BODIES)
def test_a_copy_has_the_bytes(server: Endpoint, body: bytes) -> None:
    """All of them, in order. Not in Deep Archive, where MiniStack too refuses to read."""
    bucket = server.new_bucket()
    store(S3Copies(bucket, server.client("s3"), "STANDARD"), "k", body)
    stored = server.client("s3").get_object(Bucket=bucket, Key="k")
    assert (body, "application/gzip") == (stored["Body"].read(), stored["ContentType"])
    assert [] == uploads(server, bucket)


def test_copies_are_put_into_deep_archive(ministack: Endpoint) -> None:
    """At once, whether by one PUT or in parts."""
    bucket = ministack.new_bucket()
    for key, body in (("one", SMALL), ("parts", LARGE)):
        store(S3Copies(bucket, ministack.client("s3")), key, body)
    listed = ministack.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {"one": "DEEP_ARCHIVE", "parts": "DEEP_ARCHIVE"} == {each["Key"]: each["StorageClass"] for each in listed}


def test_head_of_nothing_is_none(copies: CopyStore) -> None:
    """An absent copy is no error."""
    assert copies.head("absent") is None


@pytest.mark.parametrize("body", BODIES[:2])
@pytest.mark.parametrize("wrong", ["changed", "short", "long"])
def test_other_bytes_than_expected_are_not_stored(copies: CopyStore, body: bytes, wrong: str) -> None:
    """What was read with a flipped byte, cut short, or with more behind it never becomes an object."""
    sent = {"changed": body[:-1] + bytes([body[-1] ^ 1]), "short": body[:-1], "long": body + b"x"}[wrong]
    with pytest.raises(CopyError):
        store(copies, "k", body, sent)
    assert (None, []) == (copies.head("k"), list(copies.list("")))
    assert store(copies, "k", body)


@pytest.mark.parametrize("body", BODIES[:2])
def test_a_source_that_fails_leaves_nothing(server: Endpoint, body: bytes) -> None:
    """Its error passes through, whatever it is, and no parts stay behind."""

    class BrokenOff(BaseException):
        pass

    def broken() -> Iterator[bytes]:
        yield from list(pieces(body))[:-1]
        raise BrokenOff

    bucket = server.new_bucket()
    with pytest.raises(BrokenOff):
        connect(server, bucket).store("k", broken(), len(body), sha256(body).digest(), METADATA)
    assert (None, []) == (connect(server, bucket).head("k"), uploads(server, bucket))


@pytest.mark.parametrize("body", BODIES[:2])
def test_bytes_changed_on_the_way_are_refused_by_the_server(server: Endpoint, body: bytes) -> None:
    """What leaves this machine right and arrives wrong is no object: the server verifies it itself."""
    s3 = server.client("s3")
    bucket = server.new_bucket()

    def tamper(request: Any, **_event: object) -> None:
        if request.method == "PUT":
            request.body.seek(0)
            arrived = bytearray(request.body.read())
            arrived[-1] ^= 1
            request.body = bytes(arrived)

    s3.meta.events.register("before-send.s3", tamper)
    with pytest.raises(CopyError):
        store(connect(server, bucket, s3), "k", body)
    assert (None, []) == (connect(server, bucket).head("k"), uploads(server, bucket))


@pytest.mark.parametrize("body", BODIES[:2])
def test_a_copy_is_never_replaced(copies: CopyStore, body: bytes) -> None:
    """Neither by other bytes nor by the same."""
    store(copies, "k", b"first")
    assert not store(copies, "k", body)
    assert not store(copies, "k", b"first")
    assert StoredCopy(5, METADATA) == copies.head("k")


def test_of_writers_at_once_one_succeeds(copies: CopyStore) -> None:
    """Two sweeps may meet; one is told so, or that it should try again."""
    start = Barrier(6)

    def write(index: int) -> bool:
        body = LARGE if index % 2 else SMALL
        start.wait(LIMIT_S)
        while True:
            try:
                return store(copies, "k", body)
            except CopyError as error:
                if "Conflict" not in str(error) and "OperationAborted" not in str(error):
                    raise

    with ThreadPoolExecutor(6) as pool:
        created = list(pool.map(write, range(6)))
    stored = copies.head("k")
    assert stored is not None
    assert 1 == created.count(True)
    assert len(LARGE if created.index(True) % 2 else SMALL) == stored.size


def test_list_gives_keys_and_sizes_in_order(copies: CopyStore) -> None:
    """Only those under the prefix."""
    for key in ("p/b", "p/a/z", "q/a"):
        store(copies, key, key.encode())
    assert [("p/a/z", 5), ("p/b", 3)] == list(copies.list("p/"))
    assert [] == list(copies.list("absent/"))


def test_list_goes_past_the_first_page(ministack: Endpoint) -> None:
    """S3 gives 1,000 keys at a time."""
    bucket = ministack.new_bucket()
    s3 = ministack.client("s3")
    keys = [f"p/{index:04}" for index in range(1_003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"."), keys))
    assert [(key, 1) for key in keys] == list(connect(ministack, bucket).list("p/"))


CALLS: dict[str, Any] = {
    "head": lambda copies: copies.head("k"),
    "list": lambda copies: list(copies.list("")),
    "store": lambda copies: store(copies, "k", b"x"),
    "store in parts": lambda copies: store(copies, "k", LARGE),
}


@pytest.mark.parametrize("call", [name for name in CALLS if name != "head"])
def test_an_absent_bucket_is_an_error(server: Endpoint, call: str) -> None:
    """It names the bucket and the code."""
    bucket = new_name("absent")
    with pytest.raises(CopyError, match=rf"{bucket}: NoSuchBucket"):
        CALLS[call](connect(server, bucket))


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away_is_an_error(call: str) -> None:
    """Nothing but the port's own error gets out."""
    away = Endpoint("away", "http://127.0.0.1:1", "a", "s")
    with pytest.raises(CopyError):
        CALLS[call](S3Copies("bucket", away.client("s3")))
