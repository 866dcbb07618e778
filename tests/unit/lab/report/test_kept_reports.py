from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.lab.load.records import MACHINE, record
from windrow.lab.load.plan import PROFILES
from windrow.lab.load.result import encode
from windrow.lab.load.summary import summarize

ROOT = Path(__file__).resolve().parents[4]
REPORTS = ROOT / "docs" / "reports"
LARGEST_BYTES = 300_000


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Return the script that keeps reports."""
    spec = importlib.util.spec_from_file_location("load_reports", ROOT / "scripts" / "load_reports.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_has_the_figures_of_the_results(script: ModuleType) -> None:
    """The table of the kept reports says what their JSON says."""
    readme = (REPORTS / "README.md").read_text()
    assert script.with_table(readme, script.kept()) == readme


def test_each_result_has_its_report(script: ModuleType) -> None:
    """Every kept result has a report beside it, both small; those of load tests lost nothing."""
    results = sorted(REPORTS.glob("*.json"))
    assert [path.with_suffix(".html") for path in results] == sorted(REPORTS.glob("*.html"))
    assert [] == [path.name for path in REPORTS.iterdir() if path.stat().st_size > LARGEST_BYTES]
    assert {(0, 0, 0)} == {
        (result.proof.files_missing, result.proof.files_duplicated, result.proof.sha256_mismatches)
        for result in map(script.read, script.kept())
    }


def test_rows_come_in_the_order_of_the_profiles(script: ModuleType, tmp_path: Path) -> None:
    """Whatever rows a table had, it has those of the results, and the text around it stays."""
    paths = [tmp_path / f"2026-01-01-{profile}.json" for profile in reversed(PROFILES)]
    for path, profile in zip(paths, reversed(PROFILES), strict=True):
        result = summarize(record([30.0] * 20), profile=profile, command="", machine=MACHINE)
        path.write_bytes(encode(result))
    made = script.with_table(f"before\n{script.MARK}| old |\n\nafter\n", paths)
    before, _, rows = made.partition(script.MARK)
    lines = rows.splitlines()
    assert ("before\n", ["", "after"]) == (before, lines[-2:])
    assert list(PROFILES) == [line[3:].partition("]")[0] for line in lines[:-2]]
    assert "| 20 | 0 / 0 / 0 | 30 / 30 / 30 / 30 | met | 0.60 + 0.40 | 1.5 |" in lines[0]


def test_the_pictures_are_small_and_fetch_nothing() -> None:
    """Of the README; a drawing that loads a font would tell somebody's server of each reader."""
    pictures = {path.name: path for path in (ROOT / "docs" / "pictures").iterdir()}
    addresses = set(re.findall(r"https?://([^/:\s\"<]+)", pictures["demo.svg"].read_text()))

    assert {"demo.svg", "report.png"} == pictures.keys()
    assert {"127.0.0.1", "www.w3.org", "www.textualize.io"} == addresses
    assert [] == [name for name, path in pictures.items() if path.stat().st_size > LARGEST_BYTES / 2]
    assert "@font-face" not in pictures["demo.svg"].read_text()
