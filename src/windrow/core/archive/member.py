"""The gzip member that an archive consists of (RFC 1952): the bytes before, after and between its segments.

A segment is a run of whole deflate blocks (RFC 1951), none of them the member's last one, that refers to nothing before
it and ends at a byte. So it can be inflated alone; and read one after the other, the segments inflate to the whole tar,
as in any gzip file.

Only the content and its deflate encoding vary: the header has no name, no time, no level and no system, and the end of
the tar always has the same encoding. So an archive's length follows from its manifest.
"""

from __future__ import annotations

import struct

from windrow.core.archive import tar
from windrow.core.archive.checksum import Checksum

HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Magic, deflate, no flags, mtime 0, no extra flags, system unknown."""

FLUSH = b"\x00\x00\xff\xff"
"""The end of every segment, as after zlib's full flush: the length of an empty stored block, and its complement."""

TAR_END = bytes.fromhex("62601805a360148c5400000000ffff")
"""The segment of the tar's end, 1,024 zero bytes."""

LAST_BLOCK = b"\x03\x00"
"""An empty block that is the member's last one."""

TAIL_BYTES = len(TAR_END) + len(LAST_BLOCK) + 8
"""What follows the last frame: the tar's end, the last block, CRC-32 and length."""

MAX_INFLATION = 1032
"""Most raw bytes for one compressed byte: deflate encodes at most 258 bytes in 2 bits."""

_OF_TAR_END = Checksum.of(tar.END)


def tail(checksum: Checksum) -> bytes:
    """Return the end of an archive whose manifest and frames together have this checksum."""
    whole = checksum + _OF_TAR_END
    return TAR_END + LAST_BLOCK + struct.pack("<II", whole.crc, whole.length & 0xFFFFFFFF)
