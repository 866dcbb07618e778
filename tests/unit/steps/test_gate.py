"""The gate's memory of its last probe."""

from __future__ import annotations

import pytest

from windrow.core.errors import DestinationError, DestinationFault
from windrow.steps.gate import CACHE_S, Gate
from windrow.testing import FakeClock, FakeDestination

HANG_S = 30.0
"""A probe's two attempts at a server that accepts and never answers."""


class Hanging:
    """A destination whose probes take a while, and how many there were."""

    def __init__(self, *, fails: bool) -> None:
        self.clock = FakeClock()
        self.probes = 0
        self._fails = fails
        self.gate = Gate(FakeDestination(self.clock, self._probe), self.clock)

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
    world.clock.advance(CACHE_S - 1)
    second = world.gate.fault()
    probes = world.probes
    world.clock.advance(1)
    world.gate.fault()

    assert first is second
    assert fails == (first is not None)
    assert (1, 2) == (probes, world.probes)


def test_a_failed_delivery_asks_anew() -> None:
    """What was remembered is forgotten."""
    world = Hanging(fails=False)
    world.gate.fault()
    world.gate.forget()
    world.gate.fault()

    assert 2 == world.probes
