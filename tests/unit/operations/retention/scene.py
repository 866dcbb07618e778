"""A world that delivers files, and sweeps them later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.unit.world import World
from windrow.core.events import SourceObject
from windrow.operations.audit import ArchiveReader
from windrow.operations.retention import Sweeper, SweepReport
from windrow.testing import FakeCopies, FakeMetrics, FakeRawFiles

DAY = timedelta(days=1)
HOT = 7 * DAY
WEEK_S = 7 * 86_400
AGED_S = WEEK_S + 3 * 3600
"""Old enough, with the hour that has to be over and the slack."""


@dataclass
class Scene:
    """Deliveries, the bucket for copies, and a sweeper."""

    world: World = field(default_factory=World)
    copies: FakeCopies = field(default_factory=FakeCopies)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    raw: FakeRawFiles = field(init=False)

    def __post_init__(self) -> None:
        self.raw = FakeRawFiles(self.world.landing)

    def deliver(self, *keys: str, data: bytes = b"content") -> str:
        """Upload files and deliver them in one archive, a minute later; return its key."""
        before = set(self.world.destination.objects)
        sources = [self.world.upload(key, data) for key in keys]
        assert [] == self.world.process(*(self.world.message(source) for source in sources))
        self.world.clock.advance(60)
        (key,) = set(self.world.destination.objects) - before
        return key

    def sweeper(self) -> Sweeper:
        """Return a sweeper as a run starts it."""
        world = self.world
        return Sweeper(
            destination=world.destination,
            archives=ArchiveReader(world.destination, world.settings.destination_prefix),
            commit_point=world.commit_point(),
            copies=self.copies,
            raw_files=self.raw,
            buckets=world.settings.landing_buckets,
            metrics=self.metrics,
            clock=world.clock,
        )

    def sweep(self, **options: Any) -> SweepReport:
        """Run a sweep."""
        return self.sweeper().sweep(**{"hot": HOT, **options})

    def age(self, seconds: float = AGED_S) -> None:
        """Let so much time pass."""
        self.world.clock.advance(seconds)

    def landed(self) -> list[str]:
        """Return the keys of the raw files that are there."""
        return sorted(key for _, key, _ in self.world.landing.objects)

    def copied(self) -> dict[str, bytes]:
        """Return the bodies of all copies."""
        return {key: body for key, (_, body) in self.copies.objects.items()}

    def archives(self) -> dict[str, bytes]:
        """Return the bodies of all archives."""
        return {key: body for key, (_, body) in self.world.destination.objects.items() if key.endswith(".tar.gz")}

    def notes(self) -> list[str]:
        """Return the keys of the notes on expired hours."""
        return sorted(key for key in self.world.destination.objects if ".windrow-retention/" in key)


def done(report: SweepReport, names: Sequence[str] = ()) -> dict[str, int]:
    """Return what a sweep counted, without the zeros; or what is named, with them."""
    counts = ("copied", "expired", "young", "unversioned", "foreign", "refused", "failed")
    return {name: getattr(report, name) for name in names or counts if names or getattr(report, name)}


def unversioned(scene: Scene, key: str) -> SourceObject:
    """Upload a file to a bucket without versions."""
    source = scene.world.landing.put("landing", key, b"plain", versioned=False, event_time=scene.world.clock.now())
    scene.world.sources.append(source)
    return source
