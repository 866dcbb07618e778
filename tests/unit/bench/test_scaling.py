"""The page on scaling says what the simulation, the load tests' reports and the cost estimate say."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from bench.scaling import (
    EMULATOR_MESSAGE_BYTES,
    LOCAL_GET_MS,
    LOCAL_PUT_BYTES_PER_S,
    PAGE,
    RUN_S,
    WORKER,
    tables,
    written,
)
from bench.simulate import PAYLOAD_BYTES, RUNS, Result, Setup, simulate
from windrow.cost import price_list
from windrow.cost.model import COMPRESSIONS, FILE_CPU_MS, SWEEP_PAGE_S, Retention, Scenario, estimate

LOADS = ("100/s, defaults", "1,000/s, defaults", "10,000/s, defaults")


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """What comes of the loads that the page works out on paper, and of the settings that it advises."""
    return {name: simulate(RUNS[name], RUN_S) for name in (*LOADS, "10,000/s, advised")}


@pytest.fixture(scope="module")
def now() -> dict[str, str]:
    """The tables that `python -m bench.scaling` would write."""
    return tables()


def test_the_page_has_the_tables_as_they_are_now(now: dict[str, str]) -> None:
    """`python -m bench.scaling` would change nothing."""
    page = PAGE.read_text()
    assert page == written(page, now)


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


def test_what_the_mapping_the_queue_and_the_sweep_do_is_that_of_the_simulation(results: dict[str, Result]) -> None:
    """Batches at once, messages in flight and the sweep, with what is advised for the highest load."""
    low, middle, high, advised = (result.utilisation for result in results.values())
    page = PAGE.read_text()
    batches, flight, sweep = "batches at once", "messages in flight", "sweep"
    assert (
        f"| {100 * low[batches]:.0f} % | {100 * middle[batches]:.0f} % "
        f"| {100 * high[batches]:.0f} %, {100 * advised[batches]:.0f} % of 40" in page
    )
    assert f"| {100 * low[flight]:.0f} % | {100 * middle[flight]:.0f} % | {100 * advised[flight]:.0f} %, 100 %" in page
    assert (
        f"| {100 * low[sweep]:.0f} % | {100 * middle[sweep]:.0f} % "
        f"| {100 * high[sweep]:,.0f} %, {100 * advised[sweep]:.0f} % of 8 runs" in page
    )


def said() -> str:
    """Return the page with its lines joined, as it reads."""
    return " ".join(PAGE.read_text().split())


def test_the_costs_are_those_of_the_network_that_is_advised(results: dict[str, Result]) -> None:
    """What the page says of the bill at 10,000 files a second, with either retention, and what it is made of."""
    usd = results["10,000/s, advised"].usd_per_month
    scenario = Scenario(files_per_day=10_000 * 86_400, retention=Retention.RAW)
    lines = {line.item: line.usd for line in estimate(scenario, price_list.load()).lines}
    uploads = 100 * lines["uploads (PUT)"] / usd["archives"]
    moves = 100 * lines["transitions of raw files to Deep Archive"] / usd["raw"]
    page = said()
    assert (
        f"Of the {usd['archives']:,.0f} USD a month at 10,000/s with retention `archives`, {uploads:.0f} % are" in page
    )
    assert f"it would be {usd['raw']:,.0f} USD, {moves:.0f} % of them to move each file" in page
    assert usd["archives"] - results["10,000/s, defaults"].usd_per_month["archives"] > 8_000


def test_what_the_destination_takes_is_that_of_the_simulation(results: dict[str, Result]) -> None:
    """Megabytes and archives a second."""
    advised = results["10,000/s, advised"]
    middle, high = (results[name].archive_bytes_per_s / 1e6 for name in ("1,000/s, defaults", "10,000/s, advised"))
    archives = 10_000 / advised.files_per_batch * advised.archives_per_batch
    told = f"{high:.0f} MB/s written, {archives:.0f} archives a second of {high / archives:.0f} MB"
    assert f"{middle:.0f} MB/s at 1,000/s | {told}" in said()


def test_what_the_sweep_keeps_up_with_is_that_of_the_simulation(results: dict[str, Result]) -> None:
    """The rates of the function and of a run on a server, how many runs 10,000/s take, and what it lists there."""
    page = said()
    for rate, sweeps, told in ((390, 0, "about 390 files a second"), (1_600, 1, "about 1,600 files a second")):
        assert simulate(Setup(files_per_s=rate, sweeps=sweeps), RUN_S).utilisation["sweep"] == pytest.approx(
            1, abs=0.02
        )
        assert told in page
    assert f"work for {8 * results['10,000/s, advised'].utilisation['sweep']:.1f} runs" in page
    per_day = 86_400 * 10_000 / results["10,000/s, defaults"].files_per_batch
    scenario = Scenario(files_per_day=864e6, batches_per_minute=per_day / 1_440)
    assert f"listings alone take {2 * scenario.sweep_pages * SWEEP_PAGE_S:,.0f} s" in page


def test_what_was_measured_of_the_local_servers_is_told() -> None:
    """The figures that the comparison puts in, how many messages fit 6 MB, and the GET that is as slow as the CPU."""
    page = said()
    assert f"They have {EMULATOR_MESSAGE_BYTES:,} bytes each" in page
    assert f"6 MB hold {PAYLOAD_BYTES / EMULATOR_MESSAGE_BYTES:,.0f} such messages" in page
    cpu_ms = FILE_CPU_MS + COMPRESSIONS[WORKER.level].cpu_ms_per_100_kb
    assert f"below {16 * cpu_ms:.0f} ms a batch waits for the CPU" in page
    assert f"a GET of {LOCAL_GET_MS} ms" in page
    assert f"a PUT of {LOCAL_PUT_BYTES_PER_S / 1e6:.0f} MB/s" in page


def test_what_explains_the_measured_run_is_told(now: dict[str, str]) -> None:
    """How much of the difference at 100/s the local GET and PUT take, as the page puts it in words."""
    rows = [row.split(" | ") for row in now["measured"].splitlines()[4:]]
    p50, p95 = ([int(row[column]) for row in rows] for column in (2, 3))
    assert [1, 2, 1] == [slower - faster for slower, faster in pairwise(p95)]
    assert p50[-2] == p50[-1] - 1
    page = said()
    assert "of the 4 s at p95 it takes one" in page
    assert "The PUT takes two. With both, p50 is a second too short and p95 a second too long" in page


def test_the_cpu_time_of_a_file_is_the_measured_one() -> None:
    """The sum of what estimate and simulation count is within what was measured, and told on both pages."""
    assert 1.33 <= FILE_CPU_MS + COMPRESSIONS["6"].cpu_ms_per_100_kb <= 1.43
    cpu_ms = FILE_CPU_MS + Scenario().compression.cpu_ms_per_100_kb
    assert 1.06 <= cpu_ms <= 1.14
    assert f"{cpu_ms:.2f} ms a file" in PAGE.read_text()
    assert f"{cpu_ms:.1f} ms a file" in PAGE.with_name("cost.md").read_text()
