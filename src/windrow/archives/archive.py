"""One archive, open for reading."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Self

from windrow.archives.connection import Connection
from windrow.archives.extract import extract, missing
from windrow.archives.folders import open_source
from windrow.archives.sources import Source
from windrow.core.archive import reader
from windrow.core.archive.verify import Verified
from windrow.core.archive.verify import verify as verify_source
from windrow.core.errors import ArchiveError, SourceMissing
from windrow.core.manifest import Manifest, ManifestFile, Window
from windrow.core.naming import DATA_FOLDER

MAX_READ_BYTES = 256 * 1024 * 1024
"""Largest file that `Archive.read` holds in memory; `Archive.pieces` reads any."""


class Archive:
    """An archive that is open for reading, also by several threads; see `open_archive`.

    Every method that reads raises `ArchiveError` for the first fault that it finds, and `DestinationError` if a bucket
    could not be read. A file's SHA-256 is compared with the manifest's when its last byte is read.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reader = reader.Archive.open(source)

    @property
    def manifest(self) -> Manifest:
        """The manifest, checked as far as is possible without the files."""
        return self._reader.manifest

    @property
    def files(self) -> list[ManifestFile]:
        """The files, in the order of the archive. A tombstone has none."""
        return self.manifest.files

    @property
    def window(self) -> Window:
        """The half-open span of arrival that the archive covers: a minute, or an hour or a day of a backlog."""
        return self.manifest.window

    @property
    def size(self) -> int:
        """The archive's length in bytes."""
        return self._source.size

    @property
    def expected_sha256(self) -> str | None:
        """SHA-256 (hex) of the whole archive from its metadata; None without metadata, as for a local copy."""
        return self._source.expected_sha256

    def file(self, name: str) -> ManifestFile:
        """Return a file by its member name, with or without ``data/``. Raises `SourceMissing`."""
        found = self._reader.by_name.get(name) or self._reader.by_name.get(f"{DATA_FOLDER}{name}")
        if found is None:
            raise SourceMissing(f"the archive holds no member {name!r}")
        return found

    def versions(self, key: str) -> list[ManifestFile]:
        """Return the files with this raw S3 key: none, one, or several versions."""
        return [file for file in self.files if file.key == key]

    def read(self, file: ManifestFile | str, most_bytes: int = MAX_READ_BYTES) -> bytes:
        """Return one file's bytes, with one range read (one for each 8 MiB of a large file).

        Raises:
            ArchiveError: also for a file over ``most_bytes``, which `pieces` reads without holding it in memory.
            SourceMissing: the archive has no such member.
        """
        found = self._own(file)
        if found.size > most_bytes:
            raise ArchiveError(
                f"{found.name!r} has {found.size} bytes, over the limit of {most_bytes}; read its pieces"
            )
        return b"".join(self._reader.read(found))

    def pieces(self, file: ManifestFile | str) -> Iterator[bytes]:
        """Yield one file's bytes in pieces of 1 MiB at most; it is verified after the last one."""
        return self._reader.read(self._own(file))

    def walk(self, names: Collection[str] | None = None) -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
        """Yield the files (all, or those of these member names) in archive order, each with its bytes in pieces.

        Each frame is read once, in order. Read a file's pieces before the next file. Without ``names``, the archive is
        checked to its end. An iterator must not be shared by several threads.
        """
        if names is None:
            return self._reader.walk_whole(lambda _: None)
        return self._reader.walk({self.file(name).name for name in names})

    def verify(self, progress: Callable[[int], object] | None = None) -> Verified:
        """Read every byte and check it: gzip, tar, manifest, each SHA-256, and the whole archive's if metadata have it.

        ``progress`` is called with the number of bytes of each read.
        """
        return verify_source(self._source, self._source.expected_sha256, progress)

    def extract(
        self, folder: Path, names: Collection[str] | None = None, *, skip_existing: bool = False
    ) -> Iterator[ManifestFile]:
        """Write the files (all, or those of these member names) below a folder; yield each when it is complete.

        Nothing is written outside the folder, or over an existing file. With ``skip_existing``, a file that exists with
        the same bytes is skipped, so that an interrupted extraction can be continued.

        Raises:
            TargetError: a file exists (with ``skip_existing``: with other bytes), or writing failed.
        """
        wanted = self.files if names is None else list({name: self.file(name) for name in names}.values())
        absent = missing(wanted, folder) if skip_existing else wanted
        whole = len(absent) == len(self.files)
        return extract(self.walk(None if whole else {file.name for file in absent}), folder)

    def _own(self, file: ManifestFile | str) -> ManifestFile:
        return self.file(file if isinstance(file, str) else file.name)

    def close(self) -> None:
        """Close the local file, if there is one."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def open_archive(location: str, connection: Connection | None = None) -> Archive:
    """Open a local path, an ``s3://bucket/key`` URL, or any URL that ``fsspec`` reads (with ``windrow[fsspec]``).

    In a bucket, this takes a HEAD and one range read, whatever the archive's size; each file takes one more. Without
    the archive's metadata (a local copy, other URLs), a manifest of over 64 KiB takes two. ``connection`` is how to
    reach ``s3://``; by default it comes from the environment (`Connection`).

    Raises:
        SourceMissing: there is nothing at the location.
        ArchiveError: it is not a valid archive.
        DestinationError: the bucket could not be read.
        SettingsError: the environment does not say how to reach the bucket.
    """
    source = open_source(location, connection)
    try:
        return Archive(source)
    except BaseException:
        source.close()
        raise
