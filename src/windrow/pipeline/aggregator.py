"""One batch, from SQS messages to a committed archive: parse, gate, plan, claim, fetch and frame, deliver, settle.

Three truths hold it together. The archive in the destination is the commit point: one conditional PUT, whole and
verified or not at all. The manifest in the archive is the truth of membership. The ledger keeps two workers from
building the same file at once, arbitrates what becomes of an archive key, and remembers what is delivered.

A process may die between any two lines of this file: its leases end, its messages come back, and the next worker
finds the archive or builds it anew (`windrow.pipeline.claim`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from windrow.core.archive.writer import ArchiveSummary, SealedArchive, seal
from windrow.core.backoff import spread
from windrow.core.errors import (
    DestinationError,
    InWork,
    LedgerError,
    ObjectTooLarge,
    OutOfTime,
    Permanent,
    WindrowError,
)
from windrow.core.events import Message, SourceObject
from windrow.core.ledger import Claim
from windrow.core.metric import Metric
from windrow.core.objectives import FAST_S, SURE_S
from windrow.core.planning import SUSPECT_AFTER_RECEIVES, PlannedArchive, isolate, plan
from windrow.pipeline.batch import DELIVERED, DUPLICATE, Batch, ObjectResult, Outcome
from windrow.pipeline.claim import Claimed, Claimer
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.deliver import Deliverer, DeliveryResult, DeliveryState
from windrow.pipeline.fetch import Fetcher
from windrow.pipeline.gate import Gate
from windrow.pipeline.large import LargeArchiver
from windrow.pipeline.settle import Settler
from windrow.ports import Clock, DeliveryHealth, Landing, Ledger, Metrics, MultipartDestination, Queue
from windrow.settings import Settings, sending_s

BUSY_SPREAD_S = 5
"""Messages whose object is in work elsewhere come back this much spread out after the lease ends."""

_log = logging.getLogger(__name__)


class Aggregator:
    """Processes batches, one at a time; keeps its connections and threads from one to the next.

    ``jitter`` gives numbers from 0 to 1; ``spread`` one for a name, the same in all workers.
    """

    def __init__(  # noqa: PLR0913 - one for each system outside
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
        self._fetcher = Fetcher(
            landing,
            concurrency=settings.fetch_concurrency,
            frame_bytes=settings.frame_bytes,
            level=settings.compression_level,
        )
        self._large = LargeArchiver(
            landing,
            destination,
            metrics,
            clock,
            prefix=settings.destination_prefix,
            level=settings.compression_level,
            concurrency=settings.fetch_concurrency,
        )
        self._destination = destination
        self._deliverer = Deliverer(commit_point, clock, jitter)
        self._settler = Settler(queue, metrics, clock, spread)

    def process(self, messages: Sequence[Message], *, owner: str, remaining_s: float) -> list[str]:
        """Process one batch; return the ids of the messages that stay in the queue.

        ``owner`` is unique to this run (the request id); ``remaining_s`` is how long the process may still run.
        """
        deadline = Deadline(self._clock, remaining_s, len(messages), sending_s(self._settings))
        batch = Batch(owner, messages)
        batch.parse(self._settings.landing_buckets)
        self._reject_large(batch)
        fresh, suspects = self._by_suspicion(batch)
        for archive in self._plan(fresh):
            self._build(batch, archive, deadline)
        orphans: dict[str, Claim] = {}
        for archive in self._plan(suspects):
            orphans |= self._build(batch, archive, deadline, spare_orphans=True)
        self._isolate(batch, orphans, deadline)
        failed = self._settler.settle(batch)
        self._metrics.flush()
        return failed

    def _reject_large(self, batch: Batch) -> None:
        limit = self._settings.max_object_bytes
        for object_id, source in batch.objects.items():
            if source.size > limit:
                error = ObjectTooLarge(f"{source.key!r} has {source.size} bytes, WINDROW_MAX_OBJECT_BYTES is {limit}")
                batch.settle([object_id], ObjectResult(Outcome.REJECTED, error))

    def _by_suspicion(self, batch: Batch) -> tuple[list[SourceObject], list[SourceObject]]:
        """Part the objects that were received often from the rest: one of them may kill the process."""
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
        """Build often received objects whose last owner died, in small groups, what is done acknowledged before."""
        sources = [(batch.objects[object_id], batch.receives(object_id)) for object_id in orphans]
        for group in isolate(sources, salt=batch.owner):
            self._settler.acknowledge_finished(batch)
            for archive in self._plan(group):
                self._build(batch, archive, deadline)

    def _build(
        self, batch: Batch, archive: PlannedArchive, deadline: Deadline, *, spare_orphans: bool = False
    ) -> dict[str, Claim]:
        """Build and deliver one archive; what nobody foresaw costs this one, and never the batch.

        With ``spare_orphans`` the objects of dead owners are left open and returned instead. After an unforeseen
        exception claims stay as they are: their leases end, and the next worker asks the destination first.
        """
        try:
            return self._work(batch, archive, deadline, spare_orphans=spare_orphans)
        except Exception as error:  # noqa: BLE001 - the other archives of the batch are sound
            _log.exception("unforeseen failure of one archive", extra={"archive_key": archive.key})
            ids = [source.object_id for source in archive.objects if source.object_id not in batch.results]
            batch.settle(ids, ObjectResult(Outcome.RETRY, error))
            return {}

    def _work(
        self, batch: Batch, archive: PlannedArchive, deadline: Deadline, *, spare_orphans: bool
    ) -> dict[str, Claim]:
        """Claim, fetch, frame and deliver one archive, and note every object's result."""
        ids = [source.object_id for source in archive.objects]
        if batch.fault is None and not deadline.may_start():
            batch.settle(ids, ObjectResult(Outcome.RETRY, OutOfTime("no time left to start another archive")))
            return {}
        batch.fault = batch.fault or self._gate.fault()
        if batch.fault is not None:
            batch.settle(ids, ObjectResult(Outcome.RETRY, batch.fault))
            return {}
        claimed = self._claimer.claim(archive, batch.owner, deadline)
        spared = claimed.orphaned if spare_orphans else {}
        if not spare_orphans and claimed.orphaned:
            self._claimer.inherit(archive, batch.owner, deadline, claimed)
        self._note_unclaimed(batch, claimed)
        for key in sorted({claim.archive_key for claim in claimed.held.values()}):
            self._fill(batch, _part(archive, key, claimed.held), claimed.held, deadline)
        return spared

    def _note_unclaimed(self, batch: Batch, claimed: Claimed) -> None:
        batch.settle(claimed.delivered, DUPLICATE)
        for object_id, error in claimed.failed.items():
            batch.settle([object_id], ObjectResult(Outcome.RETRY, error))
            if isinstance(error, DestinationError):
                self._gate.forget()
        for object_id, seconds in claimed.busy.items():
            delay_s = seconds + int(BUSY_SPREAD_S * self._jitter())
            waiting = InWork(f"another worker has it: its lease ends in {seconds} s, and it is tried again then")
            batch.settle([object_id], ObjectResult(Outcome.RETRY, waiting, delay_s))

    def _fill(self, batch: Batch, archive: PlannedArchive, held: dict[str, Claim], deadline: Deadline) -> None:
        """Fetch and frame what was claimed, let go of what dropped out, and deliver the rest."""
        if archive.raw_bytes > self._settings.max_archive_bytes:
            self._fill_large(batch, archive, held, deadline)
            return
        fetched = self._fetcher.fetch(archive.objects, deadline)
        self._drop(batch, fetched.lost, held)
        claims = {s.object_id: held[s.object_id] for s in archive.objects if s.object_id not in fetched.lost}
        if claims:
            sealed = seal(archive.window, fetched.frames, self._settings.compression_level)
            self._deliver(batch, archive, sealed, claims, deadline)

    def _fill_large(self, batch: Batch, archive: PlannedArchive, held: dict[str, Claim], deadline: Deadline) -> None:
        """Stream the one object of an archive that is too large to hold, and deliver it."""
        (object_id,) = (source.object_id for source in archive.objects)
        try:
            built = self._large.build(archive, batch.owner, deadline)
        except WindrowError as error:
            if isinstance(error, DestinationError):
                self._gate.failed(error)
            self._drop(batch, {object_id: error}, held)
            return
        claims = {object_id: held[object_id]}
        if isinstance(built, SealedArchive):
            self._deliver(batch, archive, built, claims, deadline)
            return
        store = partial(self._large.store, archive.key, built, deadline)
        delivery = self._deliverer.deliver(archive.key, batch.owner, built.summary, store, deadline)
        self._large.discard(built)
        self._conclude(batch, archive, built.summary, claims, delivery)

    def _drop(self, batch: Batch, lost: Mapping[str, WindrowError], held: dict[str, Claim]) -> None:
        """Note the results of objects that won't be in the archive, and release their claims."""
        for object_id, error in lost.items():
            outcome = Outcome.REJECTED if isinstance(error, Permanent) else Outcome.RETRY
            batch.settle([object_id], ObjectResult(outcome, error))
        self._claimer.release([held[object_id] for object_id in lost])

    def _deliver(
        self,
        batch: Batch,
        archive: PlannedArchive,
        sealed: SealedArchive,
        claims: dict[str, Claim],
        deadline: Deadline,
    ) -> None:
        store = partial(self._destination.put, archive.key, sealed.chunks, sealed.sha256, sealed.metadata)
        delivery = self._deliverer.deliver(archive.key, batch.owner, sealed, store, deadline)
        self._conclude(batch, archive, sealed, claims, delivery)

    def _conclude(
        self,
        batch: Batch,
        archive: PlannedArchive,
        sealed: ArchiveSummary,
        claims: dict[str, Claim],
        delivery: DeliveryResult,
    ) -> None:
        """Turn the end of a delivery into results, and claims that are freed or left to be asked about."""
        if delivery.state is DeliveryState.UNKNOWN:
            self._gate.failed(delivery.error)
            self._claimer.expire(list(claims.values()))
            batch.settle(claims, ObjectResult(Outcome.RETRY, delivery.error))
            return
        if delivery.record is None:
            self._gate.failed(delivery.error)
            self._abandon(batch, claims, delivery.error)
            return
        members = {object_id for object_id in claims if delivery.record.lists(object_id)}
        outside = {object_id: claim for object_id, claim in claims.items() if object_id not in members}
        if outside:
            self._abandon(batch, outside, LedgerError(f"{archive.key} was committed without this file"))
        if members:
            batch.settle(members, DELIVERED)
            self._report(batch, archive, sealed, members)

    def _abandon(self, batch: Batch, claims: dict[str, Claim], error: Exception | None) -> None:
        """Release claims and retry their objects."""
        batch.settle(claims, ObjectResult(Outcome.RETRY, error))
        self._claimer.release(list(claims.values()))

    def _report(self, batch: Batch, archive: PlannedArchive, sealed: ArchiveSummary, members: set[str]) -> None:
        self._gate.delivered()
        now = self._clock.now()
        sources = [batch.objects[object_id] for object_id in members]
        latencies_s = [(now - source.event_time).total_seconds() for source in sources]
        self._metrics.latency(Metric.PROCESSING_LATENCY_MS, [seconds * 1000 for seconds in latencies_s])
        # Counted before anything is thinned out: the alarms on the objectives need the exact share of late files.
        self._metrics.count(Metric.FILES_OVER_2_MINUTES, sum(seconds > FAST_S for seconds in latencies_s))
        self._metrics.count(Metric.FILES_OVER_3_MINUTES, sum(seconds > SURE_S for seconds in latencies_s))
        self._metrics.count(Metric.ARCHIVES_DELIVERED)
        self._metrics.count(Metric.ARCHIVE_BYTES, sealed.size)
        self._metrics.count(Metric.RAW_BYTES, sum(source.size for source in sources))
        _log.info(
            "archive delivered",
            extra={"archive_key": archive.key, "files": len(members), "bytes": sealed.size},
        )


def _part(archive: PlannedArchive, key: str, held: dict[str, Claim]) -> PlannedArchive:
    """Return the archive of those objects whose claims name ``key``."""
    claimed = {object_id for object_id, claim in held.items() if claim.archive_key == key}
    return PlannedArchive(key, archive.window, tuple(s for s in archive.objects if s.object_id in claimed))
