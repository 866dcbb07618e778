"""Quarantine of broken archives."""

from __future__ import annotations

from unittest.mock import patch

import msgspec
import pytest

from tests.unit.world import RUN_S, World
from windrow.core.errors import DestinationError, DestinationFault, QuarantineError
from windrow.core.keys import QUARANTINE_FOLDER
from windrow.operations import quarantine
from windrow.pipeline.commit_point import tombstone
from windrow.testing import FakeDestination


def delivered(*keys: str) -> tuple[World, str]:
    """Return a world that delivered files in one archive, and its key."""
    world = World()
    world.process(*(world.message(world.upload(key)) for key in keys))
    (key,) = world.destination.objects
    world.clock.advance(10 * RUN_S)
    return world, key


def kept(world: World) -> list[bytes]:
    """Return the bodies in the quarantine folder."""
    return [body for key, (_, body) in world.destination.objects.items() if key.startswith(QUARANTINE_FOLDER)]


def broken(world: World, key: str) -> bytes:
    """Take an archive's metadata away; return its bytes."""
    stored, body = world.destination.objects[key]
    world.destination.objects[key] = msgspec.structs.replace(stored, metadata={}), body
    return body


def test_a_sound_archive_is_left_as_it_is() -> None:
    """An operator may try any key at any time."""
    world, key = delivered("a")
    objects, records = dict(world.destination.objects), dict(world.ledger.archives)

    assert world.quarantine().quarantine(key) is None
    assert (objects, records) == (world.destination.objects, world.ledger.archives)


def test_a_broken_archive_is_kept_in_pieces_and_its_files_come_again() -> None:
    """Whatever its size: the server copies so many bytes a request."""
    world, key = delivered("a", "b")
    body = broken(world, key)
    with patch.object(quarantine, "COPY_BYTES", 100):
        done = world.quarantine().quarantine(key)
    again = world.process(*(world.message(source) for source in world.sources))

    assert done is not None
    assert (key, [body], []) == (done.key, kept(world), again)
    assert f"{QUARANTINE_FOLDER}/{key}.20260102T030405Z" == done.kept_as
    world.assert_each_once()


def test_damage_that_only_a_whole_reading_finds_is_found() -> None:
    """The server still tells the checksum of what was once stored."""
    world, key = delivered("a", "b")
    stored, body = world.destination.objects[key]
    world.destination.objects[key] = stored, body[:-30] + b"?" + body[-29:]

    assert world.quarantine().quarantine(key) is not None
    assert 1 == len(kept(world))


def test_one_wrong_answer_of_the_server_changes_nothing() -> None:
    """HEAD tells no metadata, once: an archive must be found broken twice."""
    world, key = delivered("a")
    objects = dict(world.destination.objects)
    stored, _ = objects[key]
    answers = [msgspec.structs.replace(stored, metadata={}), *[stored] * 9]
    with patch.object(FakeDestination, "head", lambda _self, _key: answers.pop(0)):
        assert world.quarantine().quarantine(key) is None

    assert objects == world.destination.objects


def test_an_archive_that_is_listed_is_not_taken_for_gone() -> None:
    """HEAD says that it is not there: nothing is closed on its word alone."""
    world, key = delivered("a")
    objects = dict(world.destination.objects)
    with (
        patch.object(FakeDestination, "head", lambda _self, _key: None),
        pytest.raises(DestinationError, match="is listed"),
    ):
        world.quarantine().quarantine(key)

    assert objects == world.destination.objects


def test_the_key_of_an_archive_that_is_gone_is_closed() -> None:
    """A request of long ago must not bring it back, and its files can be delivered again."""
    world, key = delivered("a")
    del world.destination.objects[key]
    done = world.quarantine().quarantine(key)
    again = world.process(world.message(world.sources[0]))

    assert done is not None
    assert ("it is gone", None, []) == (done.why, done.kept_as, again)
    assert "0" == world.destination.objects[key][0].metadata["file-count"]
    world.assert_each_once()


def test_the_key_where_another_archive_stands_than_was_committed_is_closed() -> None:
    """Deleted by mistake, the archive left its key to a late tombstone, which is sound."""
    world, key = delivered("a")
    del world.destination.objects[key]
    late = tombstone(key)
    world.destination.put(key, late.chunks, late.sha256, late.metadata)
    done = world.quarantine().quarantine(key)
    again = world.process(world.message(world.sources[0]))

    assert done is not None
    assert ("it does not hold the files that the ledger has recorded for it", []) == (done.why, again)
    world.assert_each_once()


def test_an_interrupted_quarantine_is_repeated() -> None:
    """It stopped after the key was condemned: the tombstone follows, and the copy that was made stays."""
    world, key = delivered("a")
    body = broken(world, key)

    def fail(operation: str) -> None:
        if operation == "overwrite":
            raise DestinationError("away", DestinationFault.CONNECT)

    world.destination.hook = fail
    with pytest.raises(DestinationError, match="no tombstone yet"):
        world.quarantine().quarantine(key)
    world.destination.hook = lambda _: None
    done = world.quarantine().quarantine(key)

    assert done is not None
    assert ([body], "0") == (kept(world), world.destination.objects[key][0].metadata["file-count"])


def test_a_copy_that_is_not_whole_closes_nothing() -> None:
    """Another object stands where the copy should be: the archive stays."""
    world, key = delivered("a")
    broken(world, key)
    world.destination.put(f"{QUARANTINE_FOLDER}/{key}.20260102T030405Z", [], bytes.fromhex(EMPTY), {})
    before = world.destination.objects[key]

    with pytest.raises(DestinationError, match="not the copy"):
        world.quarantine().quarantine(key)
    assert before == world.destination.objects[key]
    assert {} == world.destination.uploads


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("key", ["notes.txt", ".windrow-staging/x", ""])
def test_what_is_no_archive_by_its_key_is_refused(key: str) -> None:
    """A slip of the finger must not put a tombstone anywhere."""
    with pytest.raises(QuarantineError, match="not the key of an archive"):
        World().quarantine().quarantine(key)
