"""Rebuild the ledger from the manifests, after its table was lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from windrow.audit import ArchiveReader, Finding
from windrow.core.errors import LedgerError
from windrow.core.ledger import ArchiveRecord, Claim, member_digests
from windrow.ports import ClaimOutcome, Clock, Ledger
from windrow.steps.commit_point import Found

OWNER = "rebuild"
"""The owner of rebuilt claims and records."""

CLAIMS_AT_ONCE = 2_500
"""Claims in memory at once: a hundred calls of 25."""


class Rebuilt(msgspec.Struct, frozen=True):
    """How many archives were restored, with how many files, and which archives are broken (nothing is restored)."""

    archives: int = 0
    files: int = 0
    broken: list[Finding] = []


class Rebuilder:
    """Writes claims and archive records for everything that archives list."""

    def __init__(self, archives: ArchiveReader, ledger: Ledger, clock: Clock, *, ttl_days: int) -> None:
        self._archives = archives
        self._ledger = ledger
        self._clock = clock
        self._ttl = timedelta(days=ttl_days)

    def rebuild(self, start: datetime, end: datetime, note: Callable[[Rebuilt], None]) -> Rebuilt:
        """Restore what archives with a window in [start, end) list; ``note`` is told of the progress.

        Claims that exist are left as they are: a worker may be at it, and it will find the archive by itself. The
        claims come before the record, so that a rebuild that was interrupted is simply run again.

        Raises:
            DestinationError, LedgerError: what could not be read or written; run it again.
        """
        done = Rebuilt()
        for piece in self._archives.read(start, end):
            for key, found in piece:
                if isinstance(found, Finding):
                    done = msgspec.structs.replace(done, broken=[*done.broken, found])
                elif found.manifest.files:
                    self._restore(key, found)
                    done = Rebuilt(done.archives + 1, done.files + len(found.manifest.files), done.broken)
            note(done)
        return done

    def _restore(self, key: str, found: Found) -> None:
        now = int(self._clock.now().timestamp())
        expires_at = int((found.committed_at + self._ttl).timestamp())
        if expires_at <= now:
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
