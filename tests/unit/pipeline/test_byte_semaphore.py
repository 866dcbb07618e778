"""A bound on the bytes that threads hold together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock

import pytest

from windrow.pipeline.byte_semaphore import ByteSemaphore


@pytest.mark.parametrize(("size", "most_at_once"), [(1, 8), (3, 3), (5, 2), (10, 1), (99, 1)])
def test_no_more_is_held_at_once_than_allowed(size: int, most_at_once: int) -> None:
    """What is larger than the limit goes alone, and nobody waits for ever."""
    semaphore, lock = ByteSemaphore(10), Lock()
    holders = most = 0

    def work(_number: int) -> None:
        nonlocal holders, most
        with semaphore.hold(size):
            with lock:
                holders += 1
                most = max(most, holders)
            with lock:
                holders -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert 1 <= most <= most_at_once


def test_who_wants_more_than_is_free_waits() -> None:
    """Until it is given back, by an error too."""
    semaphore, got = ByteSemaphore(10), Event()

    def second() -> None:
        with semaphore.hold(6):
            got.set()

    with ThreadPoolExecutor(1) as pool:
        with suppress(KeyError), semaphore.hold(5):
            waiting = pool.submit(second)
            assert not got.wait(0.05)
            raise KeyError
        waiting.result(60)
    assert got.is_set()
