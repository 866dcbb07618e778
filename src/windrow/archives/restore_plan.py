"""The plan of a restore: one version of each key, chosen from any number of archives, kept on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from windrow.core.errors import TargetConflict
from windrow.core.manifest import ManifestFile

_SCHEMA = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
CREATE TABLE archives (id INTEGER PRIMARY KEY, location TEXT NOT NULL);
CREATE TABLE files (
    key TEXT PRIMARY KEY, bucket TEXT NOT NULL, object_id TEXT NOT NULL, arrived TEXT NOT NULL,
    archive INTEGER NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL
) WITHOUT ROWID;
BEGIN;
"""
_SEQUENCER_DIGITS = 64
"""S3's sequencers are hex numbers of different lengths; padded to this length, they compare as numbers."""


class Plan:
    """The newest version of each key. Takes a few MB of memory for any number of files. Use it as a context manager.

    ``older`` counts versions that were left out because there was a newer one of their key.
    """

    def __init__(self) -> None:
        self.older = 0

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="windrow-restore-")
        self._db = sqlite3.connect(Path(self._folder.name, "plan.sqlite"), isolation_level=None)
        self._db.executescript(_SCHEMA)
        return self

    def __exit__(self, *_error: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add(self, location: str, files: Iterable[ManifestFile]) -> None:
        """Add files of an archive. A version that was added before, from another archive, is not added again.

        Raises:
            TargetConflict: another landing bucket's file has the same key.
        """
        archive = self._db.execute("INSERT INTO archives (location) VALUES (?)", (location,)).lastrowid
        for file in files:
            if self._is_newest(file):
                row = (file.key, file.bucket, file.object_id, _arrived(file), archive, file.name, file.size)
                self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _is_newest(self, file: ManifestFile) -> bool:
        held = self._db.execute("SELECT bucket, object_id, arrived FROM files WHERE key = ?", (file.key,)).fetchone()
        if held is None:
            return True
        bucket, object_id, arrived = held
        if bucket != file.bucket:
            raise TargetConflict(
                f"{file.key!r} came from the landing buckets {bucket} and {file.bucket}, and both would have the same "
                "key; restore one bucket at a time, each to its own prefix"
            )
        if object_id == file.object_id:
            return False
        self.older += 1
        return _arrived(file) > str(arrived)

    def archives(self) -> Iterator[tuple[str, set[str]]]:
        """Yield each archive from which files are restored, in the order of `add`, and their member names."""
        cursor = self._db.cursor()
        self._db.execute("CREATE INDEX IF NOT EXISTS by_archive ON files (archive)")
        for number, location in cursor.execute("SELECT id, location FROM archives ORDER BY id"):
            names = {name for (name,) in self._db.execute("SELECT name FROM files WHERE archive = ?", (number,))}
            if names:
                yield location, names

    def totals(self) -> tuple[int, int]:
        """Return how many files are to be restored, and their bytes."""
        files, size = self._db.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM files").fetchone()
        return int(files), int(size)


def _arrived(file: ManifestFile) -> str:
    """Return a text that orders the versions of a key."""
    return f"{file.event_time:%Y%m%d%H%M%S%f} {file.sequencer.lower():0>{_SEQUENCER_DIGITS}} {file.version_id or ''}"
