"""Tar headers, held to Python's own."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.archives import source
from windrow.core.archive import tar
from windrow.core.naming import also_folders, safe_names

PLAIN_NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100).filter(
    lambda name: not name.endswith("/")
)
KEYS = st.lists(
    st.one_of(
        st.text(st.sampled_from("ab/é😀.~"), min_size=1, max_size=400),
        st.lists(st.sampled_from(["x" * 90, "y" * 60, "é" * 50, "z", "a.txt"]), min_size=1, max_size=9).map("/".join),
        st.sampled_from(["n" * 254 + "a", "n" * 254 + "b", "d" * 150 + "/" + "n" * 254 + "a", "d" * 150 + "/n"]),
    ),
    min_size=1,
    max_size=8,
)


def python_header(name: str, size: int, mtime_s: int) -> bytes:
    """Return what `tarfile` writes for the same file."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, mtime_s, 0o644
    return info.tobuf(tarfile.PAX_FORMAT)


@given(PLAIN_NAMES, st.integers(0, 2**45), st.integers(0, 2**38))
def test_headers_are_those_of_tarfile(name: str, size: int, mtime_s: int) -> None:
    """Any plain name, size and time gives byte for byte what Python's own writer gives."""
    assert python_header(name, size, mtime_s) == tar.header(name, size, mtime_s)


def named(keys: list[str]) -> list[str]:
    """Return the member names of keys."""
    return safe_names([source(key.encode()[:1024].decode(errors="ignore"), 0, f"v{n}") for n, key in enumerate(keys)])


def without_pax(name: str) -> str:
    """Return the name that a reader sees who knows prefixes and no PAX."""
    return tarfile.TarInfo.frombuf(tar.header(name, 3, 4)[-512:], "utf-8", "strict").name


@given(KEYS, st.integers(0, 2**36), st.integers(0, 2**34))
def test_readers_of_pax_see_the_whole_name(keys: list[str], size: int, mtime_s: int) -> None:
    """However long, and in whatever script."""
    for name in named(keys):
        with tarfile.open(fileobj=io.BytesIO(tar.header(name, size, mtime_s))) as opened:
            info = opened.next()
        assert info is not None
        assert (name, size, mtime_s) == (info.name, info.size, info.mtime)


@given(KEYS)
@example(["n" * 254 + "a", "n" * 254 + "b", "n" * 99 + "/" + "n" * 255])
def test_no_two_files_share_a_name_for_readers_without_pax(keys: list[str]) -> None:
    """Nor does one have another's folder for its name: they can be extracted side by side."""
    names = named(keys)
    seen = [without_pax(name) for name in names]

    assert len(set(seen)) == len(names)
    assert set() == also_folders(seen)


@pytest.mark.parametrize(("size", "blocks"), [(8 * 1024**3 - 1, 1), (8 * 1024**3, 4)])
def test_a_size_from_8_gib_on_may_take_more_blocks(size: int, blocks: int) -> None:
    """Three of PAX and a name in it, at most; the data comes in whole blocks."""
    assert blocks * 512 + 8 * 1024**3 == tar.most_bytes("n", size)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data/" + "n" * 95, "data/" + "n" * 95),
        ("data/ü/日本語/😀.json", "data/ü/日本語/😀.json"),
        ("data/" + "é" * 47, "data/" + "é" * 47),
        ("data/" + "d" * 150 + "/" + "n" * 100, "data/" + "d" * 150 + "/" + "n" * 100),
        ("data/" + "é" * 75 + "/" + "n" * 100, "data/" + "é" * 75 + "/" + "n" * 100),
    ],
)
def test_names_of_up_to_255_bytes_need_no_pax(name: str, expected: str) -> None:
    """As UTF-8, in name and prefix, where there is a slash to cut at."""
    assert expected == without_pax(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data/" + "d" * 151 + "/n.txt", "data/n~{}.txt"),
        ("data/a/" + "n" * 101 + ".csv", "data/a/" + "n" * 31 + "~{}.csv"),
        ("data/a/" + "é" * 60, "data/a/" + "é" * 17 + "~{}"),
        ("data/" + "d" * 90 + "/" + "e" * 99 + "/n", "data/" + "d" * 90 + "/n~{}"),
    ],
)
def test_a_name_that_is_cut_ends_in_its_hash(name: str, expected: str) -> None:
    """The whole SHA-256 of it, before its extension; of its folders those are left that fit."""
    assert expected.format(sha256(name.encode()).hexdigest()) == without_pax(name)


@pytest.mark.parametrize("size", [0, 1, 8**11 - 1, 8**11, 2**40])
def test_sizes_around_the_limit_of_eleven_octal_digits(size: int) -> None:
    """From 8 GiB on the size goes into a PAX record."""
    header = tar.header("data/big", size, 0)

    assert python_header("data/big", size, 0) == header
    assert (512 if size < 8**11 else 3 * 512) == len(header)


@pytest.mark.parametrize(("length", "blocks"), [(99, 1), (100, 1), (101, 3)])
def test_names_around_the_limit_of_a_hundred_bytes(length: int, blocks: int) -> None:
    """Only a longer one goes into a PAX record."""
    name = "x" * length

    header = tar.header(name, 0, 0)
    assert (python_header(name, 0, 0)[:-512], blocks * 512) == (header[:-512], len(header))


@pytest.mark.parametrize("mtime_s", [8**11 - 1, 8**11])
def test_times_around_the_limit_of_eleven_octal_digits(mtime_s: int) -> None:
    """From March 2242 on the time goes into a PAX record."""
    assert python_header("data/a", 0, mtime_s) == tar.header("data/a", 0, mtime_s)
    assert (512 if mtime_s < 8**11 else 3 * 512) == len(tar.header("data/a", 0, mtime_s))


@pytest.mark.parametrize("length", range(80, 120))
def test_pax_records_count_their_own_length(length: int) -> None:
    """A record's length includes its own digits, which may add one."""
    name = "é" + "x" * length

    assert python_header(name, 0, 0)[:-512] == tar.header(name, 0, 0)[:-512]


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 512), (511, 512), (512, 512), (513, 1024)])
def test_data_fills_whole_blocks(size: int, expected: int) -> None:
    """Padding completes the last block."""
    assert expected == tar.padded(size)
    assert bytes(expected - size) == tar.padding(size)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 1, 999_999, tzinfo=UTC), 1),
        (datetime(2026, 11, 23, 10, 7, tzinfo=UTC), 1795428420),
    ],
)
def test_times_are_whole_seconds_rounded_down(moment: datetime, expected: int) -> None:
    """The fraction of an event time is in the manifest only."""
    assert expected == tar.seconds(moment)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300), st.integers(0, 2**40))
@example("x" * 100, 0)
@example("x", 8**11)
@example("\U0001f600" * 524, 2**34)
def test_an_entry_is_no_larger_than_memory_is_set_aside_for(name: str, size: int) -> None:
    """Files of no bytes with long names take 4 KB each all the same."""
    taken = len(tar.header(name, size, 2**31)) + tar.padded(size)

    assert taken <= tar.most_bytes(name, size) <= taken + 4 * len(name.encode()) + 512
