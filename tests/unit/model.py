"""A world in which anything may go wrong at any step: what the random schedules of the pipeline's model are made of.

An event happens before or after each request of whoever is at work, so also inside a delivery, a replay, a rebuild
and a sweep: see `Chaos`. All that the operator does here are the real commands' own parts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar
from unittest.mock import patch

import msgspec

from tests.unit.world import Killed, World
from windrow.core.errors import (
    ArchiveError,
    DestinationError,
    DestinationFault,
    LandingError,
    LedgerError,
    WindrowError,
)
from windrow.core.events import Message, SourceObject
from windrow.core.keys import window_of
from windrow.operations.audit import ArchiveReader, archives
from windrow.operations.rebuild import Rebuilder
from windrow.operations.replay import LedgerCorrector
from windrow.operations.retention import Sweeper, sweep
from windrow.pipeline import fetch, large, staging
from windrow.pipeline.inspector import Found, Inspector
from windrow.ports import ListedVersion, Part, Stored
from windrow.testing import FakeClock, FakeCopies, FakeDestination, FakeMetrics, FakeRawFiles

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")

TTL = timedelta(days=30)
RETENTION_S = 5 * 86_400
"""How long the queue keeps a message."""

SKEW_S = 240
"""How far the clocks of workers are off, either way."""


class UnreliableDestination(FakeDestination):
    """Carries requests out late, loses metadata, and gives wrong answers to HEAD, while it is ``faulty``."""

    def __init__(self, clock: FakeClock, rng: random.Random) -> None:
        super().__init__(clock)
        self._rng = rng
        self.kept: list[Callable[[], object]] = []
        self.faulty = True

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store, at once or later, and perhaps with other metadata than were sent."""
        body, kept = [bytes(chunk) for chunk in chunks], self._damaged(metadata)
        return bool(self._now_or_later(partial(super().put, key, body, sha256, kept)))

    def overwrite(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        """Do the same to a key that is taken."""
        self._now_or_later(partial(super().overwrite, key, [bytes(chunk) for chunk in chunks], sha256, dict(metadata)))

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Do the same with an upload in parts."""
        return bool(self._now_or_later(partial(super().complete, key, upload_id, list(parts))))

    def delete(self, key: str) -> None:
        """Delete, at once or later; no archive's key is ever asked for."""
        assert window_of(key) is None, f"DELETE {key}"
        self._now_or_later(partial(super().delete, key))

    def head(self, key: str) -> Stored | None:
        """Answer, now and then wrongly."""
        stored = super().head(key)
        if stored is None or not self.faulty or self._rng.random() > 0.03:
            return stored
        return self._rng.choice(
            [
                None,
                msgspec.structs.replace(stored, size=stored.size + 1),
                msgspec.structs.replace(stored, checksum_sha256="0" * 64),
                msgspec.structs.replace(stored, metadata={}),
            ]
        )

    def arrive(self, *, all_of_them: bool = False) -> None:
        """Carry out requests that were kept back."""
        while self.kept and (all_of_them or self._rng.random() < 0.3):
            with self._without_hook(), suppress(DestinationError):  # an upload may have been abandoned meanwhile
                self.kept.pop(self._rng.randrange(len(self.kept)))()

    @contextmanager
    def _without_hook(self) -> Iterator[None]:
        hook, self.hook = self.hook, lambda _name: None
        try:
            yield
        finally:
            self.hook = hook

    def _damaged(self, metadata: Mapping[str, str]) -> dict[str, str]:
        if self.faulty and self._rng.random() < 0.05:
            lost = self._rng.choice(sorted(metadata) or [""])
            return {name: value for name, value in metadata.items() if name != lost}
        return dict(metadata)

    def _now_or_later(self, request: Callable[[], object]) -> object:
        self.arrive()
        if self.faulty and self._rng.random() < 0.15:
            self.kept.append(request)
            if self._rng.random() < 0.5:
                raise Killed
            raise DestinationError("no answer", DestinationFault.SLOW, maybe_stored=True)
        return request()


@dataclass
class Operator:
    """An operator's commands on a world, and the scheduled sweep."""

    world: World
    waiting: dict[str, Message]
    copies: FakeCopies = field(default_factory=FakeCopies)

    def replay_missing(self) -> None:
        """Queue what no sound archive lists, as `windrow replay --missing` does."""
        listed = {object_id for found in self.archives().values() for object_id in found.manifest.object_ids}
        missing = [source for source in self.world.sources if source.object_id not in listed and self.is_landed(source)]
        versions = {_listed(source): source for source in missing}
        ledger, destination = self.world.ledger, self.world.destination
        for version in LedgerCorrector(ledger, Inspector(destination), self.world.quarantine().quarantine).undelivered(
            versions
        ):
            message = self.world.message(versions[version])
            self.waiting[message.message_id] = message

    def rebuild(self) -> None:
        """Rebuild the ledger beside running workers, as `windrow ledger rebuild --force` does."""
        world = self.world
        archives = ArchiveReader(world.destination, "")
        Rebuilder(archives, world.ledger, self.world.commit_point(), world.clock, ttl=TTL).rebuild(
            *self._always(), lambda _: None
        )

    def sweep(self) -> None:
        """Copy archives and delete raw files, however young."""
        world = self.world
        start, end = self._always()
        Sweeper(
            destination=world.destination,
            archives=ArchiveReader(world.destination, ""),
            commit_point=self.world.commit_point(),
            copies=self.copies,
            raw_files=FakeRawFiles(world.landing),
            buckets=world.settings.landing_buckets,
            metrics=FakeMetrics(),
            clock=world.clock,
        ).sweep(hot=timedelta(days=-1), start=start, end=end)

    def repair(self) -> bool:
        """Quarantine every archive that is broken, or condemned and not replaced; tell whether there was one."""
        sound = self.archives()
        wrong = [key for key in self.world.destination.objects if window_of(key) and key not in sound]
        return len([key for key in wrong if self.world.quarantine().quarantine(key)]) > 0

    def delete_an_archive(self, rng: random.Random) -> bool:
        """Delete an archive all of whose raw files are there, by mistake; tell whether there was one."""
        keys = self.with_raw_files()
        if keys:
            del self.world.destination.objects[rng.choice(keys)]
        return bool(keys)

    def damage(self, rng: random.Random) -> None:
        """Have the disk change an archive all of whose raw files are there."""
        keys = self.with_raw_files()
        if not keys:
            return
        key = rng.choice(keys)
        stored, body = self.world.destination.objects[key]
        at = rng.randrange(len(body))
        damaged = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        self.world.destination.objects[key] = rng.choice(
            [
                (msgspec.structs.replace(stored, metadata={}), body),
                (msgspec.structs.replace(stored, checksum_sha256=sha256(damaged).hexdigest()), damaged),
            ]
        )

    def archives(self) -> dict[str, Found]:
        """Return the archives that are sound and count, read past all hooks and faults."""
        clean = FakeDestination(self.world.clock, objects=dict(self.world.destination.objects))
        found: dict[str, Found] = {}
        for key in clean.objects:
            record = self.world.ledger.archives.get(key)
            with suppress(ArchiveError, DestinationError):
                archive = Inspector(clean).inspect(key) if window_of(key) else None
                if archive and (record is None or record.is_committed or not archive.manifest.files):
                    found[key] = archive
        return found

    def with_raw_files(self) -> list[str]:
        """Return the archives that count and all of whose files could be delivered again."""
        landed = {source.object_id for source in self.world.sources if self.is_landed(source)}
        return [
            key
            for key, found in self.archives().items()
            if found.manifest.files and found.manifest.object_ids <= landed
        ]

    def is_landed(self, source: SourceObject) -> bool:
        """Return whether a raw file is still there."""
        return (source.bucket, source.key, source.version_id or source.etag) in self.world.landing.objects

    def _always(self) -> tuple[datetime, datetime]:
        now = self.world.clock.now()
        return now - timedelta(days=400), now + timedelta(days=1)


class Chaos:
    """A hook that kills, fails, lets time pass, or lets somebody else do something in between.

    ``deleted`` tells whether an operator deleted an archive: then a file may be delivered again.
    """

    def __init__(self, world: World, rng: random.Random, waiting: dict[str, Message]) -> None:
        self._world = world
        self._rng = rng
        self._waiting = waiting
        self._depth = 0
        self._operator = Operator(world, waiting)
        self.deleted = False

    def __call__(self, name: str) -> None:
        """Decide what goes wrong at this step."""
        dice = self._rng.random()
        if dice < 0.02:
            raise Killed
        if dice < 0.06:
            self._fail(name)
        elif dice < 0.08:
            self._meanwhile(self.batch)
        elif dice < 0.085:
            self._meanwhile(self._command)
        elif dice < 0.10:
            self._world.clock.advance(self._rng.choice([1, 20, 70]))

    def _meanwhile(self, what: Callable[[], None]) -> None:
        if self._depth < 2:
            self._depth += 1
            try:
                what()
            finally:
                self._depth -= 1

    def _command(self) -> None:
        """Let an operator, a schedule or a disk do something."""
        operator = self._operator
        command = self._rng.choice(
            [operator.replay_missing, operator.rebuild, operator.sweep, operator.repair, self._damage, self._delete]
        )
        with suppress(Killed, WindrowError):
            command()

    def _damage(self) -> None:
        self._operator.damage(self._rng)

    def _delete(self) -> None:
        self.deleted |= self._operator.delete_an_archive(self._rng)

    def _fail(self, name: str) -> None:
        operation = name.removesuffix(" done")
        if operation in ("claim", "take_over", "release", "claims", "records", "record", "overrule"):
            raise LedgerError("chaos")
        if operation in ("get", "piece"):
            raise LandingError("chaos")
        if operation not in ("set_visibility", "expire", "dead_letter"):
            maybe_stored = name.endswith(" done") or operation in ("put", "overwrite", "complete")
            raise DestinationError("chaos", DestinationFault.UNAVAILABLE, maybe_stored=maybe_stored)

    def batch(self) -> None:
        """Let a worker process a random part of what waits, some of it doubled."""
        ids = list(self._waiting)
        chosen = self._rng.sample(ids, self._rng.randint(0, len(ids)))
        messages = [
            msgspec.structs.replace(self._waiting[name], receive_count=self._rng.choice([1, 1, 2, 3, 4, 5, 7]))
            for name in chosen
        ]
        clock = SkewedClock(self._world.clock, self._rng.uniform(-SKEW_S, SKEW_S))
        with suppress(Killed):
            kept = self._world.process(*messages, clock=clock)
            for name in set(chosen) - set(kept):
                # SQS delivers at least once: now and then what was deleted comes again.
                if self._rng.random() > 0.2:
                    self._waiting.pop(name, None)

    def a_month_passes(self) -> None:
        """Let messages and ledger items expire; requests that are still under way arrive before."""
        destination = self._world.destination
        assert isinstance(destination, UnreliableDestination)
        destination.arrive(all_of_them=True)
        self._waiting.clear()
        self._world.clock.advance((TTL + timedelta(days=2)).total_seconds())
        now = self._world.clock.now().timestamp()
        ledger = self._world.ledger
        ledger.items = {name: claim for name, claim in ledger.items.items() if claim.expires_at > now}
        ledger.archives = {key: record for key, record in ledger.archives.items() if not 0 < record.expires_at <= now}


class InlineExecutor(Executor):
    """Does each task when it is submitted: one order of events for a seed, and no threads to wait for."""

    def __init__(self, *_args: object, **_options: object) -> None:
        """Take what a pool of threads takes."""

    def submit(self, task: Callable[..., T], /, *args: object, **named: object) -> Future[T]:
        """Do the task."""
        done: Future[T] = Future()
        try:
            done.set_result(task(*args, **named))
        except BaseException as error:  # noqa: BLE001 - `Killed` too is handed on to whoever waits
            done.set_exception(error)
        return done


@contextmanager
def without_threads() -> Iterator[None]:
    """Have the product's pools of threads work inline."""
    with ExitStack() as patches:
        for module in (archives, fetch, large, staging, sweep):
            patches.enter_context(patch.object(module, "ThreadPoolExecutor", InlineExecutor))
        yield


class SkewedClock(FakeClock):
    """Another clock that is off by some seconds."""

    def __init__(self, clock: FakeClock, skew_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._skew = timedelta(seconds=skew_s)

    def now(self) -> datetime:
        """Return the time it is by this clock."""
        return self._clock.now() + self._skew

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        return self._clock.monotonic()

    def advance(self, seconds: float) -> None:
        """Let time pass on the clock behind."""
        self._clock.advance(seconds)


def _listed(source: SourceObject) -> ListedVersion:
    return ListedVersion(source.bucket, source.key, source.version_id, source.etag, source.size, source.event_time)
