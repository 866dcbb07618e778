"""Delays after failures."""

from __future__ import annotations

from windrow.core.backoff import exponential_s, spread


def test_backoff_doubles_to_its_ceiling() -> None:
    """No failure costs nothing, then the wait doubles from 1 s to 30 s and stays there."""
    assert [0, 1, 2, 4, 8, 16, 30, 30] == [exponential_s(failures) for failures in range(8)]
    assert 30 == exponential_s(10**9)


def test_names_are_spread_evenly_and_each_stays_where_it_is() -> None:
    """A tenth of them in each tenth, more or less."""
    shares = [spread(f"name {number}") for number in range(10_000)]
    tenths = [sum(number / 10 <= share < (number + 1) / 10 for share in shares) for number in range(10)]

    assert shares[7] == spread("name 7")
    assert [] == [count for count in tenths if not 900 < count < 1_100]
