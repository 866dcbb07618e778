"""The report of a soak: ``python -m bench.soak_page RESULT.json REPORT.html`` draws that of a saved outcome again."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase

import msgspec

from bench.soak_verdict import SoakResult
from windrow.core.words import counted
from windrow.lab.report.charts import SINCE, latency_charts, load_charts, resource_charts
from windrow.lab.report.page import batch_table, how_measured, problem_list, summary_tiles
from windrow.pages.chart import Chart, ReferenceLine, clock
from windrow.pages.document import charts, document, facts, header, table


def render(result: SoakResult) -> str:
    """Return the report as one HTML document that loads nothing from anywhere."""
    load = result.load
    title = f"Soak: {load.plan.rate:g} files/s for {load.plan.duration_s / 60:g} min"
    sections = [
        _header(result, title),
        summary_tiles(load),
        _changes(result),
        _events(result),
        charts("Latency", _marked(result, latency_charts(load))),
        _latencies(result),
        charts("Load and backlog", _marked(result, load_charts(load))),
        charts("Resources", _marked(result, resource_charts(load))),
        how_measured(load),
        batch_table(load),
        problem_list(load),
    ]
    return document(title, "Windrow soak", sections)


def _header(result: SoakResult, title: str) -> str:
    plan = result.load.plan
    about = (
        f"Windrow's worker on one machine, {result.load.started_at:%d %B %Y, %H:%M} UTC. "
        f"{counted(plan.count, 'file')} of {plan.size / 1000:g} kB, batching window {plan.window_s} s, destination "
        f"MinIO; {result.deleted:,} raw files were deleted after their delivery, while it ran."
    )
    exact = "Every file delivered exactly once, byte for byte"
    if not result.load.proof.ok or result.load.uploads.failed:
        exact = "Not every file was delivered exactly once and byte for byte"
    grown = sum(not change.ok for change in result.changes)
    flat = f"{counted(grown, 'figure')} grew beyond the bound" if grown else "memory, open files and latency flat"
    return header(title, about, f"{exact}; {flat}", good=result.ok)


def _changes(result: SoakResult) -> str:
    rows = (
        (
            change.what,
            change.figure,
            f"{change.first:g}",
            f"{change.last:g}",
            f"{change.most:g}",
            "yes" if change.ok else "NO",
        )
        for change in result.changes
    )
    spans = "; ".join(
        f"{life.name}: {clock(life.first.start_s)} to {clock(life.first.end_s)} against "
        f"{clock(life.last.start_s)} to {clock(life.last.end_s)}"
        for life in result.lives
    )
    head = ("processes", "median of a process", "first", "last", "bound", "flat")
    compared = facts("First against last", {"Compared": spans})
    return compared + table("What processes hold, and latency by arrival", head, rows, opened=True)


def _events(result: SoakResult) -> str:
    marks = _marks(result)
    rows = ((clock(at_s), marks.get(at_s, ""), event) for at_s, event in result.events)
    return table("What happened amid it", ("at", "in the charts", "event"), rows, opened=True)


def _latencies(result: SoakResult) -> str:
    rows = (
        (
            f"{clock(part.span.start_s)} to {clock(part.span.end_s)}",
            f"{part.files:,}",
            *(f"{value:.1f}" for value in (part.p50, part.p99, part.p99_9, part.max)),
        )
        for part in result.latencies
    )
    head = ("arrived", "files", "p50, s", "p99, s", "p99.9, s", "max, s")
    return table("Latency by sixths of the run", head, rows, opened=True)


def _marked(result: SoakResult, drawn: Iterable[Chart]) -> list[Chart]:
    """Mark in the charts over time when something happened."""
    marks = [ReferenceLine(name, at_s, upright=True) for at_s, name in _marks(result).items()]
    return [
        msgspec.structs.replace(chart, marks=[*chart.marks, *marks]) if chart.x_unit == SINCE else chart
        for chart in drawn
    ]


def _marks(result: SoakResult) -> dict[float, str]:
    """Return the letter of each event that begins, by its time: whole names would cover each other."""
    begins = [at_s for at_s, event in result.events if event.endswith(" begins")]
    return dict(zip(begins, ascii_uppercase, strict=False))


def main() -> None:
    """Read the first file, write the second."""
    result_file, report_file = map(Path, sys.argv[1:])
    result = msgspec.json.decode(result_file.read_bytes(), type=SoakResult)
    report_file.write_text(render(result), encoding="utf-8")


if __name__ == "__main__":
    main()
