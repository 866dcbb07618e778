"""Reads a gzip member that nobody vouches for: bounded, in pieces, and strict about where it ends."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from windrow.core.archive import members
from windrow.core.errors import ArchiveError

PIECE_BYTES = 1024 * 1024
"""Raw bytes handed out at once, and compressed bytes fed at once, at most: what reading a member costs in memory."""


class Inflater:
    """The raw bytes of one gzip member, which comes in compressed ``pieces``; ``what`` names it in errors.

    Every method raises `ArchiveError` for what is wrong with the member as far as it was read; the member's own
    checksum is checked when its last byte is read.
    """

    def __init__(self, pieces: Iterator[bytes], what: str) -> None:
        self._pieces = pieces
        self._what = what
        self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._next = next(pieces, b"")
        if not self._next.startswith(members.HEAD):
            raise ArchiveError(f"{what} does not begin as a windrow/1 gzip member does")

    def read(self, limit: int) -> bytes:
        """Return the next 1 to ``limit`` raw bytes (never more than `PIECE_BYTES`); none at the end of the member."""
        while not self._zlib.eof:
            data = self._zlib.unconsumed_tail or self._next or next(self._pieces, b"")
            self._next = b""
            try:
                raw = self._zlib.decompress(data, min(limit, PIECE_BYTES))
            except zlib.error as error:
                raise ArchiveError(f"{self._what} is damaged: {error}") from error
            if raw:
                return raw
            if not data and not self._zlib.eof:
                raise ArchiveError(f"{self._what} ends early")
        return b""

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
        """Pass over ``length`` raw bytes."""
        for _ in self.pieces(length):
            pass

    def upto(self, limit: int) -> bytes:
        """Return the rest of the member, which may be ``limit`` bytes at most."""
        parts = []
        left = limit
        while raw := self.read(left + 1):
            left -= len(raw)
            if left < 0:
                raise ArchiveError(f"{self._what} inflates to more than {limit} bytes")
            parts.append(raw)
        return b"".join(parts)

    def unused(self) -> bytes:
        """Return what was fed of the bytes behind the member, once it has ended."""
        return self._zlib.unused_data

    def close(self) -> None:
        """Check that the member ends right here, and nothing stands behind it."""
        if self.read(1):
            raise ArchiveError(f"{self._what} holds more than the manifest says")
        if self._zlib.unused_data or next(self._pieces, b""):
            raise ArchiveError(f"{self._what} has other bytes behind its end")
