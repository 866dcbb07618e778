"""Verifies a whole archive: reads every byte once and checks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from windrow.core.archive.reader import Archive, RangeSource
from windrow.core.errors import ArchiveError
from windrow.core.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Verified:
    """A sound archive: its manifest, its length in bytes, and the SHA-256 (hex) of all of it."""

    manifest: Manifest
    size: int
    sha256: str


def verify(
    source: RangeSource, expected_sha256: str | None = None, progress: Callable[[int], object] | None = None
) -> Verified:
    """Check segments, tar structure, manifest, every file's SHA-256, and the end with the archive's CRC-32.

    ``expected_sha256`` (hex) is that of the whole archive, from its metadata; ``progress`` is called with the number of
    bytes of each read. Memory is bounded by the manifest and a few MiB.

    Raises:
        ArchiveError: naming the first fault.
    """
    archive = Archive.open(source)
    digest = sha256()

    def on_bytes(data: bytes) -> None:
        digest.update(data)
        if progress:
            progress(len(data))

    on_bytes(source.read(0, archive.manifest_bytes))
    for _ in archive.walk_whole(on_bytes):
        pass
    if expected_sha256 is not None and digest.hexdigest() != expected_sha256:
        raise ArchiveError(f"the archive has SHA-256 {digest.hexdigest()}, its metadata says {expected_sha256[:64]}")
    return Verified(archive.manifest, source.size, digest.hexdigest())
