from __future__ import annotations

import csv
import io
import json
import os
import re
import struct
import sys
import zlib
from pathlib import Path
from statistics import mean
from xml.etree import ElementTree as ET

import pytest

from windrow.core.errors import SettingsError
from windrow.lab.stack.samples import LARGEST_BYTES, ODD_KEYS, from_folder, generate


def test_samples_depend_on_count_and_seed_only() -> None:
    """The same seed gives the same keys and bytes, another seed others."""
    first, second, other = generate(20, seed=1), generate(20, seed=1), generate(20, seed=2)
    assert [(s.key, s.read()) for s in first] == [(s.key, s.read()) for s in second]
    assert [s.read() for s in first] != [s.read() for s in other]


def test_reading_a_sample_twice_gives_the_same_bytes() -> None:
    """What was uploaded can be made again to compare with."""
    sample = generate(1)[0]
    assert sample.read() == sample.read()


@pytest.mark.parametrize("count", [1, 100, 101, 300])
def test_as_many_samples_as_asked_for_with_different_keys(count: int) -> None:
    """The count is exact, odd keys included, and no key occurs twice."""
    keys = [sample.key for sample in generate(count)]
    assert count == len(keys) == len(set(keys))


def test_enough_samples_hold_every_odd_key() -> None:
    """The default demo meets each odd key once, small ones are left to regular files."""
    assert set(ODD_KEYS) <= {sample.key for sample in generate(300)}
    assert not set(ODD_KEYS) & {sample.key for sample in generate(50)}


def test_sizes_are_about_100_kb_with_a_tail() -> None:
    """The mean is that of NFR-05, the smallest a few KB, the largest near 1 MB."""
    sizes = [len(sample.read()) for sample in generate(250) if sample.key not in ODD_KEYS]
    assert 80_000 < mean(sizes) < 130_000
    assert min(sizes) < 15_000
    assert 400_000 < max(sizes) < LARGEST_BYTES * 1.01


def test_json_lines_are_json() -> None:
    """Every line of a .jsonl sample is an object."""
    for line in _content(".jsonl").splitlines():
        assert isinstance(json.loads(line), dict)


def test_csv_has_the_columns_of_its_header() -> None:
    """Every row of a .csv sample has as many cells as its header."""
    rows = list(csv.reader(io.StringIO(_content(".csv").decode())))
    assert {6} == {len(row) for row in rows}


def test_xml_is_well_formed() -> None:
    """A .xml sample parses."""
    assert "invoice" == ET.fromstring(_content(".xml")).tag  # noqa: S314 - made by the line above


def test_png_is_an_image_that_hardly_compresses() -> None:
    """A .png sample has valid chunks, the pixels that its header promises, and stays its size in gzip."""
    image = _content(".png")
    chunks = dict(_chunks(image))
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert (width + 1) * height == len(zlib.decompress(chunks[b"IDAT"]))
    assert len(zlib.compress(image)) > 0.95 * len(image)


def test_folder_gives_every_file_below_it(tmp_path: Path) -> None:
    """Keys are relative paths with '/', whatever the names; folders and broken links are no files."""
    wanted = {"a b/ü+é.txt": b"1", "new\nline": b"2", ".hidden": b"", "deep/er/x": b"4"}
    for key, content in wanted.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "empty folder").mkdir()
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    assert wanted == {sample.key: sample.read() for sample in from_folder(tmp_path)}


def test_links_of_a_folder_are_left_out_and_told(tmp_path: Path) -> None:
    """They may lead out of the folder, or in circles: neither files nor folders behind them are uploaded."""
    folder, other = tmp_path / "mine", tmp_path / "other"
    for path in (folder / "file", other / "secret"):
        path.parent.mkdir()
        path.write_bytes(b"x")
    (folder / "link").symlink_to(other / "secret")
    (folder / "links").symlink_to(other)
    left_out: list[Path] = []

    assert ["file"] == [sample.key for sample in from_folder(folder, left_out.append)]
    assert [folder / "link", folder / "links"] == left_out


def test_folder_without_files_is_an_error(tmp_path: Path) -> None:
    """An empty folder is wrong use, not a demo of nothing."""
    with pytest.raises(SettingsError, match="holds no files"):
        from_folder(tmp_path)


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(SettingsError, match="absent is not a folder"):
        from_folder(tmp_path / "absent")


def test_path_too_long_for_a_key_is_an_error(tmp_path: Path) -> None:
    """S3 keys have at most 1,024 bytes; the user is told before anything is uploaded."""
    deep = tmp_path.joinpath(*["x" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    with pytest.raises(SettingsError, match=re.escape("has 1210 bytes")):
        from_folder(tmp_path)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no file names that are not UTF-8")
def test_name_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    """Such a name can't be an S3 key; the error shows its bytes."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    with pytest.raises(SettingsError, match="not UTF-8"):
        from_folder(tmp_path)


def _content(suffix: str) -> bytes:
    return next(sample for sample in generate(100) if sample.key.endswith(suffix)).read()


def _chunks(image: bytes) -> list[tuple[bytes, bytes]]:
    """Return the chunks of a PNG, their checksums verified."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(image):
        (length,) = struct.unpack_from(">I", image, at)
        kind, data = image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", image, at + 8 + length)[0] == zlib.crc32(kind + data)
        chunks.append((kind, data))
        at += 12 + length
    return chunks
