"""Archives are found by when their files arrived, wherever a backlog put them."""

from __future__ import annotations

import random
import shutil
from datetime import datetime
from pathlib import Path

import fsspec
import pytest

from tests.unit.archives.shelf import NOON, Shelf, at, connected, tar_of
from windrow.archives import ArchiveError, SourceMissing, find_archives, find_files
from windrow.core.keys import archive_key, quarantine_key
from windrow.core.windows import DAY, HOUR, MINUTE

ONE = [("k", b"1")]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty bucket that ``s3://archives`` leads to."""
    return connected(monkeypatch)


def keys(shelf: Shelf, since: datetime | None = None, until: datetime | None = None) -> set[str]:
    """Return the keys of what is found below the prefix ``eu``, whole."""
    found = list(find_archives("s3://archives/eu/", since=since, until=until, now=lambda: at(0, day=30)))
    assert [shelf.url(f"eu/{each.key}") for each in found] == [each.location for each in found]
    return {f"eu/{each.key}" for each in found}


def test_a_minute_is_looked_for_in_three_folders(shelf: Shelf) -> None:
    """A backlog makes archives for hours and days: those lie higher up, and touch the minute all the same."""
    minute = shelf.add(ONE, at(12, 5))
    hour = shelf.add(ONE, at(12), HOUR)
    day = shelf.add(ONE, at(0), DAY)
    for start, width in (
        (at(12, 4), MINUTE),
        (at(12, 6), MINUTE),
        (at(11), HOUR),
        (at(13), HOUR),
        (at(0, day=24), DAY),
    ):
        shelf.add(ONE, start, width)

    assert {minute, hour, day} == keys(shelf, at(12, 5), at(12, 6))
    assert 2 == shelf.requests["list"]


@pytest.mark.parametrize(
    ("since", "until", "listings"),
    [
        (at(0), at(6), 7),
        (at(0), at(6, 1), 1),
        (at(22), at(3, day=25), 2 + 1 + 1 + 3 + 1),
        (at(0, day=28), None, 3),
        (None, at(12), 1),
        (None, None, 1),
    ],
)
def test_any_range_is_found_with_few_listings(
    shelf: Shelf, since: datetime | None, until: datetime | None, listings: int
) -> None:
    """The same archives as a look at every key's window would find; hour by hour, day by day, or all at once."""
    starts = [at(hour, 30, day) for day in (22, 23, 24, 25, 28) for hour in range(24)]
    made = {archive_key("eu", start, MINUTE, []): start for start in starts}
    sealed = tar_of(ONE, NOON)
    for key in made:
        shelf.put(key, sealed)
    expected = {
        key
        for key, start in made.items()
        if (until is None or start < until) and (since is None or start + MINUTE > since)
    }

    assert expected == keys(shelf, since, until)
    assert listings == shelf.requests["list"]


def test_what_is_no_archive_is_left_out(shelf: Shelf) -> None:
    """Tombstones, quarantined and staged archives, canaries, notes, and what others put there."""
    key = shelf.add(ONE, NOON)
    shelf.add([], at(12, 1))
    sealed = tar_of(ONE, NOON)
    shelf.put(quarantine_key("eu", key, NOON), sealed)
    for folder in ("staging", "canary", "retention", "quarantine"):
        shelf.put(f"eu/.windrow-{folder}/{key.removeprefix('eu/')}", sealed)
    for name in ("eu/2026/11/23/12/00/notes.txt", "eu/other.tar.gz", "elsewhere/" + key, "eu2/" + key[3:]):
        shelf.put(name, sealed)

    assert {key} == keys(shelf)
    assert {key} == keys(shelf, at(11), at(13))


def test_a_tombstone_costs_a_look_and_other_archives_none(shelf: Shelf) -> None:
    """Only what is exactly as long as a tombstone is opened."""
    for minute in range(5):
        shelf.add(ONE, at(12, minute))
    shelf.add([], at(12, 10))

    assert 5 == len(keys(shelf))
    assert {"list": 1, "head": 1, "read": 1} == shelf.requests


def test_an_archive_as_long_as_a_tombstone_is_none(shelf: Shelf) -> None:
    """Its length alone decides nothing."""
    tombstone = shelf.add([], at(12))
    want = shelf.destination.objects[tombstone][0].size
    noise = random.Random(1).randbytes(want)
    length = want - tar_of([("k", b"")], at(12, 1)).size
    sealed = next(
        sealed for more in range(-40, 40) if (sealed := tar_of([("k", noise[: length + more])], at(12, 1))).size == want
    )
    key = archive_key("eu", at(12, 1), MINUTE, ["same length"])
    shelf.put(key, sealed)

    assert {key} == keys(shelf)


def test_a_broken_archive_is_found_and_told_when_it_is_read(shelf: Shelf) -> None:
    """Not left out: it may hold what is looked for."""
    key = shelf.add([], at(12))
    shelf.damage(key, b"?" * shelf.destination.objects[key][0].size)

    assert {key} == keys(shelf)
    with pytest.raises(ArchiveError, match=rf"s3://archives/{key}: the manifest's segment does not end"):
        list(find_files("s3://archives/eu"))


def test_files_are_found_by_key_version_and_time(shelf: Shelf) -> None:
    """Their own time counts, not that of the archive: one for an hour holds files of other minutes."""
    shelf.add([("a/1", b"x"), ("a/2", b"y"), ("a/2", b"z")], at(12), HOUR, times=[at(12, 1), at(12, 2), at(12, 40)])
    shelf.add([("b[1]*", b"w")], at(12, 2))

    def found(**by: object) -> list[tuple[str, str | None]]:
        return [(each.file.key, each.file.version_id) for each in find_files("s3://archives/eu", **by)]  # type: ignore[arg-type]

    assert [("a/1", "v0"), ("a/2", "v1"), ("a/2", "v2"), ("b[1]*", "v0")] == sorted(found())
    assert [("a/2", "v1"), ("b[1]*", "v0")] == sorted(found(since=at(12, 2), until=at(12, 3)))
    assert [("a/1", "v0")] == found(key="a/1")
    assert [("a/2", "v1"), ("a/2", "v2")] == found(key="a*2")
    assert [("a/2", "v2")] == found(key="a/2", version_id="v2")
    assert [("b[1]*", "v0")] == found(key="b[1]*")
    assert [] == found(key="a")


def test_an_archive_deleted_since_it_was_listed_has_no_files(shelf: Shelf) -> None:
    """Consumers clean up while others read."""
    shelf.add(ONE, at(12, 1))
    found = list(find_archives("s3://archives/eu", since=at(12), until=at(13)))
    shelf.destination.objects.clear()

    with pytest.raises(SourceMissing):
        found[0].open()
    assert [] == list(find_files("s3://archives/eu"))


@pytest.mark.parametrize("kind", ["path", "memory"])
def test_folders_elsewhere_are_searched_alike(shelf: Shelf, tmp_path: Path, kind: str) -> None:
    """A mirror on disk, or wherever fsspec lists."""
    wanted = [shelf.add(ONE, at(12, 5)), shelf.add(ONE, at(12), HOUR), shelf.add(ONE, at(0), DAY)]
    for start, width in ((at(12, 6), MINUTE), (at(11), HOUR), (at(0, day=24), DAY)):
        shelf.add(ONE, start, width)
    shelf.add([], at(12, 5))
    root = str(tmp_path) if kind == "path" else "memory://mirror"
    system, place = fsspec.core.url_to_fs(root)
    for key, (_, data) in shelf.destination.objects.items():
        system.pipe_file(f"{place}/{key}", data) if kind == "memory" else _write(tmp_path / key, data)

    minute = list(find_archives(f"{root}/eu", since=at(12, 5), until=at(12, 6)))
    everything = list(find_archives(f"{root}/eu"))

    assert set(wanted) == {f"eu/{each.key}" for each in minute}
    assert 6 == len(everything)
    assert [b"1"] * 3 == [each.open().read("k") for each in minute]
    assert [b"1"] * 3 == [_read(each.location) for each in minute]
    shutil.rmtree(tmp_path) if kind == "path" else system.rm("/mirror", recursive=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _read(location: str) -> bytes:
    from windrow.archives import open_archive

    with open_archive(location) as archive:
        return archive.read("k")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A slip in a path is no folder without archives."""
    with pytest.raises(SourceMissing, match="is not a folder"):
        list(find_archives(str(tmp_path / "absent")))


def test_a_time_without_a_zone_is_refused() -> None:
    """It could mean any hour."""
    with pytest.raises(ValueError, match="has no zone"):
        list(find_archives("s3://archives", since=datetime(2026, 11, 23)))  # noqa: DTZ001
