"""What may be deleted of an archive that is old enough: verifies the archive and its copy, and judges each file."""

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
"""Without versioning S3 calls every version "null": to delete that may delete a newer file."""


class Deletable(msgspec.Struct, frozen=True):
    """The versions of one archive that may be deleted, and how many of its files must stay for which reason."""

    versions: list[RawVersion]
    young: int = 0
    unversioned: int = 0
    foreign: int = 0


class Expirer:
    """Tells what may be deleted. Changes nothing.

    ``verify_copy`` is `windrow.operations.retention.copier.Copier.verify`, and ``commit`` has the ledger hold the
    archive for committed for good (False: its key is condemned, and its files may be delivered nowhere). Both are
    nothing in a dry run, which changes nothing.
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

    def inspect(self, key: str) -> Deletable | Finding:
        """Return what of an archive's files may be deleted: those that arrived before ``old``; or what is wrong.

        Raises:
            DestinationError: the archive could not be read.
            LedgerError: nobody can tell whether the archive counts.
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
