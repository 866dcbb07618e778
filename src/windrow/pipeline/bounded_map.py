"""A map over threads with a limited number of items in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def bounded_map(pool: Executor, function: Callable[[T], R], items: Iterable[T], at_once: int) -> Iterator[R]:
    """Yield ``function(item)`` for each item in order, computed on ``pool``, at most ``at_once`` items ahead.

    The next item is taken when fewer than ``at_once`` are pending.
    """
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= at_once:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
