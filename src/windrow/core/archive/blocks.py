"""Finds the last block of a deflate stream, by inflating all of it.

libdeflate makes whole streams only: it marks its last block as the last one and has no flush. To clear that mark, one
must know the bit at which the block begins, and that takes reading all blocks before it. zlib's `inflate` can stop at
each block (``Z_BLOCK``) and reports the bit, but no Python module exposes that. So it is called through ctypes: that of
zlib-ng, which the wheel of the package `zlib-ng` exports and which takes two thirds of the time, or else the system's
zlib. (https://www.zlib.net/manual.html#Advanced describes ``data_type``.)
"""

from __future__ import annotations

import ctypes
from collections import deque
from functools import cache
from typing import Any

import deflate
import msgspec
from zlib_ng import zlib_ng

from windrow.core.archive.checksum import Checksum

OUT_BYTES = 128 * 1024
"""Size of the output buffer, which is kept between calls."""

_Z_OK = 0
_Z_BLOCK = 5
_RAW_DEFLATE = -15

_UNUSED_BITS = 7
_IN_LAST_BLOCK = 64
_AT_END_OF_BLOCK = 128
"""What ``data_type`` holds: the number of unused bits of the last byte read, and two flags."""


_UP_TO_ADLER: list[Any] = [
    ("next_in", ctypes.c_void_p),
    ("avail_in", ctypes.c_uint),
    ("total_in", ctypes.c_ulong),
    ("next_out", ctypes.c_void_p),
    ("avail_out", ctypes.c_uint),
    ("total_out", ctypes.c_ulong),
    ("msg", ctypes.c_char_p),
    ("state", ctypes.c_void_p),
    ("zalloc", ctypes.c_void_p),
    ("zfree", ctypes.c_void_p),
    ("opaque", ctypes.c_void_p),
    ("data_type", ctypes.c_int),
]


class _ZlibStream(ctypes.Structure):
    """``z_stream`` of zlib.h."""

    _fields_ = [*_UP_TO_ADLER, ("adler", ctypes.c_ulong), ("reserved", ctypes.c_ulong)]


class _NgStream(ctypes.Structure):
    """``zng_stream`` of zlib-ng.h."""

    _fields_ = [*_UP_TO_ADLER, ("adler", ctypes.c_uint32), ("reserved", ctypes.c_ulong)]


class Library(msgspec.Struct, frozen=True):
    """A library that inflates block by block: its path, and the names of its functions."""

    path: str
    prefix: str
    version: str
    stream: type[_ZlibStream | _NgStream]


LIBRARIES = (
    Library(zlib_ng.__file__, "zng_", "zlibng_version", _NgStream),
    Library("libz.so.1", "", "zlibVersion", _ZlibStream),
    Library("libz.1.dylib", "", "zlibVersion", _ZlibStream),
)
"""In the order in which they are tried."""


class Walker:
    """Reads deflate streams block by block, one stream at a time. Raises `OSError` or `AttributeError` if it can't."""

    def __init__(self, library: Library) -> None:
        loaded = ctypes.CDLL(library.path)
        version = getattr(loaded, library.version)
        version.restype = ctypes.c_char_p
        self._inflate = getattr(loaded, f"{library.prefix}inflate")
        self._reset = getattr(loaded, f"{library.prefix}inflateReset")
        self._stream: Any = library.stream()
        self._at = ctypes.byref(self._stream)
        self._out = bytearray(OUT_BYTES)
        self._view = memoryview(self._out)
        self._out_at = _address(self._out)
        init = getattr(loaded, f"{library.prefix}inflateInit2_")
        if init(self._at, _RAW_DEFLATE, version(), ctypes.sizeof(self._stream)) != _Z_OK:
            raise OSError(f"inflateInit2 of {library.path} fails")

    def last_block(self, data: bytearray, raw: Checksum) -> tuple[int, int] | None:
        """Return the first bit of the stream's last block and the first bit after it, counted from the stream's start.

        None if ``data`` is not one deflate stream of exactly the bytes that have the checksum ``raw``.
        """
        stream = self._stream
        self._reset(self._at)
        stream.next_in, stream.avail_in = _address(data), len(data)
        crc = first_bit = 0
        while True:
            stream.next_out, stream.avail_out = self._out_at, OUT_BYTES
            if self._inflate(self._at, _Z_BLOCK) != _Z_OK:
                return None
            crc = deflate.crc32(self._view[: OUT_BYTES - stream.avail_out], crc)
            if not stream.data_type & _AT_END_OF_BLOCK:
                continue
            bit = 8 * stream.total_in - (stream.data_type & _UNUSED_BITS)
            if stream.data_type & _IN_LAST_BLOCK:
                break
            first_bit = bit
        whole = (crc, stream.total_out, stream.total_in) == (raw.crc, raw.length, len(data))
        return (first_bit, bit) if whole else None


_idle: deque[Walker] = deque()
"""Walkers that no thread uses right now."""


def last_block(data: bytearray, raw: Checksum) -> tuple[int, int] | None:
    """Return what `Walker.last_block` returns, or None if there is no usable library. Safe on several threads."""
    library = usable()
    if library is None:
        return None
    try:
        walker = _idle.pop()
    except IndexError:
        walker = Walker(library)
    try:
        return walker.last_block(data, raw)
    finally:
        _idle.append(walker)


@cache
def usable() -> Library | None:
    """Return the first library that can be loaded and used."""
    for library in LIBRARIES:
        try:
            Walker(library)
        except (OSError, AttributeError):
            continue
        return library
    return None


def _address(buffer: bytearray) -> int:
    """Return a buffer's address; the caller keeps the buffer alive and does not change its length meanwhile."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
