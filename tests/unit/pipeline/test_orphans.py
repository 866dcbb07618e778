"""Taking over from crashed owners within one's own run time."""

from __future__ import annotations

import pytest

from tests.unit.world import RUN_S, Killed, World

OWNERS = 20
AFTER_LEASE_S = 200
SLOW_S = 5.0
"""The destination's answer to each look."""


def test_many_dead_owners_and_a_slow_destination_do_not_use_up_the_run_time() -> None:
    """What there is no time to ask for goes back at once, not all with the process; in the end each is there."""
    world = World()
    messages = [world.message(world.upload(f"{n}")) for n in range(OWNERS)]

    def die(operation: str) -> None:
        if operation == "get":
            raise Killed

    world.landing.hook = die
    for message in messages:
        with pytest.raises(Killed):
            world.process(message)
    world.landing.hook = lambda _: None
    world.clock.advance(AFTER_LEASE_S)

    def slowly(operation: str) -> None:
        if operation == "head":
            world.clock.advance(SLOW_S)

    world.destination.hook = slowly
    began = world.clock.monotonic()
    failed = world.process(*messages)

    assert world.clock.monotonic() - began < RUN_S
    assert 0 < len(failed) < OWNERS
    assert {world.queue.visibility[message_id] for message_id in failed} == {0}
    while failed:
        failed = world.process(*[message for message in messages if message.message_id in failed])
    world.assert_each_once()
