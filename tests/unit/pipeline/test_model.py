"""Whatever fails whenever, every file is delivered exactly once: random schedules against the fakes."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.needs import all_required
from tests.unit.model import Chaos, Operator, UnreliableDestination, without_threads
from tests.unit.world import World
from windrow.core.archive import segments
from windrow.core.events import Message
from windrow.pipeline import large, staging

FAULTY_BATCHES = 12
DRAIN_ROUNDS = 40
SCHEDULES, LARGE_SCHEDULES = (3_000, 300) if all_required() else (500, 100)
"""At 30 and 50 ms of CPU each, a few thousand are for CI; `python -m bench.schedules` is for more."""


@settings(max_examples=SCHEDULES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_every_file_is_delivered_exactly_once(seed: int, files: int) -> None:
    """Kills at any step, late requests, lies, damage, rivals, operators, expiry: nothing lost, nothing twice."""
    drive(seed, files, largest_bytes=90)


@settings(max_examples=LARGE_SCHEDULES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_every_large_file_is_delivered_exactly_once(seed: int, files: int) -> None:
    """The same where half of the files must be streamed, in parts, through the staging area."""
    with (
        patch.object(segments, "PIECE_BYTES", 8_000),
        patch.object(large, "PIECE_BYTES", 9_000),
        patch.object(large, "PART_BYTES", 16_000),
        patch.object(large, "HELD_BYTES", 16_000),
        patch.object(staging, "READ_BYTES", 20_000),
    ):
        drive(seed, files, largest_bytes=60_000)


def drive(seed: int, files: int, *, largest_bytes: int) -> None:
    """Run faulty batches, then sound ones until the queue is empty, have an operator repair, and judge."""
    with without_threads():
        _drive(random.Random(seed), files, largest_bytes)


def _drive(rng: random.Random, files: int, largest_bytes: int) -> None:
    world = World()
    world.settings = msgspec.structs.replace(
        world.settings, fetch_concurrency=1, max_archive_bytes=max(200, largest_bytes // 2)
    )
    destination = UnreliableDestination(world.clock, rng)
    world.destination = destination
    waiting = upload(world, rng, files, largest_bytes)
    chaos = Chaos(world, rng, waiting)
    for _ in range(FAULTY_BATCHES):
        world.hook(chaos)
        chaos.batch()
        world.clock.advance(rng.choice([0, 5, 100, 2000]))
        if rng.random() < 0.02:
            world.hook(lambda _name: None)
            chaos.a_month_passes()

    world.hook(lambda _name: None)
    destination.faulty = False
    repair(world, waiting, destination)

    delivered = world.delivered()
    assert delivered.keys() == {source.object_id for source in world.sources}
    if not chaos.deleted:
        assert delivered == Counter(source.object_id for source in world.sources)


def upload(world: World, rng: random.Random, files: int, largest_bytes: int) -> dict[str, Message]:
    """Upload files over some minutes; return their messages, some of them doubled."""
    start = world.clock.now()
    waiting: dict[str, Message] = {}
    for number in range(files):
        data = rng.randbytes(rng.randint(0, largest_bytes))
        source = world.upload(f"k{number}", data, at=start + timedelta(seconds=rng.randint(0, 200)))
        for _ in range(rng.choice([1, 1, 1, 2])):
            message = world.message(source)
            waiting[message.message_id] = message
    return waiting


def repair(world: World, waiting: dict[str, Message], destination: UnreliableDestination) -> None:
    """Drain the queue, let all requests arrive, and have an operator mend what is broken or missing."""
    operator = Operator(world, waiting)
    for _ in range(DRAIN_ROUNDS):
        world.clock.advance(2000)
        kept = world.process(*waiting.values())
        for name in set(waiting) - set(kept):
            del waiting[name]
        if not waiting:
            destination.arrive(all_of_them=True)
            broken = operator.repair()
            operator.replay_missing()
            if not (waiting or broken):
                return
    raise AssertionError(f"{len(waiting)} messages still wait")
