"""Gzip members as Windrow writes them: the first ten bytes are always the same (RFC 1952).

No name, no time, no hint at level or system: what is not content is constant, so same content gives same bytes, and a
changed byte in a member's head can be told from a sound one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import deflate

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Magic, deflate, no flags, mtime 0, no extra flags, system unknown."""

MAX_INFLATION = 1032
"""Deflate makes at most 258 bytes of 2 bits (RFC 1951): more raw bytes per compressed byte cannot be true."""

_FED_BYTES = 256 * 1024
"""Given to zlib at once. It gathers its output twice before it hands it out; more would leave large holes in the heap
of each thread (12 files of 16 MiB that do not compress, each on a thread of its own: 490 MB instead of 400)."""

_XFL = 8
_ZLIB_MAX_LEVEL = 9


def compress(raw: Buffer, level: int) -> bytearray:
    """Return ``raw`` as one gzip member, by libdeflate (levels 1 to 12). Releases the GIL."""
    member = deflate.gzip_compress(raw, level)
    member[_XFL] = 0
    return member


def compress_pieces(pieces: Iterable[Buffer], level: int) -> Iterator[bytes]:
    """Yield one gzip member of all pieces, by zlib, holding no more than a piece of raw data at a time.

    libdeflate compresses whole buffers only; zlib's best level is 9, so 10 to 12 mean 9.
    """
    yield HEAD
    compressor = zlib.compressobj(min(level, _ZLIB_MAX_LEVEL), zlib.DEFLATED, -zlib.MAX_WBITS)
    crc, raw_bytes = 0, 0
    for piece in pieces:
        view = memoryview(piece).cast("B")
        crc = zlib.crc32(view, crc)
        raw_bytes += view.nbytes
        for start in range(0, view.nbytes, _FED_BYTES):
            if chunk := compressor.compress(view[start : start + _FED_BYTES]):
                yield chunk
    yield compressor.flush() + struct.pack("<II", crc, raw_bytes & 0xFFFFFFFF)
