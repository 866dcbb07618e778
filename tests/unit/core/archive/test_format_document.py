"""The worked example of docs/archive-format.md is what the code makes and reads."""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from tests.archives import WINDOW, MemorySource
from windrow.core.archive.member import HEAD, TAIL_BYTES
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.events import SourceObject
from windrow.core.naming import safe_names

DOCUMENT = Path(__file__).parents[4] / "docs" / "archive-format.md"
CONTENT = b"Hello, Windrow!\n"


def block(language: str) -> str:
    """Return the document's one code block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def built() -> SealedArchive:
    """Return the example, made by the writer."""
    moment = datetime(2026, 11, 23, 10, 7, 3, 500_000, tzinfo=UTC)
    source = SourceObject("landing", "greetings//hello.txt", "v1", "e1", "00", len(CONTENT), moment)
    frame = build_frame([(safe_names([source])[0], source, CONTENT)], 6)
    return seal(WINDOW, [frame], 6)


def contents(data: bytes) -> list[bytes]:
    """Return what each segment of an archive of one frame holds: manifest, frame, tar's end."""
    assert HEAD == data[: len(HEAD)]
    archive = Archive.open(MemorySource(data))
    first, end = archive.manifest_bytes, len(data) - TAIL_BYTES
    return [inflated(data[at:to]) for at, to in ((len(HEAD), first), (first, end), (end, len(data) - 8))]


def inflated(segment: bytes) -> bytes:
    """Return what a segment holds."""
    return zlib.decompressobj(wbits=-15).decompress(segment)


@pytest.fixture
def documented() -> bytes:
    """The archive that the document prints."""
    return base64.b64decode(block("base64"))


def test_the_documented_archive_is_sound(documented: bytes) -> None:
    """Today's reader reads the archive as it was printed, and finds the documented manifest in it."""
    verified = verify(MemorySource(documented))

    assert json.loads(block("json")) == msgspec.to_builtins(verified.manifest)
    assert f"`{sha256(documented).hexdigest()}`" in DOCUMENT.read_text()


def test_the_documented_file_is_read_by_the_documented_steps(documented: bytes) -> None:
    """One file is two ranges: head and manifest, and its frame, cut at the documented offset."""
    archive = Archive.open(MemorySource(documented))
    file, frame = archive.manifest.files[0], archive.manifest.frames[0]

    start = archive.manifest_bytes + frame.offset
    raw = inflated(documented[start : start + frame.length])

    assert CONTENT == raw[file.offset : file.offset + file.size]
    assert f"manifest ends at {archive.manifest_bytes}," in DOCUMENT.read_text()


def test_the_writer_makes_the_documented_bytes(documented: bytes) -> None:
    """Segment by segment the raw bytes are the same; the compressed ones may differ with libdeflate's version."""
    expected, actual = contents(documented), contents(b"".join(built().chunks))

    assert expected[1:] == actual[1:]
    assert json.loads(block("json"))["files"] == msgspec.to_builtins(built().manifest)["files"]


def test_the_documented_header_is_the_one_in_the_frame(documented: bytes) -> None:
    """The hexdump of the file's tar header is that of the archive."""
    dumped = b"".join(
        bytes.fromhex("".join(line.split("|")[0].split()[1:])) for line in block("hexdump").splitlines() if "|" in line
    )

    assert contents(documented)[1][: len(dumped)] == dumped
    assert 272 == len(dumped)
