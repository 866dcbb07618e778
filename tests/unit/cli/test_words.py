"""Counts, spans and shares as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from windrow.cli.words import counted, lasting, percent


@pytest.mark.parametrize(("count", "expected"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (2500, "2,500 files")])
def test_one_is_singular(count: int, expected: str) -> None:
    """And nothing else."""
    assert expected == counted(count, "file")
    assert "2 entries" == counted(2, "entry", "entries")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (90, "90 s"), (60, "1 minute"), (300, "5 minutes"), (3600, "1 hour"), (172_800, "2 days")],
)
def test_a_span_has_its_largest_whole_unit(seconds: int, expected: str) -> None:
    """As somebody would write it."""
    assert expected == lasting(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1, "100.00 %"), (0.99899, "99.89 %"), (0.999, "99.90 %"), (0.29, "29.00 %"), (0.99999, "99.99 %"), (0, "0.00 %")],
)
def test_a_share_is_never_rounded_up(share: float, expected: str) -> None:
    """What misses an objective must not read as if it met it."""
    assert expected == percent(share)
