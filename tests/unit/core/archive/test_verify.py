"""Verification: every byte of an archive counts."""

from __future__ import annotations

import gzip
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import MemorySource, archive_of, joined, manifest_member
from windrow.core.archive import members, tar
from windrow.core.archive.verify import verify
from windrow.core.errors import ArchiveError

FILES = [("a.txt", b"first"), ("b/empty", b""), ("b/c.csv", b"x,y\n1,2\n" * 30)]


def accepted(data: bytes, expected_sha256: str | None = None) -> bool:
    """Tell whether verification finds nothing wrong."""
    try:
        verify(MemorySource(data), expected_sha256)
    except ArchiveError:
        return False
    return True


def test_a_sound_archive_is_described() -> None:
    """The result says what was proven."""
    archive = archive_of(FILES)
    told: list[int] = []

    verified = verify(MemorySource(joined(archive)), archive.sha256.hex(), told.append)

    assert (archive.manifest, archive.size, archive.sha256.hex()) == (
        verified.manifest,
        verified.size,
        verified.sha256,
    )
    assert archive.size == sum(told)


def test_an_empty_archive_is_sound() -> None:
    """An archive without files closes a key; it is as valid as any other."""
    assert () == tuple(verify(MemorySource(joined(archive_of([])))).manifest.files)


def test_every_change_of_a_single_bit_is_found_or_harmless() -> None:
    """A flipped bit is found by verification, or every reader inflates exactly what it did before.

    Deflate has a few bits without meaning (behind the last block; which of the earlier zeros to copy). Those are found
    where the digest of the whole archive is known.
    """
    archive = archive_of(FILES)
    data = joined(archive)
    raw = gzip.decompress(data)
    harmless = 0
    for position in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            if accepted(bytes(changed)):
                assert raw == gzip.decompress(changed)
                assert not accepted(bytes(changed), archive.sha256.hex())
                harmless += 1

    assert harmless < len(data) * 8 // 100


def test_every_truncation_is_found() -> None:
    """An archive that was cut anywhere is never taken for a whole one."""
    data = joined(archive_of(FILES))

    assert [] == [length for length in range(len(data)) if accepted(data[:length])]


@given(st.binary(min_size=1, max_size=40))
def test_anything_behind_the_end_is_found(tail: bytes) -> None:
    """Readers differ in what they make of trailing bytes, so there must be none."""
    with pytest.raises(ArchiveError, match="tar end member has other bytes"):
        verify(MemorySource(joined(archive_of(FILES)) + tail))


def test_a_second_archive_behind_the_first_is_found() -> None:
    """Two archives in one file are a valid gzip, but only the first would be read."""
    data = joined(archive_of(FILES))

    with pytest.raises(ArchiveError, match="tar end member has other bytes"):
        verify(MemorySource(data * 2))


def test_members_exchanged_are_found() -> None:
    """Each frame has its place."""
    chunks = [bytes(chunk) for chunk in archive_of(FILES).chunks]

    with pytest.raises(ArchiveError, match=r"'data/a\.txt' has another tar header"):
        verify(MemorySource(b"".join([chunks[0], chunks[2], chunks[1], chunks[3]])))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (b"", "ends early"),
        (bytes(members.compress(bytes(512), 6)), "fewer than"),
        (bytes(members.compress(bytes(1536), 6)), "holds more"),
        (bytes(members.compress(tar.header("data/extra", 0, 0) * 2, 6)), "two zero blocks"),
    ],
)
def test_another_tar_end_is_found(end: bytes, words: str) -> None:
    """A file smuggled in behind the frames would be in the tar and not in the manifest."""
    data = b"".join(archive_of(FILES).chunks[:-1]) + end

    with pytest.raises(ArchiveError, match=words):
        verify(MemorySource(data))


def test_an_entry_that_the_manifest_does_not_list_is_found() -> None:
    """The manifest is the truth of membership: a frame may hold nothing else."""
    archive = archive_of(FILES, files_a_frame=3)
    raw = gzip.decompress(bytes(archive.chunks[1])) + tar.header("data/extra", 0, 0)
    frame = bytes(members.compress(raw, 6))
    table = [msgspec.structs.replace(archive.manifest.frames[0], length=len(frame))]
    first = manifest_member(msgspec.structs.replace(archive.manifest, frames=table))

    with pytest.raises(ArchiveError, match="frame 0 holds more than the manifest says"):
        verify(MemorySource(first + frame + bytes(archive.chunks[-1])))


def test_padding_that_is_not_zero_is_found() -> None:
    """Nothing can be hidden between a file and the next block."""
    archive = archive_of([("a", b"abc")])
    raw = bytearray(gzip.decompress(bytes(archive.chunks[1])))
    raw[-1] = 1
    frame = bytes(members.compress(raw, 6))
    table = [msgspec.structs.replace(archive.manifest.frames[0], length=len(frame))]
    first = manifest_member(msgspec.structs.replace(archive.manifest, frames=table))

    with pytest.raises(ArchiveError, match="'data/a' is not padded with zeros"):
        verify(MemorySource(first + frame + bytes(archive.chunks[-1])))


def test_another_digest_than_the_metadata_says_is_found() -> None:
    """A sound archive under the wrong metadata is still not the one that was sent."""
    archive = archive_of(FILES)

    with pytest.raises(ArchiveError, match="its metadata says 0000"):
        verify(MemorySource(joined(archive)), "0" * 64)


def test_the_digest_is_that_of_the_whole_archive() -> None:
    """It can be compared with what `sha256sum` prints."""
    data = joined(archive_of(FILES))

    assert sha256(data).hexdigest() == verify(MemorySource(data)).sha256
