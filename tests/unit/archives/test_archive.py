"""What `windrow.archives.Archive` gives, and what it costs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import fsspec
import msgspec
import pytest

from tests.archives import archive_of, first_bytes, joined
from tests.unit.archives.shelf import NOON, Shelf, connected
from windrow.archives import Archive, ArchiveError, SourceMissing, TargetError, connection, open_archive
from windrow.core.manifest import Frame
from windrow.ports import Stored

FILES = [("a.txt", b"first"), ("b/deep.bin", bytes(range(256)) * 9), ("c", b""), ("c", b"again")]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty bucket that ``s3://archives`` leads to."""
    return connected(monkeypatch)


@pytest.fixture(params=["path", "s3", "memory"])
def archive(request: pytest.FixtureRequest, shelf: Shelf, tmp_path: Path) -> Iterator[Archive]:
    """One archive, wherever it is."""
    sealed = archive_of(FILES)
    path = tmp_path / "one.tar.gz"
    path.write_bytes(joined(sealed))
    shelf.put("in/one.tar.gz", sealed)
    fsspec.filesystem("memory").pipe_file("/in/one.tar.gz", joined(sealed))
    location = {"path": str(path), "s3": "s3://archives/in/one.tar.gz", "memory": "memory://in/one.tar.gz"}
    with open_archive(location[request.param]) as opened:
        yield opened
    fsspec.filesystem("memory").rm("/in", recursive=True)


def test_files_are_listed_and_read(archive: Archive) -> None:
    """By member name, short or whole, or by the manifest's entry; whole or in pieces."""
    assert [key for key, _ in FILES] == [file.key for file in archive.files]
    assert FILES[1][1] == archive.read("data/b/deep.bin") == archive.read("b/deep.bin")
    assert [data for _, data in FILES] == [archive.read(file) for file in archive.files]
    assert [data for _, data in FILES] == [b"".join(archive.pieces(file)) for file in archive.files]
    assert [b"", b"again"] == [archive.read(file) for file in archive.versions("c")]


def test_all_is_walked_verified_and_extracted(archive: Archive, tmp_path: Path) -> None:
    """One pass over everything, or over what was named."""
    walked = [(file.key, b"".join(pieces)) for file, pieces in archive.walk()]
    named = [(file.key, b"".join(pieces)) for file, pieces in archive.walk(["b/deep.bin"])]
    written = list(archive.extract(tmp_path / "out"))

    assert (FILES, FILES[1:2]) == (walked, named)
    assert archive.files == written
    assert FILES[1][1] == (tmp_path / "out/data/b/deep.bin").read_bytes()
    assert (len(FILES), archive.size) == (len(archive.verify().manifest.files), archive.verify().size)


@pytest.mark.parametrize("use", [Archive.file, Archive.read, Archive.pieces])
def test_an_absent_member_is_no_empty_file(archive: Archive, use: type) -> None:
    """Whoever asks for what is not there is told."""
    with pytest.raises(SourceMissing, match="no member 'absent'"):
        use(archive, "absent")


def test_absent_names_are_told_before_anything_is_written(archive: Archive, tmp_path: Path) -> None:
    """Nor are they left out in silence."""
    with pytest.raises(SourceMissing, match="no member 'absent'"):
        archive.walk(["a.txt", "absent"])
    with pytest.raises(SourceMissing, match="no member 'absent'"):
        archive.extract(tmp_path / "out", ["a.txt", "absent"])


def test_a_file_of_a_bucket_costs_two_range_reads(shelf: Shelf) -> None:
    """A HEAD, the manifest, and the frame that holds the file, however many others there are."""
    key = shelf.add([(f"f{number}", random.Random(number).randbytes(3000)) for number in range(500)], NOON)

    with open_archive(shelf.url(key)) as archive:
        assert {"head": 1, "read": 1} == shelf.requests
        assert random.Random(400).randbytes(3000) == archive.read("f400")

    assert {"head": 1, "read": 2} == shelf.requests


@pytest.mark.parametrize(("files", "reads"), [(100, 2), (3000, 4)])
def test_without_metadata_the_manifest_is_read_once(tmp_path: Path, files: int, reads: int) -> None:
    """A copy elsewhere has no metadata: 64 KiB at a time are read until the manifest is whole, and none of it twice."""
    data = joined(archive_of([(f"f{number}", str(number).encode()) for number in range(files)], files_a_frame=100))
    system = fsspec.filesystem("memory")
    system.pipe_file("/one.tar.gz", data)
    ranges: list[tuple[int, int]] = []
    inner = system.cat_file

    def cat_file(path: str, start: int, end: int) -> bytes:
        ranges.append((start, end))
        return bytes(inner(path, start=start, end=end))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(system), "cat_file", lambda _, path, start, end: cat_file(path, start, end))
        with open_archive("memory://one.tar.gz") as archive:
            assert b"50" == archive.read("f50")

    system.rm("/one.tar.gz")
    assert reads == len(ranges)
    assert all(before[1] == after[0] for before, after in pairwise(ranges[:-1]))


def test_a_large_file_is_not_held_by_accident(archive: Archive) -> None:
    """What is over the limit is reported, and can be read in pieces."""
    with pytest.raises(ArchiveError, match=r"'data/b/deep.bin' has 2304 bytes, over the limit of 2303"):
        archive.read("b/deep.bin", 2303)


def test_an_extraction_is_taken_up_again(archive: Archive, tmp_path: Path) -> None:
    """What is there, byte for byte, is left; the rest comes; so does a file whose folder is absent."""
    list(archive.extract(tmp_path, ["a.txt"]))
    before = (tmp_path / "data/a.txt").stat().st_ino

    written = [file.key for file in archive.extract(tmp_path, skip_existing=True)]

    assert ["b/deep.bin", "c", "c"] == written
    assert before == (tmp_path / "data/a.txt").stat().st_ino
    assert [] == list(archive.extract(tmp_path, skip_existing=True))


@pytest.mark.parametrize("there", [b"firs", b"other", b""])
def test_other_bytes_in_its_place_are_told(archive: Archive, tmp_path: Path, there: bytes) -> None:
    """A process that was killed leaves half a file: that is neither skipped nor overwritten, and nothing is written."""
    (tmp_path / "out/data").mkdir(parents=True)
    (tmp_path / "out/data/a.txt").write_bytes(there)

    with pytest.raises(TargetError, match=r"'data/a.txt' exists with other bytes"):
        archive.extract(tmp_path / "out", skip_existing=True)

    assert [there] == [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_link_is_no_file_that_is_there(archive: Archive, tmp_path: Path) -> None:
    """It could lead anywhere."""
    (tmp_path / "outside").write_bytes(b"first")
    (tmp_path / "to/data").mkdir(parents=True)
    (tmp_path / "to/data/a.txt").symlink_to(tmp_path / "outside")

    with pytest.raises(TargetError, match=r"'data/a.txt' exists and cannot be read"):
        archive.extract(tmp_path / "to", skip_existing=True)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("memory://absent.tar.gz", "no archive at"),
        ("absent.tar.gz", "cannot be opened"),
        ("s3://archives/absent.tar.gz", "holds no archive"),
        ("s3://archives", "not s3://bucket/key"),
        ("s3:///key", "not s3://bucket/key"),
        ("nosuch://x", "can't be opened: Protocol not known"),
    ],
)
@pytest.mark.usefixtures("shelf")
def test_what_is_not_there_is_told(location: str, words: str) -> None:
    """One error for all that is not there or not understood."""
    with pytest.raises(SourceMissing, match=words):
        open_archive(location)


def test_the_library_imports_little() -> None:
    """Neither the pipeline nor the commands, and no package that they alone use; not even where fsspec is absent."""
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "import windrow.archives as archives\n"
        "try: archives.open_archive('memory://x')\n"
        "except archives.SourceMissing as error: print(error)\n"
        "banned = ('aws_lambda_powertools', 'obstore', 'rich', 'typer', 'windrow.pipeline')\n"
        "print([name for name in banned if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [
        "'memory://x' needs the package fsspec; install it with: pip install 'windrow[fsspec]'",
        "[]",
    ] == done.stdout.splitlines()


MB = 1_000_000


class Sparse:
    """A bucket with one archive of 300 MB, which is a hole on disk where nobody should read."""

    def __init__(self, path: Path) -> None:
        sealed = archive_of([("large", b"x"), ("small", b"wanted")], files_a_frame=1)
        (large, small), (first, second) = sealed.manifest.files, sealed.manifest.frames
        manifest = msgspec.structs.replace(
            sealed.manifest,
            files=[msgspec.structs.replace(large, size=300 * MB), small],
            frames=[Frame(0, 300 * MB), Frame(300 * MB, second.length)],
        )
        head = first_bytes(manifest)
        with path.open("wb") as file:
            file.write(head)
            file.seek(300 * MB, os.SEEK_CUR)
            file.write(joined(sealed)[int(sealed.metadata["manifest-bytes"]) + first.length :])
        self._path = path
        self._metadata = {"manifest-bytes": str(len(head))}
        self.reads: list[int] = []
        self.heads = 0

    def head(self, key: str) -> Stored:
        """Return what there is to know of the archive."""
        self.heads += 1
        return Stored(self._path.stat().st_size, "etag", self._metadata, None, NOON)

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return a range."""
        self.reads.append(length)
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


def test_one_file_of_300_mb_takes_two_range_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the manifest and of the file's own frame, together far less than 1 MB; and one more for another file."""
    sparse = Sparse(tmp_path / "sparse")
    monkeypatch.setattr(connection.Buckets, "bucket", lambda _, name: {"archives": sparse}[name])

    with open_archive("s3://archives/in/large.tar.gz") as archive:
        assert archive.size > 300 * MB
        assert b"wanted" == archive.read("small")
        assert (1, 2) == (sparse.heads, len(sparse.reads))
        assert sum(sparse.reads) < MB / 100
        assert b"wanted" == archive.read("small")
    assert (1, 3) == (sparse.heads, len(sparse.reads))
