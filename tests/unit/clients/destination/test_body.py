"""The body made of many buffers."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.clients.destination.body import PIECE_BYTES, ChunksBody

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

CHUNKS = st.lists(st.binary(max_size=20), max_size=12)


@given(chunks=CHUNKS, sizes=st.lists(st.integers(0, 30), max_size=30))
def test_reads_give_what_one_joined_buffer_would(chunks: list[bytes], sizes: list[int]) -> None:
    """For any chunks and any sizes of reads."""
    body, plain = _body(chunks), io.BytesIO(b"".join(chunks))
    for size in sizes:
        assert (plain.read(size), plain.tell()) == (body.read(size), body.tell())
    assert plain.read() == body.read()


@given(chunks=CHUNKS, sizes=st.lists(st.integers(0, 30), max_size=30))
def test_buffers_are_filled_as_one_joined_buffer_would(chunks: list[bytes], sizes: list[int]) -> None:
    """As AWS's CRT reads, where it is installed: no further than the buffer, nothing at the end."""
    body, plain = _body(chunks), io.BytesIO(b"".join(chunks))
    for size in [*sizes, 300]:
        ours, theirs = bytearray(b"-" * size), bytearray(b"-" * size)
        assert (plain.readinto(theirs), theirs) == (body.readinto(ours), ours)
    assert (0, True) == (body.readinto(bytearray(4)), body.exhausted)


@given(chunks=CHUNKS, offset=st.integers(0, 300), whence=st.sampled_from([io.SEEK_SET, io.SEEK_END]))
def test_seeks_stay_inside(chunks: list[bytes], offset: int, whence: int) -> None:
    """As botocore does to learn the size, and to start again."""
    body, data = _body(chunks), b"".join(chunks)
    position = body.seek(offset if whence == io.SEEK_SET else -offset, whence)
    expected = min(offset, len(data)) if whence == io.SEEK_SET else max(0, len(data) - offset)
    assert (expected, data[expected:], len(data)) == (position, body.read(), body.size)


def test_exhausted_tells_whether_all_was_handed_out() -> None:
    """And a seek begins anew."""
    body = _body([b"ab", b"cd"])
    seen = [body.exhausted]
    body.read(3)
    seen.append(body.exhausted)
    body.read(1)
    seen.append(body.exhausted)
    body.seek(0)
    seen.append(body.exhausted)
    assert [False, False, True, False] == seen


@pytest.mark.parametrize("chunk", [bytearray(b"abcd"), memoryview(b"abcd"), memoryview(b"abcd").cast("H")])
def test_any_buffer_will_do(chunk: bytearray | memoryview) -> None:
    """Counted in bytes, whatever its items are."""
    body = _body([chunk, b"e"])
    assert (5, b"abcde") == (body.size, body.read())


def test_pieces_are_the_whole_body_and_small() -> None:
    """Those of a large chunk too; the pace learns of each before it is sent, and the last one exhausts the body."""
    chunks = [b"ab", bytes(2 * PIECE_BYTES + 1), b"c"]
    body = _body(chunks)
    told: list[int] = []
    seen = [(bytes(piece), sum(told), body.exhausted) for piece in body.pieces(told.append)]
    sizes = [2, PIECE_BYTES, PIECE_BYTES, 1, 1]
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    assert b"".join(chunks) == b"".join(piece for piece, _, _ in seen)
    assert [*zip(sizes, ends, [False] * 4 + [True], strict=True)] == [(len(piece), *rest) for piece, *rest in seen]


def _body(chunks: Sequence[Buffer]) -> ChunksBody:
    return ChunksBody(chunks, sha256(b"".join(chunks)).digest())
