"""CRC-32 and length, which end a gzip member: of parts, and of what they make together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import deflate
from zlib_ng import zlib_ng

if TYPE_CHECKING:
    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class Checksum:
    """The CRC-32 of ``length`` bytes."""

    crc: int = 0
    length: int = 0

    @classmethod
    def of(cls, raw: Buffer) -> Checksum:
        """Return that of a buffer: by libdeflate, which takes a quarter of the time that zlib does."""
        return cls().then(raw)

    def then(self, raw: Buffer) -> Checksum:
        """Return that of the bytes so far and ``raw`` behind them."""
        return Checksum(deflate.crc32(raw, self.crc), self.length + memoryview(raw).nbytes)

    def __add__(self, other: Checksum) -> Checksum:
        """Return that of these bytes and the other's behind them, none of which need be at hand."""
        return Checksum(zlib_ng.crc32_combine(self.crc, other.crc, other.length), self.length + other.length)
