"""A token bucket over a process's threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from windrow.clients.destination.pace import BURST_S, Pace
from windrow.testing import FakeClock

RATE = 1_000_000


def test_the_rate_is_kept_over_many_pieces() -> None:
    """Ten seconds' worth takes ten seconds, but for the burst at the beginning."""
    clock = FakeClock()
    pace = Pace(RATE, clock)
    clock.advance(100)
    for _ in range(1000):
        pace.send(RATE // 100)

    assert pytest.approx(100 + 10 - BURST_S) == clock.monotonic()


def test_a_pause_saves_up_a_burst_and_no_more() -> None:
    """After an hour without files the line is not flooded."""
    clock = FakeClock()
    pace = Pace(RATE, clock)
    clock.advance(3600)
    pace.send(int(RATE * BURST_S))
    before = list(clock.sleeps)
    pace.send(RATE)

    assert [] == before
    assert [pytest.approx(1.0)] == clock.sleeps


def test_who_sends_slowly_is_not_held_back() -> None:
    """The line itself is slower than the limit."""
    clock = FakeClock()
    pace = Pace(RATE, clock)
    for _ in range(100):
        clock.advance(0.2)
        pace.send(RATE // 10)

    assert [] == clock.sleeps


class Stopped(FakeClock):
    """Time stands still for everyone who waits, as if all threads came at once."""

    def sleep(self, seconds: float) -> None:
        """Note it alone."""
        self.sleeps.append(seconds)


def test_threads_share_one_rate() -> None:
    """Each is given a turn of its own behind the others'."""
    clock = Stopped()
    pace = Pace(RATE, clock)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: pace.send(RATE), range(8)))

    assert [pytest.approx(second) for second in range(1, 9)] == sorted(clock.sleeps)
