"""The figures of docs/lower-latency.md are those of the commands and the simulation that it names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.simulate import Setup, Simulation
from windrow.cli.root import run
from windrow.cost.model import DAYS, Scenario

PAGE = (Path(__file__).parents[3] / "docs/lower-latency.md").read_text()
ROWS = re.findall(
    r"^\| (\d+) \| .* \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| `windrow (cost.*)` \|$", PAGE, re.MULTILINE
)


@pytest.mark.parametrize("row", ROWS, ids=[f"{rate}/s, {command}" for rate, *_, command in ROWS])
def test_row_is_what_its_command_says(row: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Archives a day, files an archive, and the total with both kinds of retention."""
    rate, archives, files, with_archives, with_raw, command = row
    reports = []
    for retention in ("archives", "raw"):
        assert 0 == run([*command.split(), "--retention", retention, "--json"])
        reports.append(json.loads(capsys.readouterr().out))
    priced = reports[0]["scenario"]
    scenario = Scenario(**{name: priced[name] for name in ("files_per_day", "window_s", "pollers", "servers")})
    assert int(rate) * 86_400 == scenario.files_per_day
    assert [archives, files, with_archives, with_raw] == [
        f"{each:,.0f}"
        for each in (
            scenario.archives / DAYS,
            scenario.files / scenario.archives,
            *(bill["total_usd"] for bill in reports),
        )
    ]


def test_every_row_is_read() -> None:
    """Two rates, five settings each."""
    assert 10 == len(ROWS)


@pytest.mark.parametrize(
    ("window_s", "gatherers", "row"),
    [
        (60, 5, "60 s, the default"),
        (5, 5, "5 s"),
        (5, 2, "5 s, two batches gathered at once"),
        (60, 1, "60 s, `windrow run` on servers"),
        (5, 1, "5 s, `windrow run` on servers"),
    ],
)
def test_latency_is_that_of_the_simulation(window_s: float, gatherers: int, row: str) -> None:
    """To a second, at 10 files a second."""
    found = Simulation(Setup(files_per_s=10, window_s=window_s, gatherers=gatherers)).run(600).latency_s
    assert f"\n| {row} | {found['p50']:.0f} s / {found['p99.9']:.0f} s |" in PAGE
