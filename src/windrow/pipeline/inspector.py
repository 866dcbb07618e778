"""Verifies what the destination holds under an archive key. Changes nothing."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import msgspec

from windrow.core.archive.reader import Archive, RangeSource, manifest_bytes_of
from windrow.core.archive.writer import ArchiveSummary
from windrow.core.errors import ArchiveError, ChecksumMismatch
from windrow.core.manifest import Manifest
from windrow.ports import Destination, Stored

READ_BACK_BYTES = 8 * 1024 * 1024
"""Bytes of one read when an archive must be read back because the server keeps no SHA-256 of it."""

STAGED_ETAG = "staged-etag"
"""Metadata of an archive that the server copied from a verified staged object: that object's ETag.

Both have the same parts, so the ETag, which the server computed from what it copied, is the same if the bytes are.
Where a server computes ETags in another way (encryption by KMS), the archive is read back."""


class Found(msgspec.Struct, frozen=True):
    """A verified archive: its manifest, its digest (hex), its size in bytes, and when it was stored."""

    manifest: Manifest
    sha256: str
    archive_bytes: int
    stored_at: datetime


class Inspector:
    """Verifies archives by their metadata, the server's own checksum and their manifest."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def inspect(self, key: str) -> Found | None:
        """Return the archive under the key, None if there is none.

        Raises:
            ChecksumMismatch, ArchiveError: the object fails its verification.
            DestinationError: the destination could not be read.
        """
        stored = self._destination.head(key)
        return self.open(key, stored) if stored else None

    def open(self, key: str, stored: Stored) -> Found:
        """Verify the object that HEAD found, and read its manifest. Raises as `inspect` does."""
        digest = stored.metadata.get("sha256_checksum", "")
        if not digest:
            raise ArchiveError(f"{key} is not an archive of Windrow's: it has no metadata 'sha256_checksum'")
        self._verify_digest(key, stored, digest)
        manifest = Archive.open(self.source(key, stored)).manifest
        return Found(manifest, digest, stored.size, stored.last_modified)

    def source(self, key: str, stored: Stored) -> RangeSource:
        """Return the bytes of the object that HEAD found. Raises `ArchiveError` if it lacks an archive's metadata."""
        length = manifest_bytes_of(stored.metadata)
        if length is None:
            raise ArchiveError(f"{key} has no metadata 'manifest-bytes'")
        return _Range(self._destination, key, stored.size, length)

    def verify(self, key: str, stored: Stored, sealed: ArchiveSummary) -> None:
        """Check that the object that HEAD found is ``sealed``.

        Raises:
            ChecksumMismatch: it is something else.
            DestinationError: the archive had to be read back and could not be.
        """
        if stored.size != sealed.size:
            raise ChecksumMismatch(f"{key} holds {stored.size} bytes, {sealed.size} were sent")
        self._verify_digest(key, stored, sealed.sha256.hex())

    def _verify_digest(self, key: str, stored: Stored, expected: str) -> None:
        """Compare stored metadata and the server's own checksum (a copy's ETag) with the expected digest (hex)."""
        declared = stored.metadata.get("sha256_checksum", "")
        actual = stored.checksum_sha256
        if actual is None:
            copied = stored.metadata.get(STAGED_ETAG) == stored.etag
            actual = declared if copied else self._read_back(key, stored.size)
        if not declared == expected == actual:
            raise ChecksumMismatch(
                f"{key}: sent SHA-256 {expected or 'none'}, metadata says {declared or 'none'}, body has {actual}"
            )

    def _read_back(self, key: str, size: int) -> str:
        digest = sha256()
        for start in range(0, size, READ_BACK_BYTES):
            digest.update(self._destination.read(key, start, READ_BACK_BYTES))
        return digest.hexdigest()


class _Range(msgspec.Struct, frozen=True):
    """An archive at the destination, as a `windrow.core.archive.reader.RangeSource`."""

    destination: Destination
    key: str
    size: int
    manifest_bytes: int | None

    def read(self, start: int, length: int) -> bytes:
        return self.destination.read(self.key, start, length)
