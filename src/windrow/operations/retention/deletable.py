"""Finds the raw files of an archive that may be deleted: verifies the archive and its copy, and judges each file."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

import msgspec

from windrow.core.errors import CopyError
from windrow.core.manifest import ManifestFile
from windrow.operations.audit import ArchiveReader, Finding
from windrow.pipeline.inspector import Found
from windrow.ports import RawVersion

NO_VERSION = (None, "", "null")
"""Without versioning, every version's id is "null": deleting that may delete a newer file."""


class Deletable(msgspec.Struct, frozen=True):
    """The versions in one archive that may be deleted, and how many of its files must stay, by reason."""

    versions: list[RawVersion]
    young: int = 0
    unversioned: int = 0
    foreign: int = 0


class DeletableFinder:
    """Finds what may be deleted. Deletes nothing.

    ``verify_copy`` is `windrow.operations.retention.copier.Copier.verify`. ``commit`` records the archive as committed
    in the ledger (False: its key is condemned, and its files may not be delivered). Both are None in a dry run.
    """

    def __init__(
        self,
        archives: ArchiveReader,
        verify_copy: Callable[[str, int, str], None] | None,
        commit: Callable[[str, Found], bool] | None,
        *,
        buckets: Collection[str],
        old: datetime,
    ) -> None:
        self._archives = archives
        self._verify_copy = verify_copy
        self._commit = commit
        self._buckets = buckets
        self._old = old

    def find(self, key: str) -> Deletable | Finding:
        """Return which of an archive's files may be deleted, those that arrived before ``old``; or what is wrong.

        Raises:
            DestinationError: the archive could not be read.
            LedgerError: it is not known whether the archive counts.
        """
        found = self._archives.inspect(key)
        if isinstance(found, Finding):
            return found
        files = found.manifest.files
        if files and self._verify_copy:
            try:
                self._verify_copy(key, found.archive_bytes, found.sha256)
            except CopyError as error:
                return Finding(key, str(error))
        if files and self._commit and not self._commit(key, found):
            return Finding(key, "it does not count: its files are delivered in other archives")
        outcomes = [self._outcome(file) for file in files]
        return Deletable(
            [
                RawVersion(file.bucket, file.key, file.version_id or "")
                for file, outcome in zip(files, outcomes, strict=True)
                if outcome == "deletable"
            ],
            young=outcomes.count("young"),
            unversioned=outcomes.count("unversioned"),
            foreign=outcomes.count("foreign"),
        )

    def _outcome(self, file: ManifestFile) -> str:
        if file.bucket not in self._buckets:
            return "foreign"
        if file.version_id in NO_VERSION:
            return "unversioned"
        return "deletable" if file.event_time < self._old else "young"
