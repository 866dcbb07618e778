"""Reading archives by ranges, and what hostile ones can do: nothing."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import WINDOW, MemorySource, archive_of, first_bytes, joined, segment, source, with_manifest
from windrow.core.archive import reader, tar
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import FLUSH, HEAD, LAST_BLOCK, TAR_END, tail
from windrow.core.archive.reader import Archive, parse_manifest
from windrow.core.archive.writer import seal, stream_frame
from windrow.core.errors import ArchiveError
from windrow.core.manifest import Manifest

FILES = [("a.txt", b"first"), ("b/empty", b""), ("b/ü.bin", bytes(range(256)) * 9), ("z" * 120, b"\x00" * 1024)]
MIB = 1024 * 1024


def forged(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an archive whose manifest was changed (as JSON) and whose frames were not."""
    archive = archive_of(FILES)
    document = msgspec.to_builtins(archive.manifest)
    change(document)
    return with_manifest(msgspec.json.encode(document), archive)


def contents(data: bytes) -> dict[str, bytes]:
    """Return every file of an archive by raw key."""
    archive = Archive.open(MemorySource(data))
    return {file.key: b"".join(archive.read(file)) for file in archive.manifest.files}


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), st.binary(max_size=3000)
    ),
    st.integers(1, 4),
    st.sampled_from([1, 6, 12]),
)
def test_any_contents_and_keys_come_back(files: dict[str, bytes], files_a_frame: int, level: int) -> None:
    """What goes into an archive comes out of it, byte for byte, under the raw key."""
    archive = archive_of(sorted(files.items()), level=level, files_a_frame=files_a_frame)

    assert files == contents(joined(archive))
    assert archive.manifest == parse_manifest(bytes(archive.chunks[0]))


@pytest.mark.parametrize("count", [1, 50, 2000])
def test_one_file_costs_two_range_reads_whatever_the_size(count: int) -> None:
    """Head and manifest, then the frame, and not a byte more."""
    archive = archive_of([(f"k{number:05}", b"%d" % number * 20) for number in range(count)], files_a_frame=10)
    source_ = MemorySource(joined(archive), int(archive.metadata["manifest-bytes"]))

    opened = Archive.open(source_)
    file = opened.manifest.files[-1]
    content = b"".join(opened.read(file))

    frame = archive.manifest.frames[-1]
    assert b"%d" % (count - 1) * 20 == content
    assert [
        (0, int(archive.metadata["manifest-bytes"])),
        (int(archive.metadata["manifest-bytes"]) + frame.offset, frame.length),
    ] == source_.reads


def test_a_source_that_does_not_know_the_manifest_is_read_from_the_start() -> None:
    """A local file has no metadata; where the manifest ends follows from its frames and the archive's length.

    So it is read in pieces of 64 KiB: most manifests are shorter than one.
    """
    rng = random.Random(1)
    archive = archive_of([(rng.randbytes(100).hex(), b"x") for _ in range(2000)])
    source_ = MemorySource(joined(archive))

    opened = Archive.open(source_)

    assert (archive.manifest, int(archive.metadata["manifest-bytes"])) == (opened.manifest, opened.manifest_bytes)
    assert 1 < len(source_.reads)
    assert {65_536} == {length for _, length in source_.reads}
    assert sum(length for _, length in source_.reads) < source_.size


def test_walk_reads_each_frame_once_and_skips_the_others() -> None:
    """Several files of one frame cost one read of it."""
    archive = archive_of([(f"k{number}", b"%d" % number) for number in range(12)], files_a_frame=4)
    source_ = MemorySource(joined(archive), int(archive.metadata["manifest-bytes"]))

    opened = Archive.open(source_)
    found = {file.key: b"".join(pieces) for file, pieces in opened.walk({"data/k1", "data/k3", "data/k9"})}

    assert {"k1": b"1", "k3": b"3", "k9": b"9"} == found
    assert 3 == len(source_.reads)


def test_walk_verifies_a_file_that_the_caller_did_not_read() -> None:
    """Passing over the content does not pass over its proof."""
    data = forged(lambda document: document["files"][0].update(sha256="0" * 64))
    archive = Archive.open(MemorySource(data))

    with pytest.raises(ArchiveError, match=r"'data/a\.txt' has SHA-256 a7937b64"):
        list(archive.walk({"data/a.txt", "data/b/empty"}))


def test_a_large_file_is_read_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the compressed nor the raw file is ever whole in memory."""
    monkeypatch.setattr(reader, "MAX_READ_BYTES", MIB)
    noise = random.Random(2).randbytes(MIB)
    size = 24 * MIB
    frame = stream_frame("data/big", source("big", size), [noise] * 24, 1)
    archive = seal(WINDOW, [frame], 1)
    opened = Archive.open(MemorySource(joined(archive), int(archive.metadata["manifest-bytes"])))

    tracemalloc.start()
    read = sum(len(piece) for piece in opened.read(opened.manifest.files[0]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size == read
    assert peak < 8 * MIB


def test_no_range_is_larger_than_8_mib() -> None:
    """Whatever the manifest says of a frame's length."""
    opened = Archive.open(MemorySource(joined(archive_of([("a", b"1")]))))
    opened._source = held = MemorySource(bytes(17 * MIB))

    assert 17 * MIB == sum(map(len, opened._pieces(0, 17 * MIB, None)))
    assert [8 * MIB, 8 * MIB, MIB] == [length for _, length in held.reads]


def test_a_bomb_in_place_of_the_manifest_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that inflates to gigabytes costs no more memory than the limit for manifests."""
    monkeypatch.setattr(reader, "MAX_ENTRY_BYTES", 4 * MIB)
    bomb = HEAD + segment(bytes(256 * MIB), 1)

    tracemalloc.start()
    with pytest.raises(ArchiveError, match="inflates to more than 4194304 bytes"):
        parse_manifest(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 16 * MIB


def test_a_bomb_in_place_of_a_frame_is_not_inflated() -> None:
    """A frame is inflated as far as the manifest's files reach, and no further."""
    honest = archive_of([("a", b"x" * 100)])
    bomb = segment(tar.header("data/a", 100, 1795428423) + bytes(64 * MIB), 1)
    manifest = msgspec.structs.replace(
        honest.manifest, frames=[msgspec.structs.replace(honest.manifest.frames[0], length=len(bomb))]
    )
    archive = Archive.open(MemorySource(first_bytes(manifest) + bomb + bytes(honest.chunks[-1])))

    tracemalloc.start()
    with pytest.raises(ArchiveError, match="SHA-256"):
        b"".join(archive.read(archive.manifest.files[0]))
    with pytest.raises(ArchiveError, match="SHA-256"):
        list(archive.walk_whole(lambda _: None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * MIB


def _shift(document: dict[str, Any], step: int) -> None:
    document["files"][1]["offset"] += step


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "format": (lambda d: d.update(format="windrow/2"), "format is 'windrow/2'"),
    "no files": (lambda d: d.pop("files"), "does not begin with a valid MANIFEST.json"),
    "window reversed": (lambda d: d.update(window_end="2026-11-23T10:00:00Z"), "window ends before it starts"),
    "window before tar": (lambda d: d.update(window_start="1066-10-14T00:00:00Z"), r"MANIFEST\.json"),
    "name up": (lambda d: d["files"][0].update(name="data/../../etc/passwd"), "not safe to extract"),
    "name absolute": (lambda d: d["files"][0].update(name="/etc/passwd"), "not safe to extract"),
    "name outside data": (lambda d: d["files"][0].update(name="MANIFEST.json"), "not safe to extract"),
    "name control": (lambda d: d["files"][0].update(name="data/\x1b[2J"), "not safe to extract"),
    "name twice": (lambda d: d["files"][1].update(name="data/a.txt"), "twice"),
    "name is folder": (lambda d: d["files"][0].update(name="data/b"), "'data/b' as a file and as a folder"),
    "frame gap": (lambda d: d["frames"][1].update(offset=d["frames"][1]["offset"] + 1), "frame 1 begins at"),
    "frame overlap": (lambda d: d["frames"][1].update(offset=0), "frame 1 begins at 0"),
    "frame too many": (lambda d: d["files"][3].update(frame=2), "into frame 2"),
    "frame order": (lambda d: d["files"].reverse(), "into frame 1 where 0 is next"),
    "frame huge": (lambda d: d["files"][0].update(frame=2**40), "into frame"),
    "frame without files": (lambda d: d.update(files=d["files"][:2]), "frame 1 holds no file"),
    "frames past the end": (lambda d: d["frames"][1].update(length=10**15), "the archive was cut short"),
    "frame of nothing": (lambda d: d["frames"][1].update(length=0), "frame 1 cannot hold"),
    "size impossible": (lambda d: d["files"][3].update(size=2**50), "begins at|cannot hold"),
    "offset early": (lambda d: _shift(d, -512), "begins at"),
    "offset late": (lambda d: _shift(d, 1), "begins at"),
    "event time": (lambda d: d["files"][0].update(event_time="1969-12-31T23:59:59Z"), "before 1970"),
    "event time first year": (lambda d: d["files"][0].update(event_time="0001-01-01T00:00:00+23:59"), "before 1970"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_manifest_is_refused_when_the_archive_is_opened(name: str) -> None:
    """Whatever the manifest claims is checked before anything is read by it, and the error says what is wrong."""
    change, words = FORGERIES[name]
    data = forged(change)

    with pytest.raises(ArchiveError, match=words):
        Archive.open(MemorySource(data))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "data/c.txt", "another tar header"),
        ("event_time", "2026-11-23T10:07:59Z", "another tar header"),
        ("size", 4, "another tar header"),
        ("sha256", "f" * 64, "has SHA-256"),
    ],
)
def test_a_manifest_that_tells_another_story_than_the_frame_is_found_out(field: str, value: object, words: str) -> None:
    """A plausible manifest still has to agree with the tar, header and content."""
    archive = Archive.open(MemorySource(forged(lambda document: document["files"][0].update({field: value}))))

    with pytest.raises(ArchiveError, match=words):
        b"".join(archive.read(archive.manifest.files[0]))


EMPTY = Manifest("windrow/1", WINDOW.start, WINDOW.end, [], [])


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"", "does not end at 0"),
        (b"PK\x03\x04 a zip file" + FLUSH, "does not begin as windrow/1 does"),
        (zlib.compress(b"zlib") + FLUSH, "does not begin as windrow/1 does"),
        (HEAD + FLUSH, "within a block"),
        (HEAD + segment(b""), "valid MANIFEST"),
        (HEAD + segment(bytes(512)), "valid MANIFEST"),
        (HEAD + segment(b"\xff" * 2048), "valid MANIFEST"),
        (HEAD + segment(tar.header("x", 2, 0) + b"{}" + bytes(510)), "valid MANIFEST"),
        (first_bytes(b"[" * 100_000), "valid MANIFEST"),
        (first_bytes(b'{"format": "\\ud800"}'), "valid MANIFEST"),
        (first_bytes(b"\xff\xfe"), "valid MANIFEST"),
        (first_bytes(EMPTY) + b"x", "does not end at"),
        (first_bytes(EMPTY) + LAST_BLOCK + b"x" + FLUSH, "other bytes follow its end"),
        (first_bytes(EMPTY) + segment(b"x"), "not as windrow/1 writes it"),
        (first_bytes(EMPTY)[:-9] + FLUSH, "damaged|within|valid"),
        (first_bytes(EMPTY, WINDOW.end), "tar entry of MANIFEST"),
        (first_bytes(EMPTY)[:-5], "does not end at"),
    ],
)
def test_what_is_no_manifest_is_refused(first: bytes, words: str) -> None:
    """Any bytes may stand where the manifest should; the error says in what way they are not it."""
    with pytest.raises(ArchiveError, match=words):
        parse_manifest(first)


@pytest.mark.parametrize("known", [0, -1, 5, 10**12])
def test_a_wrong_length_in_the_metadata_is_found_out(known: int) -> None:
    """The destination's metadata is no more trusted than the archive."""
    data = joined(archive_of(FILES))

    with pytest.raises(ArchiveError):
        Archive.open(MemorySource(data, known))


def test_a_source_that_gives_less_than_it_has_is_found_out() -> None:
    """A read that comes back short is an archive that ends early."""
    archive = archive_of(FILES)
    short = MemorySource(joined(archive))
    short.size += 100_000

    with pytest.raises(ArchiveError, match=r"ends early|does not end at"):
        Archive.open(short)


@pytest.mark.parametrize("known", [True, False], ids=["in the destination", "a local copy"])
def test_an_archive_cut_short_anywhere_does_not_open(known: bool) -> None:
    """The manifest tells how long the archive is, so not even what reads one file of it takes a part for the whole."""
    sealed = archive_of(FILES)
    data = joined(sealed)
    length = int(sealed.metadata["manifest-bytes"]) if known else None

    for size in range(len(data)):
        with pytest.raises(ArchiveError):
            Archive.open(MemorySource(data[:size], length))


@pytest.mark.parametrize("known", [True, False], ids=["in the destination", "a local copy"])
@pytest.mark.parametrize("behind", [b"\0", b"x" * 100, TAR_END, tail(Checksum())])
def test_an_archive_with_bytes_behind_it_does_not_open(known: bool, behind: bytes) -> None:
    """Readers differ in what they make of trailing bytes, so there must be none."""
    sealed = archive_of(FILES)
    length = int(sealed.metadata["manifest-bytes"]) if known else None

    with pytest.raises(ArchiveError, match=r"bytes after its end|does not end at|damaged|not as windrow/1"):
        Archive.open(MemorySource(joined(sealed) + behind, length))


@given(st.binary(max_size=300))
def test_noise_is_never_an_archive(noise: bytes) -> None:
    """Noise gives the one error there is for it, nothing else."""
    with pytest.raises(ArchiveError):
        Archive.open(MemorySource(noise))


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.integers() | st.text(max_size=5), max_size=5),
)


@given(JSON_VALUES, st.data())
def test_any_value_in_any_place_of_a_manifest_is_handled(value: object, data: st.DataObject) -> None:
    """Replacing one field by anything gives an archive that reads, or the one error."""

    def change(document: dict[str, Any]) -> None:
        target = data.draw(st.sampled_from([document, *document["files"], *document["frames"]]))
        target[data.draw(st.sampled_from(sorted(target)))] = value

    try:
        contents(forged(change))
    except ArchiveError:
        return
