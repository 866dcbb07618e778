"""Readers by other people find every file of an archive, and what they do with broken ones is known."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from tests import tools
from tests.archives import joined
from tests.readers.readers import ALL, READERS, USTAR, results
from tests.readers.samples import LEVELS, Kind, Sample, damaged, demanding, smaller, tombstone
from tests.tools import ROOT
from windrow.core.archive.member import HEAD

PAGE = ROOT / "docs/readers.md"
PINS = {
    "python": r"^([a-z0-9-]+)==([^ ]+)",
    "java": r"  ([a-z0-9-]+)-([0-9.]+)\.jar$",
    "node": r'"node_modules/([^"]+)": {\s+"version": "([^"]+)"',
    "rust": r'^name = "([^"]+)"\nversion = "([^"]+)"',
    "spark": r"^([a-z0-9-]+)==([^ ]+)",
}
"""How each kind of lock names a package and its version."""


def pinned(kind: str) -> dict[str, str]:
    """Return the versions that locks of a kind name."""
    text = "\n".join((ROOT / path).read_text() for path in tools.READERS[kind])
    return dict(re.findall(PINS[kind], text, re.MULTILINE))


def table() -> dict[str, list[str]]:
    """Return the cells of each row of the page's table, by reader; the first row is the head."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {name: cells for name, *cells in rows if "---" not in name}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Sample]:
    """All archives, as files."""
    folder = tmp_path_factory.mktemp("samples")
    made = [*map(demanding, LEVELS), tombstone(), *damaged()]
    files = {folder / f"{sample.name}.tar.gz": sample for sample in made}
    for path, sample in files.items():
        path.write_bytes(sample.data)
    return files


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs(*reader.needs)) for name, reader in READERS.items()]
)
def test_a_reader_makes_of_archives_what_the_page_says(samples: dict[Path, Sample], name: str) -> None:
    """Of whole ones and of broken ones."""
    _, *told = table()[name]

    assert told == list(results(READERS[name], samples).values())


def test_the_page_lists_these_readers() -> None:
    """No more, and no fewer; its columns are the kinds of archives."""
    head, *rows = table().items()

    assert ("reader", ["version", *Kind]) == head
    assert list(READERS) == [name for name, _ in rows]


def test_no_reader_leaves_files_of_a_whole_archive_out() -> None:
    """Not one of those that the page recommends or merely lists."""
    assert set() == {cells[1] for _, cells in list(table().items())[1:]} - {ALL, USTAR}


def test_versions_of_the_page_are_those_of_the_locks() -> None:
    """Where a lock pins a reader's packages; what else it runs on may stand before them."""
    locked = {
        name: ", ".join(pinned(reader.needs[0].removesuffix("-readers"))[each] for each in reader.packages)
        for name, reader in READERS.items()
        if reader.packages
    }
    told = table()

    assert PINS.keys() == tools.READERS.keys()
    assert f"PySpark {pinned('spark')['pyspark']}" in " ".join((ROOT / "docs/consumers.md").read_text().split())
    assert [] == [name for name, versions in locked.items() if not told[name][0].endswith(versions)]


def test_the_samples_are_as_demanding_as_they_claim() -> None:
    """Names at the limits, and apart from each other also for readers that know no PAX."""
    sample = demanding(6)
    sizes = {len(name.encode()) for name in sample.contents}

    assert {100, 101, 255, 256, 1024} <= sizes
    assert len(sample.contents) == len(sample.plain_names)
    assert sorted(sample.contents.values()) == sorted(sample.plain_names.values())
    assert 1 < sum(len(name.encode()) > 255 and name.endswith(".json") for name in sample.contents)


def test_the_changed_byte_is_one_of_a_file() -> None:
    """What deflate makes of the archive differs in that byte alone, so only the checksum tells."""
    archives = (joined(smaller()), damaged()[-1].data)
    whole, changed = (zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[len(HEAD) :]) for data in archives)

    assert 1 == sum(one != other for one, other in zip(whole, changed, strict=True))
