"""Waits for what other processes do: one loop, with a limit, for the local stack, the benchmarks and the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from windrow.clients.clock import SystemClock
from windrow.core.errors import LocalStackError
from windrow.ports import Clock

T = TypeVar("T")

LIMIT_S = 240.0
"""What is waited for takes seconds; this is for a machine that is busy with other things."""
PAUSE_S = 0.05

_CLOCK = SystemClock()


def polls(limit_s: float = LIMIT_S, pause_s: float = PAUSE_S, clock: Clock = _CLOCK) -> Iterator[float]:
    """Yield the seconds that have passed, at once and after each pause, for the last time when the limit is reached."""
    begun = clock.monotonic()
    while True:
        passed_s = clock.monotonic() - begun
        yield passed_s
        if passed_s >= limit_s:
            return
        clock.sleep(min(pause_s, limit_s - passed_s))


def wait_for(poll: Callable[[], T], limit_s: float = LIMIT_S, pause_s: float = PAUSE_S, clock: Clock = _CLOCK) -> T:
    """Return the first answer of ``poll`` that is true, or the last one when the limit is reached."""
    pauses = polls(limit_s, pause_s, clock)
    next(pauses)
    while not (answer := poll()) and next(pauses, None) is not None:
        pass
    return answer


def wait_until(
    what: str,
    poll: Callable[[], T],
    *,
    limit_s: float = LIMIT_S,
    pause_s: float = PAUSE_S,
    cause: Callable[[], object] = str,
    clock: Clock = _CLOCK,
) -> T:
    """Return the first answer of ``poll`` that is true.

    Raises:
        LocalStackError: there was none within the limit. The message says what was waited for, the last answer unless
            it is False or None, and what ``cause`` returns then.
    """
    answer = wait_for(poll, limit_s, pause_s, clock)
    if answer:
        return answer
    last = "" if answer is False or answer is None else f" (last answer: {answer!r})"
    raise LocalStackError(f"waited {limit_s:g} s for {what}{last}{cause()}")
