"""Delays after failures."""

from __future__ import annotations

import pytest

from windrow.core.backoff import RetryPolicy, exponential_s, redelivery_delay_s, spread
from windrow.core.errors import LedgerError, QueueError, WindrowError

POLICY = RetryPolicy(attempts=3, first_s=0.5)


def test_backoff_doubles_to_its_ceiling() -> None:
    """No failure costs nothing, then the wait doubles from 1 s to 30 s and stays there."""
    assert [0, 1, 2, 4, 8, 16, 30, 30] == [exponential_s(failures) for failures in range(8)]
    assert 30 == exponential_s(10**9)
    assert 65_536 == exponential_s(10**9, most_s=10**9)


@pytest.mark.parametrize(
    ("receives", "least", "most"),
    [(1, 5, 10), (2, 10, 20), (3, 20, 40), (7, 320, 640), (8, 450, 900), (100, 450, 900), (10**6, 450, 900)],
)
def test_a_redelivery_is_delayed_by_10_to_900_seconds(receives: int, least: int, most: int) -> None:
    """Jitter takes away up to half."""
    assert (redelivery_delay_s(receives, lambda: 0.0), redelivery_delay_s(receives, lambda: 1.0)) == (least, most)


def test_names_are_spread_evenly_and_each_stays_where_it_is() -> None:
    """A tenth of them in each tenth, more or less."""
    shares = [spread(f"name {number}") for number in range(10_000)]
    tenths = [sum(number / 10 <= share < (number + 1) / 10 for share in shares) for number in range(10)]

    assert shares[7] == spread("name 7")
    assert [] == [count for count in tenths if not 900 < count < 1_100]


class Attempts:
    """Attempts that end as told, and the pauses between them."""

    def __init__(self, *ends: WindrowError | str) -> None:
        self.ends = list(ends)
        self.pauses: list[float] = []

    def __call__(self) -> str:
        """End as the next one does."""
        end = self.ends.pop(0)
        if isinstance(end, WindrowError):
            raise end
        return end

    def tried(self) -> str:
        """Have the policy try, and again after a ledger's error only."""
        return POLICY.call(self, lambda error: isinstance(error, LedgerError), self.pauses.append)


def test_what_fails_is_tried_again_after_pauses_that_double() -> None:
    """Until it succeeds."""
    attempts = Attempts(LedgerError("1"), LedgerError("2"), "done", "not asked")
    assert ("done", [0.5, 1.0], ["not asked"]) == (attempts.tried(), attempts.pauses, attempts.ends)


def test_the_last_error_is_raised_without_a_pause() -> None:
    """Three attempts have two pauses."""
    attempts = Attempts(LedgerError("1"), LedgerError("2"), LedgerError("3"), "not asked")
    with pytest.raises(LedgerError, match="3"):
        attempts.tried()
    assert ([0.5, 1.0], ["not asked"]) == (attempts.pauses, attempts.ends)


def test_other_errors_are_raised_at_once() -> None:
    """Trying again would not help."""
    attempts = Attempts(LedgerError("1"), QueueError("2"), "not asked")
    with pytest.raises(QueueError, match="2"):
        attempts.tried()
    assert ([0.5], ["not asked"]) == (attempts.pauses, attempts.ends)


def test_a_factor_of_one_keeps_the_pause() -> None:
    """As where a server needs always as long."""
    assert [2.0, 2.0, 2.0] == list(RetryPolicy(attempts=4, first_s=2.0, factor=1.0).pauses_s())
