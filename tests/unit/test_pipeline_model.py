"""Whatever fails whenever, every file is delivered exactly once: random schedules against the fakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.world import Killed, World
from windrow.core.errors import DestinationError, DestinationFault, LandingError, LedgerError
from windrow.core.events import Message
from windrow.ports import Part
from windrow.steps import large, staging
from windrow.testing import FakeDestination

if TYPE_CHECKING:
    from typing_extensions import Buffer

FAULTY_BATCHES = 12
DRAIN_ROUNDS = 30


class DelayedDestination(FakeDestination):
    """May keep a PUT back and carry it out at any later request: its sender hears nothing, or is dead by then."""

    def __init__(self, world: World, rng: random.Random) -> None:
        super().__init__(world.clock)
        self._rng = rng
        self.kept: list[Callable[[], bool]] = []
        self.faulty = True

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store, or keep back, or carry out what was kept back first."""
        return self._now_or_later(partial(super().put, key, [bytes(chunk) for chunk in chunks], sha256, dict(metadata)))

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Do the same with an upload in parts."""
        return self._now_or_later(partial(super().complete, key, upload_id, list(parts)))

    def _now_or_later(self, write: Callable[[], bool]) -> bool:
        self.arrive()
        if self.faulty and self._rng.random() < 0.15:
            self.kept.append(write)
            if self._rng.random() < 0.5:
                raise Killed
            raise DestinationError("no answer", DestinationFault.SLOW, maybe_stored=True)
        return write()

    def arrive(self, *, all_of_them: bool = False) -> None:
        """Carry out requests that were kept back."""
        while self.kept and (all_of_them or self._rng.random() < 0.3):
            hook, self.hook = self.hook, lambda _name: None
            # An upload may have been abandoned meanwhile.
            with suppress(DestinationError):
                self.kept.pop(self._rng.randrange(len(self.kept)))()
            self.hook = hook


class Chaos:
    """A hook that kills, fails, or lets another worker run a whole batch in between."""

    def __init__(self, world: World, rng: random.Random, waiting: dict[str, Message]) -> None:
        self._world = world
        self._rng = rng
        self._waiting = waiting
        self._depth = 0

    def __call__(self, name: str) -> None:
        """Decide what goes wrong at this step."""
        dice = self._rng.random()
        if dice < 0.02:
            raise Killed
        if dice < 0.06:
            self._fail(name)
        elif dice < 0.08 and self._depth < 2:
            self._depth += 1
            self.batch()
            self._depth -= 1
        elif dice < 0.10:
            self._world.clock.advance(self._rng.choice([1, 20, 70]))

    def _fail(self, name: str) -> None:
        operation = name.removesuffix(" done")
        if operation in ("claim", "take_over", "release", "claims", "records", "record"):
            raise LedgerError("chaos")
        if operation in ("get", "piece"):
            raise LandingError("chaos")
        if operation not in ("set_visibility", "expire", "dead_letter"):
            done = name.endswith(" done")
            maybe_stored = done or operation in ("put", "complete")
            raise DestinationError("chaos", DestinationFault.UNAVAILABLE, maybe_stored=maybe_stored)

    def batch(self) -> None:
        """Let a worker process a random part of what waits, some of it doubled."""
        ids = list(self._waiting)
        chosen = self._rng.sample(ids, self._rng.randint(0, len(ids)))
        messages = [
            msgspec.structs.replace(self._waiting[name], receive_count=self._rng.choice([1, 1, 2, 3, 4, 5, 7]))
            for name in chosen
        ]
        with suppress(Killed):
            kept = self._world.process(*messages)
            for name in set(chosen) - set(kept):
                # SQS delivers at least once: now and then what was deleted comes again.
                if self._rng.random() > 0.2:
                    self._waiting.pop(name, None)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_every_file_is_delivered_exactly_once(seed: int, files: int) -> None:
    """Kills at any step, lost replies, late PUTs, duplicates, rivals, expired leases: nothing lost, nothing twice."""
    drive(seed, files, largest_bytes=90)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_every_large_file_is_delivered_exactly_once(seed: int, files: int) -> None:
    """The same where half of the files must be streamed, in parts, through the staging area."""
    with (
        patch.object(large, "PIECE_BYTES", 9_000),
        patch.object(large, "PART_BYTES", 16_000),
        patch.object(large, "HELD_BYTES", 16_000),
        patch.object(staging, "READ_BYTES", 20_000),
    ):
        drive(seed, files, largest_bytes=60_000)


def drive(seed: int, files: int, *, largest_bytes: int) -> None:
    """Run faulty batches, then sound ones until the queue is empty, and check what is delivered."""
    rng = random.Random(seed)
    world = World()
    world.settings = msgspec.structs.replace(
        world.settings, fetch_concurrency=1, max_archive_bytes=max(200, largest_bytes // 2)
    )
    destination = DelayedDestination(world, rng)
    world.destination = destination
    start = world.clock.now()
    waiting: dict[str, Message] = {}
    for number in range(files):
        data = rng.randbytes(rng.randint(0, largest_bytes))
        source = world.upload(f"k{number}", data, at=start + timedelta(seconds=rng.randint(0, 200)))
        for _ in range(rng.choice([1, 1, 1, 2])):
            message = world.message(source)
            waiting[message.message_id] = message
    chaos = Chaos(world, rng, waiting)
    for _ in range(FAULTY_BATCHES):
        world.hook(chaos)
        chaos.batch()
        world.clock.advance(rng.choice([0, 5, 100, 2000]))

    world.hook(lambda _name: None)
    destination.faulty = False
    rounds = 0
    while waiting and rounds < DRAIN_ROUNDS:
        rounds += 1
        world.clock.advance(2000)
        kept = world.process(*waiting.values())
        waiting = {name: waiting[name] for name in kept}
    destination.arrive(all_of_them=True)

    assert waiting == {}
    world.assert_each_once()
