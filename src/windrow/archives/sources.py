"""The bytes of one archive: a local file, an object in a bucket, or a file that ``fsspec`` reads by ranges.

Each may be read by several threads at once.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Protocol, Self

from windrow.core.archive.reader import RangeSource, manifest_bytes_of
from windrow.core.errors import ArchiveError, SourceMissing
from windrow.ports import Destination


class Source(RangeSource, Protocol):
    """An archive's bytes, and the SHA-256 from its metadata."""

    @property
    def expected_sha256(self) -> str | None:
        """SHA-256 (hex) of the whole archive from its metadata, None without metadata."""

    def close(self) -> None:
        """Close what is open."""


class LocalArchive:
    """A file, as a `Source`. It stays open until `close`, or until it is garbage-collected."""

    manifest_bytes: int | None = None
    expected_sha256: str | None = None
    _number = -1

    def __init__(self, path: Path) -> None:
        self._number = _open_regular(path)
        self.size = os.fstat(self._number).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end of the file."""
        pieces = []
        try:
            # By offset, because threads share the file's position. A call returns 2 GiB at most.
            while length and (piece := os.pread(self._number, length, start)):
                pieces.append(piece)
                start, length = start + len(piece), length - len(piece)
        except OSError as error:
            raise ArchiveError(f"the file cannot be read at byte {start}: {error.strerror}") from error
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        if self._number >= 0:
            os.close(self._number)
        self._number = -1

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _open_regular(path: Path) -> int:
    """Open a file that ranges can be read from; return its descriptor. Raises `SourceMissing`."""
    try:
        # Non-blocking: opening a pipe would block until somebody writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise SourceMissing(f"{path} cannot be opened: {getattr(error, 'strerror', error)}") from error
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise SourceMissing(f"{path} cannot be opened: it is not a regular file, and an archive is read by ranges")


class StoredArchive:
    """An object in a bucket, as a `Source`.

    Its metadata says how long the manifest's segment is, and what SHA-256 the whole archive has.
    """

    def __init__(self, destination: Destination, key: str) -> None:
        stored = destination.head(key)
        if stored is None:
            raise SourceMissing(f"the destination holds no archive {key!r}")
        self._destination = destination
        self._key = key
        self.size = stored.size
        self.last_modified = stored.last_modified
        self.manifest_bytes = manifest_bytes_of(stored.metadata)
        self.expected_sha256 = stored.metadata.get("sha256_checksum")

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end of the object. Raises `DestinationError`."""
        return self._destination.read(self._key, start, length)

    def close(self) -> None:
        """Do nothing: connections are shared."""


class FsspecArchive:
    """A file of an ``fsspec`` file system, as a `Source`. That file system's errors are passed on."""

    manifest_bytes: int | None = None
    expected_sha256: str | None = None

    def __init__(self, system: Any, path: str) -> None:  # noqa: ANN401 - fsspec has no types
        try:
            size = system.info(path).get("size")
        except FileNotFoundError as error:
            raise SourceMissing(f"there is no archive at {path!r}") from error
        if size is None:
            raise SourceMissing(f"{path!r} can't be read by ranges: its server does not report its size")
        self._system = system
        self._path = path
        self.size = int(size)

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end of the file."""
        return bytes(self._system.cat_file(self._path, start=start, end=start + length)) if length > 0 else b""

    def close(self) -> None:
        """Do nothing: nothing is kept open."""
