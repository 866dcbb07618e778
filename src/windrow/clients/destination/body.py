"""A request body of many buffers, which are never joined."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from typing_extensions import Buffer

Pacer = Callable[[int], None]
"""Gets the size of what is sent next, and may wait."""

PIECE_BYTES = 128 * 1024
"""Sent at once. The longest silence counts for each piece, so that slow lines may need many of them."""


class ChunksBody(io.RawIOBase):
    """A seekable, readable stream over buffers, without copying them all; ``sha256`` is the digest of all bytes.

    ``exhausted`` says whether the last byte was read since the last `seek`: a server that was not sent the whole body
    cannot have stored it.
    """

    def __init__(self, chunks: Sequence[Buffer], sha256: bytes) -> None:
        super().__init__()
        self._views = [view for view in (memoryview(chunk).cast("B") for chunk in chunks) if view.nbytes]
        self._ends = list(accumulate(view.nbytes for view in self._views))
        self.size = self._ends[-1] if self._ends else 0
        self._position = 0
        self.sha256 = sha256
        self.exhausted = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position; return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = min(max(0, base + offset), self.size)
        self.exhausted = False
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer with the next bytes; return how many. AWS's CRT, if it is installed, reads in this way."""
        target = memoryview(buffer).cast("B")
        piece = self.read(target.nbytes)
        target[: len(piece)] = piece
        return len(piece)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes, all that is left if it is negative or None."""
        left = self.size - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        pieces = []
        while wanted:
            index = bisect_right(self._ends, self._position)
            view = self._views[index]
            start = self._position - (self._ends[index] - view.nbytes)
            piece = view[start : start + wanted]
            pieces.append(piece)
            wanted -= piece.nbytes
            self._position += piece.nbytes
        self.exhausted = self._position == self.size
        return b"".join(pieces)

    def pieces(self, pace: Pacer | None) -> Iterator[memoryview]:
        """Yield all bytes, in pieces that are not copied; ``pace`` gets the size of each first, and may wait."""
        for view in self._views:
            for start in range(0, view.nbytes, PIECE_BYTES):
                piece = view[start : start + PIECE_BYTES]
                if pace is not None:
                    pace(piece.nbytes)
                self._position += piece.nbytes
                self.exhausted = self._position == self.size
                yield piece
