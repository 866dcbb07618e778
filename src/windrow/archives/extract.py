"""Writes an archive's files below a folder, and never anywhere else, whatever the archive and the folder hold.

Each part of a name is opened relative to its parent folder and without following links, so that neither a name nor a
link in the folder can lead outside, even if it is created while the extraction runs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from windrow.core.archive import tar
from windrow.core.errors import ArchiveError, TargetError
from windrow.core.manifest import ManifestFile
from windrow.core.naming import is_safe

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE_BYTES = 1024 * 1024
_FOLDER_MODE = 0o777
_FILE_MODE = 0o666


def extract(files: Iterable[tuple[ManifestFile, Iterator[bytes]]], target: Path) -> Iterator[ManifestFile]:
    """Write each file below ``target`` (created if absent) under its member name, and yield it when it is complete.

    ``files`` come from `Archive.walk` or `walk_whole`, which verify the SHA-256 while the bytes are written. A file
    that fails is removed. Existing files are never overwritten, links below ``target`` never followed. Files get the
    process's usual permissions and their event time in whole seconds.

    Raises:
        ArchiveError: the archive is damaged; files yielded before are sound.
        TargetError: a file exists already, there is a link or file in place of a folder, or writing failed.
    """
    with _target(target) as root:
        for file, pieces in files:
            _write(root, file, pieces)
            yield file


def missing(files: Iterable[ManifestFile], target: Path) -> list[ManifestFile]:
    """Return those of the files that are not below ``target`` yet. Existing files are read and compared.

    Raises:
        TargetError: a file exists with other bytes, as after a process that was killed while it wrote.
    """
    with _target(target) as root:
        return [file for file in files if not _is_there(root, file)]


def _is_there(root: int, file: ManifestFile) -> bool:
    *parents, name = _parts(file)
    try:
        folder = _enter(root, parents, make=False)
        try:
            there = os.open(name, _READ_FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise TargetError(f"{file.name!r} exists and cannot be read: {error.strerror}") from error
    if not _holds(there, file):
        raise TargetError(f"{file.name!r} exists with other bytes: delete it, or choose another folder")
    return True


def _holds(number: int, file: ManifestFile) -> bool:
    with os.fdopen(number, "rb") as there:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        digest = sha256()
        while piece := there.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest() == file.sha256


@contextmanager
def _target(target: Path) -> Iterator[int]:
    """Open the target itself; it may be a link, since the user named it."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        root = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TargetError(f"{target} cannot be used as a folder: {error.strerror}") from error
    try:
        yield root
    finally:
        os.close(root)


def _write(root: int, file: ManifestFile, pieces: Iterator[bytes]) -> None:
    *parents, name = _parts(file)
    try:
        folder = _enter(root, parents)
        try:
            _write_file(folder, name, file, pieces)
        finally:
            os.close(folder)
    except OSError as error:
        raise TargetError(f"{file.name!r} cannot be written: {error.strerror}") from error


def _parts(file: ManifestFile) -> list[str]:
    if not is_safe(file.name):
        raise ArchiveError(f"{file.name[:80]!r} is not safe to extract")
    return file.name.split("/")


def _enter(root: int, parents: list[str], *, make: bool = True) -> int:
    """Open the folder of a file, and create missing folders if ``make``; the caller closes it."""
    folder = os.dup(root)
    try:
        for part in parents:
            if make:
                with suppress(FileExistsError):  # opening it fails if it is not a folder
                    os.mkdir(part, _FOLDER_MODE, dir_fd=folder)
            inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = inner
    except BaseException:
        os.close(folder)
        raise
    return folder


def _write_file(folder: int, name: str, file: ManifestFile, pieces: Iterator[bytes]) -> None:
    with os.fdopen(os.open(name, _FILE_FLAGS, _FILE_MODE, dir_fd=folder), "wb") as out:
        try:
            for piece in pieces:
                out.write(piece)
            out.flush()
            mtime_s = tar.seconds(file.event_time)
            os.utime(out.fileno(), (mtime_s, mtime_s))
        except BaseException:
            # An incomplete file must not be mistaken for a complete one.
            os.unlink(name, dir_fd=folder)
            raise
