"""Inflating members that nobody vouches for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.archive import members
from windrow.core.archive.inflate import PIECE_BYTES, Inflater
from windrow.core.errors import ArchiveError

RAW = bytes(range(256)) * 20
MEMBER = bytes(members.compress(RAW, 6))


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut a member into pieces; the first holds at least its head."""
    pieces, start = [], 0
    for size in [10, *sizes, len(data)]:
        pieces.append(data[start : start + size])
        start += size
    return [piece for piece in pieces if piece]


@given(st.lists(st.integers(1, 300), max_size=20), st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_any_cuts_and_any_limits_give_the_same_bytes(sizes: list[int], limits: list[int]) -> None:
    """However the bytes come and however they are asked for, they are the same, and within the limit."""
    inflater = Inflater(iter(cut(MEMBER, sizes)), "it")
    found = b""
    while piece := inflater.read(limits[len(found) % len(limits)]):
        assert len(piece) <= max(limits)
        found += piece

    inflater.close()
    assert RAW == found


def test_no_piece_is_larger_than_promised() -> None:
    """A few compressed bytes that stand for many megabytes come out bit by bit."""
    size = 5 * PIECE_BYTES + 1
    inflater = Inflater(iter([bytes(members.compress(bytes(size), 6))]), "it")

    lengths = [len(piece) for piece in inflater.pieces(size)]

    inflater.close()
    assert (size, PIECE_BYTES) == (sum(lengths), max(lengths))


@pytest.mark.parametrize("pieces", [[MEMBER + b"x"], [MEMBER, b"x"]])
def test_bytes_behind_the_member_are_found(pieces: list[bytes]) -> None:
    """It does not matter whether they came with the member's end or after it."""
    inflater = Inflater(iter(pieces), "it")
    inflater.skip(len(RAW))

    with pytest.raises(ArchiveError, match="it has other bytes behind its end"):
        inflater.close()


@pytest.mark.parametrize("length", range(10, len(MEMBER), 7))
def test_a_member_cut_short_is_found(length: int) -> None:
    """A missing checksum counts as much as missing data."""
    inflater = Inflater(iter([MEMBER[:length]]), "it")

    with pytest.raises(ArchiveError, match="it ends early"):
        inflater.upto(len(RAW))


def test_a_member_shorter_than_the_manifest_says_is_found() -> None:
    """The manifest says how long a member is raw; it must not be less."""
    inflater = Inflater(iter([MEMBER]), "it")

    with pytest.raises(ArchiveError, match="it holds 1 raw bytes fewer than the manifest says"):
        inflater.skip(len(RAW) + 1)


def test_a_member_longer_than_the_manifest_says_is_found() -> None:
    """Nor more."""
    inflater = Inflater(iter([MEMBER]), "it")
    inflater.skip(len(RAW) - 1)

    with pytest.raises(ArchiveError, match="it holds more than the manifest says"):
        inflater.close()


def test_upto_takes_a_member_of_exactly_the_limit() -> None:
    """The limit itself is allowed."""
    assert RAW == Inflater(iter([MEMBER]), "it").upto(len(RAW))


def test_upto_refuses_a_byte_more() -> None:
    """One byte over the limit is over it."""
    with pytest.raises(ArchiveError, match=f"it inflates to more than {len(RAW) - 1} bytes"):
        Inflater(iter([MEMBER]), "it").upto(len(RAW) - 1)
