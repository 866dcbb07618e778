"""Delivers one archive: a conditional write, its verification, and the record that the key is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import Enum, auto

import msgspec

from windrow.core.archive.writer import ArchiveSummary
from windrow.core.errors import PASSING, ChecksumMismatch, DestinationError, LedgerError, Transient
from windrow.core.ledger import ArchiveRecord
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.ports import Clock

RETRY_DELAYS_S = (0.25, 1.0, 0.0)
"""Pauses after the first, second and third attempt at a write; there is no fourth."""

_log = logging.getLogger(__name__)


class DeliveryState(Enum):
    """How a delivery ended."""

    COMMITTED = auto()
    NOT_STORED = auto()
    UNKNOWN = auto()


class DeliveryResult(msgspec.Struct, frozen=True):
    """The result of one delivery.

    COMMITTED: the archive under the key counts, the one sent or one stored before; ``record`` lists its members.
    NOT_STORED: nothing that was sent counts, now or later. UNKNOWN: the next worker must check.
    """

    state: DeliveryState
    error: Transient | None = None
    record: ArchiveRecord | None = None


Store = Callable[[], bool]
"""Tries once to store an archive under its key, whole or not at all. Returns False if the key exists already.

Raises `DestinationError` as `windrow.ports.Destination.put` does. May be repeated."""


class Deliverer:
    """Commits archives, and checks the result of a write whose response was lost."""

    def __init__(self, commit_point: CommitPoint, clock: Clock, jitter: Callable[[], float]) -> None:
        self._commit_point = commit_point
        self._clock = clock
        self._jitter = jitter

    def deliver(self, key: str, owner: str, sealed: ArchiveSummary, store: Store, deadline: Deadline) -> DeliveryResult:
        """Store ``sealed`` under the key and commit it for ``owner``; never raises.

        Repeating ``store`` is safe: if an earlier write was carried out after all, the retry finds that the key exists.
        """
        attempt = _Attempt(self._commit_point, key, owner, sealed, store)
        error: DestinationError | None = None
        for delay_s in RETRY_DELAYS_S:
            try:
                return _settled(key, attempt.make())
            except LedgerError as failure:
                return DeliveryResult(DeliveryState.UNKNOWN, failure)
            except DestinationError as failure:
                error = failure
                _log.warning(
                    "delivery attempt failed",
                    extra={"archive_key": key, "kind": failure.kind, "error": str(failure)},
                )
                if failure.kind not in PASSING or not deadline.may_retry():
                    break
                self._clock.sleep(delay_s * self._jitter())
        if not attempt.maybe_stored:
            return DeliveryResult(DeliveryState.NOT_STORED, error)
        if not deadline.may_resolve():
            return DeliveryResult(DeliveryState.UNKNOWN, error)
        return self._resolve(key, owner, error)

    def _resolve(self, key: str, owner: str, error: DestinationError | None) -> DeliveryResult:
        """Check a key whose write may have been carried out; if it was not, close the key."""
        try:
            record = self._commit_point.resolve(key, owner)
        except (DestinationError, LedgerError) as failure:
            return DeliveryResult(DeliveryState.UNKNOWN, failure)
        return (
            DeliveryResult(DeliveryState.COMMITTED, record=record)
            if record
            else DeliveryResult(DeliveryState.NOT_STORED, error)
        )


def _settled(key: str, record: ArchiveRecord | None) -> DeliveryResult:
    if record is not None:
        return DeliveryResult(DeliveryState.COMMITTED, record=record)
    return DeliveryResult(DeliveryState.NOT_STORED, ChecksumMismatch(f"{key} is closed: its files get another key"))


class _Attempt:
    """The write of one archive, tried once or more; records whether it may be stored although no response says so."""

    def __init__(self, commit_point: CommitPoint, key: str, owner: str, sealed: ArchiveSummary, store: Store) -> None:
        self._commit_point = commit_point
        self._key = key
        self._owner = owner
        self._sealed = sealed
        self._store = store
        self.maybe_stored = False

    def make(self) -> ArchiveRecord | None:
        before = self.maybe_stored
        self.maybe_stored = True
        try:
            created = self._store()
        except DestinationError as error:
            self.maybe_stored = before or error.maybe_stored
            raise
        if created:
            return self._commit_point.confirm(self._key, self._owner, self._sealed)
        return self._commit_point.settle(self._key, self._owner)
