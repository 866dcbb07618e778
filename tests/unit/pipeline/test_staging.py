"""The staging area: what is sent in parts stands there whole or not at all, and is copied once."""

from __future__ import annotations

import random
from hashlib import sha256

import msgspec
import pytest

from windrow.core.errors import ChecksumMismatch, DestinationError, DestinationFault
from windrow.pipeline import staging
from windrow.pipeline.staging import Staged, StagingArea
from windrow.testing import FakeClock, FakeDestination, Hook

DAY_S = 86_400
FOLDER = "in/.windrow-staging/"
PARTS = {1: b"first" * 10, 2: random.Random(2).randbytes(60), 3: b"last"}
WHOLE = b"".join(PARTS.values())


def short(text: str) -> str:
    """Return how a staging key names an object or an owner."""
    return sha256(text.encode()).hexdigest()[:16]


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands."""
    return FakeClock()


@pytest.fixture
def destination(clock: FakeClock) -> FakeDestination:
    """An empty destination."""
    return FakeDestination(clock)


@pytest.fixture
def area(destination: FakeDestination) -> StagingArea:
    """A staging area on it, with one part under way at a time."""
    return StagingArea(destination, destination.clock, prefix="in", at_once=1)


def stage(area: StagingArea, object_id: str = "object", owner: str = "owner") -> Staged:
    """Stage the parts, the first one last, as it is known last."""
    upload = area.begin(object_id, owner)
    upload.send((number, [PARTS[number]]) for number in (2, 3))
    upload.send([(1, [PARTS[1][:7], PARTS[1][7:]])])
    return upload.finish()


def failing(operation: str, *, maybe_stored: bool = False, done: bool = False) -> Hook:
    """Return a hook that has one operation fail, before or after it was carried out."""

    def hook(name: str) -> None:
        if name == (f"{operation} done" if done else operation):
            raise DestinationError("scripted", DestinationFault.REFUSED, maybe_stored=maybe_stored)

    return hook


def test_parts_become_one_object_in_their_own_order(destination: FakeDestination, area: StagingArea) -> None:
    """Under a key that tells object, second and owner; each part is where it was sent."""
    staged = stage(area)

    stored, body = destination.objects[staged.key]
    assert f"{FOLDER}{short('object')}-{int(destination.clock.now().timestamp())}-{short('owner')}" == staged.key
    assert (WHOLE, stored.etag, len(WHOLE)) == (body, staged.etag, staged.size)
    assert [(1, 0, 50), (2, 50, 60), (3, 110, 4)] == [(part.number, part.start, part.size) for part in staged.parts]
    assert [sha256(PARTS[number]).digest() for number in (1, 2, 3)] == [part.sha256 for part in staged.parts]
    assert {} == destination.uploads


def test_the_reply_to_the_last_request_may_be_lost(destination: FakeDestination, area: StagingArea) -> None:
    """Nobody else writes to the key, so what stands there is ours."""
    destination.hook = failing("complete", maybe_stored=True, done=True)

    assert WHOLE == destination.objects[stage(area).key][1]


def test_an_object_that_was_not_made_is_an_error(destination: FakeDestination, area: StagingArea) -> None:
    """Whether the destination says so, or nothing is there, or something of another length."""
    destination.hook = failing("complete")
    with pytest.raises(DestinationError, match="scripted"):
        stage(area)
    destination.hook = failing("complete", maybe_stored=True)
    with pytest.raises(DestinationError, match="was stored and is not there"):
        stage(area)

    def cut(name: str) -> None:
        if name == "complete done":
            for key, (stored, body) in destination.objects.items():
                destination.objects[key] = msgspec.structs.replace(stored, size=stored.size - 1), body[:-1]

    destination.hook = cut
    with pytest.raises(DestinationError, match="was stored and is not there"):
        stage(area)


def test_what_was_staged_is_verified_part_by_part(
    destination: FakeDestination, area: StagingArea, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces that end with their part; time is looked at between any two."""
    monkeypatch.setattr(staging, "READ_BYTES", 25)
    staged = stage(area)
    reads: list[str] = []
    destination.hook = reads.append
    looks: list[int] = []

    whole = area.verify(staged, lambda: looks.append(len(reads)))

    assert sha256(WHOLE).digest() == whole
    assert (6, 6) == (reads.count("read"), len(looks))


@pytest.mark.parametrize(("at", "part"), [(0, 1), (49, 1), (50, 2), (109, 2), (110, 3), (113, 3)])
def test_a_part_with_other_bytes_is_named(destination: FakeDestination, area: StagingArea, at: int, part: int) -> None:
    """The first and the last byte of each count."""
    staged = stage(area)
    stored, body = destination.objects[staged.key]
    destination.objects[staged.key] = stored, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    with pytest.raises(ChecksumMismatch, match=f"part {part} than"):
        area.verify(staged, lambda: None)


def test_the_end_of_time_ends_the_proof(area: StagingArea) -> None:
    """The error of whoever looks at the time passes through."""
    staged = stage(area)

    def late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        area.verify(staged, late)


def test_the_copy_is_made_of_the_same_parts(destination: FakeDestination, area: StagingArea) -> None:
    """So that its ETag tells whether its bytes are the same; with the metadata that it is given."""
    staged = stage(area)
    looks: list[None] = []

    assert area.copy(staged, "archive", {"file-count": "1"}, lambda: looks.append(None))
    stored, body = destination.objects["archive"]
    assert (WHOLE, staged.etag, {"file-count": "1"}, 3) == (body, stored.etag, stored.metadata, len(looks))


def test_a_key_that_is_taken_stays_as_it_is(destination: FakeDestination, area: StagingArea) -> None:
    """The upload is dropped."""
    staged = stage(area)
    destination.put("archive", [b"there"], sha256(b"there").digest(), {})

    assert not area.copy(staged, "archive", {}, lambda: None)
    assert (b"there", {}) == (destination.objects["archive"][1], destination.uploads)


@pytest.mark.parametrize(
    ("operation", "maybe_stored", "left"), [("copy_part", False, 0), ("complete", False, 0), ("complete", True, 1)]
)
def test_a_copy_that_fails_drops_its_parts_unless_it_may_still_come(
    destination: FakeDestination, area: StagingArea, operation: str, maybe_stored: bool, left: int
) -> None:
    """A request that is still under way needs them."""
    staged = stage(area)
    destination.hook = failing(operation, maybe_stored=maybe_stored)

    with pytest.raises(DestinationError, match="scripted"):
        area.copy(staged, "archive", {}, lambda: None)

    assert left == len(destination.uploads)


def test_what_is_dropped_leaves_nothing(destination: FakeDestination, area: StagingArea) -> None:
    """And a destination that refuses to drop or delete costs nothing but what it keeps."""
    upload = area.begin("object", "owner")
    upload.send([(1, [b"x"])])
    upload.abort()
    assert ({}, {}) == (destination.uploads, destination.objects)

    staged = stage(area)
    destination.hook = failing("delete")
    area.remove(staged.key)
    destination.hook = failing("abort")
    area.begin("other", "owner").abort()
    assert [staged.key] == list(destination.objects)


def test_leftovers_go_when_they_are_of_the_same_object_or_over_a_day_old(
    destination: FakeDestination, area: StagingArea, clock: FakeClock
) -> None:
    """No worker runs for a day. What is no staging key is left alone."""
    for key in ("mine", "other"):
        stage(area, key, "dead")
    strange = [f"{FOLDER}notes", f"{FOLDER}{short('mine')}-12-short", f"in/other/{short('mine')}-12-{short('dead')}"]
    for key in strange:
        destination.put(key, [b"x"], sha256(b"x").digest(), {})

    def left() -> list[str]:
        return sorted(key for key in destination.objects if key not in strange)

    area.begin("mine", "owner").abort()
    others = [key for key in left() if short("other") in key]
    assert (1, others) == (len(others), left())
    clock.advance(DAY_S)
    area.begin("third", "owner").abort()
    assert others == left()
    clock.advance(1)
    area.begin("third", "owner").abort()
    assert ([], sorted(strange)) == (left(), sorted(destination.objects))


def test_pieces_are_read_by_8_mib() -> None:
    """Of each part by itself."""
    mib = 1024 * 1024
    parts = [staging.SentPart(1, 0, 17 * mib, b""), staging.SentPart(2, 17 * mib, 8 * mib, b"")]

    found = [(each.part.number, each.start, each.length, each.ends_part) for each in staging._pieces(parts)]

    assert [
        (1, 0, 8 * mib, False),
        (1, 8 * mib, 8 * mib, False),
        (1, 16 * mib, mib, True),
        (2, 17 * mib, 8 * mib, True),
    ] == found
