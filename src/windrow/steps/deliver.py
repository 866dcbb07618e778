"""Deliver one archive: a conditional write of its key, then the proof."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from windrow.core.archive.writer import ArchiveSummary
from windrow.core.errors import ChecksumMismatch, DestinationError, DestinationFault
from windrow.core.planning import PlannedArchive
from windrow.ports import Clock
from windrow.steps.budget import Budget
from windrow.steps.commit_point import CommitPoint, Found

RETRY_DELAYS_S = (0.25, 1.0, 0.0)
"""Pauses after the first, second and third attempt at a write; the last is followed by none."""

PASSING = frozenset({DestinationFault.CONNECT, DestinationFault.SLOW, DestinationFault.UNAVAILABLE})
"""Faults that another attempt within the same batch may mend."""

_log = logging.getLogger(__name__)


class DeliveryState(Enum):
    """How a delivery ended."""

    COMMITTED = auto()
    NOT_STORED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Delivery:
    """The end of one delivery.

    COMMITTED: what was sent stands under the key, or what is ``found`` there from an earlier write.
    NOT_STORED: nothing of it stands or can come to stand there. UNKNOWN: nobody can tell yet.
    """

    state: DeliveryState
    error: DestinationError | None = None
    found: Found | None = None


Store = Callable[[], bool]
"""Writes an archive's key once, if it is free: whole, or not at all. False if it was taken.

Raises `DestinationError` as `windrow.ports.Destination.put` does. May be called again."""


class Deliverer:
    """Commits archives, and finds out what became of a write whose reply was lost."""

    def __init__(self, commit_point: CommitPoint, clock: Clock, jitter: Callable[[], float]) -> None:
        self._commit_point = commit_point
        self._clock = clock
        self._jitter = jitter

    def deliver(self, archive: PlannedArchive, sealed: ArchiveSummary, store: Store, budget: Budget) -> Delivery:
        """Commit the archive and prove it; never raises.

        Repeating ``store`` is safe: if an earlier write was carried out after all, the repetition finds the key taken.
        """
        attempt = _Attempt(self._commit_point, archive.key, sealed, store)
        error: DestinationError | None = None
        for delay_s in RETRY_DELAYS_S:
            try:
                return attempt.make()
            except DestinationError as failure:
                error = failure
                _log.warning(
                    "delivery attempt failed",
                    extra={"archive_key": archive.key, "kind": failure.kind, "error": str(failure)},
                )
                if failure.kind not in PASSING or not budget.may_retry():
                    break
                self._clock.sleep(delay_s * self._jitter())
        if not attempt.may_stand:
            return Delivery(DeliveryState.NOT_STORED, error)
        if not budget.may_resolve():
            return Delivery(DeliveryState.UNKNOWN, error)
        return self._resolve(archive, error)

    def _resolve(self, archive: PlannedArchive, error: DestinationError | None) -> Delivery:
        """Find out about, or close, a key whose write may have been carried out."""
        try:
            found = self._commit_point.resolve(archive.key, archive.window)
        except DestinationError as failure:
            return Delivery(DeliveryState.UNKNOWN, failure)
        return Delivery(DeliveryState.COMMITTED, found=found) if found else Delivery(DeliveryState.NOT_STORED, error)


class _Attempt:
    """One archive's write, made once or more often; remembers whether it may stand although nobody confirmed it."""

    def __init__(self, commit_point: CommitPoint, key: str, sealed: ArchiveSummary, store: Store) -> None:
        self._commit_point = commit_point
        self._key = key
        self._sealed = sealed
        self._store = store
        self.may_stand = False

    def make(self) -> Delivery:
        before = self.may_stand
        self.may_stand = True
        try:
            created = self._store()
        except DestinationError as error:
            self.may_stand = before or error.maybe_stored
            raise
        if not created:
            found = self._commit_point.find(self._key)
            if found is None:
                raise DestinationError.gone(self._key)
            return Delivery(DeliveryState.COMMITTED, found=found)
        try:
            self._commit_point.prove(self._key, self._sealed)
        except ChecksumMismatch:
            self.may_stand = before
            raise
        return Delivery(DeliveryState.COMMITTED)
