"""What is held for a sound archive: metadata, the server's own checksum, and the bytes where it has none."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.errors import ArchiveError, ChecksumMismatch
from windrow.core.events import SourceObject
from windrow.core.keys import window_of
from windrow.pipeline import inspector as inspector_module
from windrow.pipeline.inspector import STAGED_ETAG, Found, Inspector
from windrow.testing import START, FakeClock, FakeDestination

KEY = "2026/01/02/03/04/20260102T0304Z-0123456789abcdef.tar.gz"


class Scene:
    """A destination with one archive."""

    def __init__(self) -> None:
        self.destination = FakeDestination(FakeClock())
        window = window_of(KEY)
        assert window is not None
        body = Random(1).randbytes(5000)
        source = SourceObject("landing", "a", "v1", "e", "", len(body), START)
        self.sealed: SealedArchive = seal(window, [build_frame([("data/a", source, body)], 1)], 1)
        self.destination.put(KEY, self.sealed.chunks, self.sealed.sha256, self.sealed.metadata)
        self.reads: list[str] = []
        self.destination.hook = self.reads.append
        self.inspector = Inspector(self.destination)

    def change(self, **fields: Any) -> None:
        """Have HEAD tell something else."""
        stored, body = self.destination.objects[KEY]
        self.destination.objects[KEY] = msgspec.structs.replace(stored, **fields), body

    def meta(self, **fields: str) -> None:
        """Add to the metadata."""
        self.change(metadata={**self.destination.objects[KEY][0].metadata, **fields})

    def spoil(self, at: int) -> None:
        """Change one byte of the archive."""
        stored, body = self.destination.objects[KEY]
        self.destination.objects[KEY] = stored, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    def verify(self) -> None:
        """Compare what HEAD tells with what was sent."""
        stored = self.destination.head(KEY)
        assert stored is not None
        self.inspector.verify(KEY, stored, self.sealed)


@pytest.fixture
def scene() -> Scene:
    """A sound archive."""
    return Scene()


def test_a_sound_archive_is_found_with_what_it_holds(scene: Scene) -> None:
    """The server's checksum spares reading it all."""
    assert Found(scene.sealed.manifest, scene.sealed.sha256.hex(), scene.sealed.size, START) == scene.inspector.inspect(
        KEY
    )
    assert 1 >= scene.reads.count("read")
    assert scene.inspector.inspect("other") is None


def test_what_has_no_digest_in_its_metadata_is_not_read_and_called_foreign(scene: Scene) -> None:
    """Somebody put it there; it may be of any size."""
    scene.change(metadata={}, checksum_sha256=None)

    with pytest.raises(ArchiveError, match=f"{KEY} is not an archive of Windrow's"):
        scene.inspector.inspect(KEY)
    assert "read" not in scene.reads


def test_metadata_that_the_server_contradicts_is_a_mismatch(scene: Scene) -> None:
    """Both say what the bytes are."""
    scene.meta(sha256_checksum="0" * 64)

    with pytest.raises(ChecksumMismatch):
        scene.inspector.inspect(KEY)
    with pytest.raises(ChecksumMismatch):
        scene.verify()


def test_a_checksum_that_metadata_contradicts_is_a_mismatch(scene: Scene) -> None:
    """The bytes are others."""
    scene.change(checksum_sha256="0" * 64)

    with pytest.raises(ChecksumMismatch):
        scene.inspector.inspect(KEY)
    with pytest.raises(ChecksumMismatch):
        scene.verify()


def test_another_archive_than_was_sent_is_a_mismatch(scene: Scene) -> None:
    """Sound as it may be."""
    sent = scene.sealed
    scene.sealed = SealedArchive(sent.size, b"\x11" * 32, sent.manifest, sent.metadata, sent.chunks)

    with pytest.raises(ChecksumMismatch, match=f"sent SHA-256 {'11' * 32}"):
        scene.verify()


def test_another_length_than_was_sent_is_a_mismatch(scene: Scene) -> None:
    """Nothing more is asked."""
    scene.change(size=scene.sealed.size + 1)

    with pytest.raises(ChecksumMismatch, match=f"holds {scene.sealed.size + 1} bytes, {scene.sealed.size} were sent"):
        scene.verify()


def test_where_the_server_keeps_no_checksum_the_bytes_are_read_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, in pieces; one that differs is found wherever it is."""
    monkeypatch.setattr(inspector_module, "READ_BACK_BYTES", 2000)
    scene.change(checksum_sha256=None)
    scene.verify()
    assert -(-scene.sealed.size // 2000) == scene.reads.count("read")

    for at in (0, 1999, 2000, scene.sealed.size - 1):
        scene.spoil(at)
        with pytest.raises(ChecksumMismatch):
            scene.verify()
        scene.spoil(at)


def test_pieces_have_8_mib(scene: Scene) -> None:
    """As others do that read archives."""
    lengths: list[int] = []
    read = scene.destination.read

    def noting(key: str, start: int, length: int) -> bytes:
        lengths.append(length)
        return read(key, start, length)

    scene.destination.read = noting  # type: ignore[method-assign]
    scene.change(checksum_sha256=None)
    scene.verify()

    assert [8 * 1024 * 1024] == lengths


def test_a_copy_with_its_staged_etag_is_not_read_back(scene: Scene) -> None:
    """The server made it from what it copied."""
    scene.meta(**{STAGED_ETAG: scene.destination.objects[KEY][0].etag})
    scene.change(checksum_sha256=None)
    scene.verify()
    assert 0 == scene.reads.count("read")

    scene.meta(**{STAGED_ETAG: "another"})
    scene.verify()
    assert 1 == scene.reads.count("read")


def test_an_archive_that_does_not_say_where_its_manifest_ends_is_an_error(scene: Scene) -> None:
    """It was written by somebody else."""
    metadata = dict(scene.destination.objects[KEY][0].metadata)
    del metadata["manifest-bytes"]
    scene.change(metadata=metadata)

    with pytest.raises(ArchiveError, match="has no metadata 'manifest-bytes'"):
        scene.inspector.inspect(KEY)
