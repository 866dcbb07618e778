"""What is done is acknowledged before work starts that may kill the process."""

from __future__ import annotations

import pytest

from tests.unit.world import Killed, World

AFTER_LEASE_S = 200


def test_each_message_is_acknowledged_once_however_many_groups_follow() -> None:
    """Of 30 objects whose owner died, each is built alone; the messages before it are not deleted again and again."""
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
    assert len(set(world.queue.deleted)) == len(world.queue.deleted) == 29
    world.assert_each_once()
