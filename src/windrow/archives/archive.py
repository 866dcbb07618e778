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
"""Of a file that `Archive.read` holds in memory; `Archive.pieces` reads any."""


class Archive:
    """An archive that is open for reading, by several threads if need be; see `open_archive`.

    Every method that reads raises `ArchiveError` for the first thing wrong that it meets, and `DestinationError` where
    a bucket could not be asked. A file's SHA-256 is compared with the manifest's whenever its last byte is read.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reader = reader.Archive.open(source)

    @property
    def manifest(self) -> Manifest:
        """The manifest, checked for all that it can be checked for by itself."""
        return self._reader.manifest

    @property
    def files(self) -> list[ManifestFile]:
        """The files, in the order of the archive. A tombstone has none."""
        return self.manifest.files

    @property
    def window(self) -> Window:
        """The half-open span of arrival that the archive covers: a minute; of a backlog perhaps an hour or a day."""
        return self.manifest.window

    @property
    def size(self) -> int:
        """The archive's length in bytes."""
        return self._source.size

    @property
    def expected_sha256(self) -> str | None:
        """SHA-256 (hex) of the whole archive as its metadata says, None where there are none, as of a local copy."""
        return self._source.expected_sha256

    def file(self, name: str) -> ManifestFile:
        """Return a file by its member name, with or without ``data/``. Raises `SourceMissing`."""
        found = self._reader.by_name.get(name) or self._reader.by_name.get(f"{DATA_FOLDER}{name}")
        if found is None:
            raise SourceMissing(f"the archive holds no member {name!r}")
        return found

    def versions(self, key: str) -> list[ManifestFile]:
        """Return the files whose raw S3 key this is: none, one, or several versions of it."""
        return [file for file in self.files if file.key == key]

    def read(self, file: ManifestFile | str, most_bytes: int = MAX_READ_BYTES) -> bytes:
        """Return one file's bytes, for one range read (one for each 8 MiB of a large one).

        Raises:
            ArchiveError: also for a file over ``most_bytes``, which `pieces` reads without holding it.
            SourceMissing: the archive has no such member.
        """
        found = self._own(file)
        if found.size > most_bytes:
            raise ArchiveError(f"{found.name!r} has {found.size} bytes, over the {most_bytes} to hold; read its pieces")
        return b"".join(self._reader.read(found))

    def pieces(self, file: ManifestFile | str) -> Iterator[bytes]:
        """Yield one file's bytes in pieces of 1 MiB at most; it is verified when the last one has been taken."""
        return self._reader.read(self._own(file))

    def walk(self, names: Collection[str] | None = None) -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
        """Yield the files (all, or those of these member names) in archive order, each with its bytes in pieces.

        Each frame is read once, in order. Pieces are to be taken before the next file is asked for. Without ``names``
        the archive is checked to its end. Not for several threads: each takes an iterator of its own.
        """
        if names is None:
            return self._reader.walk_whole(lambda _: None)
        return self._reader.walk({self.file(name).name for name in names})

    def verify(self, progress: Callable[[int], object] | None = None) -> Verified:
        """Read every byte and check it: gzip, tar, manifest, each SHA-256, and the whole one where metadata has it.

        ``progress`` is told how many bytes were read.
        """
        return verify_source(self._source, self._source.expected_sha256, progress)

    def extract(
        self, folder: Path, names: Collection[str] | None = None, *, skip_existing: bool = False
    ) -> Iterator[ManifestFile]:
        """Write the files (all, or those of these member names) below a folder; yield each when it is whole.

        Never outside the folder, and never over a file that exists. With ``skip_existing`` a file that is there, byte
        for byte, is left as it is and not yielded: an extraction that ended can be taken up again.

        Raises:
            TargetError: a file exists, with other bytes if they may exist at all; or writing failed.
        """
        wanted = self.files if names is None else list({name: self.file(name) for name in names}.values())
        absent = missing(wanted, folder) if skip_existing else wanted
        whole = len(absent) == len(self.files)
        return extract(self.walk(None if whole else {file.name for file in absent}), folder)

    def _own(self, file: ManifestFile | str) -> ManifestFile:
        return self.file(file if isinstance(file, str) else file.name)

    def close(self) -> None:
        """Close the file behind it, if there is one."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def open_archive(location: str, connection: Connection | None = None) -> Archive:
    """Open a local path, an ``s3://bucket/key`` URL, or any URL that ``fsspec`` reads (with ``windrow[fsspec]``).

    In a bucket it takes a HEAD and one range read, whatever the archive's size; each file takes one more. Without the
    archive's metadata (a local copy, other URLs) a manifest of over 64 KiB takes two. ``connection`` says how to reach
    ``s3://``, and is by default what the environment says (`Connection`).

    Raises:
        SourceMissing: nothing is there.
        ArchiveError: what is there is no sound archive.
        DestinationError: the bucket could not be asked.
        SettingsError: the environment does not say how to reach it.
    """
    source = open_source(location, connection)
    try:
        return Archive(source)
    except BaseException:
        source.close()
        raise
