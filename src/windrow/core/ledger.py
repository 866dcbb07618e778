"""What the ledger knows of an object, and what follows from it. Pure: the ledger itself is a port."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

import msgspec

RECORD_VERSION = 1
"""Written to every item, so that two versions of Windrow can share one table."""

LEASE_GRACE_S = 15
"""A lease outlives its owner's run time by this much, for clocks that differ."""


class Claim(msgspec.Struct, frozen=True):
    """One worker's hold on one object. Times are Unix seconds.

    ``lease_until`` 0 means that the owner released the object and will not deliver it in ``archive_key``.
    """

    object_id: str
    archive_key: str
    owner: str
    lease_until: int
    expires_at: int


class ArchiveRecord(msgspec.Struct, frozen=True):
    """The note that ``owner`` committed an archive: every claim that names this key and owner is a member of it.

    ``committed_at`` and ``expires_at`` are Unix seconds, ``raw_bytes`` counts before compression.
    """

    archive_key: str
    owner: str
    sha256: str
    file_count: int
    raw_bytes: int
    archive_bytes: int
    committed_at: int
    expires_at: int


class Verdict(Enum):
    """What a taken claim means for a worker that wants the object."""

    MINE = auto()
    """This worker's own claim: an earlier reply was lost."""
    DELIVERED = auto()
    """The archive is committed and the object is in it."""
    FREE = auto()
    """Released or expired: the claim may be taken over as it is."""
    BUSY = auto()
    """Another worker holds it and is alive: come back when the lease is over."""
    ORPHANED = auto()
    """The owner is gone; only the destination knows whether its archive was committed."""


def judge(claim: Claim, record: ArchiveRecord | None, *, owner: str, archive_key: str, now: datetime) -> Verdict:
    """Say what an existing ``claim`` means to ``owner``, who wants the object for ``archive_key``.

    ``record`` is the archive record of ``claim.archive_key`` if there is one that has not expired. It proves
    membership only for claims of the owner that committed it: another worker may have planned the same
    archive, lost some of its files, and released them.
    """
    seconds = now.timestamp()
    if claim.expires_at <= seconds or claim.lease_until == 0:
        return Verdict.FREE
    if claim.owner == owner and claim.archive_key == archive_key:
        return Verdict.MINE
    if record is not None and record.owner == claim.owner:
        return Verdict.DELIVERED
    if claim.lease_until > seconds:
        return Verdict.BUSY
    return Verdict.ORPHANED
