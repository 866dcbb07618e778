"""Extraction writes below its folder and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.archives import MemorySource, archive_of, joined
from windrow.archives.extract import extract
from windrow.core.archive.reader import Archive
from windrow.core.errors import ArchiveError, TargetError
from windrow.core.manifest import ManifestFile

FILES = [("a.txt", b"first"), ("b/empty", b""), ("b/deep/er/ü 😀.bin", bytes(range(256)) * 9), ("../up", b"up")]


def opened(files: list[tuple[str, bytes]] | None = None) -> Archive:
    """Return an archive to extract from."""
    return Archive.open(MemorySource(joined(archive_of(FILES if files is None else files))))


def extract_all(archive: Archive, target: Path) -> list[ManifestFile]:
    """Extract everything."""
    return list(extract(archive.walk_whole(lambda _: None), target))


def named(name: str, content: bytes = b"evil") -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
    """Return what a reader would give that let a bad name through."""
    file = msgspec.structs.replace(opened().manifest.files[0], name=name)
    return iter([(file, iter([content]))])


def everything_below(folder: Path) -> set[str]:
    """Return the paths of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def open_descriptors() -> set[str]:
    """Return the numbers of this process's open files."""
    return {path.name for path in Path("/dev/fd").iterdir()}


def test_files_come_out_under_their_names_with_their_times(tmp_path: Path) -> None:
    """Bytes, name and event time are those of the source."""
    archive = opened()

    written = extract_all(archive, tmp_path / "new" / "folder")

    assert archive.manifest.files == written
    for file, (_, content) in zip(written, FILES, strict=True):
        path = tmp_path / "new" / "folder" / file.name
        assert content == path.read_bytes()
        assert int(file.event_time.timestamp()) == path.stat().st_mtime
    assert len(FILES) == len(everything_below(tmp_path))


@pytest.mark.parametrize("name", ["../out", "data/../../out", "/out", "data//out", "data/./out", "data/..", "out", ""])
def test_a_hostile_name_writes_nothing(tmp_path: Path, name: str) -> None:
    """Even if the reader's own check were gone, no such name would be opened."""
    with pytest.raises(ArchiveError, match="not safe"):
        list(extract(named(name), tmp_path / "target"))

    assert set() == everything_below(tmp_path)


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    """A link planted below the target must not lead out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "target" / "data").mkdir(parents=True)
    (tmp_path / "target" / "data" / "b").symlink_to(outside)

    with pytest.raises(TargetError, match="'data/b/empty' cannot be written"):
        extract_all(opened(), tmp_path / "target")

    assert set() == everything_below(outside)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path, *, exists: bool) -> None:
    """Neither an existing file behind a link is overwritten, nor an absent one made."""
    victim = tmp_path / "victim"
    if exists:
        victim.write_bytes(b"precious")
    (tmp_path / "target" / "data").mkdir(parents=True)
    (tmp_path / "target" / "data" / "a.txt").symlink_to(victim)

    with pytest.raises(TargetError, match=r"'data/a\.txt' cannot be written: File exists"):
        extract_all(opened(), tmp_path / "target")

    assert exists == victim.exists()
    assert not exists or victim.read_bytes() == b"precious"


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    """What is there may be another version of the file."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"mine")

    with pytest.raises(TargetError, match="File exists"):
        extract_all(opened(), tmp_path)

    assert b"mine" == (tmp_path / "data" / "a.txt").read_bytes()


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    """What stands in the way stays."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b").write_bytes(b"mine")

    with pytest.raises(TargetError, match="'data/b/empty' cannot be written"):
        extract_all(opened(), tmp_path)

    assert b"mine" == (tmp_path / "data" / "b").read_bytes()


def test_a_target_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The error names the target."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(TargetError, match="file cannot be used as a folder"):
        extract_all(opened(), tmp_path / "file")


def test_the_target_itself_may_be_a_link(tmp_path: Path) -> None:
    """The user named it, so it is the user's choice."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    extract_all(opened(), tmp_path / "link")

    assert len(FILES) == len(everything_below(tmp_path / "real"))


def test_a_damaged_file_does_not_stay(tmp_path: Path) -> None:
    """Files before it are sound and stay; the damaged one is removed."""
    archive = opened([("a", b"sound"), ("b", b"damaged"), ("c", b"never reached")])
    archive.manifest.files[1] = msgspec.structs.replace(archive.manifest.files[1], sha256="0" * 64)

    with pytest.raises(ArchiveError, match="'data/b' has SHA-256"):
        extract_all(archive, tmp_path)

    assert {"data/a"} == everything_below(tmp_path)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    """Thousands of files, and failures, leave nothing open behind them."""
    before = open_descriptors()

    extract_all(opened(), tmp_path / "one")
    with pytest.raises(TargetError):
        extract_all(opened(), tmp_path / "one")

    assert before == open_descriptors()
