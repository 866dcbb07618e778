"""The gate's memory of its last probe, and what makes a worker ask anew."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec
import pytest

from tests.unit.world import Killed, World
from windrow.core.circuit import Streak
from windrow.core.errors import DestinationError, DestinationFault, LedgerError
from windrow.core.events import Message
from windrow.pipeline import large
from windrow.pipeline.gate import DELIVERED_EVERY_S, Gate
from windrow.testing import FakeClock, FakeDeliveryHealth, FakeDestination

HANG_S = 30.0
"""A probe's two attempts at a server that accepts and never answers."""

REMEMBERED_S = 10.0
"""How long an answer counts."""


class Hanging:
    """A destination whose probes take a while, and how many there were."""

    def __init__(self, *, fails: bool) -> None:
        self.clock = FakeClock()
        self.health = FakeDeliveryHealth()
        self.probes = 0
        self._fails = fails
        self.gate = Gate(FakeDestination(self.clock, self._probe), self.health, self.clock)

    def _probe(self, _operation: str) -> None:
        self.probes += 1
        self.clock.advance(HANG_S)
        if self._fails:
            raise DestinationError("no answer", DestinationFault.SLOW)


@pytest.mark.parametrize("fails", [True, False])
def test_an_answer_counts_from_when_it_came(fails: bool) -> None:
    """A probe that takes longer than the memory lasts is remembered all the same."""
    world = Hanging(fails=fails)
    first = world.gate.fault()
    world.clock.advance(REMEMBERED_S - 0.5)
    second = world.gate.fault()
    probes = world.probes
    world.clock.advance(0.5)
    world.gate.fault()

    assert first is second
    assert fails == (first is not None)
    assert (1, 2) == (probes, world.probes)


def test_a_destination_that_comes_back_is_found_up() -> None:
    """A fault is forgotten with the next good answer."""
    world = Hanging(fails=True)
    first = world.gate.fault()
    world._fails = False
    world.clock.advance(REMEMBERED_S)

    assert (True, None) == (first is not None, world.gate.fault())


def test_a_failed_delivery_asks_anew() -> None:
    """What was remembered is forgotten."""
    world = Hanging(fails=False)
    world.gate.fault()
    world.gate.forget()
    world.gate.fault()

    assert 2 == world.probes


def refuse(*operations: str, maybe_stored: bool = False) -> Callable[[World], None]:
    """Return what has these operations of the destination fail."""

    def hook(name: str) -> None:
        if name in operations:
            raise DestinationError("refused", DestinationFault.REFUSED, maybe_stored=maybe_stored)

    return lambda world: setattr(world.destination, "hook", hook)


def die_before_the_put(world: World) -> None:
    """Have a worker claim what is in the queue and die, and the destination refuse to say what became of it."""

    def hook(name: str) -> None:
        if name == "put":
            raise Killed

    world.destination.hook = hook
    with pytest.raises(Killed):
        world.process(*world_messages(world))
    world.clock.advance(200)
    refuse("head")(world)


def world_messages(world: World) -> list[Message]:
    """Return a new message for each file."""
    return [world.message(source) for source in world.sources]


@pytest.mark.parametrize(
    ("trouble", "size", "probes"),
    [
        (lambda _world: None, 1, 1),
        (refuse("put"), 1, 2),
        (refuse("put", "head", maybe_stored=True), 1, 2),
        (refuse("send_part"), 100_000, 2),
        (die_before_the_put, 1, 2),
    ],
    ids=["delivered", "not stored", "of unknown end", "a large one's part", "an orphaned archive"],
)
def test_a_batch_that_met_a_fault_has_the_next_one_ask_anew(
    trouble: Callable[[World], None], size: int, probes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all of its claims and fetches would be in vain; after a batch that went well nobody asks within 10 s."""
    monkeypatch.setattr(large, "HELD_BYTES", 1000)
    world = World()
    world.settings = msgspec.structs.replace(world.settings, max_archive_bytes=1000)
    world.upload("a", Random(size).randbytes(size))
    trouble(world)
    fails, worker = world.destination.hook, world.worker()
    asked: list[str] = []

    def hook(name: str) -> None:
        asked.append(name)
        fails(name)

    world.destination.hook = hook
    began = world.clock.monotonic()

    for owner in ("one", "two"):
        worker.process(world_messages(world), owner=owner, remaining_s=60)

    assert world.clock.monotonic() - began < REMEMBERED_S
    assert probes == asked.count("probe")


def test_failures_in_a_row_are_noted_until_one_delivery_succeeds() -> None:
    """Each with the time of the first; the success at once, and others at most each half minute."""
    world = Hanging(fails=False)
    error = DestinationError("no", DestinationFault.REFUSED)
    began_s = int(world.clock.now().timestamp())
    world.gate.failed(error)
    world.clock.advance(5)
    world.gate.failed(error)
    streak = world.health.streak()
    world.gate.delivered()
    world.gate.delivered()
    world.clock.advance(DELIVERED_EVERY_S)
    world.gate.delivered()

    assert ["failed 1", "failed 2", "delivered", "delivered"] == world.health.noted
    assert Streak(2, began_s, began_s + 5, "refused") == streak


def test_what_failed_elsewhere_says_nothing_of_the_destination() -> None:
    """The destination is asked anew all the same."""
    world = Hanging(fails=False)
    world.gate.fault()
    world.gate.failed(LedgerError("throttled"))
    world.gate.fault()

    assert ([], 2) == (world.health.noted, world.probes)
