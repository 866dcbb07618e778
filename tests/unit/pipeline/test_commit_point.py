"""What is decided of an archive key, and that it stays so."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from unittest.mock import Mock

import msgspec
import pytest

from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.errors import DestinationError, DestinationFault, LedgerError
from windrow.core.events import SourceObject
from windrow.core.keys import window_of
from windrow.core.ledger import ArchiveRecord, ArchiveState
from windrow.core.manifest import Window
from windrow.pipeline.commit_point import CommitPoint
from windrow.ports import Stored
from windrow.testing import START, FakeClock, FakeDestination, FakeLedger, FakeMetrics

KEY = "2026/01/02/03/04/20260102T0304Z-0123456789abcdef.tar.gz"
TTL = timedelta(days=30)
COMMITTED, CONDEMNED = ArchiveState.COMMITTED, ArchiveState.CONDEMNED


def source(key: str, moment: datetime = START) -> SourceObject:
    """Return an object."""
    return SourceObject("landing", key, "v1", "e", "", 4, moment)


def archive(*keys: str) -> SealedArchive:
    """Return an archive of small files."""
    window = window_of(KEY)
    assert window is not None
    frames = [build_frame([(f"data/{key}", source(key), b"body") for key in keys], 1)] if keys else []
    return seal(Window(window.start, window.end), frames, 1)


class Scene:
    """A destination and a ledger, and what decides over them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.destination = FakeDestination(self.clock)
        self.ledger = FakeLedger()
        self.metrics = FakeMetrics()
        self.commit_point = CommitPoint(self.destination, self.ledger, self.metrics, self.clock, ttl=TTL)

    def store(self, *keys: str) -> SealedArchive:
        """Store an archive under the key."""
        sealed = archive(*keys)
        assert self.destination.put(KEY, sealed.chunks, sealed.sha256, sealed.metadata)
        return sealed

    def spoil(self) -> None:
        """Take the archive's metadata away."""
        stored, body = self.destination.objects[KEY]
        self.destination.objects[KEY] = msgspec.structs.replace(stored, metadata={}), body

    def head_says(self, stored: Stored) -> None:
        """Have each HEAD answered so from now on."""
        self.destination.head = Mock(return_value=stored)  # type: ignore[method-assign]

    @property
    def state(self) -> ArchiveState | None:
        """What the ledger says of the key."""
        record = self.ledger.archives.get(KEY)
        return record.state if record else None

    @property
    def is_closed(self) -> bool:
        """Return whether a tombstone stands under the key."""
        stored, body = self.destination.objects[KEY]
        return stored.metadata["file-count"] == "0" and stored.metadata["sha256_checksum"] == sha256(body).hexdigest()


@pytest.fixture
def scene() -> Scene:
    """Return empty servers."""
    return Scene()


def test_a_sound_archive_is_committed(scene: Scene) -> None:
    """Its record lists its members, and outlives their claims by a day."""
    record = scene.commit_point.confirm(KEY, "me", scene.store("a", "b"))

    assert record is not None
    assert record == scene.ledger.archives[KEY]
    assert [True, True, False] == [record.lists(source(key).object_id) for key in "abc"]
    assert (2, 8, "me") == (record.file_count, record.raw_bytes, record.owner)
    assert (START + TTL + timedelta(days=1)).timestamp() == record.expires_at


def test_what_was_stored_wrong_is_condemned_and_closed(scene: Scene) -> None:
    """Nothing is deleted, and the key is taken for good."""
    sealed = scene.store("a")
    scene.spoil()
    record = scene.commit_point.confirm(KEY, "me", sealed)

    assert (None, CONDEMNED, True) == (record, scene.state, scene.is_closed)
    assert 1 == scene.metrics.counts["ChecksumMismatch"]
    assert not scene.destination.put(KEY, sealed.chunks, sealed.sha256, sealed.metadata)


@pytest.mark.parametrize("lie", ["size", "digest", "metadata"])
def test_one_wrong_answer_after_another_worker_committed_changes_nothing(scene: Scene, lie: str) -> None:
    """A worker that was frozen between PUT and HEAD wakes, and HEAD answers wrongly: its files are delivered."""
    sealed = scene.store("a")
    ours = scene.commit_point.settle(KEY, "rescuer")
    before = scene.destination.objects[KEY]
    scene.head_says(wrong(before[0], lie))
    theirs = scene.commit_point.confirm(KEY, "frozen", sealed)

    assert ours == theirs
    assert (before, COMMITTED) == (scene.destination.objects[KEY], scene.state)


def wrong(stored: Stored, lie: str) -> Stored:
    """Return what HEAD says if it is wrong in one point."""
    return {
        "size": msgspec.structs.replace(stored, size=1),
        "digest": msgspec.structs.replace(stored, checksum_sha256="0" * 64),
        "metadata": msgspec.structs.replace(stored, metadata={}),
    }[lie]


def test_a_worker_that_finds_its_archive_condemned_does_not_count_it(scene: Scene) -> None:
    """Another one got a wrong answer and condemned it before; both go by that."""
    sealed = scene.store("a")
    stored, _ = scene.destination.objects[KEY]
    scene.head_says(wrong(stored, "digest"))
    theirs = scene.commit_point.settle(KEY, "rescuer")
    scene.head_says(stored)
    ours = scene.commit_point.confirm(KEY, "frozen", sealed)

    assert [None, None] == [theirs, ours]
    assert (CONDEMNED, True) == (scene.state, scene.is_closed)


@pytest.mark.parametrize("operation", ["record", "record done"])
def test_nothing_counts_before_its_record_stands(scene: Scene, operation: str) -> None:
    """The ledger fails, before or after it wrote: the archive is found again, and counts then."""
    sealed = scene.store("a")

    def fail(name: str) -> None:
        if name == operation:
            raise LedgerError("away")

    scene.ledger.hook = fail
    with pytest.raises(LedgerError):
        scene.commit_point.confirm(KEY, "me", sealed)
    scene.ledger.hook = lambda _: None
    record = scene.commit_point.resolve(KEY, "next")

    assert record is not None
    assert record.lists(source("a").object_id)


def test_a_key_where_nothing_is_gets_a_tombstone(scene: Scene) -> None:
    """So a request that is still under way finds it taken; the ledger need not know."""
    late = archive("a")
    record = scene.commit_point.resolve(KEY, "me")

    assert (None, None, True) == (record, scene.state, scene.is_closed)
    assert not scene.destination.put(KEY, late.chunks, late.sha256, late.metadata)
    assert scene.commit_point.settle(KEY, "late") is None


def test_a_request_that_arrives_before_the_tombstone_counts(scene: Scene) -> None:
    """Whoever comes first wins."""

    def arrive(name: str) -> None:
        if name == "put":
            scene.destination.hook = lambda _: None
            scene.store("a")

    scene.destination.hook = arrive
    record = scene.commit_point.resolve(KEY, "me")

    assert record is not None
    assert (True, COMMITTED) == (record.lists(source("a").object_id), scene.state)


def test_a_tombstone_that_fails_its_verification_is_replaced_by_one_that_holds(scene: Scene) -> None:
    """The key is taken all the time, so the slow owner's request finds no gap."""
    scene.commit_point.resolve(KEY, "me")
    scene.spoil()
    gone: list[bool] = []
    scene.destination.hook = lambda _name: gone.append(KEY not in scene.destination.objects)
    record = scene.commit_point.resolve(KEY, "next")

    assert (None, CONDEMNED, True) == (record, scene.state, scene.is_closed)
    assert not any(gone)


def test_a_condemned_key_whose_tombstone_failed_gets_it_from_the_next(scene: Scene) -> None:
    """Nobody may build the files elsewhere before: a reader of all archives would find them twice."""
    sealed = scene.store("a")
    scene.spoil()

    def fail(name: str) -> None:
        if name == "overwrite":
            raise DestinationError("away", DestinationFault.CONNECT)

    scene.destination.hook = fail
    with pytest.raises(DestinationError, match="no tombstone yet") as caught:
        scene.commit_point.confirm(KEY, "me", sealed)
    scene.destination.hook = lambda _: None

    assert (True, DestinationFault.CONNECT) == (caught.value.maybe_stored, caught.value.kind)
    assert (None, True) == (scene.commit_point.resolve(KEY, "next"), scene.is_closed)


def test_a_record_decides_without_a_look_at_the_destination(scene: Scene) -> None:
    """A committed archive counts, damaged or away."""
    scene.commit_point.confirm(KEY, "me", scene.store("a"))
    scene.spoil()
    asked: list[str] = []
    scene.destination.hook = asked.append

    assert scene.ledger.archives[KEY] == scene.commit_point.resolve(KEY, "next")
    assert [] == asked


@pytest.mark.parametrize(("age", "closed"), [(TTL, True), (TTL + timedelta(seconds=1), False)])
def test_what_is_older_than_the_ledgers_memory_is_not_condemned(scene: Scene, age: timedelta, *, closed: bool) -> None:
    """It may have been committed once, and its record forgotten: its files may be nowhere else."""
    scene.store("a")
    scene.spoil()
    before = scene.destination.objects[KEY]
    scene.clock.advance(age.total_seconds())
    if closed:
        assert scene.commit_point.resolve(KEY, "me") is None
        return
    with pytest.raises(DestinationError, match="older than the ledger's records") as caught:
        scene.commit_point.resolve(KEY, "me")
    assert (DestinationFault.CHECKSUM, True) == (caught.value.kind, caught.value.maybe_stored)
    assert (before, None) == (scene.destination.objects[KEY], scene.state)


def test_an_archive_that_is_gone_after_it_was_stored_is_an_error(scene: Scene) -> None:
    """Nothing is decided of its key."""
    with pytest.raises(DestinationError, match="was stored and is not there"):
        scene.commit_point.confirm(KEY, "me", archive("a"))
    with pytest.raises(DestinationError, match="was stored and is not there"):
        scene.commit_point.settle(KEY, "me")
    assert (None, {}) == (scene.state, scene.destination.objects)


def test_a_tombstones_bytes_depend_on_its_key_alone(scene: Scene) -> None:
    """However often and late it is written, it is the same."""
    scene.commit_point.resolve(KEY, "me")
    first = scene.destination.objects.pop(KEY)
    scene.clock.advance(3600)
    scene.commit_point.close(KEY, "operator")

    assert first[1] == scene.destination.objects[KEY][1]
    assert first[0].metadata == scene.destination.objects[KEY][0].metadata


def test_a_key_that_is_no_archives_is_refused(scene: Scene) -> None:
    """A ledger that names anything else must not have it overwritten."""
    scene.ledger.archives["notes.txt"] = ArchiveRecord.condemned("notes.txt", "?", START)
    with pytest.raises(LedgerError, match=r"'notes\.txt', which is not the key of an archive"):
        scene.commit_point.resolve("notes.txt", "me")
    assert {} == scene.destination.objects


def test_closing_overrules_what_was_committed(scene: Scene) -> None:
    """An operator has decided so."""
    scene.commit_point.confirm(KEY, "me", scene.store("a"))
    scene.commit_point.close(KEY, "operator")

    assert (CONDEMNED, True) == (scene.state, scene.is_closed)
    assert scene.ledger.archives[KEY] == scene.commit_point.recorded(KEY)
