"""Work on threads, a few items at a time, so that memory holds those few and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def bounded_map(pool: Executor, function: Callable[[T], R], items: Iterable[T], at_once: int) -> Iterator[R]:
    """Yield ``function(item)`` for each item in order, computed on ``pool``, at most ``at_once`` of them ahead.

    The next item is asked for when a place is free. With ``at_once`` 1 each result is waited for.
    """
    under_way: deque[Future[R]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= at_once:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()
