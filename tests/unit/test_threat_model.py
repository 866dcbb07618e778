"""The threat model names tests that exist, and one for each thing that it says is stopped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/threat-model.md"
NAMED = re.compile(r"`((?:tests|infra)/[\w./-]+)::(\w+)`")


def rows() -> list[str]:
    """Return the rows of the page's tables, without their heads."""
    tables = re.findall(r"^\| .+ \|\n\| --- .+\|\n((?:\|.+\|\n)+)", PAGE.read_text(), re.MULTILINE)
    return [row for table in tables for row in table.splitlines()]


def named() -> list[tuple[str, str]]:
    """Return the tests that the page names: file and name."""
    return list(dict.fromkeys(NAMED.findall(PAGE.read_text())))


def test_each_row_names_a_test() -> None:
    """What is stopped by words alone is not stopped."""
    assert len(rows()) > 30
    assert [] == [row for row in rows() if not NAMED.search(row)]


@pytest.mark.parametrize(("path", "name"), named(), ids=[name for _, name in named()])
def test_each_test_that_is_named_exists(path: str, name: str) -> None:
    """A Python test, or a run of a Terraform module's tests."""
    text = (ROOT / path).read_text()
    assert re.search(rf"def {name}\(|^run \"{name}\" \{{", text, re.MULTILINE)
