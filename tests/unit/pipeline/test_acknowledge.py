"""What is done is acknowledged before work starts that may kill the process."""

from __future__ import annotations

import pytest

from tests.unit.world import Killed, World

AFTER_LEASE_S = 200


def test_each_message_is_acknowledged_once_however_many_groups_follow() -> None:
    """30 objects whose owner died make groups of 1, 2, 4, 8 and 15; what is done is not deleted again before each."""
    world = World()
    messages = [world.message(world.upload(f"{n}"), receives=8) for n in range(30)]

    def die(operation: str) -> None:
        if operation == "get":
            raise Killed

    world.landing.hook = die
    with pytest.raises(Killed):
        world.process(*messages)
    world.landing.hook = lambda _: None
    world.clock.advance(AFTER_LEASE_S)

    failed = world.process(*messages)

    assert [] == failed
    assert len(set(world.queue.deleted)) == len(world.queue.deleted) == 15
    world.assert_each_once()
