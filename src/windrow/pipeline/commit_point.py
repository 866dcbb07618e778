"""Makes the final decision on an archive key: committed, or closed by a tombstone.

An archive counts when it is stored under its key, verified, *and* the ledger's record of that key says ``committed``.
The record is a conditional write: the first one decides whether a key is committed or condemned, and a file is
acknowledged only after its key is ``committed``. Windrow never sends a DELETE for an archive key: like a PUT, it may
arrive late, when another worker has already verified the archive and acknowledged its files.

    under the key              record      decision
    -----------------------    ---------   -------------------------------------------------------------
    a verified archive         none        record it as committed, then it counts
    a verified archive         committed   it counts
    nothing                    none        put a tombstone, if the key does not exist yet: closed
    a tombstone                any         closed
    fails its verification     none        condemn the key, then overwrite the object with a tombstone
    anything                   condemned   overwrite it with a tombstone: closed
    fails its verification     committed   it counts; an operator must check it (`windrow archive quarantine`)

A tombstone is an archive without files; its bytes depend on the key alone. Overwriting is harmless however late it
arrives, because no worker acknowledges anything from a condemned key.
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
    """Commits and closes archive keys, by checking the destination and the ledger.

    The methods return the record of a committed archive, or None for a closed key: nothing that was sent to it counts,
    now or later. All raise `DestinationError` or `LedgerError` if the decision is not known yet.
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
        """Decide on a key under which ``owner`` has just stored ``sealed``."""
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
        """Decide on a key that exists already."""
        return self._settle(key, owner, self._stored(key))

    def resolve(self, key: str, owner: str) -> ArchiveRecord | None:
        """Decide on a key after a request whose result is not known.

        If there is nothing, the key gets a tombstone, so that a request still under way finds that the key exists.
        """
        record = self.recorded(key)
        if record is not None:
            return self._decided(record)
        if self._destination.head(key) is None:
            empty = tombstone(key)
            if self._destination.put(key, empty.chunks, empty.sha256, empty.metadata):
                return None
        return self.settle(key, owner)

    def answers(self) -> bool:
        """Return whether a probe of the destination succeeds."""
        try:
            self._destination.probe()
        except DestinationError:
            return False
        return True

    def commit(self, record: ArchiveRecord) -> ArchiveRecord | None:
        """Record a verified archive as committed, unless its key is condemned."""
        return self._decided(self._ledger.record(record))

    def record_of(self, key: str, owner: str, found: Found) -> ArchiveRecord:
        """Return the record of a verified archive, with the time at which it was stored. Writes nothing."""
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
        """Return the record of a key, None if there is none. Raises `LedgerError`."""
        return self._ledger.records([key]).get(key)

    def close(self, key: str, owner: str) -> None:
        """Condemn a key whatever its record says, and put a tombstone there. Only for an operator's decision."""
        self._ledger.overrule(ArchiveRecord.condemned(key, owner, self._clock.now()))
        self._overwrite(key)

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
        """Condemn a key whose object fails its verification, unless it is committed."""
        now = self._clock.now()
        if now - stored.last_modified > self._ttl:
            # It may have been committed, and its record expired since: its files may be nowhere else.
            raise DestinationError(
                f"{key} fails its verification and is older than the ledger's records "
                f"(see: windrow archive quarantine): {why}",
                DestinationFault.CHECKSUM,
                maybe_stored=True,
            ) from why
        decided = self._ledger.record(ArchiveRecord.condemned(key, owner, now))
        self._metrics.count(Metric.CHECKSUM_MISMATCH)
        _log.error(
            "archive fails its verification",
            extra={"archive_key": key, "state": decided.state.value, "error": str(why)},
        )
        return self._decided(decided)

    def _decided(self, record: ArchiveRecord) -> ArchiveRecord | None:
        if record.is_committed:
            return record
        self._overwrite(record.archive_key)
        return None

    def _overwrite(self, key: str) -> None:
        """Put a tombstone under a condemned key, whatever is there."""
        empty = tombstone(key)
        try:
            self._destination.overwrite(key, empty.chunks, empty.sha256, empty.metadata)
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
