"""Backoff arithmetic."""

from __future__ import annotations

import pytest

from windrow.steps.settle import backoff_s


@pytest.mark.parametrize(
    ("receives", "least", "most"),
    [(1, 5, 10), (2, 10, 20), (3, 20, 40), (7, 320, 640), (8, 450, 900), (100, 450, 900), (10**6, 450, 900)],
)
def test_backoff_doubles_from_10_to_900_seconds(receives: int, least: int, most: int) -> None:
    """Jitter takes away up to half."""
    assert (backoff_s(receives, lambda: 0.0), backoff_s(receives, lambda: 1.0)) == (least, most)
