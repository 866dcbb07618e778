"""Copies one archive from the destination to the bucket for copies, and verifies copies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from windrow.core.errors import CopyError, OutOfTime
from windrow.pipeline.deadline import Deadline
from windrow.ports import CopyStore, Destination, Stored

if TYPE_CHECKING:
    from typing_extensions import Buffer

PIECE_BYTES = 8 * 1024 * 1024
"""Bytes of one range request to the destination."""

_SHA256 = re.compile("[0-9a-f]{64}")


class Copier:
    """Copies archives, each verified by the SHA-256 in its own metadata."""

    def __init__(self, destination: Destination, copies: CopyStore) -> None:
        self._destination = destination
        self._copies = copies

    def copy(self, key: str, deadline: Deadline, *, dry_run: bool) -> int | None:
        """Copy an archive unless it has a copy; return the archive's size in bytes, None if it needs no copy.

        A tombstone needs none, nor does an archive that is gone since it was listed.

        Raises:
            CopyError: the archive does not match its metadata, the copy could not be stored, or there is another copy:
                a copy is never replaced.
            DestinationError: the archive could not be read.
            OutOfTime: the run time would end before the copy.
        """
        stored = self._destination.head(key)
        if stored is None or stored.metadata.get("file-count") == "0":
            return None
        digest = stored.metadata.get("sha256_checksum", "")
        if not _SHA256.fullmatch(digest):
            raise CopyError(f"{key} has no SHA-256 in its metadata")
        if dry_run:
            self._verify_if_present(key, stored.size, digest)
            return stored.size
        pieces = self._pieces(key, stored, deadline)
        if not self._copies.store(key, pieces, stored.size, bytes.fromhex(digest), stored.metadata):
            self.verify(key, stored.size, digest)
        return stored.size

    def verify(self, key: str, size: int, sha256: str) -> None:
        """Check that there is a copy of this size and digest (hex). Raises `CopyError`."""
        if not self._verify_if_present(key, size, sha256):
            raise CopyError(f"there is no copy of {key}")

    def _verify_if_present(self, key: str, size: int, sha256: str) -> bool:
        found = self._copies.head(key)
        if found is None:
            return False
        declared = found.metadata.get("sha256_checksum", "none")
        if (found.size, declared) != (size, sha256):
            raise CopyError(
                f"the copy of {key} has {found.size} bytes and SHA-256 {declared}, the archive {size} and {sha256}"
            )
        return True

    def _pieces(self, key: str, stored: Stored, deadline: Deadline) -> Iterator[Buffer]:
        for start in range(0, stored.size, PIECE_BYTES):
            if not deadline.may_fetch():
                raise OutOfTime(f"{start} of {stored.size} bytes of {key} were copied in the time available")
            yield self._destination.read(key, start, min(PIECE_BYTES, stored.size - start))
