"""Archives open with the readers that other people use, and hold the same bytes there."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.archives import WINDOW, source
from tests.tools import locate
from windrow.archives.sources import LocalArchive
from windrow.core.archive import tar
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.archive.writer import SealedArchive, build_frame, seal, stream_frame
from windrow.core.errors import ArchiveError
from windrow.core.manifest import ManifestFile
from windrow.core.naming import safe_names

READERS = Path(__file__).parent / "readers"
KEYS = [
    "plain.txt",
    "a b+c%2F.txt",
    "ünï/日本語/😀.json",
    "new\nline\ttab",
    "/leading",
    "trailing/",
    "double//slash",
    "../../up",
    "back\\slash",
    "k" * 1024,
    "é" * 512,
    "/".join("part" for _ in range(200)),
    "d" * 99 + "/cut-behind-the-slash",
    "same",
    "same",
    "same/as/folder",
    "Case",
    "case",
    "-rf",
    "empty",
]
LARGE_BYTES = 3 * 1024 * 1024 + 17


def content_of(key: str, number: int) -> bytes:
    """Return some bytes for a file; sizes fall on, before and behind block borders."""
    rng = random.Random(number)
    size = 0 if key == "empty" else rng.choice([1, 511, 512, 513, 20_000])
    return rng.randbytes(size // 2) + key.encode()[:1] * (size - size // 2)


def build() -> tuple[SealedArchive, dict[str, bytes]]:
    """Return an archive of every odd key there is, two files a frame, and a large file streamed; and its contents."""
    files = [(key, content_of(key, number)) for number, key in enumerate(KEYS)]
    large = random.Random(99).randbytes(LARGE_BYTES)
    sources = [source(key, len(data), f"v{number}") for number, (key, data) in enumerate(files)]
    sources.append(source("zz-large", LARGE_BYTES))
    names = safe_names(sources)
    items = [(name, src, data) for name, src, (_, data) in zip(names, sources, files, strict=False)]
    frames = [build_frame(items[at : at + 2], 6) for at in range(0, len(items), 2)]
    pieces = (large[at : at + 100_000] for at in range(0, LARGE_BYTES, 100_000))
    frames.append(stream_frame(names[-1], sources[-1], pieces, 6))
    return seal(WINDOW, frames, 6), {name: data for name, _, data in items} | {names[-1]: large}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SealedArchive, dict[str, bytes]]:
    """The archive as a file, what it was made as, and what it must hold."""
    path = tmp_path_factory.mktemp("archive") / "one.tar.gz"
    sealed, contents = build()
    path.write_bytes(b"".join(sealed.chunks))
    return path, sealed, contents


Built = tuple[Path, SealedArchive, dict[str, bytes]]


def below(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder but the manifest."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found.pop("MANIFEST.json")
    return found


def sha256_of(data: bytes) -> str:
    """Return a digest."""
    return sha256(data).hexdigest()


def expected_line(file: ManifestFile) -> str:
    """Return what the Go and Java programs print for a file."""
    return f"{file.name.encode().hex()} {file.size} {tar.seconds(file.event_time)} {file.sha256}"


def test_python_tarfile(archive: Built, tmp_path: Path) -> None:
    """Python extracts every file under its strictest filter."""
    path, _, contents = archive

    with tarfile.open(path) as opened:
        opened.extractall(tmp_path, filter="data")

    assert contents == below(tmp_path)


def test_python_tarfile_as_a_stream(archive: Built, tmp_path: Path) -> None:
    """As it is read from a network, where no reader can look ahead for another gzip member."""
    path, _, contents = archive

    with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|gz") as opened:
        opened.extractall(tmp_path, filter="data")

    assert contents == below(tmp_path)


def test_a_reader_of_ustar_alone_finds_every_file(archive: Built) -> None:
    """Without PAX records each file has a name of its own all the same."""
    path, _, contents = archive
    raw = gzip.decompress(path.read_bytes())
    found: dict[str, bytes] = {}
    position = 0
    while any(block := raw[position : position + 512]):
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        data = raw[position + 512 :][: info.size]
        position += 512 + tar.padded(info.size)
        if info.type == tarfile.REGTYPE:
            found[info.name] = data
    found.pop("MANIFEST.json")

    assert len(contents) == len(found)
    assert sorted(map(sha256_of, contents.values())) == sorted(map(sha256_of, found.values()))


@pytest.mark.parametrize("tool", ["tar", pytest.param("bsdtar", marks=pytest.mark.needs("bsdtar"))])
def test_tar_programs(archive: Built, tmp_path: Path, tool: str) -> None:
    """GNU tar and bsdtar extract every file, and have nothing to complain about."""
    path, _, contents = archive
    command = [tool, "-xzf", str(path), "-C", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})

    assert (0, "") == (done.returncode, done.stderr)
    assert contents == below(tmp_path)


def test_gzip_program(archive: Built) -> None:
    """`gzip -t` finds one sound member, and nothing behind it."""
    done = subprocess.run(["gzip", "-tv", str(archive[0])], capture_output=True, text=True, check=False)

    assert (0, True) == (done.returncode, done.stderr.endswith("OK\n"))


@pytest.mark.needs("go")
def test_go(archive: Built, tmp_path: Path) -> None:
    """Go's compress/gzip and archive/tar read names, sizes, times and bytes."""
    path, sealed, _ = archive

    command = [locate("go"), "run", str(READERS / "read.go"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)

    assert list(map(expected_line, sealed.manifest.files)) == done.stdout.splitlines()[1:]


@pytest.mark.needs("java")
def test_java(archive: Built, tmp_path: Path) -> None:
    """Java's GZIPInputStream reads all members; the JDK has no tar reader, so the test brings a plain one."""
    path, sealed, _ = archive

    command = [locate("java"), str(READERS / "Read.java"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)

    assert list(map(expected_line, sealed.manifest.files)) == done.stdout.splitlines()[1:]


def cuts(sealed: SealedArchive) -> list[int]:
    """Return where archives are likely to be cut: at and about the ends of their parts, and anywhere."""
    first, rng = int(sealed.metadata["manifest-bytes"]), random.Random(7)
    ends = [first, *(first + frame.offset + frame.length for frame in sealed.manifest.frames), sealed.size - 10]
    return sorted(
        {end + step for end in ends for step in (-5, -4, 0, 2)} | {rng.randrange(sealed.size) for _ in range(20)}
    )


def test_an_archive_cut_short_is_refused_by_whoever_reads_files(archive: Built, tmp_path: Path) -> None:
    """By gzip, GNU tar and Python, wherever it was cut; and by Windrow before it reads a single file."""
    path, sealed, _ = archive
    data, short = path.read_bytes(), tmp_path / "short.tar.gz"
    taken = []
    for size in cuts(sealed):
        short.write_bytes(data[:size])
        taken += [(size, reader) for reader, takes in TAKERS.items() if takes(short)]

    assert [] == taken


def _succeeds(*command: str) -> Callable[[Path], bool]:
    return lambda path: not subprocess.run([*command, str(path)], capture_output=True, check=False).returncode


def _tarfile_takes(path: Path) -> bool:
    try:
        with tarfile.open(path) as opened:
            opened.getmembers()
            assert opened.fileobj is not None
            opened.fileobj.read(2**30)  # on to the end, which holds the checksum
    except (EOFError, tarfile.TarError):
        return False
    return True


def _windrow_takes(path: Path) -> bool:
    try:
        with LocalArchive(path) as source_:
            Archive.open(source_)
    except ArchiveError:
        return False
    return True


TAKERS = {
    "gzip": _succeeds("gzip", "-t"),
    "tar": _succeeds("tar", "-tzf"),
    "tarfile": _tarfile_takes,
    "Windrow": _windrow_takes,
}


def test_windrow_itself(archive: Built) -> None:
    """What every other reader opened is sound by Windrow's own verification, and each file is there once."""
    path, sealed, contents = archive

    with LocalArchive(path) as opened:
        verified = verify(opened, sealed.sha256.hex())

    assert {name: sha256(data).hexdigest() for name, data in contents.items()} == {
        file.name: file.sha256 for file in verified.manifest.files
    }
