"""Tar headers, held to Python's own."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from windrow.core.archive import tar

NAMES = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=400),
).filter(lambda name: not name.encode("ascii", "replace")[:100].endswith(b"/"))


def python_header(name: str, size: int, mtime_s: int) -> bytes:
    """Return what `tarfile` writes for the same file."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, mtime_s, 0o644
    return info.tobuf(tarfile.PAX_FORMAT)


@given(NAMES, st.integers(0, 2**45), st.integers(0, 2**38))
def test_headers_are_those_of_tarfile(name: str, size: int, mtime_s: int) -> None:
    """Any name, size and time gives byte for byte what Python's own writer gives."""
    assert python_header(name, size, mtime_s) == tar.header(name, size, mtime_s)


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

    assert (python_header(name, 0, 0), blocks * 512) == (tar.header(name, 0, 0), len(tar.header(name, 0, 0)))


@pytest.mark.parametrize("mtime_s", [8**11 - 1, 8**11])
def test_times_around_the_limit_of_eleven_octal_digits(mtime_s: int) -> None:
    """From March 2242 on the time goes into a PAX record."""
    assert python_header("data/a", 0, mtime_s) == tar.header("data/a", 0, mtime_s)
    assert (512 if mtime_s < 8**11 else 3 * 512) == len(tar.header("data/a", 0, mtime_s))


@pytest.mark.parametrize("length", range(80, 120))
def test_pax_records_count_their_own_length(length: int) -> None:
    """A record's length includes its own digits, which may add one."""
    name = "é" + "x" * length

    assert python_header(name, 0, 0) == tar.header(name, 0, 0)


def test_a_long_name_never_looks_like_a_folder_to_old_readers() -> None:
    """The plain header's name is cut at 100 bytes, and a cut behind a slash is moved."""
    header = tar.header("d" * 99 + "/" + "f", 0, 0)

    assert b"d" * 99 + b"\x00" == header[-512:][:100]


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
