"""Exponential backoff and retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TypeVar

import msgspec

T = TypeVar("T")

FIRST_REDELIVERY_S = 10
MAX_REDELIVERY_S = 900


class RetryPolicy(msgspec.Struct, frozen=True):
    """``attempts`` in total. The first pause is ``first_s``; each later one is ``factor`` times the one before."""

    attempts: int
    first_s: float
    factor: float = 2.0

    def pauses_s(self) -> Iterator[float]:
        """Yield the pause after each attempt but the last."""
        return (self.first_s * self.factor**done for done in range(self.attempts - 1))

    def call(
        self, attempt: Callable[[], T], retryable: Callable[[Exception], bool], sleep: Callable[[float], object]
    ) -> T:
        """Return the result of the first attempt that succeeds.

        Raises the error of the last attempt, or the first error that is not ``retryable``.
        """
        for pause_s in self.pauses_s():
            try:
                return attempt()
            except Exception as error:
                if not retryable(error):
                    raise
            sleep(pause_s)
        return attempt()


def exponential_s(failures: int, *, first_s: float = 1.0, most_s: float = 30.0) -> float:
    """Return the wait after this many failures in a row: 0, then ``first_s``, doubled each time up to ``most_s``.

    It is doubled 16 times at most: beyond that a power of two would overflow some time.
    """
    if failures <= 0:
        return 0.0
    return min(most_s, first_s * 2.0 ** min(failures - 1, 16))


def redelivery_delay_s(receive_count: int, jitter: Callable[[], float]) -> int:
    """Return how long a failed message stays invisible: 10 s, doubled with each receive up to 900 s, times 0.5 to 1.

    ``jitter`` returns a number from 0 to 1.
    """
    full_s = exponential_s(receive_count, first_s=FIRST_REDELIVERY_S, most_s=MAX_REDELIVERY_S)
    return int(full_s * (0.5 + 0.5 * jitter()))


def spread(name: str) -> float:
    """Return a number from 0 to 1 that is always the same for a name, evenly distributed over names."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") / 2**64
