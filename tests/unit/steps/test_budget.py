"""The run time that is kept back, for batches small and large."""

from __future__ import annotations

import msgspec

from tests.unit.world import World
from windrow.clients import queue
from windrow.steps.budget import CALL_S, CALLS_AT_ONCE, MESSAGES_A_CALL, Budget
from windrow.testing import FakeClock


def left_when_refused(granted_s: float, messages: int) -> tuple[float, float, float]:
    """Return the seconds left when no archive is started, no file fetched and nothing tried again any more."""
    clock = FakeClock()
    budget = Budget(clock, granted_s, messages)
    refused = []
    for may in (budget.may_start, budget.may_fetch, budget.may_retry):
        while may():
            clock.sleep(0.5)
        refused.append(budget.remaining_s)
    return refused[0], refused[1], refused[2]


def test_the_reserves_grow_with_the_batch() -> None:
    """By the time that giving all of it back takes, so that starting and delivering leave that time too."""
    assert (30, 20, 5) == left_when_refused(900, 0)
    assert (36.5, 26.5, 11.5) == left_when_refused(900, 3_520)
    assert (48.5, 38.5, 23.5) == left_when_refused(900, 10_000)


def test_the_reserves_are_a_share_of_a_short_run_time() -> None:
    """Even with the largest batch, a short run does some work."""
    assert (15, 10, 5) == left_when_refused(30, 10_000)


def test_calls_are_counted_as_the_client_makes_them() -> None:
    """So many messages a call, and so many calls side by side."""
    assert (queue.MAX_ENTRIES, queue.CONNECTIONS) == (MESSAGES_A_CALL, CALLS_AT_ONCE)


def test_a_starved_worker_gives_a_large_batch_back_in_time() -> None:
    """Slow GETs use the time up, the PUT is slow too, and thousands of messages must be given back all the same."""
    world = World()
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    messages = [world.message(world.upload(f"k{number}")) for number in range(3_000)]
    seconds = {"get": 1.0, "put": 15.0, "set_visibility": len(messages) / MESSAGES_A_CALL / CALLS_AT_ONCE * CALL_S}
    world.hook(lambda operation: world.clock.sleep(seconds.get(operation, 0.0)))
    end = world.clock.monotonic() + 120

    kept = world.process(*messages, run_s=120)

    assert 2_800 < len(kept) < 3_000
    assert set(kept) == world.queue.visibility.keys()
    assert world.clock.monotonic() < end
