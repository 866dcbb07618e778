"""Inflating segments that nobody vouches for."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import segment
from windrow.core.archive.inflate import PIECE_BYTES, Inflater
from windrow.core.archive.member import FLUSH, LAST_BLOCK
from windrow.core.errors import ArchiveError

RAW = bytes(range(256)) * 20
SEGMENT = segment(RAW)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut a segment into pieces."""
    pieces, start = [], 0
    for size in [*sizes, len(data)]:
        pieces.append(data[start : start + size])
        start += size
    return [piece for piece in pieces if piece]


def whole(inflater: Inflater) -> None:
    """Read a segment to its end."""
    inflater.skip(len(RAW))
    inflater.close()


@given(st.lists(st.integers(1, 300), max_size=20), st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_any_cuts_and_any_limits_give_the_same_bytes(sizes: list[int], limits: list[int]) -> None:
    """However the bytes come and however they are asked for, they are the same, and within the limit."""
    inflater = Inflater(iter(cut(SEGMENT, sizes)), "it")
    found = b""
    while piece := inflater.read(limits[len(found) % len(limits)]):
        assert len(piece) <= max(limits)
        found += piece

    inflater.close()
    assert RAW == found


def test_no_piece_is_larger_than_promised() -> None:
    """A few compressed bytes that stand for many megabytes come out bit by bit."""
    size = 5 * PIECE_BYTES + 1
    inflater = Inflater(iter([segment(bytes(size))]), "it")

    lengths = [len(piece) for piece in inflater.pieces(size)]

    inflater.close()
    assert (size, PIECE_BYTES) == (sum(lengths), max(lengths))


@pytest.mark.parametrize("pieces", [[SEGMENT, LAST_BLOCK], [SEGMENT + LAST_BLOCK], [SEGMENT + b"\1\0\0\xff\xffx"]])
def test_a_last_block_within_is_found(pieces: list[bytes]) -> None:
    """Whoever reads from front to back would stop there."""
    inflater = Inflater(iter(pieces), "it")

    with pytest.raises(ArchiveError, match="other bytes follow its end"):
        whole(inflater)


@pytest.mark.parametrize("end", [b"x", b"\0", b"\0\0", b"\0\0\0", b"\2", FLUSH])
def test_bytes_behind_the_last_flush_are_found(end: bytes) -> None:
    """They would be read as the beginning of what follows."""
    inflater = Inflater(iter([SEGMENT, end]), "it")

    with pytest.raises(ArchiveError, match=r"ends within a block|damaged"):
        whole(inflater)


@pytest.mark.parametrize("length", range(len(SEGMENT)))
def test_a_segment_cut_short_is_found(length: int) -> None:
    """A missing flush counts as much as missing data."""
    inflater = Inflater(iter([SEGMENT[:length]]), "it")

    with pytest.raises(ArchiveError, match=r"fewer than the manifest says|ends within a block"):
        whole(inflater)


def unended() -> bytes:
    """Return a last block (RFC 1951, 3.2.7) that lacks its end, whose code is 1110000000, and ends in a flush's bytes.

    Byte 0 is coded as 0, 1 as 10, 2 as 110, 255 as 15 ones. The flush is sixteen bytes 0, one 255, and a bit 1.
    """
    order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    lengths = {11: 1, 0: 3, 15: 3, 1: 4, 2: 4, 3: 4, 10: 4}
    codes = {11: "0", 0: "100", 15: "101", 1: "1100", 2: "1101", 3: "1110", 10: "1111"}
    bits = "1" + "01" + "00001" + "00000" + "1111" + "".join(f"{lengths.get(of, 0):03b}"[::-1] for of in order)
    bits += "".join(codes[of] for of in [1, 2, 3, *[11] * 237, *[15] * 16, 10, *[11] * 16, 0])
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8)) + FLUSH


def test_a_block_that_an_empty_block_would_end_is_found() -> None:
    """The bits of the empty block that proves an end might be the end of the block before it: two of them are tried."""
    data = unended()
    raw = zlib.decompressobj(wbits=-15).decompress(data)
    inflater = Inflater(iter([data]), "it")
    inflater.skip(len(raw))

    assert b"\0" * 16 + b"\xff" == raw[-17:]
    assert raw == zlib.decompress(data + LAST_BLOCK, wbits=-15)
    with pytest.raises(ArchiveError, match="ends within a block"):
        inflater.close()


def test_a_segment_shorter_than_the_manifest_says_is_found() -> None:
    """The manifest says how long a segment is raw; it must not be less."""
    inflater = Inflater(iter([SEGMENT]), "it")

    with pytest.raises(ArchiveError, match="it holds 1 raw bytes fewer than the manifest says"):
        inflater.skip(len(RAW) + 1)


def test_a_segment_longer_than_the_manifest_says_is_found() -> None:
    """Nor more."""
    inflater = Inflater(iter([SEGMENT]), "it")
    inflater.skip(len(RAW) - 1)

    with pytest.raises(ArchiveError, match="it holds more than the manifest says"):
        inflater.close()


def test_upto_takes_a_segment_of_exactly_the_limit() -> None:
    """The limit itself is allowed."""
    assert RAW == Inflater(iter([SEGMENT]), "it").upto(len(RAW))


def test_upto_refuses_a_byte_more() -> None:
    """One byte over the limit is over it."""
    with pytest.raises(ArchiveError, match=f"it inflates to more than {len(RAW) - 1} bytes"):
        Inflater(iter([SEGMENT]), "it").upto(len(RAW) - 1)
