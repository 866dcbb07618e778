"""Segments, held to every inflater there is: alone, and as parts of one gzip member."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

import deflate
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from isal import igzip, isal_zlib
from zlib_ng import gzip_ng, zlib_ng

from windrow.core.archive import blocks, segments, tar
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import FLUSH, HEAD, LAST_BLOCK, TAIL_BYTES, TAR_END, tail
from windrow.core.archive.segments import FAST_LEVEL, PIECE_BYTES, Segment, compress, compress_pieces, stored

LEVELS = range(1, 13)
NOISE = random.Random(3).randbytes(400_000)
TEXT = b"".join(b'{"number": %d, "word": "%x"}\n' % (number, number * 7919 % 65_536) for number in range(40_000))
INPUTS = {
    "empty": b"",
    "tiny": b"x",
    "a header": tar.header("data/a", 0, 0),
    "zeros": bytes(1024 * 1024),
    "incompressible": NOISE,
    "a little noise": NOISE[:60_000],
    "one block": TEXT[:5_000],
    "many blocks": TEXT,
    "blocks of both kinds": TEXT[:300_000] + NOISE[:200_000] + TEXT[:300_000],
}
MODULES: list[Any] = [zlib, isal_zlib, zlib_ng]
OPENERS: list[Callable[[bytes], bytes]] = [gzip.decompress, igzip.decompress, gzip_ng.decompress]
RAWS = st.one_of(
    st.binary(max_size=200),
    st.binary(min_size=1, max_size=30).map(lambda word: word * 3_000),
    st.tuples(st.integers(0, 700_000), st.integers(0, 600_000)).map(lambda cut: TEXT[cut[0] :][: cut[1]]),
    st.tuples(st.binary(max_size=70_000), st.integers(0, 90_000)).map(lambda part: part[0] + TEXT[: part[1]] + part[0]),
)


@pytest.fixture(params=["libdeflate", "flushed", "system zlib"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way to make a segment at levels above the fast one."""
    if request.param == "flushed":
        monkeypatch.setattr(blocks, "usable", lambda: None)
    elif request.param == "system zlib":
        library = blocks.LIBRARIES[1]
        monkeypatch.setattr(blocks, "last_block", lambda *of: blocks.Walker(library).last_block(*of))
    return str(request.param)


def member(*made: Segment) -> bytes:
    """Return segments as the gzip member that an archive is."""
    return HEAD + b"".join(each.data for each in made) + tail(sum((each.raw for each in made), Checksum()))


def assert_sound(raw: bytes, made: Segment) -> None:
    """Check that a segment inflates alone, to the end of a byte, and goes on: whatever inflates it."""
    assert Checksum(zlib.crc32(raw), len(raw)) == made.raw
    assert bytes(made.data).endswith(FLUSH)
    for module in MODULES:
        inflating = module.decompressobj(wbits=-15)
        assert raw == inflating.decompress(made.data)
        assert b"" == inflating.decompress(LAST_BLOCK)
        assert (True, b"") == (inflating.eof, inflating.unused_data)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", INPUTS)
def test_a_segment_inflates_alone_and_lets_others_follow(name: str, level: int) -> None:
    """At every level, by every way to make it, read by zlib, isal and zlib-ng."""
    raw = INPUTS[name]
    made = compress(raw, level)
    before = Segment(bytearray(made.data), made.raw)
    last = compress(b"the end", level)

    assert_sound(raw, made)
    for opened in OPENERS:
        assert raw + raw + b"the end" + tar.END == opened(member(made, before, last))


@given(RAWS, st.sampled_from(LEVELS))
@example(b"", 12)
def test_any_bytes_make_a_sound_segment(raw: bytes, level: int) -> None:
    """One block or many, of all kinds, ending at any bit of a byte."""
    assert_sound(raw, compress(raw, level))


def test_ends_at_every_bit_are_met() -> None:
    """The last block of libdeflate ends at any bit of a byte; the flush is right behind each."""
    found = set()
    for size in range(200, 400):
        raw = TEXT[:size]
        data = deflate.deflate_compress(raw, 6)
        span = blocks.last_block(bytearray(data), Checksum.of(raw))
        assert span is not None
        found.add(span[1] % 8)
        assert_sound(raw, compress(raw, 6))

    assert set(range(8)) == found


def test_a_segment_is_as_small_as_libdeflate_makes_it() -> None:
    """The flush takes five bytes at most."""
    for level in range(FAST_LEVEL + 1, 13):
        bare = len(deflate.deflate_compress(TEXT, level))
        assert bare < len(compress(TEXT, level).data) <= bare + 5


def test_incompressible_bytes_are_stored() -> None:
    """At every level, and by every compressor: five bytes for each 64 KiB, and the flush."""
    added = {len(compress(raw, level).data) - len(raw) for level in LEVELS for raw in (NOISE, NOISE[: 65_535 * 6])}
    few = {len(compress(NOISE[:65_535], level).data) - 65_535 for level in LEVELS}

    assert ({5 * 8, 5 * 7}, {5 * 2}) == (added, few)


def test_incompressible_bytes_are_not_compressed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sixteenth of them is, at the fast level: images would take more CPU time than JSON, for nothing."""
    compressed: list[int] = []
    fast = segments._fast

    def noting(raw: bytes, *_: object) -> bytes:
        compressed.append(len(raw))
        return fast(raw)

    monkeypatch.setattr(segments, "_small", noting)
    monkeypatch.setattr(segments, "_fast", noting)
    for level in LEVELS:
        compress(NOISE, level)

    assert [7 * 4096] * 12 == compressed


@pytest.mark.parametrize(("kept", "is_stored"), [(0.97, False), (0.99, True)])
def test_the_sample_decides(kept: float, is_stored: bool) -> None:
    """Here the rest would shrink, which nothing looks at: of files that are no trap it is as the sample is."""
    noisy = round(4096 * kept)
    raw = b"".join(NOISE[start : start + noisy] + bytes(65_536 - noisy) for start in range(0, 6 * 65_536, 65_536))

    assert is_stored is (len(compress(raw, 6).data) > len(raw))


@given(st.binary(max_size=200_000) | st.just(NOISE))
def test_stored_bytes_follow_from_the_content_alone(raw: bytes) -> None:
    """So does what is made of them: no compressor has a say."""
    made = stored(raw)
    expected = b""
    for start in range(0, len(raw), 65_535):
        piece = raw[start : start + 65_535]
        expected += b"\x00" + len(piece).to_bytes(2, "little") + (65_535 - len(piece)).to_bytes(2, "little") + piece

    assert expected + b"\x00" + FLUSH == made.data
    assert_sound(raw, made)


@pytest.mark.parametrize("cuts", [[1], [PIECE_BYTES], [PIECE_BYTES + 1], [3_000_000], [700_000, 0, 1, 2_000_000]])
def test_pieces_of_any_size_make_the_same_segments(cuts: list[int]) -> None:
    """Only what they hold together counts; each segment but the last is of 1 MiB raw."""
    raw = TEXT * 3
    pieces = []
    left = raw if cuts != [1] else raw[:1000]
    whole = left
    while left:
        for cut in cuts:
            pieces.append(left[:cut])
            left = left[cut:]

    made = list(compress_pieces(pieces, 6))

    assert [compress(whole[at : at + PIECE_BYTES], 6) for at in range(0, len(whole), PIECE_BYTES)] == made
    assert whole + tar.END == gzip.decompress(member(*made))


def test_no_pieces_make_no_segment() -> None:
    """A frame of nothing takes no bytes."""
    assert [] == list(compress_pieces([b"", b""], 6))


def test_the_wheel_of_zlib_ng_has_what_is_needed() -> None:
    """The locked one exports its functions; should that end, the system's zlib does, or a flush for more bytes."""
    assert blocks.LIBRARIES[0] == blocks.usable()


@pytest.mark.parametrize("library", blocks.LIBRARIES[:2], ids=["zlib-ng", "system zlib"])
def test_what_does_not_inflate_to_the_same_bytes_is_not_opened(library: blocks.Library) -> None:
    """A compressor that errs is found out before anything is sent."""
    walker = blocks.Walker(library)
    raw = TEXT[:100_000]
    data = bytearray(deflate.deflate_compress(raw, 6))
    right = Checksum.of(raw)

    assert walker.last_block(data, right) is not None
    assert walker.last_block(data, Checksum.of(raw[1:])) is None
    assert walker.last_block(data[:-10], right) is None
    assert walker.last_block(data + b"x", right) is None
    assert walker.last_block(bytearray(b"\xff" * 100), right) is None
    assert walker.last_block(data, right) is not None


def test_a_compressor_that_errs_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame is made with a flush instead, and is sound."""
    monkeypatch.setattr(deflate, "deflate_compress", lambda *_: bytearray(b"\x03\x00"))

    assert_sound(TEXT, compress(TEXT, 6))


def test_a_library_that_is_not_there_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one that lacks the functions taken."""
    missing = blocks.Library("libnowhere.so.9", "", "zlibVersion", blocks.LIBRARIES[1].stream)
    bare = blocks.Library(deflate._deflate.__file__, "", "zlibVersion", blocks.LIBRARIES[1].stream)
    monkeypatch.setattr(blocks, "LIBRARIES", (missing, bare))
    blocks.usable.cache_clear()
    try:
        assert blocks.usable() is None
    finally:
        blocks.usable.cache_clear()


def test_the_tar_end_is_a_segment() -> None:
    """Its bytes are written down, and are what any inflater makes the tar's end of."""
    assert_sound(tar.END, Segment(TAR_END, Checksum.of(tar.END)))
    assert TAIL_BYTES == len(tail(Checksum()))


@given(st.lists(st.binary(max_size=2_000), max_size=5))
def test_checksums_add_up(parts: list[bytes]) -> None:
    """The checksum of parts is that of the whole."""
    whole = b"".join(parts)

    assert Checksum(zlib.crc32(whole), len(whole)) == sum(map(Checksum.of, parts), Checksum())
