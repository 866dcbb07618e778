"""Checks a manifest for all that follows from the format alone, without the archive's frames."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from windrow.core.archive import tar
from windrow.core.archive.member import MAX_INFLATION
from windrow.core.errors import ArchiveError
from windrow.core.manifest import FORMAT, Manifest, ManifestFile
from windrow.core.naming import also_folders, is_safe


def check(manifest: Manifest) -> None:
    """Check names, frame table and the position of every file.

    The format allows one encoding only: name, size and time of a file determine the bytes of its header, and so where
    each file of a frame begins.

    Raises:
        ArchiveError: naming the first fault.
    """
    if manifest.format != FORMAT:
        raise ArchiveError(f"the manifest's format is {manifest.format[:40]!r}, not {FORMAT!r}")
    if not tar.seconds(manifest.window_start) >= 0 or manifest.window_end < manifest.window_start:
        raise ArchiveError("the manifest's window ends before it starts, or starts before 1970")
    _check_names(manifest)
    _check_frame_table(manifest)
    _check_positions(manifest)


def _check_names(manifest: Manifest) -> None:
    names: set[str] = set()
    for file in manifest.files:
        if not is_safe(file.name):
            raise ArchiveError(f"the manifest names {file.name[:80]!r}, which is not safe to extract")
        if file.name in names:
            raise ArchiveError(f"the manifest names {file.name[:80]!r} twice")
        names.add(file.name)
    if both := also_folders(names):
        raise ArchiveError(f"the manifest names {min(both)[:80]!r} as a file and as a folder")


def _check_frame_table(manifest: Manifest) -> None:
    end = 0
    for index, frame in enumerate(manifest.frames):
        if frame.offset != end:
            raise ArchiveError(f"frame {index} begins at {frame.offset} in the manifest, not at {end}")
        end += frame.length


def _check_positions(manifest: Manifest) -> None:
    groups = 0
    for index, files in groupby(manifest.files, key=attrgetter("frame")):
        if index != groups or index >= len(manifest.frames):
            raise ArchiveError(f"the manifest puts a file into frame {index} where {groups} is next")
        _check_frame(index, list(files), manifest.frames[index].length)
        groups += 1
    if groups != len(manifest.frames):
        raise ArchiveError(f"frame {groups} holds no file")


def _check_frame(index: int, files: list[ManifestFile], length: int) -> None:
    position = 0
    for file in files:
        if tar.seconds(file.event_time) < 0:
            raise ArchiveError(f"{file.name!r} has an event time before 1970")
        position += len(header_of(file))
        if file.offset != position:
            raise ArchiveError(f"{file.name!r} begins at {file.offset} in the manifest, not at {position}")
        position += tar.padded(file.size)
    if position > length * MAX_INFLATION:
        raise ArchiveError(f"frame {index} cannot hold {position} bytes in {length} compressed ones")


def header_of(file: ManifestFile) -> bytes:
    """Return the tar header that precedes a file's data."""
    return tar.header(file.name, file.size, tar.seconds(file.event_time))
