"""Delays after failures."""

from __future__ import annotations

from windrow.core.backoff import exponential_s


def test_backoff_doubles_to_its_ceiling() -> None:
    """No failure costs nothing, then the wait doubles from 1 s to 30 s and stays there."""
    assert [0, 1, 2, 4, 8, 16, 30, 30] == [exponential_s(failures) for failures in range(8)]
    assert 30 == exponential_s(10**9)
