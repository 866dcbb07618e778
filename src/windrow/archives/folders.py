"""Folders of archives: in a bucket, on disk, or in a file system that ``fsspec`` supports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from windrow.archives.connection import Connection, buckets
from windrow.archives.sources import FsspecArchive, LocalArchive, Source, StoredArchive
from windrow.core.errors import SourceMissing
from windrow.ports import Destination

S3 = "s3://"
_FSSPEC = "pip install 'windrow[fsspec]'"


class Listed(NamedTuple):
    """A file: its path below the folder, with ``/`` between its parts, and its size in bytes."""

    key: str
    size: int


class Folder(Protocol):
    """A folder of archives. Keys are relative to it."""

    def list(self, path: str, start: str = "") -> Iterator[Listed]:
        """Yield every file at any depth below ``path`` (empty, or with a slash at its end).

        With ``start`` (without a slash), only files directly below ``path`` whose names begin with it are needed.
        """

    def source(self, key: str) -> Source:
        """Open a file. Raises `SourceMissing`."""

    def location(self, key: str) -> str:
        """Return the file's location for `open_source`."""


def open_source(location: str, connection: Connection | None = None) -> Source:
    """Open one archive. Raises `SourceMissing`, and for ``s3://`` `DestinationError` and `SettingsError`."""
    if location.startswith(S3):
        bucket, key = in_bucket(location)
        if not key:
            raise SourceMissing(f"{location!r} is not s3://bucket/key")
        return StoredArchive(buckets(connection).bucket(bucket), key)
    if "://" in location:
        return FsspecArchive(*_in_system(location))
    return LocalArchive(Path(location))


def open_folder(location: str, connection: Connection | None = None) -> Folder:
    """Return a folder: ``s3://bucket`` with or without a prefix, a local path, or a URL that ``fsspec`` lists.

    Raises:
        SourceMissing: there is no such folder; for a bucket, this is found when it is listed.
        SettingsError: the environment does not say how to reach ``s3://``.
    """
    if location.startswith(S3):
        bucket, prefix = in_bucket(location)
        return BucketFolder(buckets(connection).bucket(bucket), bucket, prefix)
    if "://" in location:
        return FsspecFolder(*_in_system(location))
    return LocalFolder(Path(location))


def is_folder(location: str) -> bool:
    """Return whether a location is a folder: it ends in a slash, or is a bucket or a folder on disk."""
    bucket = location.startswith(S3) and "/" not in location.removeprefix(S3)
    return location.endswith("/") or bucket or Path(location).is_dir()


def in_bucket(location: str) -> tuple[str, str]:
    """Return the bucket and the key of an ``s3://`` URL. Raises `SourceMissing` if it names no bucket."""
    # A key may contain '?' and '#', at which a URL parser would cut it.
    bucket, _, key = location.removeprefix(S3).partition("/")
    if not bucket:
        raise SourceMissing(f"{location!r} is not s3://bucket/key")
    return bucket, key


def _in_system(location: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise SourceMissing(f"{location!r} needs the package fsspec; install it with: {_FSSPEC}") from error
    try:
        system, path = url_to_fs(location)
    except (ImportError, ValueError) as error:  # a missing package for this kind of URL; an unknown kind
        raise SourceMissing(f"{location!r} can't be opened: {error}") from error
    return system, str(path)


class BucketFolder:
    """A prefix in a bucket, as a `Folder`."""

    def __init__(self, destination: Destination, bucket: str, prefix: str) -> None:
        self._destination = destination
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def list(self, path: str, start: str = "") -> Iterator[Listed]:
        """Yield the files below a path; see `Folder`."""
        for key, size in self._destination.list(f"{self._prefix}{path}{start}"):
            yield Listed(key.removeprefix(self._prefix), size)

    def source(self, key: str) -> Source:
        """Open an archive: one HEAD."""
        return StoredArchive(self._destination, f"{self._prefix}{key}")

    def location(self, key: str) -> str:
        """Return its URL."""
        return f"{S3}{self._bucket}/{self._prefix}{key}"


class LocalFolder:
    """A folder on disk, as a `Folder`. Links to folders are not followed."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise SourceMissing(f"{path} is not a folder")
        self._path = path

    def list(self, path: str, start: str = "") -> Iterator[Listed]:
        """Yield the files below a path; see `Folder`."""
        for folder, inner, names in os.walk(self._path / path):
            inner[:] = [] if start else sorted(inner)
            for name in sorted(name for name in names if name.startswith(start)):
                file = Path(folder, name)
                if file.is_file():
                    yield Listed(file.relative_to(self._path).as_posix(), file.stat().st_size)

    def source(self, key: str) -> Source:
        """Open an archive."""
        return LocalArchive(self._path / key)

    def location(self, key: str) -> str:
        """Return its path."""
        return str(self._path / key)


class FsspecFolder:
    """A folder of an ``fsspec`` file system, as a `Folder`."""

    def __init__(self, system: Any, path: str) -> None:  # noqa: ANN401 - fsspec has no types
        self._system = system
        self._path = path.rstrip("/")

    def list(self, path: str, start: str = "") -> Iterator[Listed]:
        """Yield the files below a path; see `Folder`."""
        depth = 1 if start else None
        found = self._system.find(f"{self._path}/{path}", maxdepth=depth, detail=True)
        for name, detail in sorted(found.items()):
            key = name.removeprefix(f"{self._path}/")
            if key.startswith(f"{path}{start}"):
                yield Listed(key, int(detail["size"] or 0))

    def source(self, key: str) -> Source:
        """Open an archive."""
        return FsspecArchive(self._system, f"{self._path}/{key}")

    def location(self, key: str) -> str:
        """Return its URL."""
        return str(self._system.unstrip_protocol(f"{self._path}/{key}"))
