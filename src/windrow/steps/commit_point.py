"""What the destination holds under an archive key: the commit point, asked and proven."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from windrow.core.archive.reader import Archive, manifest_bytes_of
from windrow.core.archive.writer import ArchiveSummary, seal
from windrow.core.errors import ArchiveError, ChecksumMismatch, DestinationError
from windrow.core.manifest import Manifest, Window
from windrow.core.planning import set_aside_key
from windrow.ports import Destination, Metrics, Stored

READ_BACK_BYTES = 8 * 1024 * 1024
"""Piece size when an archive must be read back because the server keeps no SHA-256 of it."""

STAGED_ETAG = "staged-etag"
"""Metadata of an archive that the server copied from a staged object whose bytes were proven: that object's ETag.

Both came in the same parts, so the ETag, which the server made from what it copied, is the same if the bytes are.
Where a server makes ETags otherwise (encryption by KMS), the archive is read back."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """An archive that is committed: its manifest, its digest (hex), its size in bytes, and when it was stored."""

    manifest: Manifest
    sha256: str
    archive_bytes: int
    committed_at: datetime


class CommitPoint:
    """Asks the destination what is committed, and closes keys for good."""

    def __init__(self, destination: Destination, metrics: Metrics) -> None:
        self._destination = destination
        self._metrics = metrics

    def find(self, key: str) -> Found | None:
        """Return the archive that is committed under the key, None if there is none.

        What fails its own proof is set aside, counted as `ChecksumMismatch` and then not there. It is kept, because
        it may have been sound once: other files of it, which were acknowledged then, may exist nowhere else by now.

        Raises:
            DestinationError: the destination could not be asked, or did not set aside what is wrong
                (``maybe_stored``).
        """
        stored = self._destination.head(key)
        if stored is None:
            return None
        try:
            return self._opened(key, stored)
        except (ChecksumMismatch, ArchiveError) as error:
            aside = set_aside_key(key, stored.last_modified)
            _log.error(
                "archive failed its proof and is set aside",
                extra={"archive_key": key, "kept_as": aside, "error": str(error)},
            )
            with _still_there(key, "set aside"):
                self._destination.copy(key, aside, stored.etag)
            self._discard(key)
            return None

    def inspect(self, key: str) -> Found | None:
        """Return the archive that is committed under the key, None if there is none. Changes nothing.

        Raises:
            ChecksumMismatch, ArchiveError: what is there fails its own proof.
            DestinationError: the destination could not be asked.
        """
        stored = self._destination.head(key)
        return self._opened(key, stored) if stored else None

    def _opened(self, key: str, stored: Stored) -> Found:
        self._check(key, stored, stored.metadata.get("sha256_checksum", ""))
        length = manifest_bytes_of(stored.metadata)
        if length is None:
            raise ArchiveError(f"{key} has no metadata 'manifest-bytes'")
        manifest = Archive.open(_Range(self._destination, key, stored.size, length)).manifest
        return Found(manifest, stored.metadata["sha256_checksum"], stored.size, stored.last_modified)

    def prove(self, key: str, sealed: ArchiveSummary) -> None:
        """Check that the destination holds exactly ``sealed``.

        Raises:
            ChecksumMismatch: it holds something else, which has been deleted.
            DestinationError: it could not be asked, or the wrong archive could not be deleted (``maybe_stored``).
        """
        stored = self._destination.head(key)
        if stored is None:
            raise DestinationError.gone(key)
        try:
            if stored.size != sealed.size:
                raise ChecksumMismatch(f"{key} holds {stored.size} bytes, {sealed.size} were sent")
            self._check(key, stored, sealed.sha256.hex())
        except ChecksumMismatch:
            self._discard(key)
            raise

    def resolve(self, key: str, window: Window) -> Found | None:
        """Settle for good whether an archive is committed under a key whose last request had no known end.

        Returns the archive; or None after closing the key with an empty archive, so that a request that is still
        under way finds the key taken. ``window`` goes into that empty archive's manifest.

        Raises:
            DestinationError: not settled: the key may still be written to.
        """
        found = self.find(key)
        if found is not None:
            return found
        empty = seal(window, [], level=1)
        if self._destination.put(key, empty.chunks, empty.sha256, empty.metadata):
            return None
        found = self.find(key)
        if found is None:
            raise DestinationError.gone(key)
        return found

    def _check(self, key: str, stored: Stored, expected: str) -> None:
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

    def _discard(self, key: str) -> None:
        self._metrics.count("ChecksumMismatch")
        with _still_there(key, "deleted"):
            self._destination.delete(key)


@dataclass(frozen=True, slots=True)
class _Range:
    """An archive at the destination, as a `windrow.core.archive.reader.RangeSource`."""

    destination: Destination
    key: str
    size: int
    manifest_bytes: int | None

    def read(self, start: int, length: int) -> bytes:
        return self.destination.read(self.key, start, length)


@contextmanager
def _still_there(key: str, done: str) -> Iterator[None]:
    """Have a failure inside the block say that what is wrong stands under the key all the same."""
    try:
        yield
    except DestinationError as error:
        raise DestinationError(
            f"{key} is wrong and could not be {done}: {error}", error.kind, maybe_stored=True
        ) from error
