"""The archives that Go's own tests of `archive/tar` read, given to Windrow's reader: an error or the right content.

None is a Windrow archive. They claim files of 16 GB and sparse ones of 60, negative sizes, endless headers, names with
NULs: what a reader may be tried with. All of it happens in a process that may take little memory.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests import limited
from tests.archives import MemorySource, archive_of, first_bytes, joined, rebuilt, segment
from tests.tools import locate
from windrow.core.archive import tar
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import HEAD, tail
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.errors import ArchiveError

pytestmark = pytest.mark.needs("go-tar-samples")

MORE_MIB = 64
ABOUT_TAR = 40
"""Samples at least; Go 1.26 has 42."""


def samples() -> Iterator[tuple[str, bytes]]:
    """Yield the samples by name, unpacked where Go keeps them packed."""
    unpack: dict[str, Callable[[bytes], bytes]] = {".base64": base64.b64decode, ".bz2": _unpack_bz2}
    for path in sorted(Path(locate("go-tar-samples")).glob("*.tar*")):
        yield path.name, unpack.get(path.suffix, bytes)(path.read_bytes())


def _unpack_bz2(data: bytes) -> bytes:
    """Return what is in it, as far as a reader would ever look: one is a header of gigabytes."""
    return bz2.BZ2Decompressor().decompress(data, 2 * limited.MIB)


def as_plain(data: bytes) -> bytes:
    """Return the tar as it is."""
    return data


def as_gzip(data: bytes) -> bytes:
    """Return it as others compress."""
    return gzip.compress(data)


def as_member(data: bytes) -> bytes:
    """Return it as Windrow compresses: what the reader sees first is the tar's own first entry."""
    return HEAD + segment(data) + tail(Checksum.of(data))


def as_manifest(data: bytes) -> bytes:
    """Return it as the content of a manifest."""
    return first_bytes(data) + tail(Checksum())


def behind_the_manifest(data: bytes) -> bytes:
    """Return it in the frame of an archive whose manifest says that a file of this size is there."""
    archive = archive_of([("sample", b"x" * len(data))])
    (frame,) = archive.manifest.frames
    compressed = segment(data.ljust(tar.padded(len(data)) + tar.BLOCK_BYTES, b"\0"))
    manifest = msgspec.structs.replace(
        archive.manifest, frames=[msgspec.structs.replace(frame, length=len(compressed))]
    )
    return rebuilt(manifest, [compressed])


WAYS = (as_plain, as_gzip, as_member, as_manifest, behind_the_manifest)


def refusals() -> dict[str, list[str]]:
    """Return what the reader says of each sample, in each way that it may be met."""
    found = [(name, [way(data) for way in WAYS]) for name, data in samples()]
    limited.limit(MORE_MIB)
    return {name: [refusal(archive) for archive in archives] for name, archives in found}


def refusal(archive: bytes) -> str:
    """Return why an archive is refused; empty if it is not."""
    try:
        verify(MemorySource(archive))
    except ArchiveError as error:
        return str(error)
    return ""


@limited.needs_limits
def test_no_sample_is_taken_for_an_archive() -> None:
    """Each is refused with a sentence, in whatever way the reader meets it, within 64 MiB."""
    found = limited.run(refusals)

    assert len(found) >= ABOUT_TAR
    assert [] == [(name, said) for name, said in found.items() if not all(said)]
    # The last way passes all that is checked before the frame is read.
    assert {True} == {"tar header" in said[-1] for said in found.values()}
    assert {True} == {text.isprintable() and len(text) < 500 for said in found.values() for text in said}


def test_a_sample_in_an_archive_is_read_as_it_was_sent() -> None:
    """To Windrow a tar is a file like others: what is inside is none of its business."""
    files = list(samples())
    archive = Archive.open(MemorySource(joined(archive_of(files))))

    read = {file.key: b"".join(archive.read(file)) for file in archive.manifest.files}

    assert dict(files) == read


@pytest.mark.parametrize("command", ["ls", "verify", "extract"])
@pytest.mark.parametrize(
    "name", ["gnu-sparse-big.tar.base64", "neg-size.tar.base64", "pax-nul-path.tar", "writer-big.tar"]
)
def test_a_user_gets_one_sentence(tmp_path: Path, command: str, name: str) -> None:
    """And exit code 1, and nothing is written."""
    path = tmp_path / name
    path.write_bytes(as_member(dict(samples())[name]))
    arguments = [command, str(path), *([str(tmp_path / "out")] if command == "extract" else [])]

    done = subprocess.run(
        [sys.executable, "-c", "from windrow.cli import main; main()", "archive", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={name: text for name, text in os.environ.items() if not name.startswith("WINDROW_")},
    )

    assert (1, "") == (done.returncode, done.stdout)
    assert "Traceback" not in done.stderr
    assert "MANIFEST.json" in done.stderr
    assert [path] == list(tmp_path.iterdir())
