"""The one gzip member that an archive is (RFC 1952): what stands before, behind and between its segments.

A segment is a run of whole deflate blocks (RFC 1951), none of them the member's last one, that refers to nothing before
it and ends at a byte. So it inflates alone; and one behind the other they inflate to what they hold together, for
whoever reads the archive from front to back as any gzip file.

Nothing but content and the deflate encoding is free: no name, no time, no hint at level or system in the head, and the
tar's end is always encoded alike. So how long an archive has to be follows from its manifest.
"""

from __future__ import annotations

import struct

from windrow.core.archive import tar
from windrow.core.archive.checksum import Checksum

HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Magic, deflate, no flags, mtime 0, no extra flags, system unknown."""

FLUSH = b"\x00\x00\xff\xff"
"""What every segment ends in, as zlib's full flush does: length and its complement of an empty stored block."""

TAR_END = bytes.fromhex("62601805a360148c5400000000ffff")
"""The segment of the tar's end, 1,024 zero bytes."""

LAST_BLOCK = b"\x03\x00"
"""An empty block that is the member's last one."""

TAIL_BYTES = len(TAR_END) + len(LAST_BLOCK) + 8
"""What follows the last frame: the tar's end, the last block, CRC-32 and length."""

MAX_INFLATION = 1032
"""Deflate makes at most 258 bytes of 2 bits: more raw bytes per compressed byte cannot be true."""

_OF_TAR_END = Checksum.of(tar.END)


def tail(checksum: Checksum) -> bytes:
    """Return what ends an archive whose manifest and frames have this checksum together."""
    whole = checksum + _OF_TAR_END
    return TAR_END + LAST_BLOCK + struct.pack("<II", whole.crc, whole.length & 0xFFFFFFFF)
