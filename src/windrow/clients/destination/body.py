"""A request body of many buffers, which are never joined."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from typing_extensions import Buffer


class ChunksBody(io.RawIOBase):
    """A seekable, readable stream over buffers, without copying them all.

    ``exhausted`` says whether the last byte was read since the last `seek`: a server that was not sent the whole body
    cannot have stored it. (Signing a body for plain http reads it too, but seeks back.) ``pace``, once set, is called
    with the size of each read before it returns, and may wait.
    """

    def __init__(self, chunks: Sequence[Buffer]) -> None:
        super().__init__()
        self._views = [view for view in (memoryview(chunk).cast("B") for chunk in chunks) if view.nbytes]
        self._ends = list(accumulate(view.nbytes for view in self._views))
        self.size = self._ends[-1] if self._ends else 0
        self._position = 0
        self.exhausted = False
        self.pace: Callable[[int], None] | None = None

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
        if self.pace is not None:
            self.pace(sum(piece.nbytes for piece in pieces))
        return b"".join(pieces)
