"""Whatever fails whenever, every file is delivered exactly once: random schedules against the fakes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.world import Killed, World
from windrow.core.errors import DestinationError, DestinationFault, LandingError, LedgerError
from windrow.core.events import Message
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
        self.kept: list[tuple[str, list[bytes], bytes, dict[str, str]]] = []
        self.faulty = True

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store, or keep back, or carry out what was kept back first."""
        self.arrive()
        if self.faulty and self._rng.random() < 0.15:
            self.kept.append((key, [bytes(chunk) for chunk in chunks], sha256, dict(metadata)))
            if self._rng.random() < 0.5:
                raise Killed
            raise DestinationError("no answer", DestinationFault.SLOW, maybe_stored=True)
        return super().put(key, chunks, sha256, metadata)

    def arrive(self, *, all_of_them: bool = False) -> None:
        """Carry out requests that were kept back."""
        while self.kept and (all_of_them or self._rng.random() < 0.3):
            hook, self.hook = self.hook, lambda _name: None
            super().put(*self.kept.pop(self._rng.randrange(len(self.kept))))
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
        if operation == "get":
            raise LandingError("chaos")
        if operation in ("probe", "head", "read", "delete", "put"):
            done = name.endswith(" done")
            raise DestinationError("chaos", DestinationFault.UNAVAILABLE, maybe_stored=done or operation == "put")

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
    rng = random.Random(seed)
    world = World()
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1, max_archive_bytes=200)
    destination = DelayedDestination(world, rng)
    world.destination = destination
    start = world.clock.now()
    waiting: dict[str, Message] = {}
    for number in range(files):
        data = bytes([number]) * rng.randint(0, 90)
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
