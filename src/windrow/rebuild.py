"""Rebuild the ledger from the manifests, after its table was lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from windrow.audit import Auditor
from windrow.core.errors import LedgerError
from windrow.core.ledger import ArchiveRecord, Claim, member_digests
from windrow.ports import ClaimOutcome, Clock, Ledger
from windrow.steps.commit_point import CommitPoint, Found

OWNER = "rebuild"
"""The owner of rebuilt claims and records."""

CLAIMS_AT_ONCE = 2_500
"""Claims in memory at once: a hundred calls of 25."""


class Rebuilder:
    """Writes claims and archive records for everything that archives list."""

    def __init__(
        self, auditor: Auditor, ledger: Ledger, commit_point: CommitPoint, clock: Clock, *, ttl_days: int
    ) -> None:
        self._auditor = auditor
        self._ledger = ledger
        self._commit_point = commit_point
        self._clock = clock
        self._ttl = timedelta(days=ttl_days)

    def rebuild(self, start: datetime, end: datetime, note: Callable[[str, int], None]) -> tuple[int, int]:
        """Restore what archives of [start, end) list; return how many archives and files were read.

        Claims that exist are left as they are: a worker may be at it, and it will find the archive by itself. The
        claims come before the record, so that a rebuild that was interrupted is simply run again.

        Raises:
            DestinationError, LedgerError, ArchiveError: what could not be read or written; run it again.
        """
        archives = files = 0
        for key in self._auditor.archives(start, end):
            found = self._commit_point.inspect(key)
            if found is None:
                continue
            self._restore(key, found)
            archives += 1
            files += len(found.manifest.files)
            note(key, files)
        return archives, files

    def _restore(self, key: str, found: Found) -> None:
        now = int(self._clock.now().timestamp())
        expires_at = int((found.committed_at + self._ttl).timestamp())
        if expires_at <= now or not found.manifest.files:
            return
        claims = [Claim(file.object_id, key, OWNER, now, expires_at) for file in found.manifest.files]
        for at in range(0, len(claims), CLAIMS_AT_ONCE):
            if ClaimOutcome.FAILED in self._ledger.claim(claims[at : at + CLAIMS_AT_ONCE]):
                raise LedgerError(f"not every claim of {key} could be written")
        if key in self._ledger.records([key]):
            return
        self._ledger.record(
            ArchiveRecord(
                archive_key=key,
                owner=OWNER,
                sha256=found.sha256,
                file_count=len(found.manifest.files),
                raw_bytes=sum(file.size for file in found.manifest.files),
                archive_bytes=found.archive_bytes,
                committed_at=int(found.committed_at.timestamp()),
                expires_at=expires_at,
                members=member_digests(found.manifest.object_ids),
            )
        )
