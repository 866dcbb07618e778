"""Makes segments: deflate blocks that inflate alone and that others may follow (see `member`).

Level 1 is the fast one, by isal: a fifth of the default's time, a fifth more bytes. Levels 2 to 12 are libdeflate's:
each segment is inflated once to find its last block (see `blocks`), whose mark as the last one is then cleared. Where
that is not possible, zlib-ng writes the segment with a full flush, up to its level 9. Bytes that do not shrink, as
those of images and zip files, are stored; a sample of them tells before they are compressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import deflate
import msgspec
from isal import isal_zlib
from zlib_ng import zlib_ng

from windrow.core.archive import blocks
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import FLUSH

if TYPE_CHECKING:
    from typing_extensions import Buffer

FAST_LEVEL = 1

PIECE_BYTES = 1024 * 1024
"""Raw bytes of each segment of a large file. Deflate refers back 32 KB at most, so starting again for each segment
costs 1 % in bytes; libdeflate saves far more than that over zlib, which could stream."""

STORED_BYTES = 65_535
"""Most bytes of one stored block (RFC 1951)."""

SAMPLE_BYTES, SAMPLE_EVERY_BYTES = 4 * 1024, 64 * 1024
"""A sixteenth of a segment is compressed at the fast level first, which takes a hundredth of the default's time."""
WORTHWHILE = 0.98
"""The largest share of its size that the sample may keep for the rest to be compressed."""

_RAW_DEFLATE = -15
_NG_MAX_LEVEL = 9
_HEADER_BITS = 3


class Segment(msgspec.Struct, frozen=True):
    """Deflate blocks, and the checksum of the raw bytes in them."""

    data: bytes | bytearray
    raw: Checksum


def compress(raw: Buffer, level: int) -> Segment:
    """Return ``raw`` as one segment (levels 1 to 12). Releases the GIL."""
    if not _shrinks(memoryview(raw).cast("B")):
        return stored(raw)
    checksum = Checksum.of(raw)
    data = _fast(raw) if level == FAST_LEVEL else _small(raw, level, checksum)
    return Segment(data, checksum) if len(data) < checksum.length else stored(raw)


def stored(raw: Buffer) -> Segment:
    """Return ``raw`` as one uncompressed segment, whose bytes depend on ``raw`` alone."""
    view = memoryview(raw).cast("B")
    parts: list[Buffer] = []
    for start in range(0, view.nbytes, STORED_BYTES):
        piece = view[start : start + STORED_BYTES]
        parts += (_stored_header(piece.nbytes), piece)
    parts.append(_stored_header(0))
    return Segment(b"".join(parts), Checksum.of(raw))


def compress_pieces(pieces: Iterable[Buffer], level: int) -> Iterator[Segment]:
    """Yield the joined pieces in segments of `PIECE_BYTES` raw bytes each; holds no more than that in memory."""
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


def _shrinks(raw: memoryview) -> bool:
    """Return whether bytes are worth compressing, as far as a sample tells; fewer than it is taken from always are."""
    if raw.nbytes < SAMPLE_EVERY_BYTES:
        return True
    sample = b"".join(raw[start : start + SAMPLE_BYTES] for start in range(0, raw.nbytes, SAMPLE_EVERY_BYTES))
    return len(_fast(sample)) < WORTHWHILE * len(sample)


def _small(raw: Buffer, level: int, checksum: Checksum) -> bytes | bytearray:
    data = deflate.deflate_compress(raw, level)
    found = blocks.last_block(data, checksum)
    return _opened(data, *found) if found else _flushed(raw, level)


def _opened(data: bytearray, first_bit: int, end_bit: int) -> bytearray:
    """Clear the mark of the last block, which begins at ``first_bit``, and add a flush at ``end_bit``."""
    data[first_bit // 8] &= ~(1 << first_bit % 8)
    # The bits left in the last byte are zeros. If there are 3 or more, they are the header of the stored block.
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
