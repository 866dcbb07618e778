"""Makes segments: raw bytes in deflate blocks that inflate alone and let others follow (see `member`).

Level 1 is the fast one, by isal: a fifth of the default's time, a fifth more bytes. Levels 2 to 12 are libdeflate's,
whose last block is opened for others to follow; each has been inflated again before that (see `blocks`). Where that
can't be done, zlib-ng does it with a flush, up to its level 9. What does not shrink is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import deflate
from isal import isal_zlib
from zlib_ng import zlib_ng

from windrow.core.archive import blocks
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import FLUSH

if TYPE_CHECKING:
    from typing_extensions import Buffer

FAST_LEVEL = 1

PIECE_BYTES = 1024 * 1024
"""Raw bytes of each segment of a large file. A file's frame may be many segments: deflate looks back 32 KB, so that to
begin anew costs 1 % in bytes, and libdeflate makes up for it many times over against zlib, which need not."""

STORED_BYTES = 65_535
"""Of one stored block, at most (RFC 1951)."""

_RAW_DEFLATE = -15
_NG_MAX_LEVEL = 9
_HEADER_BITS = 3


@dataclass(frozen=True, slots=True)
class Segment:
    """Deflate blocks, and the checksum of what they hold."""

    data: bytes | bytearray
    raw: Checksum


def compress(raw: Buffer, level: int) -> Segment:
    """Return ``raw`` as one segment (levels 1 to 12). Releases the GIL."""
    checksum = Checksum.of(raw)
    data = _fast(raw) if level == FAST_LEVEL else _small(raw, level, checksum)
    return Segment(data, checksum) if len(data) < checksum.length else stored(raw)


def stored(raw: Buffer) -> Segment:
    """Return ``raw`` as one segment that nothing compressed: its bytes follow from ``raw`` alone."""
    view = memoryview(raw).cast("B")
    parts: list[Buffer] = []
    for start in range(0, view.nbytes, STORED_BYTES):
        piece = view[start : start + STORED_BYTES]
        parts += (_stored_header(piece.nbytes), piece)
    parts.append(_stored_header(0))
    return Segment(b"".join(parts), Checksum.of(raw))


def compress_pieces(pieces: Iterable[Buffer], level: int) -> Iterator[Segment]:
    """Yield segments of `PIECE_BYTES` of what the pieces hold together; holds no more raw bytes than that itself."""
    held = memoryview(bytearray(PIECE_BYTES))
    end = 0
    for piece in pieces:
        view = memoryview(piece).cast("B")
        while view:
            taken = view[: PIECE_BYTES - end]
            held[end : end + len(taken)] = taken
            end += len(taken)
            view = view[len(taken) :]
            if end == PIECE_BYTES:
                yield compress(held, level)
                end = 0
    if end:
        yield compress(held[:end], level)


def _small(raw: Buffer, level: int, checksum: Checksum) -> bytes | bytearray:
    data = deflate.deflate_compress(raw, level)
    found = blocks.last_block(data, checksum)
    return _opened(data, *found) if found else _flushed(raw, level)


def _opened(data: bytearray, first_bit: int, end_bit: int) -> bytearray:
    """Have the block at ``first_bit`` be no last one, and flush at ``end_bit``."""
    data[first_bit // 8] &= ~(1 << first_bit % 8)
    # The bits left in the last byte are zeros: they begin the header of a stored block, and end it too if they are 3.
    data += FLUSH if 8 * len(data) - end_bit >= _HEADER_BITS else b"\x00" + FLUSH
    return data


def _flushed(raw: Buffer, level: int) -> bytes:
    compressor = zlib_ng.compressobj(min(level, _NG_MAX_LEVEL), zlib_ng.DEFLATED, _RAW_DEFLATE)
    return compressor.compress(raw) + compressor.flush(zlib_ng.Z_FULL_FLUSH)


def _fast(raw: Buffer) -> bytes:
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _RAW_DEFLATE)
    return compressor.compress(raw) + compressor.flush(isal_zlib.Z_FULL_FLUSH)


def _stored_header(size: int) -> bytes:
    return b"\x00" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
