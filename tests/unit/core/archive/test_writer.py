"""Building archives."""

from __future__ import annotations

import gzip
import io
import itertools
import tarfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import WINDOW, archive_of, joined, source
from windrow.core.archive.member import HEAD, LAST_BLOCK, TAIL_BYTES
from windrow.core.archive.writer import build_frame, seal, stream_frame
from windrow.core.errors import LandingError, SourceChecksumWrong
from windrow.core.events import REPLAYED

FILES = [("a.txt", b"first"), ("b/empty", b""), ("b/ü.bin", bytes(range(256)) * 9), ("z" * 120, b"\x00" * 1024)]


def inflated(segments: bytes) -> bytes:
    """Return what segments hold."""
    return zlib.decompressobj(wbits=-15).decompress(segments)


def content_of(opened: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    """Return a regular file's bytes."""
    file = opened.extractfile(info)
    assert file is not None
    return file.read()


def test_python_reads_manifest_and_files() -> None:
    """An archive is a tar.gz like any other, its manifest first."""
    archive = archive_of(FILES)

    with tarfile.open(fileobj=io.BytesIO(joined(archive))) as opened:
        read = {info.name: content_of(opened, info) for info in opened}
        infos = opened.getmembers()

    assert "MANIFEST.json" == infos[0].name
    assert {f"data/{key}": content for key, content in FILES} == {k: v for k, v in read.items() if k != infos[0].name}
    assert {(0o644, 0, 0, "", "")} == {(i.mode, i.uid, i.gid, i.uname, i.gname) for i in infos}
    assert [1795428420 + second for second in (3, 4, 5, 6)] == [i.mtime for i in infos[1:]]


def test_an_archive_is_one_gzip_member_of_segments_that_inflate_alone() -> None:
    """Head, manifest, frames of whole tar entries, end: one behind the other they are a gzip file like any other."""
    archive = archive_of(FILES, files_a_frame=3)
    data = joined(archive)
    first = int(archive.metadata["manifest-bytes"])
    frames = [data[first + frame.offset :][: frame.length] for frame in archive.manifest.frames]

    whole = zlib.decompressobj(wbits=31)
    assert HEAD == data[:10]
    assert inflated(data[10:first]) + b"".join(map(inflated, frames)) + bytes(1024) == whole.decompress(data)
    assert (True, b"") == (whole.eof, whole.unused_data)
    assert (len(data) - TAIL_BYTES, LAST_BLOCK) == (first + sum(map(len, frames)), data[-10:-8])
    for file, (_, content) in zip(archive.manifest.files, FILES, strict=True):
        assert content == inflated(frames[file.frame])[file.offset : file.offset + file.size]


def test_readers_that_stop_at_the_end_of_a_member_see_every_file() -> None:
    """So does Python's streaming mode, which is how one reads from a network."""
    archive = archive_of(FILES, files_a_frame=1)

    with tarfile.open(fileobj=io.BytesIO(joined(archive)), mode="r|gz") as opened:
        read = {info.name: content_of(opened, info) for info in opened}

    assert {f"data/{key}": content for key, content in FILES} == {k: v for k, v in read.items() if k != "MANIFEST.json"}


def test_the_metadata_describes_the_archive() -> None:
    """What the destination stores beside the archive is enough to prove it and to find its manifest."""
    archive = archive_of(FILES)
    data = joined(archive)

    assert {
        "sha256_checksum": sha256(data).hexdigest(),
        "format": "windrow/1",
        "file-count": "4",
        "raw-bytes": str(sum(len(content) for _, content in FILES)),
        "window-start": "2026-11-23T10:07:00Z",
        "window-end": "2026-11-23T10:08:00Z",
        "manifest-bytes": str(len(bytes(archive.chunks[0]))),
    } == archive.metadata
    assert (len(data), sha256(data).digest()) == (archive.size, archive.sha256)


@pytest.mark.parametrize("level", [1, 6, 9, 12])
def test_same_files_give_same_bytes(level: int) -> None:
    """Nothing of the build's time, order of threads or machine gets into an archive."""
    sources = [source(f"k{number:03}", 3000) for number in range(40)]
    items = [(f"data/{src.key}", src, src.key.encode() * 750) for src in sources]
    groups = [items[at : at + 4] for at in range(0, 40, 4)]
    alone = seal(WINDOW, [build_frame(group, level) for group in groups], level)

    with ThreadPoolExecutor(4) as pool:
        together = seal(WINDOW, list(pool.map(lambda group: build_frame(group, level), groups)), level)

    assert joined(alone) == joined(together)


def test_an_empty_archive_is_a_valid_one() -> None:
    """It closes the key of an owner that crashed."""
    archive = seal(WINDOW, [], 6)

    with tarfile.open(fileobj=io.BytesIO(joined(archive))) as opened:
        names = opened.getnames()

    assert ["MANIFEST.json"] == names
    assert ("0", "0") == (archive.metadata["file-count"], archive.metadata["raw-bytes"])


def test_the_bytes_of_an_empty_archive_follow_from_its_window() -> None:
    """Whatever level or compressor: they may be put over what was condemned, by anybody, any number of times."""
    archives = {joined(seal(WINDOW, [], level)) for level in range(1, 13)}
    (data,) = archives
    manifest = b'{"format":"windrow/1","window_start":"2026-11-23T10:07:00Z","window_end":"2026-11-23T10:08:00Z",'

    assert manifest + b'"files":[],"frames":[]}' in data
    assert data == joined(archive_of([]))


def test_sealing_does_not_copy_the_frames() -> None:
    """Memory holds the compressed frames once."""
    frames = [build_frame([("data/a", source("a", 3), b"abc")], 6)]

    archive = seal(WINDOW, frames, 6)

    assert archive.chunks[1] is frames[0].chunks[0]


@given(st.binary(max_size=5000), st.lists(st.integers(1, 700), max_size=12), st.sampled_from([1, 6, 12]))
def test_a_streamed_file_is_framed_like_a_whole_one(content: bytes, cuts: list[int], level: int) -> None:
    """However the pieces are cut, the frame holds the same entry and the same manifest line."""
    src = source("big", len(content))
    pieces, start = [], 0
    for cut in [*cuts, len(content)]:
        pieces.append(memoryview(content)[start : start + cut])
        start += cut

    streamed = stream_frame("data/big", src, pieces, level)
    whole = build_frame([("data/big", src, content)], level)

    assert whole == streamed


def test_a_frame_too_large_to_join_is_made_like_a_streamed_one() -> None:
    """A segment for each MiB, so that no copy of the whole is made."""
    content = bytes(range(256)) * 10_000
    src = source("big", len(content))

    assert stream_frame("data/big", src, [content], 6) == build_frame([("data/big", src, content)], 6)


def test_files_of_2_mib_together_are_one_segment() -> None:
    """Their tar entries, that is; beyond that, they are not joined in memory but compressed MiB by MiB."""
    content = bytes(1024 * 1024 - 512)
    full = [(f"data/{n}", source(f"{n}", len(content)), content) for n in range(2)]
    empty = ("data/more", source("more", 0), b"")

    assert [1, 3] == [len(build_frame(items, 6).chunks) for items in (full, [*full, empty])]


def test_a_large_file_is_many_segments_in_one_frame() -> None:
    """They inflate as one, and the archive's checksum covers them all."""
    content = bytes(range(256)) * 20_000
    archive = seal(WINDOW, [stream_frame("data/big", source("big", len(content)), [content], 6)], 6)

    assert (1, 5) == (len(archive.manifest.frames), len(archive.chunks) - 2)
    assert content in gzip.decompress(joined(archive))


@pytest.mark.parametrize(("pieces", "words"), [([b"abc"], "2 bytes fewer"), ([b"abc", b"def"], "more")])
def test_a_stream_of_another_length_is_refused(pieces: list[bytes], words: str) -> None:
    """The header with the size is written first, so a wrong size would break the whole archive."""
    with pytest.raises(SourceChecksumWrong, match=words):
        stream_frame("data/k", source("k", 5), pieces, 6)


def test_a_stream_without_end_is_cut_off() -> None:
    """No more is read than the size allows."""
    with pytest.raises(SourceChecksumWrong, match="more"):
        stream_frame("data/k", source("k", 5), itertools.repeat(b"abc"), 6)


def test_a_stream_that_breaks_raises_its_own_error() -> None:
    """The cause decides between retry and dead letter, so it must come through."""

    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise LandingError("cut short")

    with pytest.raises(LandingError, match="cut short"):
        stream_frame("data/k", source("k", 5), broken(), 6)


def test_unversioned_files_keep_their_sequencer() -> None:
    """Without a version id the sequencer is part of a file's identity; with one it is left out."""
    plain = build_frame([("data/a", source("a", 0, None), b"")], 6)
    versioned = build_frame([("data/a", source("a", 0, "v"), b"")], 6)

    assert ("0055AED6DCD9", "") == (plain.files[0].sequencer, versioned.files[0].sequencer)


@pytest.mark.parametrize(
    ("version_id", "sequencer", "expected"),
    [("v", REPLAYED, True), (None, "", True), ("v", "0055", False), ("v", "", False), (None, "0055", False)],
)
def test_what_a_replay_queued_says_so(version_id: str | None, sequencer: str, expected: bool) -> None:
    """An event of a version need not have a sequencer: that alone makes it no replay's."""
    replayed = msgspec.structs.replace(source("a", 0, version_id), sequencer=sequencer)

    assert expected is build_frame([("data/a", replayed, b"")], 6).files[0].replayed


def test_what_a_redrive_brought_says_so() -> None:
    """The mark of the source object gets into the manifest; without it nothing is written."""
    plain, redriven = source("a", 0), msgspec.structs.replace(source("b", 0), redriven=True)
    files = build_frame([("data/a", plain, b""), ("data/b", redriven, b"")], 6).files

    assert [False, True] == [file.redriven for file in files]
