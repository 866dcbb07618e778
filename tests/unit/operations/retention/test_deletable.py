"""What may be deleted of an archive: only what is verified, old, and can be told from a newer file."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.unit.world import World
from windrow.core.errors import CopyError
from windrow.core.events import SourceObject
from windrow.operations.audit import ArchiveReader, Finding
from windrow.operations.retention.deletable import Deletable, DeletableFinder
from windrow.pipeline.inspector import Found
from windrow.ports import RawVersion

SECOND = timedelta(seconds=1)


class Scene:
    """Delivered files, and what is asked before any of them may go."""

    def __init__(self) -> None:
        self.world = World()
        self.asked: list[object] = []
        self.copy_error: CopyError | None = None
        self.counts = True
        self.buckets = {"landing"}

    def deliver(self, *sources: SourceObject) -> str:
        """Deliver files in one archive; return its key."""
        assert [] == self.world.process(*(self.world.message(source) for source in sources))
        (key,) = self.world.destination.objects
        return key

    def inspect(self, key: str, *, older_than: timedelta = SECOND, dry_run: bool = False) -> Deletable | Finding:
        """Inspect an archive; files are old if they arrived so long before now, at least."""
        reader = ArchiveReader(self.world.destination, "")
        finder = DeletableFinder(
            reader,
            None if dry_run else self._verify_copy,
            None if dry_run else self._commit,
            buckets=self.buckets,
            old=self.world.clock.now() - older_than + SECOND,
        )
        return finder.find(key)

    def _verify_copy(self, key: str, size: int, sha256: str) -> None:
        self.asked.append((key, size, sha256))
        if self.copy_error:
            raise self.copy_error

    def _commit(self, key: str, found: Found) -> bool:
        self.asked.append((key, found.archive_bytes))
        return self.counts


@pytest.fixture
def scene() -> Scene:
    """Nothing delivered yet."""
    return Scene()


def test_each_file_has_its_own_reason(scene: Scene) -> None:
    """Deletable, young, without a version, and of a bucket that is none of ours."""
    world = scene.world
    old = world.upload("old")
    plain = world.landing.put("landing", "plain", b"content", versioned=False, event_time=world.clock.now())
    world.clock.advance(10)
    young = world.upload("young")
    key = scene.deliver(old, plain, young)
    found = scene.inspect(key, older_than=timedelta(seconds=10))
    scene.buckets = {"elsewhere"}

    assert Deletable([RawVersion("landing", "old", old.version_id or "")], young=1, unversioned=1) == found
    assert Deletable([], foreign=3) == scene.inspect(key)


@pytest.mark.parametrize(("age_s", "deletable"), [(9.999, 0), (10, 1)])
def test_a_file_must_be_older_than_asked(scene: Scene, age_s: float, deletable: int) -> None:
    """To the moment."""
    key = scene.deliver(scene.world.upload("a"))
    scene.world.clock.advance(age_s)
    found = scene.inspect(key, older_than=timedelta(seconds=11) - timedelta.resolution)

    assert isinstance(found, Deletable)
    assert (deletable, 1 - deletable) == (len(found.versions), found.young)


def test_copy_and_record_are_asked_for_first(scene: Scene) -> None:
    """By the archive's own size and digest."""
    key = scene.deliver(scene.world.upload("a"))
    scene.inspect(key)
    stored, body = scene.world.destination.objects[key]

    assert [(key, len(body), stored.metadata["sha256_checksum"]), (key, len(body))] == scene.asked


def test_without_a_copy_nothing_goes(scene: Scene) -> None:
    """And the record is not asked for."""
    key = scene.deliver(scene.world.upload("a"))
    scene.copy_error = CopyError("there is none")

    assert Finding(key, "there is none") == scene.inspect(key)
    assert 1 == len(scene.asked)


def test_an_archive_that_does_not_count_keeps_its_files(scene: Scene) -> None:
    """They are delivered elsewhere, and that archive says when they may go."""
    key = scene.deliver(scene.world.upload("a"))
    scene.counts = False

    assert Finding(key, "it does not count: its files are delivered in other archives") == scene.inspect(key)


def test_a_dry_run_asks_neither(scene: Scene) -> None:
    """It makes no copies and writes no records."""
    key = scene.deliver(scene.world.upload("a"))
    scene.world.clock.advance(10)
    found = scene.inspect(key, dry_run=True)

    assert isinstance(found, Deletable)
    assert (1, []) == (len(found.versions), scene.asked)


def test_a_tombstone_needs_no_copy(scene: Scene) -> None:
    """There is nothing in it to delete."""
    key = scene.deliver(scene.world.upload("a"))
    scene.world.commit_point().close(key, "operator")

    assert (Deletable([]), []) == (scene.inspect(key), scene.asked)


def test_an_archive_that_fails_its_verification_keeps_its_files(scene: Scene) -> None:
    """Nobody is asked for a copy."""
    key = scene.deliver(scene.world.upload("a"))
    stored, body = scene.world.destination.objects[key]
    wrong = msgspec.structs.replace(stored, metadata={**stored.metadata, "sha256_checksum": "0" * 64})
    scene.world.destination.objects[key] = wrong, body
    found = scene.inspect(key)

    assert isinstance(found, Finding)
    assert (key, []) == (found.what, scene.asked)
