"""Decides, once and for all, what becomes of an archive key: committed, or condemned and closed by a tombstone.

An archive counts when it stands under its key, verified, *and* the ledger's record of that key says ``committed``.
The record is written under a condition, so a key is either committed or condemned, whoever comes first, and a file is
acknowledged only after ``committed`` stands. No request of Windrow ever deletes at an archive key: a DELETE, like a
PUT, may arrive late, when somebody else has found the archive sound and acknowledged its files.

    under the key           record      what follows
    --------------------    ---------   ---------------------------------------------------------
    a sound archive         none        record it as committed, then it counts
    a sound archive         committed   it counts
    nothing                 none        put a tombstone, if the key is still free: it is closed
    a tombstone             any         closed
    what fails              none        condemn the key, then overwrite what is there by a tombstone
    anything                condemned   overwrite it by a tombstone: closed
    what fails              committed   it counts: an operator looks at it (`windrow archive quarantine`)

A tombstone is an archive without files; its bytes depend on the key alone. Overwriting is harmless however late it
arrives, because nobody acknowledges anything from a condemned key again.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from windrow.core.archive.writer import ArchiveSummary, SealedArchive, seal
from windrow.core.errors import ArchiveError, ChecksumMismatch, DestinationError, DestinationFault, LedgerError
from windrow.core.keys import window_of
from windrow.core.ledger import ArchiveRecord
from windrow.core.metric import Metric
from windrow.pipeline.inspector import Found, Inspector
from windrow.ports import Clock, Destination, Ledger, Metrics, Stored

_log = logging.getLogger(__name__)


class CommitPoint:
    """Asks the destination and the ledger what is committed, and closes keys for good.

    The methods return the record of a committed archive, or None for a key that is closed: nothing that was sent to
    it counts, now or later. All raise `DestinationError` or `LedgerError` where it can't be told yet.
    """

    def __init__(
        self, destination: Destination, ledger: Ledger, metrics: Metrics, clock: Clock, *, ttl: timedelta
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._inspector = Inspector(destination)
        self._metrics = metrics
        self._clock = clock
        self._ttl = ttl

    def confirm(self, key: str, owner: str, sealed: ArchiveSummary) -> ArchiveRecord | None:
        """Settle a key under which ``owner`` has just stored ``sealed``."""
        stored = self._stored(key)
        try:
            self._inspector.verify(key, stored, sealed)
        except ChecksumMismatch as error:
            return self._condemn(key, owner, stored, error)
        return self.commit(
            ArchiveRecord.committed(
                key,
                owner,
                sealed.manifest,
                sha256=sealed.sha256.hex(),
                archive_bytes=sealed.size,
                decided_at=self._clock.now(),
                ttl=self._ttl,
            )
        )

    def settle(self, key: str, owner: str) -> ArchiveRecord | None:
        """Settle a key that was found taken."""
        return self._settle(key, owner, self._stored(key))

    def resolve(self, key: str, owner: str) -> ArchiveRecord | None:
        """Settle a key whose last request had no known end.

        Where there is nothing, the key is closed, so that a request that is still under way finds it taken.
        """
        record = self.recorded(key)
        if record is not None:
            return self._standing(record)
        if self._destination.head(key) is None:
            closing = tombstone(key)
            if self._destination.put(key, closing.chunks, closing.sha256, closing.metadata):
                return None
        return self.settle(key, owner)

    def answers(self) -> bool:
        """Tell whether the destination answers at all."""
        try:
            self._destination.probe()
        except DestinationError:
            return False
        return True

    def commit(self, record: ArchiveRecord) -> ArchiveRecord | None:
        """Record a sound archive as committed, unless its key is condemned."""
        return self._standing(self._ledger.record(record))

    def record_of(self, key: str, owner: str, found: Found) -> ArchiveRecord:
        """Return the record of a sound archive that was found, committed when it was stored. Writes nothing."""
        return ArchiveRecord.committed(
            key,
            owner,
            found.manifest,
            sha256=found.sha256,
            archive_bytes=found.archive_bytes,
            decided_at=found.stored_at,
            ttl=self._ttl,
        )

    def recorded(self, key: str) -> ArchiveRecord | None:
        """Return what was decided of a key so far. Raises `LedgerError`."""
        return self._ledger.records([key]).get(key)

    def close(self, key: str, owner: str) -> None:
        """Condemn a key whatever its record says, and put a tombstone there. Only for what an operator has decided."""
        self._ledger.overrule(ArchiveRecord.condemned(key, owner, self._clock.now()))
        self._bury(key)

    def _stored(self, key: str) -> Stored:
        stored = self._destination.head(key)
        if stored is None:
            raise DestinationError.gone(key)
        return stored

    def _settle(self, key: str, owner: str, stored: Stored) -> ArchiveRecord | None:
        try:
            found = self._inspector.open(key, stored)
        except (ChecksumMismatch, ArchiveError) as error:
            return self._condemn(key, owner, stored, error)
        return self.commit(self.record_of(key, owner, found)) if found.manifest.files else None

    def _condemn(self, key: str, owner: str, stored: Stored, why: Exception) -> ArchiveRecord | None:
        """Condemn a key for what it holds, unless its record says that this was sound once and counts."""
        now = self._clock.now()
        if now - stored.last_modified > self._ttl:
            # It may have been committed, and its record forgotten since: its files may be nowhere else.
            raise DestinationError(
                f"{key} fails its verification and is older than the ledger's records "
                f"(see: windrow archive quarantine): {why}",
                DestinationFault.CHECKSUM,
                maybe_stored=True,
            ) from why
        standing = self._ledger.record(ArchiveRecord.condemned(key, owner, now))
        self._metrics.count(Metric.CHECKSUM_MISMATCH)
        _log.error(
            "archive fails its verification",
            extra={"archive_key": key, "state": standing.state.value, "error": str(why)},
        )
        return self._standing(standing)

    def _standing(self, record: ArchiveRecord) -> ArchiveRecord | None:
        if record.is_committed:
            return record
        self._bury(record.archive_key)
        return None

    def _bury(self, key: str) -> None:
        """Put a tombstone under a condemned key, whatever is there."""
        closing = tombstone(key)
        try:
            self._destination.overwrite(key, closing.chunks, closing.sha256, closing.metadata)
        except DestinationError as error:
            raise DestinationError(
                f"{key} is condemned and has no tombstone yet: {error}", error.kind, maybe_stored=True
            ) from error


def tombstone(key: str) -> SealedArchive:
    """Return the archive without files that closes a key. Raises `LedgerError` if the key is not an archive's."""
    window = window_of(key)
    if window is None:
        raise LedgerError(f"the ledger names {key!r}, which is not the key of an archive")
    return seal(window, [], level=1)
