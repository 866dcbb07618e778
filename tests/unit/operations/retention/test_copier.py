"""Copies of one archive: what is copied, what needs none, and what is refused."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
import pytest

from windrow.core.errors import CopyError, OutOfTime
from windrow.operations.retention.copier import Copier
from windrow.pipeline.deadline import Deadline
from windrow.testing import FakeClock, FakeCopies, FakeDestination

MIB = 1024 * 1024
KEY = "2026/01/02/03/04/20260102T0304Z-0123456789abcdef.tar.gz"


class Scene:
    """A destination with one archive, and a bucket for copies."""

    def __init__(self, body: bytes = b"archive", **metadata: str) -> None:
        self.clock = FakeClock()
        self.destination = FakeDestination(self.clock)
        self.copies = FakeCopies()
        self.digest = sha256(body).hexdigest()
        self.metadata = {"sha256_checksum": self.digest, "file-count": "1"} | metadata
        self.destination.put(KEY, [body], sha256(body).digest(), self.metadata)
        self.copier = Copier(self.destination, self.copies)

    def copy(self, *, dry_run: bool = False, remaining_s: float = 300.0) -> int | None:
        """Copy the archive in a run of 300 s of which so much is left."""
        deadline = Deadline(self.clock, 300.0)
        self.clock.advance(300.0 - remaining_s)
        return self.copier.copy(KEY, deadline, dry_run=dry_run)

    def store_another(self, size: int = 7, **metadata: Any) -> None:
        """Have another copy there already."""
        found = msgspec.json.encode(metadata)
        self.copies.store(KEY, [found], len(found), sha256(found).digest(), metadata)
        stored, body = self.copies.objects[KEY]
        self.copies.objects[KEY] = msgspec.structs.replace(stored, size=size), body


def test_an_archive_is_copied_with_its_metadata() -> None:
    """And its bytes are reported."""
    scene = Scene()

    assert 7 == scene.copy()
    stored, body = scene.copies.objects[KEY]
    assert (b"archive", scene.metadata) == (body, stored.metadata)


def test_a_second_copy_finds_the_first() -> None:
    """Which must be the same."""
    scene = Scene()

    assert (7, 7) == (scene.copy(), scene.copy())


@pytest.mark.parametrize("size", [8 * MIB, 8 * MIB + 1])
def test_an_archive_is_read_in_pieces_of_8_mib(size: int) -> None:
    """The last one is what is left."""
    scene, reads = Scene(bytes(size)), list[tuple[int, int]]()
    read = scene.destination.read

    def noting(key: str, start: int, length: int) -> bytes:
        reads.append((start, length))
        return read(key, start, length)

    scene.destination.read = noting  # type: ignore[method-assign]

    assert size == scene.copy()
    assert [(0, 8 * MIB), (8 * MIB, 1)][: 1 + size % 2] == reads


def test_what_is_gone_or_has_no_files_needs_no_copy() -> None:
    """A tombstone only keeps its key."""
    scene, empty = Scene(), Scene(b"archive", **{"file-count": "0"})
    scene.destination.objects.clear()

    assert (None, None, {}, {}) == (scene.copy(), empty.copy(), scene.copies.objects, empty.copies.objects)


@pytest.mark.parametrize("digest", ["", "none", "A" * 64, "0" * 63, "0" * 65])
def test_an_archive_without_a_digest_can_not_be_verified(digest: str) -> None:
    """64 small hex digits; anything else was written by nobody here."""
    with pytest.raises(CopyError, match="has no SHA-256 in its metadata"):
        Scene(sha256_checksum=digest).copy()


@pytest.mark.parametrize(
    ("size", "digest", "says"),
    [(8, None, "has 8 bytes and"), (7, "0" * 64, f"SHA-256 {'0' * 64}, the archive 7"), (7, "", "SHA-256 , the")],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_another_copy_is_never_replaced(size: int, digest: str | None, says: str, dry_run: bool) -> None:
    """Somebody must look; a dry run tells it too."""
    scene = Scene()
    scene.store_another(size, sha256_checksum=scene.digest if digest is None else digest)
    before = dict(scene.copies.objects)

    with pytest.raises(CopyError, match=says):
        scene.copy(dry_run=dry_run)

    assert before == scene.copies.objects


def test_a_copy_without_a_digest_is_another() -> None:
    """It was made by somebody else."""
    scene = Scene()
    scene.store_another(7)

    with pytest.raises(CopyError, match="SHA-256 none, the archive"):
        scene.copy()


def test_a_dry_run_copies_nothing() -> None:
    """It tells what there would be to copy."""
    scene = Scene()

    assert (7, {}) == (scene.copy(dry_run=True), scene.copies.objects)


def test_a_copy_that_is_missing_is_told() -> None:
    """Before any file of it is deleted."""
    scene = Scene()
    with pytest.raises(CopyError, match=f"there is no copy of {KEY}"):
        scene.copier.verify(KEY, 7, scene.digest)

    scene.copy()

    scene.copier.verify(KEY, 7, scene.digest)


@pytest.mark.parametrize(("remaining_s", "copied"), [(21.5, True), (21.0, False)])
def test_the_end_of_the_run_cuts_a_copy_short(remaining_s: float, copied: bool) -> None:
    """No piece is begun that may hang beyond it."""
    scene = Scene()
    if copied:
        assert 7 == scene.copy(remaining_s=remaining_s)
    else:
        with pytest.raises(OutOfTime, match=f"0 of 7 bytes of {KEY} were copied"):
            scene.copy(remaining_s=remaining_s)
    assert copied == (KEY in scene.copies.objects)
