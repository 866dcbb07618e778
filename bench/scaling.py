"""Write the tables of docs/scaling.md: what is simulated, and what was measured beside it.

    python -m bench.scaling

A test compares the page with them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from bench.simulate import RUNS, STEPS, Result, Setup, Simulation, simulate
from windrow.cost.model import Retention

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "scaling.md"
RUN_S, STEP_S = 1_800, 1_200
"""Simulated time of the runs, and of the steps towards 10,000 files a second."""

WORKER = Setup(files_per_s=10, gatherers=1, concurrency=2, memory_mb=1769, level="6")
"""``windrow run`` on two cores, as it was measured: one batch gathers while another is worked on, at level 6."""
EMULATOR_MESSAGE_BYTES = 1_310
LOCAL_GET_MS, LOCAL_PUT_BYTES_PER_S = 10, 200e6
"""Measured by ``python -m bench.emulator``, for which no batch is run. The emulator's events are shorter than AWS's."""

_PEAK = msgspec.structs.replace(WORKER, files_per_s=100, message_bytes=EMULATOR_MESSAGE_BYTES)
_LOCAL_GET = msgspec.structs.replace(_PEAK, get_wait_ms=LOCAL_GET_MS)
_LOCAL = msgspec.structs.replace(_LOCAL_GET, put_bytes_per_s=LOCAL_PUT_BYTES_PER_S)
MEASURED = {
    "baseline": {"simulated": msgspec.structs.replace(WORKER, message_bytes=EMULATOR_MESSAGE_BYTES)},
    "peak": {
        "simulated": _PEAK,
        f"with the local GET, {LOCAL_GET_MS} ms": _LOCAL_GET,
        f"and the local PUT, {LOCAL_PUT_BYTES_PER_S / 1e6:.0f} MB/s": _LOCAL,
    },
}
"""Profiles of load tests that were kept, and the setups that are like them: the servers as they are assumed to be on
AWS, and as they are there."""


class _Latency(msgspec.Struct):
    p50: float
    p95: float
    p99_9: float


class _Batch(msgspec.Struct):
    messages: int


class _Plan(msgspec.Struct):
    seconds: float


class Report(msgspec.Struct):
    """What is read of a load test's report."""

    latency: _Latency
    batches: list[_Batch]
    plan: _Plan


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")


def written(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with each table between the marks of its name.

    Raises:
        ValueError: the page lacks the marks.
    """
    for name, table in tables.items():
        before, begin, rest = page.partition(f"<!-- begin: {name}, written by python -m bench.scaling -->\n")
        _, end, after = rest.partition(f"<!-- end: {name} -->")
        if not end:
            raise ValueError(f"{PAGE.name} has no place for the table of {name}")
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def tables() -> dict[str, str]:
    """Return the page's tables by name, as Markdown."""
    return {
        "runs": _table(
            "load and settings | p50 | p95 | p99.9 | files a batch | batches at once | in flight | first limit "
            "| USD a month, `archives` | USD a month, `raw`",
            (_run(name, simulate(setup, RUN_S)) for name, setup in RUNS.items()),
        ),
        "steps": _table(
            "settings, each with those above | p99.9 after 20 minutes | most used limit",
            (_step(name, simulate(setup, STEP_S)) for name, setup in STEPS.items()),
        ),
        "measured": _table("load | | p50 | p95 | p99.9 | files a batch", _compared()),
    }


def _run(name: str, result: Result) -> list[str]:
    held = [f"{result.files_per_batch:,}", str(result.batches_at_once), f"{result.in_flight:,}"]
    if result.setup.backlog:
        return [name, "", "", "", *held, f"{result.limit}; drained in {_duration(result.drained_s)}", "", ""]
    latencies = ["falls behind", "", ""] if result.falls_behind else _latencies(result.latency_s)
    costs = [f"{result.usd_per_month[retention]:,.0f}" for retention in (Retention.ARCHIVES, Retention.RAW)]
    return [name, *latencies, *held, result.limit, *costs]


def _step(name: str, result: Result) -> list[str]:
    growing = ", growing" if result.falls_behind else ""
    return [name, f"{result.latency_s['p99.9']:.0f} s{growing}", result.limit]


def _compared() -> Iterator[list[str]]:
    for profile, setups in MEASURED.items():
        path = report_path(profile)
        report = msgspec.json.decode(path.read_bytes(), type=Report)
        for number, (name, setup) in enumerate(setups.items()):
            # The last batch waits out its window when no file comes any more.
            result = Simulation(setup).run(report.plan.seconds, quiet_s=2 * setup.window_s)
            load = "" if number else f"{setup.files_per_s:g}/s for {report.plan.seconds / 60:g} minutes"
            yield [load, name, *_latencies(result.latency_s), f"{result.files_per_batch:,}"]
        measured = report.latency
        messages = [batch.messages for batch in report.batches]
        mean, most = statistics.mean(messages), max(messages)
        seconds = [f"{value:.0f}" for value in (measured.p50, measured.p95, measured.p99_9)]
        yield ["", f"[measured](reports/{path.name})", *seconds, f"{mean:,.0f}, {most:,} at most"]


def report_path(profile: str) -> Path:
    """Return the report of a profile that is kept."""
    (path,) = (DOCS / "reports").glob(f"*-{profile}.json")
    return path


def _latencies(values: Mapping[str, float]) -> list[str]:
    return [f"{values[name]:.0f}" for name in ("p50", "p95", "p99.9")]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "over a day"
    return f"{seconds / 60:.0f} minutes" if seconds < 3_600 else f"{seconds / 3_600:.1f} hours"


def _table(head: str, rows: Iterable[list[str]]) -> str:
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + " --- |" * columns]
    return "".join(f"{line}\n" for line in [*lines, *("| " + " | ".join(row) + " |" for row in rows)])


if __name__ == "__main__":
    main()
