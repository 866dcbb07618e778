"""Objects larger than an archive, on fakes: streamed in parts, verified, and delivered exactly once whatever fails."""

from __future__ import annotations

import random
from hashlib import md5, sha256
from itertools import count

import msgspec
import pytest

from tests.unit.pipeline.test_aggregator import AFTER_LEASE_S, always, down, nth
from tests.unit.world import Killed, World
from windrow.archives.sources import StoredArchive
from windrow.core.archive import segments
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.errors import DestinationError, DestinationFault, LandingError
from windrow.core.events import SourceObject
from windrow.core.keys import STAGING_FOLDER
from windrow.pipeline import large, staging
from windrow.pipeline.inspector import STAGED_ETAG
from windrow.ports import Part

OPERATIONS = ("get", "piece", "list", "begin", "send_part", "complete", "head", "read", "copy_part", "delete")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which 1,000 bytes are large, and the rest is small too."""
    monkeypatch.setattr(segments, "PIECE_BYTES", 8_000)
    monkeypatch.setattr(large, "PIECE_BYTES", 4000)
    monkeypatch.setattr(large, "PART_BYTES", 16_000)
    monkeypatch.setattr(large, "HELD_BYTES", 16_000)
    monkeypatch.setattr(staging, "READ_BYTES", 7000)
    world = World()
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=4, max_archive_bytes=1000)
    return world


def noise(size: int) -> bytes:
    """Return bytes that do not compress, the same every time."""
    return random.Random(size).randbytes(size)


def staged(world: World) -> list[str]:
    """Return the keys in the staging area."""
    return [key for key in world.destination.objects if STAGING_FOLDER in key]


def upload(world: World, size: int = 100_000) -> SourceObject:
    """Upload an object that must be streamed."""
    return world.upload("big", noise(size))


def test_a_large_object_is_delivered_in_an_archive_of_its_own(world: World) -> None:
    """With its neighbours of the same minute in another, nothing left in the staging area, and a sound archive."""
    big, small = upload(world), world.upload("small", b"small")

    failed = world.process(world.message(big, small))

    assert failed == []
    world.assert_each_once()
    assert (staged(world), world.destination.uploads) == ([], {})
    (key,) = (key for key, (stored, _) in world.destination.objects.items() if STAGED_ETAG in stored.metadata)
    source = StoredArchive(world.destination, key)
    verify(source, source.expected_sha256)
    assert [file.key for file in Archive.open(source).manifest.files] == ["big"]
    stored, body = world.destination.objects[key]
    assert (stored.metadata["sha256_checksum"], stored.metadata["raw-bytes"]) == (sha256(body).hexdigest(), "100000")
    assert world.ledger.archives[key].sha256 == sha256(body).hexdigest()


@pytest.mark.parametrize("size", [1001, 15_999, 16_000, 16_384, 32_768, 33_000, 100_001])
def test_any_size_arrives_whole(world: World, size: int) -> None:
    """Around the limits of what is held, of a piece, and of a part."""
    assert world.process(world.message(upload(world, size))) == []
    world.assert_each_once()


def test_what_compresses_to_little_is_put_at_once(world: World) -> None:
    """Nothing is staged where memory holds the whole archive."""
    operations: list[str] = []
    world.destination.hook = operations.append

    assert world.process(world.message(world.upload("zeros", bytes(50_000)))) == []

    world.assert_each_once()
    assert ("begin" in operations, operations.count("put")) == (False, 1)


def test_the_bytes_of_an_archive_do_not_depend_on_how_it_was_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamed or held whole, same file, same archive."""
    world.process(world.message(upload(world)))
    other = World()
    other.settings = world.settings
    monkeypatch.setattr(large, "HELD_BYTES", 1_000_000)
    other.process(other.message(upload(other)))

    ((_, streamed),) = world.destination.objects.values()
    ((_, whole),) = other.destination.objects.values()
    assert streamed == whole


def test_a_large_object_is_read_once(world: World) -> None:
    """Neither its compressed length nor its digest costs a second reading."""
    source = upload(world)
    world.process(world.message(source))
    assert world.landing.reads == {source.object_id: 1}


STEPS = [
    (f"{name}{suffix}", at)
    for name in ("claim", "record", *OPERATIONS)
    for suffix in ("", " done")
    for at in ((1,) if name in ("claim", "record", "get", "list", "delete") else (1, 2))
]
"""The calls that the delivery of one large object makes, in both their halves."""


@pytest.mark.parametrize(("name", "at"), STEPS)
def test_a_worker_killed_at_any_step_costs_nothing(world: World, name: str, at: int) -> None:
    """The next one delivers, once, and clears away what was staged."""
    message = world.message(upload(world))
    world.hook(nth(name, Killed, at=at))
    try:
        kept = world.process(message)
    except Killed:
        kept = [message.message_id]
    world.hook(lambda _name: None)
    world.clock.advance(AFTER_LEASE_S)

    if kept:
        assert world.process(message) == []

    world.assert_each_once()
    world.clock.advance(staging.STALE_S + 1)
    world.process(world.message(world.upload("another", noise(40_000))))
    assert staged(world) == []


@pytest.mark.parametrize(
    ("name", "maybe_stored"),
    [
        (f"{name}{suffix}", maybe_stored)
        for name in OPERATIONS[2:]
        for suffix in ("", " done")
        for maybe_stored in (False, True)
        if (name, suffix, maybe_stored) != ("complete", " done", False)  # it was carried out, so it may be stored
    ],
)
@pytest.mark.parametrize("kind", [DestinationFault.UNAVAILABLE, DestinationFault.REFUSED])
@pytest.mark.parametrize("at", [1, 2])
def test_a_destination_that_fails_at_any_step_costs_nothing(
    world: World, name: str, maybe_stored: bool, kind: DestinationFault, at: int
) -> None:
    """Whether the request was carried out or not: the object is there once in the end."""
    message = world.message(upload(world))
    world.destination.hook = nth(name, down(kind, maybe=maybe_stored), at=at)

    kept = world.process(message)
    world.destination.hook = lambda _name: None
    for _ in range(3):
        world.clock.advance(AFTER_LEASE_S)
        kept = world.process(message) if kept else []

    assert kept == []
    world.assert_each_once()


def test_a_rival_that_was_first_decides(world: World) -> None:
    """Its archive stands under the key when ours is completed: what its manifest lists is delivered."""
    source = upload(world)
    rival = World()
    rival.sources.append(rival.landing.put("landing", "big", noise(100_000), event_time=rival.clock.now()))
    rival.settings = world.settings
    rival.process(rival.message(rival.sources[0]))
    calls = count(1)

    def meanwhile(name: str) -> None:
        if name == "complete" and next(calls) == 2:
            world.destination.objects |= rival.destination.objects

    world.destination.hook = meanwhile
    assert world.process(world.message(source)) == []

    world.assert_each_once()
    assert (staged(world), world.destination.uploads) == ([], {})


def test_a_late_complete_of_a_dead_worker_changes_nothing(world: World) -> None:
    """Its key is closed before the object is built anew."""
    message = world.message(upload(world))
    late: list[tuple[str, str]] = []

    def dies(name: str) -> None:
        if name == "complete" and any(STAGING_FOLDER in key for key in world.destination.objects):
            (late_id,) = world.destination.uploads
            late.append((world.destination.uploads[late_id].key, late_id))
            raise Killed

    world.destination.hook = dies
    with pytest.raises(Killed):
        world.process(message)
    world.destination.hook = lambda _name: None
    world.clock.advance(AFTER_LEASE_S)
    assert world.process(message) == []

    ((key, upload_id),) = late
    parts = world.destination.uploads[upload_id].parts
    numbered = [Part(number, md5(parts[number], usedforsecurity=False).hexdigest()) for number in sorted(parts)]
    assert not world.destination.complete(key, upload_id, numbered)
    world.assert_each_once()


def test_bytes_that_change_in_the_staging_area_are_found(world: World) -> None:
    """Nothing is committed of them, the mismatch is counted, and the retry delivers."""
    message = world.message(upload(world))
    changed: list[str] = []

    def corrupt(name: str) -> None:
        if name == "read" and not changed:
            for key in staged(world):
                changed.append(key)
                stored, body = world.destination.objects[key]
                world.destination.objects[key] = stored, body[:9000] + bytes([body[9000] ^ 1]) + body[9001:]

    world.destination.hook = corrupt
    kept = world.process(message)
    counted = world.metrics.counts["ChecksumMismatch"]
    left = dict(world.destination.objects)
    world.destination.hook = lambda _name: None
    again = world.process(message)

    assert (kept, counted, left, again) == ([message.message_id], 1, {}, [])
    world.assert_each_once()


def test_bytes_that_change_in_the_copy_are_found(world: World) -> None:
    """The ETag tells, the archive is read back, deleted, and made anew."""
    message = world.message(upload(world))
    done: list[str] = []

    def corrupt(name: str) -> None:
        if name == "copy_part" and not done:
            done.append(name)
            for key in staged(world):
                stored, body = world.destination.objects[key]
                world.destination.objects[key] = stored, body[:99_000] + bytes([body[99_000] ^ 1]) + body[99_001:]

    world.destination.hook = corrupt
    kept = world.process(message)
    counted = world.metrics.counts["ChecksumMismatch"]
    world.destination.hook = lambda _name: None
    world.clock.advance(AFTER_LEASE_S)
    again = world.process(message) if kept else []

    assert (counted > 0, again) == (True, [])
    world.assert_each_once()


def test_a_server_whose_etags_tell_nothing_is_read_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encryption by KMS makes ETags that are no digest: the archive's own bytes are the verification then."""
    complete = world.destination.complete
    numbers = count()

    def opaque(key: str, upload_id: str, parts: list[object]) -> bool:
        created = complete(key, upload_id, parts)  # type: ignore[arg-type]
        stored, body = world.destination.objects[key]
        world.destination.objects[key] = msgspec.structs.replace(stored, etag=f"opaque-{next(numbers)}"), body
        return created

    monkeypatch.setattr(world.destination, "complete", opaque)

    assert world.process(world.message(upload(world))) == []
    world.assert_each_once()
    assert world.metrics.counts["ChecksumMismatch"] == 0


@pytest.mark.parametrize("declared", ["0" * 64, "right"])
def test_a_declared_checksum_is_checked(world: World, declared: str) -> None:
    """A wrong one is rejected and leaves nothing behind."""
    data = noise(100_000)
    right = declared == "right"
    source = world.landing.put(
        "landing",
        "big",
        data,
        declared_sha256=sha256(data).hexdigest() if right else declared,
        event_time=world.clock.now(),
    )
    if right:
        world.sources.append(source)
        world.contents[source.object_id] = data

    assert world.process(world.message(source)) == []

    assert [error.reason for _, error in world.queue.dead.values()] == ([] if right else ["checksum"])
    assert (staged(world), world.destination.uploads) == ([], {})
    world.assert_each_once()


def test_an_object_that_is_gone_is_rejected(world: World) -> None:
    """As a small one is."""
    source = upload(world)
    world.landing.remove(source)
    world.sources = []

    assert world.process(world.message(source)) == []
    assert [error.reason for _, error in world.queue.dead.values()] == ["missing"]


def test_a_source_that_fails_in_the_middle_costs_a_retry(world: World) -> None:
    """The upload is dropped, the claim released: the next worker need not wait for the lease."""
    message = world.message(upload(world))
    world.landing.hook = nth("piece", lambda: LandingError("reset"), at=9)

    kept = world.process(message)
    uploads = dict(world.destination.uploads)
    world.landing.hook = lambda _name: None
    again = world.process(message)

    assert (kept, uploads, again) == ([message.message_id], {}, [])
    world.assert_each_once()


def test_an_object_that_no_run_can_finish_says_so_and_backs_off(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is noticed early, nothing is left behind, and the message does not come back at once."""
    message = world.message(upload(world), receives=3)
    world.landing.hook = lambda name: world.clock.advance(4) if name == "piece" else None

    kept = world.process(message)

    assert kept == [message.message_id]
    assert world.queue.visibility[message.message_id] == 40
    assert "object needs more time than a run has" in caplog.text
    assert sum(world.landing.reads.values()) == 1
    assert world.clock.monotonic() < 30
    assert (world.destination.objects, world.destination.uploads) == ({}, {})


def test_an_object_that_comes_late_in_a_run_gets_another(world: World) -> None:
    """What a whole run might finish comes back at once."""
    small, message = world.message(world.upload("small", b"s")), world.message(upload(world))

    def slow(name: str) -> None:
        if name == "piece":
            world.clock.advance(1.5)
        if name == "get" and world.landing.reads.total() == 0:
            world.clock.advance(18)

    world.landing.hook = slow
    kept = world.process(small, message)
    world.landing.hook = lambda _name: None

    assert kept == [message.message_id]
    assert world.queue.visibility[message.message_id] == 0
    assert world.process(message) == []
    world.assert_each_once()


def test_a_destination_that_goes_away_while_parts_are_sent_gives_the_message_back(world: World) -> None:
    """Nothing is claimed any more, and nobody waits for the lease."""
    message = world.message(upload(world))
    world.destination.hook = always("send_part", down())

    kept = world.process(message)
    world.destination.hook = lambda _name: None
    again = world.process(message)

    assert (kept, again) == ([message.message_id], [])
    world.assert_each_once()


def test_leftovers_of_a_dead_worker_are_deleted_when_they_are_a_day_old(world: World) -> None:
    """A younger one of another object may be in use."""
    message = world.message(upload(world))
    world.destination.hook = nth("copy_part", Killed)
    with pytest.raises(Killed):
        world.process(message)
    world.destination.hook = lambda _name: None
    (left,) = staged(world)

    world.process(world.message(world.upload("second", noise(40_000))))
    kept = staged(world)
    world.clock.advance(staging.STALE_S + 1)
    world.process(world.message(world.upload("third", noise(40_000))))

    assert (kept, staged(world)) == ([left], [])


def test_a_destination_error_while_deleting_what_was_staged_is_only_logged(world: World) -> None:
    """The archive is committed all the same."""
    world.destination.hook = always("delete", lambda: DestinationError("away", DestinationFault.CONNECT))
    assert world.process(world.message(upload(world))) == []
    world.assert_each_once()


@pytest.mark.parametrize("size", [1_001, 100_000])
def test_what_the_uploader_said_is_in_the_manifest(world: World, size: int) -> None:
    """Of an object that is held and of one that is staged."""
    source = world.landing.put("landing", "big", noise(size), content_type="image/png", metadata={"camera": "7"})

    assert [] == world.process(world.message(source))

    (key,) = world.destination.objects
    (file,) = Archive.open(StoredArchive(world.destination, key)).manifest.files
    assert ("image/png", {"camera": "7"}) == (file.content_type, file.metadata)
