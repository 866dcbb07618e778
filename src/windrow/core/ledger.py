"""Claims and archive records, and what they mean for a worker. Pure: the ledger itself is a port."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from functools import lru_cache
from hashlib import blake2b

import msgspec

from windrow.core.manifest import Manifest
from windrow.core.windows import DAY_S

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
"""Bytes of each member's digest in an archive record: the chance that a file is mistaken for a member of an archive of
3,000 is 1 in 6 x 10^15, and its claim would have to name that archive too."""

RECORD_MARGIN_S = DAY_S
"""An archive's record outlives the claims of its members by this much, for clocks that differ."""

NEVER = 0
"""``expires_at`` of a record that is kept for good."""


class ArchiveState(StrEnum):
    """The final decision on an archive key."""

    COMMITTED = "committed"
    """The archive under the key counts: its members are delivered, and nothing under the key is ever replaced."""
    CONDEMNED = "condemned"
    """Nothing under the key counts, now or later: it gets a tombstone, and the files are built under other keys."""


class ArchiveRecord(msgspec.Struct, frozen=True):
    """The decision of ``owner`` on an archive key, and the contents of the archive if it is committed.

    ``decided_at`` and ``expires_at`` are Unix seconds (`NEVER` for a condemned key), ``raw_bytes`` counts before
    compression. ``members`` holds a digest of each member's object id (`member_digests`).
    """

    archive_key: str
    owner: str
    state: ArchiveState
    decided_at: int
    expires_at: int
    sha256: str = ""
    file_count: int = 0
    raw_bytes: int = 0
    archive_bytes: int = 0
    members: bytes = b""

    @classmethod
    def committed(
        cls,
        archive_key: str,
        owner: str,
        manifest: Manifest,
        *,
        sha256: str,
        archive_bytes: int,
        decided_at: datetime,
        ttl: timedelta,
    ) -> ArchiveRecord:
        """Return the record of a committed archive. ``ttl`` is that of its members' claims."""
        return cls(
            archive_key=archive_key,
            owner=owner,
            state=ArchiveState.COMMITTED,
            decided_at=int(decided_at.timestamp()),
            expires_at=int((decided_at + ttl).timestamp()) + RECORD_MARGIN_S,
            sha256=sha256,
            file_count=len(manifest.files),
            raw_bytes=sum(file.size for file in manifest.files),
            archive_bytes=archive_bytes,
            members=member_digests(manifest.object_ids),
        )

    @classmethod
    def condemned(cls, archive_key: str, owner: str, decided_at: datetime) -> ArchiveRecord:
        """Return the record of a condemned key."""
        return cls(archive_key, owner, ArchiveState.CONDEMNED, int(decided_at.timestamp()), NEVER)

    @property
    def is_committed(self) -> bool:
        """Whether the key is committed."""
        return self.state is ArchiveState.COMMITTED

    def is_of(self, manifest: Manifest) -> bool:
        """Return whether the archive with this manifest holds exactly the members that were recorded."""
        return self.members == member_digests(manifest.object_ids)

    def lists(self, object_id: str) -> bool:
        """Return whether the archive holds the object."""
        return _digest(object_id) in _separate(self.members)


def member_digests(object_ids: Collection[str]) -> bytes:
    """Return the digests of an archive's members, joined in order."""
    return b"".join(sorted(map(_digest, object_ids)))


@lru_cache(maxsize=4)
def _separate(members: bytes) -> frozenset[bytes]:
    """Return joined digests one by one. It is asked for once for each file of an archive, so the last ones are kept."""
    return frozenset(members[start : start + MEMBER_BYTES] for start in range(0, len(members), MEMBER_BYTES))


def _digest(object_id: str) -> bytes:
    return blake2b(object_id.encode(), digest_size=MEMBER_BYTES).digest()


class Verdict(Enum):
    """What an existing claim means for a worker that wants the object."""

    MINE = auto()
    """This worker's own claim: an earlier response was lost."""
    DELIVERED = auto()
    """The archive is committed and the object is in it."""
    FREE = auto()
    """Released or expired: the claim may be taken over as it is."""
    BUSY = auto()
    """Another worker's lease on it has not ended: try again when it has."""
    ORPHANED = auto()
    """The owner's lease has ended, and nobody knows what is under its archive key: that must be decided first."""


def judge(claim: Claim, record: ArchiveRecord | None, *, owner: str, archive_key: str, now: datetime) -> Verdict:
    """Return what an existing ``claim`` means for ``owner``, who wants the object for ``archive_key``.

    ``record`` is the archive record of ``claim.archive_key``, if there is one. A committed archive need not hold every
    file that was claimed for it: the file may have dropped out, or the claim may have been written after its owner had
    stopped waiting for the response. So the record must list the file. If it does not, the file is not delivered, and
    never will be in that archive, since a committed archive never changes.
    """
    seconds = now.timestamp()
    committed = record is not None and record.is_committed
    if claim.expires_at <= seconds:
        return Verdict.FREE
    if record is not None and committed and record.lists(claim.object_id):
        return Verdict.DELIVERED
    if claim.lease_until == 0:
        return Verdict.FREE
    if claim.owner == owner and claim.archive_key == archive_key:
        return Verdict.MINE
    if claim.lease_until > seconds:
        return Verdict.BUSY
    return Verdict.FREE if committed else Verdict.ORPHANED
