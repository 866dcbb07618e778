"""Counts, spans and shares as people read them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from windrow.core.words import counted, lasting, measured, percent

SOURCE = Path(__file__).resolve().parents[3] / "src/windrow"
ALWAYS_SEVERAL = {
    "archive.py: {len(found)} times",
    "dlq.py: {HOLD_S // 60} minutes",
    "races.py: {KEYS} times",
}
"""Numbers that are never one."""


@pytest.mark.parametrize(("count", "expected"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (2500, "2,500 files")])
def test_one_is_singular(count: int, expected: str) -> None:
    """And nothing else."""
    assert expected == counted(count, "file")
    assert "2 entries" == counted(2, "entry", "entries")


@pytest.mark.parametrize(
    ("amount", "expected"), [(1, "1 day"), (1.5, "1.5 days"), (0, "0 days"), (12_000, "12,000 days")]
)
def test_an_amount_need_not_be_whole(amount: float, expected: str) -> None:
    """One is singular there too."""
    assert expected == measured(amount, "day")


def test_no_message_puts_a_plural_behind_a_bare_number() -> None:
    """Else one of something reads "1 files": whatever the command line prints goes by `counted` or `measured`."""
    nouns = (
        "files|archives|messages|objects|invocations|errors|times|alarms|steps|minutes|days|zones|months|prices|"
        "versions|packages"
    )
    bare = re.compile(rf"\{{(?![^{{}}]*(?:counted|measured)\()[^{{}}]*\}} (?:{nouns})\b(?!/)")
    folders = ("cli", "doctor", "report")
    sources = [path for folder in folders for path in (SOURCE / folder).glob("*.py")]
    found = {
        f"{path.name}: {match[0]}"
        for path in [*sources, SOURCE / "cost/model.py", SOURCE / "core/version_comparison.py"]
        for match in bare.finditer(path.read_text())
    }

    assert ALWAYS_SEVERAL == found


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
