"""What the ledger knows of an object, and what follows from it. Pure: the ledger itself is a port."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import Enum, auto
from hashlib import blake2b

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


MEMBER_BYTES = 8
"""Bytes of each member's digest in an archive record: a file is taken for a member of an archive of 3,000 by mistake
once in 6 x 10^15 looks, and only if its claim names that archive."""

MAX_MEMBERS = 40_000
"""Members that a record can name: their digests must stay below DynamoDB's 400 KB an item. A batch is far smaller."""


class ArchiveRecord(msgspec.Struct, frozen=True):
    """The note that ``owner`` committed an archive, and what is in it.

    ``committed_at`` and ``expires_at`` are Unix seconds, ``raw_bytes`` counts before compression. ``members`` holds
    a digest of each member's object id (`member_digests`); it may be empty, then only the manifest can tell.
    """

    archive_key: str
    owner: str
    sha256: str
    file_count: int
    raw_bytes: int
    archive_bytes: int
    committed_at: int
    expires_at: int
    members: bytes = b""

    def lists(self, object_id: str) -> bool:
        """Tell whether the archive holds the object."""
        digest = _digest(object_id)
        at = self.members.find(digest)
        while at % MEMBER_BYTES and at > 0:
            at = self.members.find(digest, at + 1)
        return at >= 0


def member_digests(object_ids: Collection[str]) -> bytes:
    """Return the digests of an archive's members, joined in order; nothing for more than 40,000."""
    return b"".join(sorted(map(_digest, object_ids))) if len(object_ids) <= MAX_MEMBERS else b""


def _digest(object_id: str) -> bytes:
    return blake2b(object_id.encode(), digest_size=MEMBER_BYTES).digest()


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

    ``record`` is the archive record of ``claim.archive_key`` if there is one that has not expired. That an archive is
    committed says nothing of a file that was claimed for it: the file may have dropped out on the way, or the claim
    may have been written after its reply was given up. So the record must list the file.
    """
    seconds = now.timestamp()
    if claim.expires_at <= seconds:
        return Verdict.FREE
    if record is not None and record.lists(claim.object_id):
        return Verdict.DELIVERED
    if claim.lease_until == 0:
        return Verdict.FREE
    if claim.owner == owner and claim.archive_key == archive_key:
        return Verdict.MINE
    if claim.lease_until > seconds:
        return Verdict.BUSY
    return Verdict.ORPHANED
