"""Rebuilds the ledger from the manifests after its table was lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import msgspec

from windrow.core.errors import LedgerError
from windrow.core.ledger import ArchiveRecord, Claim, Verdict, judge
from windrow.operations.audit import ArchiveReader, Finding
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.inspector import Found
from windrow.ports import ClaimOutcome, Clock, Ledger

OWNER = "rebuild"
"""The owner of rebuilt claims and records."""

CLAIMS_AT_ONCE = 2_500
"""Claims in memory at once: a hundred calls of 25."""


class Rebuilt(msgspec.Struct, frozen=True):
    """How many archives and files were restored, and which archives are broken (these are not restored).

    Archives older than the ledger's TTL are neither restored nor counted.
    """

    archives: int = 0
    files: int = 0
    broken: list[Finding] = []


class Rebuilder:
    """Writes claims and archive records for everything that archives list."""

    def __init__(
        self, archives: ArchiveReader, ledger: Ledger, commit_point: CommitPoint, clock: Clock, *, ttl: timedelta
    ) -> None:
        self._archives = archives
        self._ledger = ledger
        self._commit_point = commit_point
        self._clock = clock
        self._ttl = ttl

    def rebuild(self, start: datetime, end: datetime, on_progress: Callable[[Rebuilt], None]) -> Rebuilt:
        """Restore what archives with a window in [start, end) list; ``on_progress`` is called with the result so far.

        Existing claims are kept if they are valid: a worker is building the file, or they name an archive that lists
        it. Others are replaced (of a table restored from a backup, for example), because a worker would deliver the
        file again. Claims are written before the record, so an interrupted rebuild can simply be run again.

        Raises:
            DestinationError, LedgerError: something could not be read or written; run it again.
        """
        done = Rebuilt()
        for piece in self._archives.read(start, end):
            for key, found in piece:
                if isinstance(found, Finding):
                    done = msgspec.structs.replace(done, broken=[*done.broken, found])
                elif self._restore(key, found):
                    done = Rebuilt(done.archives + 1, done.files + len(found.manifest.files), done.broken)
            on_progress(done)
        return done

    def _restore(self, key: str, found: Found) -> bool:
        """Restore one archive; return False if its TTL is over or it has no files."""
        now = int(self._clock.now().timestamp())
        expires_at = int((found.stored_at + self._ttl).timestamp())
        if expires_at <= now or not found.manifest.files:
            return False
        record = self._commit_point.record_of(key, OWNER, found)
        claims = [Claim(file.object_id, key, OWNER, now, expires_at) for file in found.manifest.files]
        for at in range(0, len(claims), CLAIMS_AT_ONCE):
            self._claim(claims[at : at + CLAIMS_AT_ONCE], record)
        return self._commit_point.commit(record) is not None

    def _claim(self, claims: Sequence[Claim], record: ArchiveRecord) -> None:
        """Write the claims of members of one archive, replacing those that are not valid."""
        outcomes = self._ledger.claim(claims)
        taken = {c.object_id: c for c, outcome in zip(claims, outcomes, strict=True) if outcome is ClaimOutcome.TAKEN}
        pairs = [(claim, taken[claim.object_id]) for claim in self._stale(taken, record)]
        replaced = self._ledger.take_over(pairs) if pairs else []
        if ClaimOutcome.FAILED in outcomes or not all(outcome is ClaimOutcome.WON for outcome in replaced):
            raise LedgerError(f"not every claim of {record.archive_key} could be written")

    def _stale(self, object_ids: Collection[str], record: ArchiveRecord) -> list[Claim]:
        """Return the claims that would let a worker build a member of the recorded archive again."""
        found = self._ledger.claims(object_ids) if object_ids else {}
        others = {claim.archive_key for claim in found.values()} - {record.archive_key}
        records = {**(self._ledger.records(others) if others else {}), record.archive_key: record}
        now = self._clock.now()

        def verdict(claim: Claim) -> Verdict:
            of_claim = records.get(claim.archive_key)
            return judge(claim, of_claim, owner=OWNER, archive_key=record.archive_key, now=now)

        return [claim for claim in found.values() if verdict(claim) in (Verdict.FREE, Verdict.ORPHANED)]
