"""The run time that is kept back, for batches small and large."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.unit.world import World
from windrow.clients.destination.bucket import DELIVERING, PAUSE_S
from windrow.clients.s3 import landing
from windrow.clients.sqs import queue
from windrow.core.backoff import RetryPolicy
from windrow.core.errors import DestinationError, DestinationFault, LandingError
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.pipeline.deadline import (
    ASK_S,
    CALL_S,
    CALLS_AT_ONCE,
    DELIVER_RESERVE_S,
    HANG_S,
    RESOLVE_RESERVE_S,
    SETTLE_RESERVE_S,
    START_RESERVE_S,
    Deadline,
)
from windrow.testing import FakeClock


def left_when_refused(granted_s: float, messages: int, sending_s: float = 0.0) -> tuple[float, float, float]:
    """Return the seconds left when no archive is started, no file fetched and no part copied any more."""
    clock = FakeClock()
    deadline = Deadline(clock, granted_s, messages, sending_s)
    refused = []
    for may in (deadline.may_start, deadline.may_fetch, deadline.may_copy):
        while may():
            clock.sleep(0.5)
        refused.append(deadline.remaining_s)
    return refused[0], refused[1], refused[2]


def test_the_reserves_grow_with_the_batch() -> None:
    """By the time that giving all of it back takes, so that starting and delivering leave that time too."""
    assert (30, 21, 5) == left_when_refused(900, 0)
    assert (36.5, 27.5, 11.5) == left_when_refused(900, 3_520)
    assert (48.5, 39.5, 23.5) == left_when_refused(900, 10_000)


def test_sending_at_a_limited_rate_is_reckoned_with() -> None:
    """An archive is started, and filled, only while there is time to send it; of a usual run a share is enough."""
    assert (60, 51, 5) == left_when_refused(900, 0, 30)
    assert (60, 40, 5) == left_when_refused(120, 0, 30)


def test_the_reserves_are_a_share_of_a_short_run_time() -> None:
    """Even with the largest batch, a short run does some work."""
    assert (15, 10, 5) == left_when_refused(30, 10_000)


@pytest.mark.parametrize(("granted_s", "messages", "resolves", "fresh"), [(900, 0, 51, 675), (100, 3_520, 57.5, 75)])
def test_a_question_takes_its_time_and_most_of_a_run_is_three_quarters(
    granted_s: float, messages: int, resolves: float, fresh: float
) -> None:
    """With exactly so much left there is no time to ask any more, and the run is not fresh."""
    clock = FakeClock()
    deadline = Deadline(clock, granted_s, messages)

    def at(left_s: float) -> tuple[bool, bool]:
        clock.advance(deadline.remaining_s - left_s)
        return deadline.may_resolve(), deadline.is_fresh

    assert [(True, True), (True, False)] == [at(fresh + 0.5), at(fresh)]
    assert [(True, False), (False, False)] == [at(resolves + 0.5), at(resolves)]


def test_a_short_run_never_asks() -> None:
    """It leaves that to one with more time."""
    assert not Deadline(FakeClock(), 51).may_resolve()


def test_the_reserves_cover_a_request_that_hangs() -> None:
    """At one point: at the connection, in TLS, or at the answer. By the clients' own time-outs."""
    backoff_s = 1.0  # botocore's, in standard mode, before a second attempt: at most
    by_boto3_s = landing.ATTEMPTS * max(landing.CONNECT_S, landing.READ_S) + backoff_s
    read_s = landing.RETRY_S + max(landing.REQUEST_S, by_boto3_s)
    go_ahead_s = 1.0  # botocore waits so long for it before it sends a body
    put_s = max(DELIVERING.connect_s, go_ahead_s + DELIVERING.read_s)
    pauses_s = sum(RetryPolicy(DELIVERING.attempts, PAUSE_S).pauses_s())
    ask_s = DELIVERING.attempts * max(DELIVERING.connect_s, DELIVERING.read_s) + pauses_s

    assert landing.ATTEMPTS == 2
    assert max(read_s, put_s) <= HANG_S == DELIVER_RESERVE_S - SETTLE_RESERVE_S
    assert ask_s <= ASK_S == RESOLVE_RESERVE_S - SETTLE_RESERVE_S
    assert DELIVER_RESERVE_S < START_RESERVE_S


@pytest.mark.parametrize(("first_s", "asked"), [(98.5, 2), (99.5, 1)])
def test_a_file_that_hangs_leaves_time_to_settle(first_s: float, asked: int) -> None:
    """It is asked for while there is that time, and not later."""
    world = World()
    world.settings = msgspec.structs.replace(world.settings, fetch_concurrency=1)
    messages = [world.message(world.upload(key)) for key in "abc"]
    end = world.clock.monotonic() + 120
    seconds = iter((first_s, HANG_S))

    def hook(operation: str) -> None:
        if operation == "get":
            hangs = end - world.clock.monotonic() < 120
            world.clock.sleep(next(seconds))
            if hangs:
                raise LandingError("hung")

    world.landing.hook = hook
    failed = world.process(*messages, run_s=120)

    assert [message.message_id for message in messages[1:]] == failed
    assert asked == 2 - len(list(seconds))
    assert end - world.clock.monotonic() > SETTLE_RESERVE_S


def test_a_write_that_hangs_leaves_time_to_settle() -> None:
    """With 37 s left there is time to try it, but neither to repeat it nor to ask what became of it."""
    world = World()
    first = world.upload("a")
    second = world.upload("b", at=world.clock.now() + timedelta(minutes=1))
    end = world.clock.monotonic() + 120
    puts = 0

    def hook(operation: str) -> None:
        nonlocal puts
        puts += operation == "put"
        if operation == "put done" and puts == 1:
            world.clock.sleep(83)
        elif operation == "put" and puts > 1:
            world.clock.sleep(HANG_S)
            raise DestinationError("hung", DestinationFault.SLOW, maybe_stored=True)
        elif operation == "head" and puts > 1:
            world.clock.sleep(ASK_S)
            raise DestinationError("hung", DestinationFault.SLOW)

    world.destination.hook = hook
    late = world.message(second)
    kept = world.process(world.message(first), late, run_s=120)

    assert [late.message_id] == kept == list(world.queue.visibility)
    assert end - world.clock.monotonic() > SETTLE_RESERVE_S
    world.destination.hook = lambda _operation: None
    world.clock.advance(60)
    assert [] == world.process(late, run_s=120)
    world.assert_each_once()


def test_calls_are_counted_as_the_client_makes_them() -> None:
    """So many side by side."""
    assert queue.CONNECTIONS == CALLS_AT_ONCE


def test_a_starved_worker_gives_a_large_batch_back_in_time() -> None:
    """Slow GETs use the time up, the PUT is slow too, and thousands of messages must be returned all the same."""
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
