"""The HTML page of a statement: verdict, figures, charts, findings, and how it was judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from windrow.core.objectives import FAST_S, SURE_S
from windrow.core.windows import DAY, floor
from windrow.core.words import counted, lasting, percent
from windrow.operations.audit.report import AuditReport
from windrow.operations.audit.statement import Statement
from windrow.pages.chart import Chart, Line, ReferenceLine, objective_lines, time_ticks
from windrow.pages.document import charts, document, facts, header, problems, table, tile, tiles

LATENCY = (
    "from a file's event time in S3 to the time stamp of its archive at the destination, which is in whole seconds and "
    "is rounded up: up to 1 s too long, never too short. The shares are of all files that arrived"
)
HOW = (
    "metadata, the server's own checksum and manifest; each file matched by bucket, key and version with what S3 lists"
)
KINDS = {
    "missing": "in no archive",
    "duplicated": "in more than one place",
    "orphaned": "not in the landing bucket any more",
    "broken": "an archive that fails verification",
    "foreign": "no archive",
    "unrecorded": "an archive without a ledger record",
}


def render(statement: Statement) -> str:
    """Return the statement as one HTML document that loads nothing else."""
    report = statement.report
    title = f"Deliveries of {_range(report.start, report.end)}"
    about = f"Windrow's audit of all files that arrived, {_moment(statement.judged_at)}. {_listed(statement)}"
    sections = [
        header(title, about, _verdict(report), good=report.ok and report.objective_met is not False),
        _tiles(report),
        charts("Latency", _latency(statement)) if report.delivered else "",
        charts("Arrivals", _arrivals(statement)),
        problems("Findings", list(_findings(report))),
        _late(statement),
        _marked(statement),
        facts("What was judged", dict(_facts(statement))),
    ]
    return document(title, "Windrow", sections)


def _range(start: datetime, end: datetime) -> str:
    if start == floor(start, DAY) and end == start + DAY:
        return f"{start:%d %B %Y}"
    return f"{_moment(start)} to {_moment(end)}"


def _moment(moment: datetime) -> str:
    return f"{moment:%d %B %Y, %H:%M} UTC"


def _listed(statement: Statement) -> str:
    if not statement.inventories:
        return "The landing buckets were listed."
    oldest = min(each.created_at for each in statement.inventories)
    return f"Landing buckets by S3 Inventory, begun {_moment(oldest)}."


def _verdict(report: AuditReport) -> str:
    wrong = {
        "not delivered": report.missing,
        "delivered twice": report.duplicated,
        "gone from the landing bucket": report.orphaned,
    }
    found = [f"{counted(count, 'file')} {what}" for what, count in wrong.items() if count]
    if report.broken:
        found.append(f"{counted(report.broken, 'broken archive')}")
    found += [f"{each.what} is not there" for each in report.absent]
    if found:
        return ", ".join(found)
    if not report.judged:
        return "Nothing was judged"
    if report.objective_met is False:
        return "Every file delivered exactly once, but too late for the objective"
    return "Every file that arrived was delivered exactly once"


def _tiles(report: AuditReport) -> str:
    drawn = [
        tile("Files delivered", f"{report.delivered:,}", f"of {report.judged:,} judged"),
        tile("Missing", f"{report.missing:,}", "in no archive", good=not report.missing),
        tile("Twice", f"{report.duplicated:,}", "in more than one", good=not report.duplicated),
        tile("Late", f"{report.late:,}", f"over 2 minutes; {report.undelivered:,} not delivered"),
        tile("Archives", f"{report.archives:,}", f"{report.broken:,} broken", good=False if report.broken else None),
    ]
    taken = report.latency_seconds
    names = {"p50": "Latency p50", "p95": "p95", "p99_9": "p99.9", "max": "Maximum"}
    notes = {
        "p95": _within(report.within_2_minutes, "2 minutes"),
        "p99_9": _within(report.within_3_minutes, "3 minutes"),
    }
    for name, label in names.items():
        seconds = taken[name]
        if seconds is not None:
            drawn.append(tile(label, _seconds(seconds), notes.get(name, "of delivered files")))
    if report.objective_met is not None:
        verdict = "met" if report.objective_met else "missed"
        drawn.append(tile("Objective", verdict, "95 % in 2 min, 99.9 % in 3", good=report.objective_met))
    elif report.absent:
        drawn.append(tile("Objective", "not judged", "a bucket is not there", good=False))
    return tiles(drawn)


def _within(share: float | None, limit: str) -> str:
    return "" if share is None else f"{percent(share)} of all within {limit}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 2 * SURE_S * 10 else f"{seconds / 3600:,.1f} h"


def _latency(statement: Statement) -> list[Chart]:
    line = statement.timeline
    width = line.latency_bin_s
    end = len(line.latency) * width
    near = end >= FAST_S / 4
    end = max(end, round(SURE_S * 1.2)) if near else end
    histogram = Chart(
        title="How long files took",
        note=f"Delivered files by time from arrival to commit, in bins of {lasting(timedelta(seconds=width))}.",
        x=[float(index * width) for index in range(len(line.latency))],
        x_end=end,
        x_ticks=time_ticks(end),
        x_label=lambda seconds: f"{seconds:,g}",
        x_unit="latency in s",
        lines=[Line("files", line.latency, 1)],
        marks=objective_lines(upright=True) if near else [],
        bars=width,
        unit="files",
    )
    there = [step for step, median in enumerate(line.p50_s) if median is not None]
    over_time = _over_time(
        statement,
        "Latency by time of arrival",
        f"Of the delivered files that arrived in each {_step(statement)}.",
        [
            Line("longest", [line.max_s[step] or 0 for step in there], 1),
            Line("95 % of the files", [line.p95_s[step] or 0 for step in there], 2),
            Line("median", [line.p50_s[step] or 0 for step in there], 3),
        ],
        steps=there,
        marks=objective_lines() if near else [],
    )
    return [histogram, over_time]


def _arrivals(statement: Statement) -> list[Chart]:
    line, each = statement.timeline, _step(statement)
    arrived = f"In each {each}, by the time that S3 lists."
    late = f"Delivered after more than 2 minutes, of those that arrived in each {each}."
    missing = f"Of those that arrived in each {each}, not delivered when this was judged."
    drawn = [
        _over_time(statement, "Files that arrived", arrived, [Line("files", line.arrived, 1)]),
        _over_time(statement, "Late files", late, [Line("files", line.late, 2)]),
    ]
    if any(line.undelivered):
        drawn.insert(0, _over_time(statement, "Files in no archive", missing, [Line("files", line.undelivered, 4)]))
    return drawn


def _step(statement: Statement) -> str:
    return lasting(timedelta(seconds=statement.timeline.step_s))


def _over_time(
    statement: Statement,
    title: str,
    note: str,
    lines: Sequence[Line],
    *,
    steps: Sequence[int] | None = None,
    marks: Sequence[ReferenceLine] = (),
) -> Chart:
    """Return a chart over the time of arrival: seconds at the given ``steps``, or bars of files for all steps."""
    line, start = statement.timeline, statement.report.start
    seconds = (statement.report.end - start).total_seconds()
    return Chart(
        title=title,
        note=note,
        x=[float(step * line.step_s) for step in (range(len(line.arrived)) if steps is None else steps)],
        x_end=seconds,
        x_ticks=time_ticks(seconds),
        x_label=_clock_from(start, seconds),
        x_unit="time of arrival, UTC",
        lines=lines,
        marks=marks,
        bars=line.step_s if steps is None else 0.0,
        least=2.0 if steps is None else 0.0,
        least_step=1.0 if steps is None else 0.0,
        unit="files" if steps is None else "s",
    )


def _clock_from(start: datetime, seconds: float) -> Callable[[float], str]:
    form = "%H:%M" if seconds <= DAY.total_seconds() else "%d %b %H:%M"
    return lambda at: (start + timedelta(seconds=at)).strftime(form)


def _findings(report: AuditReport) -> Iterator[str]:
    for absent in report.absent:
        yield f"{absent.what}: {absent.detail}"
    for kind, found in report.examples.items():
        for finding in found:
            yield f"{finding.what}: {KINDS.get(kind, kind)}, {finding.detail}".removesuffix(", ")


def _late(statement: Statement) -> str:
    if not statement.late_archives:
        return ""
    rows = (
        (each.key, f"{each.files:,}", *(f"{at:%Y-%m-%d %H:%M}" for at in (each.first, each.last, each.stored_at)))
        for each in statement.late
    )
    title = f"{counted(statement.late_files, 'file')} came after their minutes had been marked as complete"
    head = ("archive", "files", "arrived from", "to", "stored")
    return table(f"{title}, in {counted(statement.late_archives, 'archive')}", head, rows, opened=True)


def _marked(statement: Statement) -> str:
    rows = ((f"{span.start:%Y-%m-%d %H:%M}", f"{span.end:%Y-%m-%d %H:%M}") for span in statement.marked)
    return table(f"{counted(len(statement.marked), 'span')} marked as complete", ("from", "to"), rows)


def _facts(statement: Statement) -> Iterator[tuple[str, str]]:
    report = statement.report
    yield "Range", f"files that arrived from {_moment(report.start)} until before {_moment(report.end)}"
    for each in statement.inventories:
        yield f"Inventory of {each.bucket}", f"{each.manifest}, begun {_moment(each.created_at)}"
    yield "Not judged", _not_judged(report)
    yield "No findings", _no_findings(report)
    yield "Late files", _why_late(report)
    yield "Latency", LATENCY
    yield "How", f"{counted(report.archives_read, 'archive')} verified by {HOW}"


def _not_judged(report: AuditReport) -> str:
    foreign = f"{counted(report.foreign_objects, 'object')} that are not archives of Windrow's"
    return f"{counted(report.pending, 'file')} too young, {report.foreign_files:,} of other buckets, {foreign}"


def _no_findings(report: AuditReport) -> str:
    gone = f"{counted(report.expired, 'delivered file')} removed by retention since, {report.replaced:,} overwritten"
    return f"{gone}, {counted(report.unrecorded, 'archive')} without a ledger record"


def _why_late(report: AuditReport) -> str:
    again = f"{report.replayed:,} delivered by a replay, {report.redriven:,} sent back from the dead-letter queue"
    without = _met(report.objective_met_without_requeued)
    return f"{report.undelivered:,} not delivered, {again}; without those queued again the objective is {without}"


def _met(met: bool | None) -> str:  # noqa: FBT001 - a value to format, not an option
    return "neither met nor missed" if met is None else "met" if met else "missed too"
