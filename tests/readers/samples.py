"""Archives that ask much of a reader, whole, cut short and damaged, and what must be found in them."""

from __future__ import annotations

import random
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from itertools import accumulate

from tests.archives import WINDOW, archive_of, joined, source
from windrow.core.archive import tar
from windrow.core.archive.member import HEAD
from windrow.core.archive.writer import BuiltFrame, SealedArchive, build_frame, seal, stream_frame
from windrow.core.manifest import MANIFEST_NAME
from windrow.core.naming import safe_names

LEVELS = (1, 6)
"""isal's encoding and libdeflate's."""
MIB = 1024 * 1024
STREAMED_BYTES = 5 * MIB + 17
FRAME_FILES = 37
PLAIN_FILES = 300
TAIL_BYTES = 25
"""Tar's end, last block and checksum: what is behind the last file."""
SEGMENT_END_BYTES = 5
"""The empty stored block that ends a segment."""

Contents = dict[str, str]
"""SHA-256 of each file by its name in the tar."""


class Kind(StrEnum):
    """What is asked of a reader; the heads of columns in ``docs/readers.md``."""

    WHOLE = "whole"
    NOTHING = "truncated to 0 bytes"
    INSIDE = "cut inside a file"
    BETWEEN = "cut between files"
    CHANGED = "a byte changed"


@dataclass(frozen=True)
class Sample:
    """An archive, and what it should hold: by the names that it gives, and by those for readers that know no PAX."""

    name: str
    kind: Kind
    data: bytes
    contents: Contents
    plain_names: Contents


def name_of_bytes(size: int, end: str = "") -> str:
    """Return a key whose member name has so many bytes, in parts that a file system takes."""
    parts, left = [], size - len("data/") - len(end)
    while left > 200:
        parts.append("n" * 150)
        left -= 151
    return "/".join([*parts, "n" * left + end])


KEYS = [
    *(name_of_bytes(size) for size in (99, 100, 101, 155, 156, 254, 255, 256, 257, 1024)),
    # Alike in all that a reader without PAX can see of them.
    *("p" * 140 + "/" + "q" * 120 + end for end in ("-one.json", "-two.json", "-six.json")),
    *("r" * 240 + end for end in ("1", "2")),
    *("é" * 100 + end for end in ("1", "2")),
    "é" * 47,
    "é" * 48,
    "ünï/日本語/😀.json",
    "Ελληνικά/имя/שם/اسم.csv",
    "/".join("deep" for _ in range(150)),
    "a b+c%2F.txt",
    "-rf",
    "*",
    "$(touch x)",
    "'quoted' \"twice\"",
    ".hidden",
    "no-extension",
    "two.dots.json.gz",
    "MANIFEST.json",
    "double//slash",
    "../../up",
    "new\nline\ttab",
    "Case",
    "case",
    "same",
    "same",
    "same/as/folder",
    *(f"empty/{number}" for number in range(5)),
]


def content_of(key: str, number: int) -> bytes:
    """Return a file's bytes: sizes on, before and behind block borders; some shrink, some do not, some are empty."""
    if key.startswith("empty/"):
        return b""
    rng = random.Random(number)
    size = rng.choice([1, 511, 512, 513, 1024, 3_000, 20_000])
    return rng.randbytes(size) if number % 2 else (b'{"number": %d}\n' % number) * (size // 14 + 1)


def _frames(keys: Sequence[str], level: int, streamed_bytes: int) -> Iterator[BuiltFrame]:
    contents = [content_of(key, number) for number, key in enumerate(keys)]
    sources = [source(key, len(data), f"v{n}") for n, (key, data) in enumerate(zip(keys, contents, strict=True))]
    sources.append(source("zz/streamed.bin", streamed_bytes))
    *names, last = safe_names(sources)
    items = list(zip(names, sources, contents, strict=False))
    for start in range(0, len(items), FRAME_FILES):
        yield build_frame(items[start : start + FRAME_FILES], level)
    large = random.Random(99).randbytes(streamed_bytes // 2) + b"\x01" * (streamed_bytes - streamed_bytes // 2)
    pieces = (large[at : at + 100_000] for at in range(0, streamed_bytes, 100_000))
    yield stream_frame(last, sources[-1], pieces, level)


def demanding(level: int) -> Sample:
    """Return some hundred files with every odd name there is, and one streamed in several segments."""
    keys = sorted([*KEYS, *(f"day/{n % 7}/file-{n:04}.json" for n in range(PLAIN_FILES))])
    return _sample(f"level-{level}", seal(WINDOW, list(_frames(keys, level, STREAMED_BYTES)), level))


def tombstone() -> Sample:
    """Return an archive without files."""
    return _sample("tombstone", archive_of([]))


def smaller() -> SealedArchive:
    """Return an archive of which some files do not shrink, and one is in several segments."""
    keys = sorted(f"file-{number:02}.json" for number in range(2 * FRAME_FILES))
    return seal(WINDOW, list(_frames(keys, 6, 2 * MIB + 5_000)), 6)


def damaged() -> list[Sample]:
    """Return the smaller archive cut short where its parts end, nearby, and anywhere, and with a byte changed."""
    archive = smaller()
    whole, cuts = _sample("", archive), _cuts(archive)
    return [
        *(
            replace(whole, name=f"{kind.name.lower()}-{size}", kind=kind, data=whole.data[:size])
            for size, kind in sorted(cuts.items())
        ),
        replace(whole, name="changed", kind=Kind.CHANGED, data=_flipped(whole.data, len(whole.data) // 2)),
    ]


def _cuts(archive: SealedArchive) -> dict[int, Kind]:
    segments = list(accumulate(memoryview(chunk).nbytes for chunk in archive.chunks))
    manifest_end, rng = segments[0], random.Random(7)
    frames = [manifest_end + frame.offset + frame.length for frame in archive.manifest.frames]
    anywhere = [rng.randrange(manifest_end, archive.size - TAIL_BYTES) for _ in range(4)]
    inside = [len(HEAD) // 2, len(HEAD), manifest_end // 2, (manifest_end + frames[0]) // 2, *segments[1:-1], *anywhere]
    between = [manifest_end, *(frames[0] + step for step in (-SEGMENT_END_BYTES, 0, 3)), *frames[1:]]
    end = [archive.size - left for left in (TAIL_BYTES - 15, 8, 1)]
    return dict.fromkeys(inside, Kind.INSIDE) | dict.fromkeys([*between, *end], Kind.BETWEEN) | {0: Kind.NOTHING}


def _flipped(data: bytes, at: int) -> bytes:
    """Return the data with one bit changed; in the middle are bytes of a file that deflate stored as they are."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _sample(name: str, archive: SealedArchive) -> Sample:
    data = joined(archive)
    plain_names = dict(_without_pax(zlib.decompress(data, wbits=16 + zlib.MAX_WBITS)))
    contents = {MANIFEST_NAME: plain_names[MANIFEST_NAME]}
    contents |= {file.name: file.sha256 for file in archive.manifest.files}
    return Sample(name, Kind.WHOLE, data, contents, plain_names)


def _without_pax(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield names and digests as a reader finds them that knows the ustar header alone."""
    position = 0
    while any(block := raw[position : position + tar.BLOCK_BYTES]):
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        start = position + tar.BLOCK_BYTES
        if info.type == tarfile.REGTYPE:
            yield info.name, sha256(raw[start : start + info.size]).hexdigest()
        position = start + tar.padded(info.size)
