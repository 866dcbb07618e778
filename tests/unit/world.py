"""A small world for pipeline tests: an uploader, a queue that delivers at least once, workers that may die."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote_plus

from windrow.core.archive.reader import parse_manifest
from windrow.core.events import Message, SourceObject, utc_text
from windrow.core.keys import window_of
from windrow.operations.quarantine import Quarantine
from windrow.pipeline.aggregator import Aggregator
from windrow.pipeline.commit_point import CommitPoint
from windrow.ports import Clock, MultipartDestination
from windrow.settings import Settings
from windrow.testing import (
    FakeClock,
    FakeDeliveryHealth,
    FakeDestination,
    FakeLanding,
    FakeLedger,
    FakeMetrics,
    FakeQueue,
    Hook,
)

RUN_S = 60.0
"""Run time of a worker."""


class Killed(BaseException):
    """The process is gone: no handler of the code under test may catch this."""


@dataclass
class World:
    """Everything outside a worker, and what was uploaded into it."""

    clock: FakeClock = field(default_factory=FakeClock)
    landing: FakeLanding = field(default_factory=FakeLanding)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    queue: FakeQueue = field(default_factory=FakeQueue)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    health: FakeDeliveryHealth = field(default_factory=FakeDeliveryHealth)
    destination: FakeDestination = field(init=False)
    settings: Settings = field(
        default_factory=lambda: Settings(landing_buckets=frozenset({"landing"}), fetch_concurrency=2)
    )
    sources: list[SourceObject] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    """What was uploaded, by object id."""
    spread: Callable[[str], float] = lambda _name: 1.0
    """How messages that are returned to the queue are spread over time."""
    owners: int = 0
    messages: int = 0

    def __post_init__(self) -> None:
        self.destination = FakeDestination(self.clock)

    def upload(self, key: str, data: bytes = b"content", *, at: datetime | None = None) -> SourceObject:
        """Put an object into the landing bucket."""
        source = self.landing.put("landing", key, data, event_time=at or self.clock.now())
        self.sources.append(source)
        self.contents[source.object_id] = data
        return source

    def message(self, *sources: SourceObject, receives: int = 1) -> Message:
        """Return a new message with one record a source."""
        self.messages += 1
        records = [record(source) for source in sources]
        return Message(
            f"m{self.messages}", f"r{self.messages}", json.dumps({"Records": records}), receives, self.clock.now()
        )

    def hook(self, hook: Hook) -> None:
        """Have every port call ``hook``."""
        for port in (self.landing, self.ledger, self.queue, self.destination):
            port.hook = hook

    def worker(self, destination: MultipartDestination | None = None, clock: Clock | None = None) -> Aggregator:
        """Return a worker as it starts."""
        return Aggregator(
            self.settings,
            landing=self.landing,
            ledger=self.ledger,
            destination=destination or self.destination,
            queue=self.queue,
            metrics=self.metrics,
            clock=clock or self.clock,
            jitter=lambda: 1.0,
            health=self.health,
            spread=self.spread,
        )

    def commit_point(self) -> CommitPoint:
        """Return what decides over archive keys, with the worker's settings."""
        ttl = timedelta(days=self.settings.ledger_ttl_days)
        return CommitPoint(self.destination, self.ledger, self.metrics, self.clock, ttl=ttl)

    def quarantine(self) -> Quarantine:
        """Return what quarantines broken archives."""
        return Quarantine(self.destination, self.commit_point(), prefix=self.settings.destination_prefix)

    def process(
        self,
        *messages: Message,
        destination: MultipartDestination | None = None,
        run_s: float = RUN_S,
        clock: Clock | None = None,
    ) -> list[str]:
        """Run one batch in a fresh worker; return the ids that stay in the queue."""
        self.owners += 1
        return self.worker(destination, clock).process(messages, owner=f"request-{self.owners}", remaining_s=run_s)

    def delivered(self) -> Counter[str]:
        """Return how often each object id is in the archives, each member's bytes compared with the upload."""
        ids: Counter[str] = Counter()
        for key, (stored, body) in self.destination.objects.items():
            if window_of(key) is None:
                continue
            assert sha256(body).hexdigest() == stored.metadata["sha256_checksum"]
            manifest = parse_manifest(body[: int(stored.metadata["manifest-bytes"])])
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
                for file in manifest.files:
                    member = tar.extractfile(file.name)
                    assert member is not None
                    assert member.read() == self.contents[file.object_id]
                    ids[file.object_id] += 1
        return ids

    def assert_each_once(self) -> None:
        """Check the promise: every uploaded object is delivered, none twice."""
        assert self.delivered() == Counter({source.object_id: 1 for source in self.sources})


def record(source: SourceObject) -> dict[str, object]:
    """Return the event record of a source."""
    item = {"key": quote_plus(source.key), "size": source.size, "eTag": source.etag, "sequencer": source.sequencer}
    if source.version_id:
        item["versionId"] = source.version_id
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": utc_text(source.event_time),
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": source.bucket}, "object": item},
    }
