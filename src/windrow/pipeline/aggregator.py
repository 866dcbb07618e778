"""One batch, from SQS messages to a committed archive: parse, gate, plan, claim, fetch and frame, deliver, settle.

It relies on three rules. An archive is stored by one conditional PUT, whole and verified or not at all. It counts once
its record in the ledger is committed, which makes the final decision on its key (`windrow.pipeline.commit_point`); its
manifest lists what is delivered. Claims in the ledger keep two workers from building the same file at once.

A process may be killed between any two lines of this file: its leases end, its messages return to the queue, and the
next worker finds the archive or builds it again (`windrow.pipeline.claim`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import timedelta

from windrow.core.backoff import spread
from windrow.core.errors import ClaimedByOther, DestinationError, ObjectTooLarge, OutOfTime, WindrowError
from windrow.core.events import Message, SourceObject
from windrow.core.ledger import Claim
from windrow.core.planning import SUSPECT_AFTER_RECEIVES, PlannedArchive, isolate, plan
from windrow.pipeline.batch import DUPLICATE, Batch, ObjectResult, Outcome, Settled
from windrow.pipeline.builder import Builder
from windrow.pipeline.claim import Claimed, Claimer
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.deliver import Deliverer
from windrow.pipeline.gate import Gate
from windrow.pipeline.settle import Settler
from windrow.ports import Clock, DeliveryHealth, Landing, Ledger, Metrics, MultipartDestination, Queue
from windrow.settings import Settings, sending_s

BUSY_SPREAD_S = 5
"""Messages whose object another worker has claimed return up to this long after its lease ends, at random."""

_log = logging.getLogger(__name__)


class Aggregator:
    """Processes batches, one at a time; keeps its connections and threads between batches.

    ``jitter`` returns a random number from 0 to 1, ``spread`` one for a name, the same in all workers.
    """

    def __init__(  # noqa: PLR0913 - one for each external system
        self,
        settings: Settings,
        *,
        landing: Landing,
        ledger: Ledger,
        destination: MultipartDestination,
        queue: Queue,
        metrics: Metrics,
        clock: Clock,
        jitter: Callable[[], float],
        health: DeliveryHealth,
        spread: Callable[[str], float] = spread,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._jitter = jitter
        ttl = timedelta(days=settings.ledger_ttl_days)
        commit_point = CommitPoint(destination, ledger, metrics, clock, ttl=ttl)
        self._gate = Gate(destination, health, clock)
        self._claimer = Claimer(ledger, commit_point, clock, ttl=ttl)
        self._builder = Builder(
            settings,
            landing=landing,
            destination=destination,
            metrics=metrics,
            clock=clock,
            gate=self._gate,
            claimer=self._claimer,
            deliverer=Deliverer(commit_point, clock, jitter),
        )
        self._settler = Settler(queue, metrics, clock, spread)

    def process(self, messages: Sequence[Message], *, owner: str, remaining_s: float) -> list[str]:
        """Process one batch; return the ids of the messages that stay in the queue.

        ``owner`` is unique to this run (the request id); ``remaining_s`` is how long the process may still run.
        """
        deadline = Deadline(self._clock, remaining_s, len(messages), sending_s(self._settings))
        batch = Batch(owner, messages)
        batch.parse(self._settings.landing_buckets)
        self._reject_large(batch)
        fresh, suspects = self._by_receives(batch)
        for archive in self._plan(fresh):
            self._build(batch, archive, deadline)
        orphans: dict[str, Claim] = {}
        for archive in self._plan(suspects):
            orphans |= self._build_without_orphans(batch, archive, deadline)
        self._isolate(batch, orphans, deadline)
        failed = self._settler.settle(batch)
        self._metrics.flush()
        return failed

    def _reject_large(self, batch: Batch) -> None:
        limit = self._settings.max_object_bytes
        for object_id, source in batch.objects.items():
            if source.size > limit:
                error = ObjectTooLarge(f"{source.key!r} has {source.size} bytes, WINDROW_MAX_OBJECT_BYTES is {limit}")
                batch.record([object_id], ObjectResult(Outcome.REJECTED, error))

    def _by_receives(self, batch: Batch) -> tuple[list[SourceObject], list[SourceObject]]:
        """Return the objects in two lists: those of the second were received often, so one may kill the process."""
        fresh: list[SourceObject] = []
        suspects: list[SourceObject] = []
        for source in batch.open_objects():
            often = batch.receives(source.object_id) > SUSPECT_AFTER_RECEIVES
            (suspects if often else fresh).append(source)
        return fresh, suspects

    def _plan(self, objects: Sequence[SourceObject]) -> list[PlannedArchive]:
        return plan(
            objects,
            prefix=self._settings.destination_prefix,
            max_archive_bytes=self._settings.max_archive_bytes,
        )

    def _isolate(self, batch: Batch, orphans: dict[str, Claim], deadline: Deadline) -> None:
        """Build orphaned objects in small groups; before each group, acknowledge what is done."""
        sources = [(batch.objects[object_id], batch.receives(object_id)) for object_id in orphans]
        for group in isolate(sources, salt=batch.owner):
            self._settler.acknowledge_finished(batch)
            for archive in self._plan(group):
                self._build(batch, archive, deadline)

    def _build(self, batch: Batch, archive: PlannedArchive, deadline: Deadline) -> None:
        """Build and deliver one archive, including orphaned objects that were not delivered."""
        self._record(batch, archive, self._with_orphans(batch, archive, deadline))

    def _build_without_orphans(self, batch: Batch, archive: PlannedArchive, deadline: Deadline) -> dict[str, Claim]:
        """Build and deliver one archive without its orphaned objects; return the claims of those."""
        orphans: dict[str, Claim] = {}
        done = self._record(batch, archive, self._without_orphans(batch, archive, deadline, orphans))
        return orphans if done else {}

    def _record(self, batch: Batch, archive: PlannedArchive, steps: Iterator[Settled]) -> bool:
        """Record the results of an archive's objects; an unexpected exception fails this archive, never the batch.

        After such an exception (False) the claims stay as they are: their leases end, and the next worker checks the
        destination first.
        """
        try:
            for object_ids, result in steps:
                batch.record(object_ids, result)
        except Exception as error:  # noqa: BLE001 - the other archives of the batch are sound
            _log.exception("unexpected failure of one archive", extra={"archive_key": archive.key})
            open_ids = [source.object_id for source in archive.objects if source.object_id not in batch.results]
            batch.record(open_ids, ObjectResult(Outcome.RETRY, error))
            return False
        return True

    def _with_orphans(self, batch: Batch, archive: PlannedArchive, deadline: Deadline) -> Iterator[Settled]:
        claimed = yield from self._claim(batch, archive, deadline)
        if claimed.orphaned:
            self._claimer.resolve_orphans(archive, batch.owner, deadline, claimed)
        yield from self._deliver(batch, archive, claimed, deadline)

    def _without_orphans(
        self, batch: Batch, archive: PlannedArchive, deadline: Deadline, orphans: dict[str, Claim]
    ) -> Iterator[Settled]:
        claimed = yield from self._claim(batch, archive, deadline)
        yield from self._deliver(batch, archive, claimed, deadline)
        orphans |= claimed.orphaned

    def _claim(self, batch: Batch, archive: PlannedArchive, deadline: Deadline) -> Generator[Settled, None, Claimed]:
        """Claim an archive's objects, or none if no time is left or the destination is down."""
        fault: WindrowError | None = batch.fault
        if fault is None and not deadline.may_start():
            fault = OutOfTime("no time left to start another archive")
        elif fault is None:
            fault = batch.fault = self._gate.fault()
        if fault is not None:
            yield [source.object_id for source in archive.objects], ObjectResult(Outcome.RETRY, fault)
            return Claimed()
        return self._claimer.claim(archive, batch.owner, deadline)

    def _deliver(
        self, batch: Batch, archive: PlannedArchive, claimed: Claimed, deadline: Deadline
    ) -> Iterator[Settled]:
        """Fetch, frame and deliver the objects that are held, in the archives that their claims name.

        A claim that was taken over names a new key: the one that was planned may have a tombstone.
        """
        yield from self._unclaimed(claimed)
        held = claimed.held
        for key in sorted({claim.archive_key for claim in held.values()}):
            yield from self._builder.build(_claimed_for(key, archive, held), held, batch.owner, deadline)

    def _unclaimed(self, claimed: Claimed) -> Iterator[Settled]:
        yield claimed.delivered, DUPLICATE
        for object_id, error in claimed.failed.items():
            yield [object_id], ObjectResult(Outcome.RETRY, error)
            if isinstance(error, DestinationError):
                self._gate.forget()
        for object_id, seconds in claimed.busy.items():
            delay_s = seconds + int(BUSY_SPREAD_S * self._jitter())
            waiting = ClaimedByOther(f"another worker has claimed it: tried again when its lease ends in {seconds} s")
            yield [object_id], ObjectResult(Outcome.RETRY, waiting, delay_s)


def _claimed_for(key: str, archive: PlannedArchive, held: dict[str, Claim]) -> PlannedArchive:
    """Return the archive with those objects whose claims name ``key``."""
    claimed = {object_id for object_id, claim in held.items() if claim.archive_key == key}
    return PlannedArchive(key, archive.window, tuple(s for s in archive.objects if s.object_id in claimed))
