"""``windrow://``: files in archives, as pandas, polars, DuckDB and fsspec itself read them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path
from threading import Barrier
from time import sleep

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pytest

from tests.archives import archive_of, joined
from tests.unit.archives.shelf import Shelf, connected
from windrow.archives import ArchiveError, filesystem
from windrow.archives.filesystem import LruCache, WindrowFileSystem
from windrow.lab.stack.waiting import LIMIT_S

PARQUET = io.BytesIO()
pl.DataFrame({"n": list(range(1000))}).write_parquet(PARQUET)
FILES = [
    ("day/1.csv", b"a,b\n1,x\n2,y\n"),
    ("day/2.csv", b"a,b\n3,z\n"),
    ("t.parquet", PARQUET.getvalue()),
    ("t", b"named as a folder could be"),
]
AT = "windrow://archives/eu/one.tar.gz/data"


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A bucket with one archive, two files in each frame; and no file system from a test before."""
    WindrowFileSystem.clear_instance_cache()
    fsspec.register_implementation("windrow", WindrowFileSystem, clobber=True)
    shelf = connected(monkeypatch)
    shelf.put("eu/one.tar.gz", archive_of(FILES))
    return shelf


def test_the_entry_point_names_it() -> None:
    """Fsspec finds it by itself once the package is installed."""
    found = [each for each in entry_points(group="fsspec.specs") if each.name == "windrow"]

    assert [WindrowFileSystem] == [each.load() for each in found]


def test_pandas_reads_a_file_with_two_range_reads(shelf: Shelf) -> None:
    """The manifest and the frame; the file beside it in the frame then costs nothing."""
    assert [1, 2] == pd.read_csv(f"{AT}/day/1.csv")["a"].tolist()
    assert {"head": 1, "read": 2} == shelf.requests
    assert [3] == pd.read_csv(f"{AT}/day/2.csv")["a"].tolist()
    assert {"head": 1, "read": 2} == shelf.requests


def test_polars_reads_a_file_with_two_range_reads(shelf: Shelf) -> None:
    """Parquet, whose reader begins at the end."""
    with fsspec.open(f"{AT}/t.parquet") as file:
        assert 499_500 == pl.read_parquet(file)["n"].sum()
    assert {"head": 1, "read": 2} == shelf.requests


def test_duckdb_reads_a_file_with_two_range_reads(shelf: Shelf) -> None:
    """By SQL over several files of one frame at once."""
    with duckdb.connect() as database:
        database.register_filesystem(fsspec.filesystem("windrow"))
        paths = f"'{AT}/day/1.csv', '{AT}/day/2.csv'"
        (total,) = database.sql(f"SELECT sum(a) FROM read_csv([{paths}])").fetchall()  # noqa: S608 - the test's own
        (rows,) = database.sql(f"SELECT count(*) FROM read_parquet('{AT}/t.parquet')").fetchall()  # noqa: S608 - as above

    assert ((6,), (1000,)) == (total, rows)
    assert {"head": 1, "read": 3} == shelf.requests  # two frames


@pytest.mark.usefixtures("shelf")
def test_archives_are_folders() -> None:
    """They are listed, searched and told of as such."""
    system = fsspec.filesystem("windrow")
    at = AT.removeprefix("windrow://")

    assert [f"{at}/day", f"{at}/t.parquet", f"{at}/t"] == system.ls(AT, detail=False)
    assert [f"{at}/day/1.csv", f"{at}/day/2.csv"] == system.glob(f"{AT}/day/*.csv")
    assert 4 == len(system.find(AT.removesuffix("/data")))
    assert (True, True, False) == (system.isdir(f"{AT}/day"), system.isfile(f"{AT}/t"), system.exists(f"{AT}/no"))
    told = system.info(f"{AT}/day/1.csv")
    assert ("file", 12, "day/1.csv", "v0") == (told["type"], told["size"], told["key"], told["version_id"])


@pytest.mark.parametrize("path", [f"{AT}/absent", "windrow://archives/eu/no.tar.gz/data/t", "windrow://archives/eu/t"])
@pytest.mark.usefixtures("shelf")
def test_what_is_not_there_is_no_file(path: str) -> None:
    """As every file system says it."""
    system = fsspec.filesystem("windrow")

    with pytest.raises(FileNotFoundError):
        system.open(path)
    with pytest.raises(FileNotFoundError):
        system.ls(path)


@pytest.mark.usefixtures("shelf")
def test_nothing_is_written() -> None:
    """Archives never change."""
    with pytest.raises(OSError, match="read-only"):
        fsspec.filesystem("windrow").open(f"{AT}/t", "wb")


def test_a_damaged_file_is_never_handed_out(shelf: Shelf) -> None:
    """Not its sound beginning either."""
    data = bytearray(shelf.destination.objects["eu/one.tar.gz"][1])
    data[-60] ^= 0xFF
    shelf.damage("eu/one.tar.gz", bytes(data))

    with pytest.raises(ArchiveError):
        fsspec.filesystem("windrow").open(f"{AT}/t")


def test_a_large_file_is_unpacked_once_and_read_anywhere(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not kept, and costs no memory; seeking in it asks nothing of the bucket."""
    monkeypatch.setattr(filesystem, "FRAME_BYTES", 10)

    with fsspec.filesystem("windrow").open(f"{AT}/day/1.csv") as file:
        file.seek(-4, 2)
        assert b"2,y\n" == file.read()
        file.seek(0)
        assert FILES[0][1] == file.read()

    assert {"head": 1, "read": 2} == shelf.requests


def test_archives_below_another_root(tmp_path: Path) -> None:
    """A mirror on disk, shared by threads."""
    (tmp_path / "one.tar.gz").write_bytes(joined(archive_of(FILES)))
    system = WindrowFileSystem(root=str(tmp_path), skip_instance_cache=True)

    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda file: system.cat_file(f"one.tar.gz/data/{file[0]}"), FILES * 8))

    assert [data for _, data in FILES] * 8 == read


def test_archives_that_are_not_kept_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand archives leave no thousand files open."""
    monkeypatch.setattr(filesystem, "MANIFEST_BYTES", 1)
    (tmp_path / "one.tar.gz").write_bytes(joined(archive_of(FILES)))
    system = WindrowFileSystem(root=str(tmp_path), skip_instance_cache=True)
    before = len(list(Path("/dev/fd").iterdir()))

    for _ in range(5):
        system.info("one.tar.gz/data/t")

    assert before == len(list(Path("/dev/fd").iterdir()))


def test_the_cache_keeps_what_was_used_last() -> None:
    """Up to its weight; what is over it alone is not kept."""
    made: list[str] = []
    cache: LruCache[str] = LruCache(10)

    def get(key: str, weight: int) -> str:
        def make() -> str:
            made.append(key)
            return key

        return cache.get(key, make, lambda _: weight)

    for key, weight in [("a", 4), ("b", 4), ("a", 4), ("c", 4), ("a", 4), ("b", 4), ("large", 11), ("a", 4)]:
        assert key == get(key, weight)

    assert ["a", "b", "c", "b", "large", "a"] == made


def test_what_several_threads_want_at_once_is_made_once() -> None:
    """DuckDB reads files of one frame side by side: that is one range read all the same."""
    cache: LruCache[dict[str, bytes]] = LruCache(10)
    made, together = [], Barrier(8)

    def make() -> dict[str, bytes]:
        made.append(1)
        sleep(0.05)  # the others come meanwhile
        return {}

    def get(_: int) -> None:
        together.wait(LIMIT_S)
        cache.get("frame", make, len)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(get, range(8)))
    assert [1] == made
