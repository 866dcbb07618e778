"""The page on scaling says what the simulation, the load tests' reports and the cost estimate say."""

from __future__ import annotations

import re

import pytest

from bench.scaling import PAGE, RUN_S, tables, written
from bench.simulate import RUNS, Result, simulate
from windrow import pricelist
from windrow.core.cost import COMPRESSIONS, FILE_CPU_MS, Scenario, estimate

LOADS = ("100/s, defaults", "1,000/s, defaults", "10,000/s, defaults")


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """What comes of the loads that the page works out on paper, and of the settings that it advises."""
    return {name: simulate(RUNS[name], RUN_S) for name in (*LOADS, "10,000/s, advised")}


def test_the_page_has_the_tables_as_they_are_now() -> None:
    """`python -m bench.scaling` would change nothing."""
    page = PAGE.read_text()
    assert page == written(page, tables())


def test_a_page_without_its_marks_is_named() -> None:
    """A table that has no place is an error, not left out."""
    with pytest.raises(ValueError, match=r"scaling\.md has no place for the table of runs"):
        written("# Scaling\n", {"runs": ""})


@pytest.mark.parametrize("limit", ["uploads", "reads", "claims", "VPN"])
def test_shares_on_paper_are_those_of_the_simulation(limit: str, results: dict[str, Result]) -> None:
    """Of each limit that is shared, so much is asked for at each load."""
    cells = re.search(rf"^\| {limit}, .*", PAGE.read_text(), re.MULTILINE)
    assert cells is not None
    expected = [f"{100 * results[load].utilisation[limit]:.0f} %" for load in LOADS]
    assert expected == re.findall(r"(?<=\| )\d+ %(?= \|)", cells[0])


def test_what_the_mapping_and_the_queue_hold_is_that_of_the_simulation(results: dict[str, Result]) -> None:
    """Batches at once and messages in flight, with what is advised for the highest load."""
    low, middle, high, advised = (result.utilisation for result in results.values())
    page = PAGE.read_text()
    batches, flight = "batches at once", "messages in flight"
    assert (
        f"| {100 * low[batches]:.0f} % | {100 * middle[batches]:.0f} % "
        f"| {100 * high[batches]:.0f} %, {100 * advised[batches]:.0f} % of 40" in page
    )
    assert f"| {100 * low[flight]:.0f} % | {100 * middle[flight]:.0f} % | {100 * advised[flight]:.0f} %, 100 %" in page


def test_the_share_of_the_uploads_in_the_cost_is_that_of_the_estimate(results: dict[str, Result]) -> None:
    """What the page says of the bill at 10,000 files a second."""
    advised = results["10,000/s, advised"]
    bill = estimate(Scenario(files_per_day=10_000 * 86_400), pricelist.load())
    uploads = next(line.usd for line in bill.lines if line.item == "uploads (PUT)")
    told = f"Of the {advised.usd_per_month:,.0f} USD a month at 10,000/s, {100 * uploads / advised.usd_per_month:.0f} %"
    assert told in PAGE.read_text()


def test_the_cpu_time_of_a_file_is_the_measured_one() -> None:
    """The sum of what estimate and simulation count is within what was measured, and told on both pages."""
    cpu_ms = FILE_CPU_MS + COMPRESSIONS["6"].cpu_ms_per_100_kb
    assert 1.33 <= cpu_ms <= 1.43
    assert f"{cpu_ms:.2f} ms a file" in PAGE.read_text()
    assert f"{cpu_ms:.1f} ms a file" in PAGE.with_name("cost.md").read_text()
