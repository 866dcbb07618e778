"""Read Windrow's archives: on disk, at an ``s3://`` URL, or wherever ``fsspec`` reads.

    from windrow import archives

    with archives.open_archive("s3://backup/2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar.gz") as archive:
        for file in archive.files:
            print(file.key, file.size)
        data = archive.read("data/orders/1.json")

    for found in archives.find_archives("s3://backup/eu/", since=yesterday):
        print(found.location, found.window.start)

See `docs/reading.md` for what a consumer has to know. All errors raised here are `WindrowError`, and everything may be
used by several threads at once.
"""

from windrow.archives.archive import Archive, open_archive
from windrow.archives.completeness import complete, find_marks
from windrow.archives.connection import Connection
from windrow.archives.restoring import Problem, Restored, restore
from windrow.archives.search import FoundArchive, FoundFile, Selection, find_archives, find_files
from windrow.core.archive.verify import Verified
from windrow.core.completeness import Mark
from windrow.core.errors import (
    ArchiveError,
    DestinationError,
    SecretError,
    SettingsError,
    SourceMissing,
    TargetConflict,
    TargetError,
    WindrowError,
)
from windrow.core.manifest import Manifest, ManifestFile, Window

__all__ = [
    "Archive",
    "ArchiveError",
    "Connection",
    "DestinationError",
    "FoundArchive",
    "FoundFile",
    "Manifest",
    "ManifestFile",
    "Mark",
    "Problem",
    "Restored",
    "SecretError",
    "Selection",
    "SettingsError",
    "SourceMissing",
    "TargetConflict",
    "TargetError",
    "Verified",
    "Window",
    "WindrowError",
    "complete",
    "find_archives",
    "find_files",
    "find_marks",
    "open_archive",
    "restore",
]
