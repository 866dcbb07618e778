"""Claims objects in the ledger, so that no two workers build the same file at once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec

from windrow.core.errors import DestinationError, DestinationFault, LedgerError, OutOfTime, WindrowError
from windrow.core.keys import rebuild_key
from windrow.core.ledger import LEASE_GRACE_S, ArchiveRecord, Claim, Verdict, judge
from windrow.core.planning import PlannedArchive
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.ports import ClaimOutcome, Clock, Ledger

OF_ONE_KEY = frozenset({DestinationFault.REFUSED, DestinationFault.CHECKSUM})
"""Faults that concern one key only; any other fault would affect all keys."""

PERHAPS_OF_ONE_KEY = frozenset({DestinationFault.SLOW, DestinationFault.UNAVAILABLE})
"""Faults that may concern one key only: MinIO locks a key while a PUT of it stalls in its body, and other requests for
the key wait, or fail after a while with "server busy"."""

_log = logging.getLogger(__name__)


class Claimed(msgspec.Struct):
    """The result of claiming one archive's objects, by object id."""

    held: dict[str, Claim] = msgspec.field(default_factory=dict)
    """Each names the archive that its object must go into: the planned one, or another if it was claimed before."""
    delivered: set[str] = msgspec.field(default_factory=set)
    busy: dict[str, int] = msgspec.field(default_factory=dict)
    """Seconds until the other worker's lease ends."""
    orphaned: dict[str, Claim] = msgspec.field(default_factory=dict)
    """Claims whose lease has ended, not yet taken over."""
    failed: dict[str, Exception] = msgspec.field(default_factory=dict)

    def fail(self, claims: Iterable[Claim], error: Exception) -> None:
        """Record that these claims failed."""
        self.failed.update((claim.object_id, error) for claim in claims)


class Claimer:
    """Claims, takes over and releases objects."""

    def __init__(self, ledger: Ledger, commit_point: CommitPoint, clock: Clock, *, ttl: timedelta) -> None:
        self._ledger = ledger
        self._commit_point = commit_point
        self._clock = clock
        self._ttl = ttl

    def claim(self, archive: PlannedArchive, owner: str, deadline: Deadline) -> Claimed:
        """Claim the archive's objects for ``owner``, with a lease until its run time is over; never raises."""
        wanted = self._wanted(archive, owner, deadline)
        result = Claimed()
        try:
            outcomes = self._ledger.claim(list(wanted.values()))
        except LedgerError as error:
            result.failed = dict.fromkeys(wanted, error)
            return result
        taken = []
        for claim, outcome in zip(wanted.values(), outcomes, strict=True):
            if outcome is ClaimOutcome.WON:
                result.held[claim.object_id] = claim
            elif outcome is ClaimOutcome.TAKEN:
                taken.append(claim.object_id)
            else:
                result.failed[claim.object_id] = LedgerError("the ledger did not accept the claim")
        if taken:
            self._judge(taken, wanted, result)
        return result

    def resolve_orphans(self, archive: PlannedArchive, owner: str, deadline: Deadline, result: Claimed) -> None:
        """Resolve the orphaned claims in ``result``: their objects are delivered, held now, or failed; never raises.

        The destination is checked first: an archive that the owner committed before it crashed counts. If there is
        none, the key gets a tombstone before the claim is taken over, so that a request of the crashed owner that is
        still under way cannot deliver the same file a second time.
        """
        by_key: dict[str, list[Claim]] = defaultdict(list)
        for claim in result.orphaned.values():
            by_key[claim.archive_key].append(claim)
        result.orphaned = {}
        free: list[Claim] = []
        fault: WindrowError | None = None
        for key, claims in by_key.items():
            if fault is None and not deadline.may_start():
                fault = OutOfTime("no time left to check another orphaned archive")
            if fault is not None:
                result.fail(claims, fault)
                continue
            try:
                free += self._resolve(key, claims, owner, result)
            except (DestinationError, LedgerError) as error:
                result.fail(claims, error)
                fault = None if self._is_of_one_key(error) else error
        self._take_over(free, self._wanted(archive, owner, deadline), result)

    def _resolve(self, key: str, claims: Sequence[Claim], owner: str, result: Claimed) -> list[Claim]:
        """Record what an orphaned archive delivered; return the claims of the others, which may be taken over."""
        record = self._commit_point.resolve(key, owner)
        delivered = {claim.object_id for claim in claims if record and record.lists(claim.object_id)}
        result.delivered |= delivered
        return [claim for claim in claims if claim.object_id not in delivered]

    def _is_of_one_key(self, error: DestinationError | LedgerError) -> bool:
        """Return whether the fault concerns this key only; probes the destination if the kind does not show it."""
        if isinstance(error, LedgerError):
            return False
        return error.kind in OF_ONE_KEY or (error.kind in PERHAPS_OF_ONE_KEY and self._commit_point.answers())

    def release(self, claims: Sequence[Claim]) -> None:
        """Release claims, so that the next worker need not wait for their leases. Best effort."""
        left = self._ledger.release(claims) if claims else []
        if left:
            _log.warning("claims were not released", extra={"count": len(left)})

    def expire(self, claims: Sequence[Claim]) -> None:
        """End leases early without releasing the claims: the next worker must check the destination first."""
        self._ledger.expire(claims, self._clock.now())

    def _wanted(self, archive: PlannedArchive, owner: str, deadline: Deadline) -> dict[str, Claim]:
        now = self._clock.now()
        lease_until = int(now.timestamp() + max(0.0, deadline.remaining_s)) + 1 + LEASE_GRACE_S
        expires_at = int((now + self._ttl).timestamp())
        ids = [source.object_id for source in archive.objects]
        return {object_id: Claim(object_id, archive.key, owner, lease_until, expires_at) for object_id in ids}

    def _judge(self, taken: Sequence[str], wanted: Mapping[str, Claim], result: Claimed) -> None:
        try:
            found = self._ledger.claims(taken)
            records = self._ledger.records({claim.archive_key for claim in found.values()})
        except LedgerError as error:
            result.failed.update(dict.fromkeys(taken, error))
            return
        free = []
        for object_id in taken:
            claim = found.get(object_id)
            if claim is None:
                result.failed[object_id] = LedgerError("the claim vanished while it was read")
            elif self._is_free(claim, records.get(claim.archive_key), wanted[object_id], result):
                free.append(claim)
        self._take_over(free, wanted, result)

    def _is_free(self, claim: Claim, record: ArchiveRecord | None, want: Claim, result: Claimed) -> bool:
        """Record what an existing claim means for this worker; return whether it may be taken over at once."""
        now, object_id = self._clock.now(), claim.object_id
        verdict = judge(claim, record, owner=want.owner, archive_key=want.archive_key, now=now)
        if verdict is Verdict.MINE:
            result.held[object_id] = claim
        elif verdict is Verdict.DELIVERED:
            result.delivered.add(object_id)
        elif verdict is Verdict.BUSY:
            result.busy[object_id] = int(claim.lease_until - now.timestamp()) + 1
        elif verdict is Verdict.ORPHANED:
            result.orphaned[object_id] = claim
        else:
            return True
        return False

    def _take_over(self, found: Sequence[Claim], wanted: Mapping[str, Claim], result: Claimed) -> None:
        if not found:
            return
        pairs = [(claim, _for_rebuild(wanted[claim.object_id])) for claim in found]
        try:
            outcomes = self._ledger.take_over(pairs)
        except LedgerError as error:
            result.failed.update((want.object_id, error) for _, want in pairs)
            return
        for (_, want), outcome in zip(pairs, outcomes, strict=True):
            if outcome is ClaimOutcome.WON:
                result.held[want.object_id] = want
            else:
                result.failed[want.object_id] = LedgerError("another worker took over the claim meanwhile")


def _for_rebuild(want: Claim) -> Claim:
    return msgspec.structs.replace(want, archive_key=rebuild_key(want.archive_key, want.owner))
