"""Where archives are read from: a local file, or an object in the destination."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Self

from windrow.core.archive.reader import manifest_bytes_of
from windrow.core.errors import ArchiveError, WindrowError
from windrow.ports import Destination

S3_SCHEME = "s3"


class SourceMissing(WindrowError):
    """There is no archive where one was looked for, or the location is not one that Windrow understands."""


class LocalArchive:
    """A file, as a `RangeSource`. It stays open until `close`."""

    manifest_bytes: int | None = None
    expected_sha256: str | None = None

    def __init__(self, path: Path) -> None:
        self._file = _open_regular(path)
        self.size = self._file.seek(0, 2)

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end of the file."""
        try:
            self._file.seek(start)
            return self._file.read(length)
        except OSError as error:
            raise ArchiveError(f"the file cannot be read at byte {start}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _open_regular(path: Path) -> BinaryIO:
    """Open a file that ranges can be read from. Raises `SourceMissing`."""
    try:
        # Without waiting: opening a pipe would, until somebody writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise SourceMissing(f"{path} cannot be opened: {getattr(error, 'strerror', error)}") from error
    if stat.S_ISREG(os.fstat(number).st_mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise SourceMissing(f"{path} cannot be opened: it is no regular file, and an archive is read by ranges")


class StoredArchive:
    """An object in the destination, as a `RangeSource`.

    Its metadata says how long the manifest member is, and what SHA-256 the whole archive has.
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
        """Do nothing: no connection belongs to one archive."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def open_archive(location: str, connect: Callable[[str], Destination]) -> LocalArchive | StoredArchive:
    """Open a local path or an ``s3://bucket/key`` URL; ``connect`` gives the destination for a bucket.

    Raises:
        SourceMissing: nothing is there.
        DestinationError: the destination could not be asked.
    """
    if not location.startswith(f"{S3_SCHEME}://"):
        return LocalArchive(Path(location))
    # A key may hold '?' and '#', which a URL parser would cut off.
    bucket, _, key = location.removeprefix(f"{S3_SCHEME}://").partition("/")
    if not bucket or not key:
        raise SourceMissing(f"{location!r} is not s3://bucket/key")
    return StoredArchive(connect(bucket), key)
