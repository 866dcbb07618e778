"""Inflates an untrusted segment: in pieces, with bounded memory, and strict about where it ends."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import FLUSH, LAST_BLOCK
from windrow.core.errors import ArchiveError

PIECE_BYTES = 1024 * 1024
"""Most raw bytes returned at once, and most compressed bytes read at once: the memory that reading a segment takes."""

_OTHER_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
"""An empty last block like `LAST_BLOCK`, but stored: within an unfinished block, no code can be read as both."""


class Inflater:
    """The raw bytes of one segment, which comes in compressed ``pieces``; ``what`` names it in errors.

    Every method raises `ArchiveError` for a fault of the segment as far as it was read. ``raw`` is the checksum of the
    raw bytes read so far.
    """

    def __init__(self, pieces: Iterator[bytes], what: str) -> None:
        self._pieces = pieces
        self._what = what
        self._zlib = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._end = b""
        self.raw = Checksum()

    def read(self, limit: int) -> bytes:
        """Return the next 1 to ``limit`` raw bytes (`PIECE_BYTES` at most), or b"" at the end of the segment."""
        while True:
            data = self._zlib.unconsumed_tail or self._next()
            try:
                raw = self._zlib.decompress(data, min(limit, PIECE_BYTES))
            except zlib.error as error:
                raise ArchiveError(f"{self._what} is damaged: {error}") from error
            if self._zlib.eof:
                raise ArchiveError(f"{self._what} ends before its last byte, or other bytes follow its end")
            if raw:
                self.raw = self.raw.then(raw)
            if raw or not data:
                return raw

    def _next(self) -> bytes:
        piece = next(self._pieces, b"")
        self._end = (self._end + piece[-len(FLUSH) :])[-len(FLUSH) :]
        return piece

    def pieces(self, length: int) -> Iterator[bytes]:
        """Yield exactly ``length`` raw bytes in pieces."""
        left = length
        while left:
            raw = self.read(left)
            if not raw:
                raise ArchiveError(f"{self._what} holds {left} raw bytes fewer than the manifest says")
            left -= len(raw)
            yield raw

    def exactly(self, length: int) -> bytes:
        """Return exactly ``length`` raw bytes, a number that the caller knows to be small."""
        return b"".join(self.pieces(length))

    def skip(self, length: int) -> None:
        """Read and discard ``length`` raw bytes."""
        for _ in self.pieces(length):
            pass

    def upto(self, limit: int) -> bytes:
        """Return the rest of the segment, which may be ``limit`` bytes at most."""
        parts = []
        left = limit
        while raw := self.read(left + 1):
            left -= len(raw)
            if left < 0:
                raise ArchiveError(f"{self._what} inflates to more than {limit} bytes")
            parts.append(raw)
        return b"".join(parts)

    def close(self) -> None:
        """Check that the segment ends here, at the end of a block and of a byte, so that another may follow."""
        if self.read(1):
            raise ArchiveError(f"{self._what} holds more than the manifest says")
        ended = all(_ends_with(self._zlib.copy(), block) for block in (LAST_BLOCK, _OTHER_LAST_BLOCK))
        if not ended or self._end != FLUSH:
            raise ArchiveError(f"{self._what} ends within a block")


def _ends_with(inflating: zlib._Decompress, block: bytes) -> bool:
    try:
        return not inflating.decompress(block, 1) and inflating.eof and not inflating.unused_data
    except zlib.error:
        return False
