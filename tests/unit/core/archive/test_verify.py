"""Verification: every byte of an archive counts."""

from __future__ import annotations

import gzip
import random
import zlib
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import MemorySource, archive_of, first_bytes, joined, rebuilt, segment
from windrow.core.archive import tar
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import LAST_BLOCK, TAR_END, tail
from windrow.core.archive.verify import verify
from windrow.core.archive.writer import SealedArchive
from windrow.core.errors import ArchiveError
from windrow.core.manifest import Frame

NOISE = random.Random(1).randbytes(3_000)
FILES = [("a.txt", b"first"), ("b/empty", b""), ("b/c.csv", b"x,y\n1,2\n" * 30)]


def accepted(data: bytes, expected_sha256: str | None = None) -> bool:
    """Return whether verification finds nothing wrong."""
    try:
        verify(MemorySource(data), expected_sha256)
    except ArchiveError:
        return False
    return True


def test_a_sound_archive_is_described() -> None:
    """The result says what was verified."""
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
def test_anything_behind_the_end_is_found(behind: bytes) -> None:
    """Readers differ in what they make of trailing bytes, so there must be none."""
    assert not accepted(joined(archive_of(FILES)) + behind)


def test_a_second_archive_behind_the_first_is_found() -> None:
    """Two archives in one file are a valid gzip, but many readers would stop behind the first."""
    assert not accepted(joined(archive_of(FILES)) * 2)


def test_frames_exchanged_are_found() -> None:
    """Each frame has its place."""
    chunks = [bytes(chunk) for chunk in archive_of(FILES).chunks]

    with pytest.raises(ArchiveError, match=r"'data/a\.txt' has another tar header"):
        verify(MemorySource(b"".join([chunks[0], chunks[2], chunks[1], chunks[3]])))


@pytest.mark.parametrize("position", range(25))
def test_another_end_is_found(position: int) -> None:
    """The tar's end, the last block, checksum and length of it all: the manifest and the files determine each byte."""
    data = bytearray(joined(archive_of(FILES)))
    data[len(data) - 1 - position] ^= 0x10

    with pytest.raises(ArchiveError, match="does not end with the tar's end, the last block and the checksum"):
        verify(MemorySource(bytes(data)))


def test_a_file_in_place_of_the_end_is_found() -> None:
    """A file smuggled in behind the frames would be in the tar and not in the manifest."""
    archive = archive_of(FILES)
    extra = segment(tar.header("data/extra", 0, 0) + tar.END)
    data = b"".join(archive.chunks[:-1]) + extra + LAST_BLOCK + bytes(archive.chunks[-1])[-8:]

    assert TAR_END == bytes(archive.chunks[-1])[: len(TAR_END)]
    assert not accepted(data)


def inflated(frame: object) -> bytes:
    """Return what a frame holds."""
    return zlib.decompressobj(wbits=-15).decompress(bytes(frame))  # type: ignore[call-overload]


def with_frame(archive: SealedArchive, raw: bytes) -> bytes:
    """Return an archive of one frame with other raw bytes in it."""
    frame = segment(raw)
    table = [msgspec.structs.replace(archive.manifest.frames[0], length=len(frame))]
    return rebuilt(msgspec.structs.replace(archive.manifest, frames=table), [frame])


def test_an_entry_that_the_manifest_does_not_list_is_found() -> None:
    """The manifest is the truth of membership: a frame may hold nothing else."""
    archive = archive_of(FILES, files_a_frame=3)
    data = with_frame(archive, inflated(archive.chunks[1]) + tar.header("data/extra", 0, 0))

    with pytest.raises(ArchiveError, match="frame 0 holds more than the manifest says"):
        verify(MemorySource(data))


def test_padding_that_is_not_zero_is_found() -> None:
    """Nothing can be hidden between a file and the next block."""
    archive = archive_of([("a", b"abc")])
    raw = bytearray(inflated(archive.chunks[1]))
    raw[-1] = 1

    with pytest.raises(ArchiveError, match="'data/a' is not padded with zeros"):
        verify(MemorySource(with_frame(archive, bytes(raw))))


def test_a_frame_that_leans_on_the_one_before_is_found() -> None:
    """It would inflate for whoever reads from front to back, and not alone."""
    archive = archive_of([("a", NOISE), ("b", NOISE)], files_a_frame=1)
    entries = [inflated(frame) for frame in archive.chunks[1:-1]]
    compressor = zlib.compressobj(wbits=-15)
    frames = [compressor.compress(raw) + compressor.flush(zlib.Z_SYNC_FLUSH) for raw in entries]
    table = [Frame(0, len(frames[0])), Frame(len(frames[0]), len(frames[1]))]
    manifest = msgspec.structs.replace(archive.manifest, frames=table)
    raw = sum(map(Checksum.of, entries), Checksum.of(inflated(first_bytes(manifest)[10:])))
    data = first_bytes(manifest) + b"".join(frames) + tail(raw)

    assert b"".join(entries) in gzip.decompress(data)
    assert len(frames[1]) < len(NOISE) // 2
    with pytest.raises(ArchiveError, match=r"frame 1 is damaged: .*invalid distance"):
        verify(MemorySource(data))


def test_another_digest_than_the_metadata_says_is_found() -> None:
    """A sound archive under the wrong metadata is still not the one that was sent."""
    archive = archive_of(FILES)

    with pytest.raises(ArchiveError, match="its metadata says 0000"):
        verify(MemorySource(joined(archive)), "0" * 64)


def test_the_digest_is_that_of_the_whole_archive() -> None:
    """It can be compared with what `sha256sum` prints."""
    data = joined(archive_of(FILES))

    assert sha256(data).hexdigest() == verify(MemorySource(data)).sha256
