"""CRC-32 and length, which end a gzip member; those of parts can be combined into that of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import deflate
import msgspec
from zlib_ng import zlib_ng

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Checksum(msgspec.Struct, frozen=True):
    """The CRC-32 of ``length`` bytes."""

    crc: int = 0
    length: int = 0

    @classmethod
    def of(cls, raw: Buffer) -> Checksum:
        """Return the checksum of a buffer, by libdeflate, which takes a quarter of zlib's time."""
        return cls().then(raw)

    def then(self, raw: Buffer) -> Checksum:
        """Return the checksum of the bytes so far followed by ``raw``."""
        return Checksum(deflate.crc32(raw, self.crc), self.length + memoryview(raw).nbytes)

    def __add__(self, other: Checksum) -> Checksum:
        """Return the checksum of these bytes followed by the other's, without reading either."""
        return Checksum(zlib_ng.crc32_combine(self.crc, other.crc, other.length), self.length + other.length)
