"""Builds one archive of a batch, whose objects are claimed: fetch, frame, deliver, and yield each object's result."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial

from windrow.core.archive.writer import ArchiveSummary, SealedArchive, seal
from windrow.core.errors import DestinationError, LedgerError, Permanent, WindrowError
from windrow.core.ledger import Claim
from windrow.core.metric import Metric
from windrow.core.objectives import FAST_S, SURE_S
from windrow.core.planning import PlannedArchive
from windrow.pipeline.batch import DELIVERED, ObjectResult, Outcome, Settled
from windrow.pipeline.claim import Claimer
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.deliver import Deliverer, DeliveryResult, DeliveryState
from windrow.pipeline.fetch import Fetcher
from windrow.pipeline.gate import Gate
from windrow.pipeline.large import LargeArchiver
from windrow.ports import Clock, Landing, Metrics, MultipartDestination
from windrow.settings import Settings

_log = logging.getLogger(__name__)


class Builder:
    """Builds and delivers archives, one at a time; keeps its connections and threads between archives."""

    def __init__(
        self,
        settings: Settings,
        *,
        landing: Landing,
        destination: MultipartDestination,
        metrics: Metrics,
        clock: Clock,
        gate: Gate,
        claimer: Claimer,
        deliverer: Deliverer,
    ) -> None:
        self._settings = settings
        self._destination = destination
        self._metrics = metrics
        self._clock = clock
        self._gate = gate
        self._claimer = claimer
        self._deliverer = deliverer
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

    def build(
        self, archive: PlannedArchive, held: Mapping[str, Claim], owner: str, deadline: Deadline
    ) -> Iterator[Settled]:
        """Yield the results of the archive's objects as soon as they are known. ``held`` has a claim for each."""
        if archive.raw_bytes > self._settings.max_archive_bytes:
            yield from self._stream(archive, held, owner, deadline)
            return
        fetched = self._fetcher.fetch(archive.objects, deadline)
        yield from self._drop(fetched.lost, held)
        claims = {s.object_id: held[s.object_id] for s in archive.objects if s.object_id not in fetched.lost}
        if claims:
            sealed = seal(archive.window, fetched.frames, self._settings.compression_level)
            yield from self._put(archive, sealed, claims, owner, deadline)

    def _stream(
        self, archive: PlannedArchive, held: Mapping[str, Claim], owner: str, deadline: Deadline
    ) -> Iterator[Settled]:
        """Deliver an archive of one object that is too large for memory."""
        (object_id,) = (source.object_id for source in archive.objects)
        try:
            built = self._large.build(archive, owner, deadline)
        except WindrowError as error:
            if isinstance(error, DestinationError):
                self._gate.failed(error)
            yield from self._drop({object_id: error}, held)
            return
        claims = {object_id: held[object_id]}
        if isinstance(built, SealedArchive):
            yield from self._put(archive, built, claims, owner, deadline)
            return
        store = partial(self._large.store, archive.key, built, deadline)
        delivery = self._deliverer.deliver(archive.key, owner, built.summary, store, deadline)
        self._large.discard(built)
        yield from self._conclude(archive, built.summary, claims, delivery)

    def _drop(self, lost: Mapping[str, WindrowError], held: Mapping[str, Claim]) -> Iterator[Settled]:
        """Yield the results of objects that dropped out, and release their claims."""
        for object_id, error in lost.items():
            outcome = Outcome.REJECTED if isinstance(error, Permanent) else Outcome.RETRY
            yield [object_id], ObjectResult(outcome, error)
        self._claimer.release([held[object_id] for object_id in lost])

    def _put(
        self,
        archive: PlannedArchive,
        sealed: SealedArchive,
        claims: dict[str, Claim],
        owner: str,
        deadline: Deadline,
    ) -> Iterator[Settled]:
        store = partial(self._destination.put, archive.key, sealed.chunks, sealed.sha256, sealed.metadata)
        delivery = self._deliverer.deliver(archive.key, owner, sealed, store, deadline)
        yield from self._conclude(archive, sealed, claims, delivery)

    def _conclude(
        self,
        archive: PlannedArchive,
        sealed: ArchiveSummary,
        claims: dict[str, Claim],
        delivery: DeliveryResult,
    ) -> Iterator[Settled]:
        """Yield the results of a delivery, and release claims, or end their leases if its result is not known."""
        if delivery.state is DeliveryState.UNKNOWN:
            self._gate.failed(delivery.error)
            self._claimer.expire(list(claims.values()))
            yield claims, ObjectResult(Outcome.RETRY, delivery.error)
            return
        if delivery.record is None:
            self._gate.failed(delivery.error)
            yield from self._release(claims, delivery.error)
            return
        members = {object_id for object_id in claims if delivery.record.lists(object_id)}
        outside = {object_id: claim for object_id, claim in claims.items() if object_id not in members}
        if outside:
            yield from self._release(outside, LedgerError(f"{archive.key} was committed without this file"))
        if members:
            yield members, DELIVERED
            self._report(archive, sealed, members)

    def _release(self, claims: dict[str, Claim], error: Exception | None) -> Iterator[Settled]:
        """Retry objects, and release their claims."""
        yield claims, ObjectResult(Outcome.RETRY, error)
        self._claimer.release(list(claims.values()))

    def _report(self, archive: PlannedArchive, sealed: ArchiveSummary, members: set[str]) -> None:
        self._gate.delivered()
        now = self._clock.now()
        sources = [source for source in archive.objects if source.object_id in members]
        latencies_s = [(now - source.event_time).total_seconds() for source in sources]
        self._metrics.latency(Metric.PROCESSING_LATENCY_MS, [seconds * 1000 for seconds in latencies_s])
        # Counted exactly, unlike latencies, which may be sampled: the alarms on the objectives need exact shares.
        self._metrics.count(Metric.FILES_OVER_2_MINUTES, sum(seconds > FAST_S for seconds in latencies_s))
        self._metrics.count(Metric.FILES_OVER_3_MINUTES, sum(seconds > SURE_S for seconds in latencies_s))
        self._metrics.count(Metric.ARCHIVES_DELIVERED)
        self._metrics.count(Metric.ARCHIVE_BYTES, sealed.size)
        self._metrics.count(Metric.RAW_BYTES, sum(source.size for source in sources))
        _log.info(
            "archive delivered",
            extra={"archive_key": archive.key, "files": len(members), "bytes": sealed.size},
        )
