"""``windrow audit``: reconcile landing buckets, ledger and archives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from windrow import settings
from windrow.cli.coverage import left_open, range_of, why_nothing
from windrow.cli.output import PROBLEM, Count, err, out, print_counts, print_json
from windrow.cli.span import duration, span
from windrow.core.completeness import Mark
from windrow.core.errors import WrongUse
from windrow.core.manifest import Window
from windrow.core.words import counted, lasting, percent
from windrow.operations.audit import AuditReport, Coverage, Inventory, Judged

if TYPE_CHECKING:
    from windrow.operations.audit.statement import Statement


def audit(
    since: Annotated[str, typer.Option(help="Start: a duration ago (24h), a date, or a time in UTC.")] = "24h",
    until: Annotated[str, typer.Option(help="End, exclusive; as --since, or now.")] = "now",
    prefix: Annotated[str, typer.Option(help="Only keys with this prefix; no others are listed.")] = "",
    grace: Annotated[str, typer.Option(help="Files younger than this may still be in progress.")] = "5m",
    retention: Annotated[str, typer.Option(help="How long the landing bucket keeps delivered files.")] = "7d",
    mark: Annotated[bool, typer.Option("--mark", help="Record at the destination which minutes are complete.")] = False,
    inventory: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Use an S3 inventory instead of a listing: s3://bucket/.../manifest.json. Once for each bucket.",
        ),
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write the report as an HTML page to this file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Compare what arrived with what the archives hold: missing, duplicated, orphaned, latency and objective.

    Exits with 1 if anything is missing, duplicated, orphaned or broken, if a bucket does not exist, and if there was
    nothing to judge: no file in the range, or only files younger than the grace. --mark records, for consumers of the
    archives, which minutes of the range are complete. Costs two small requests for each archive of the range and,
    whatever the range, a listing of the landing buckets: one request for 1,000 versions under --prefix. With
    --inventory nothing is listed; files that arrived after the inventory, or in the hour before it, are not judged.
    """
    from windrow import bootstrap
    from windrow.operations.audit.inventory import span_judged
    from windrow.operations.audit.page import render

    start, end = span(since, until, datetime.now(UTC))
    young = duration(grace)
    if mark and prefix:
        raise WrongUse("--mark is for all keys; leave --prefix out")
    config = settings.load(os.environ, needs=settings.AUDIT)
    opened = bootstrap.inventories(config, inventory) if inventory else []
    asked_until, end = end, span_judged(start, end, opened).end if opened else end
    auditor = bootstrap.inventory_auditor(config, opened) if opened else bootstrap.auditor(config)
    marks = _Marks(bootstrap.marker(config).write) if mark else None
    with err.status("reading") as status:
        counts: dict[str, int] = {}

        def note(what: str, count: int) -> None:
            counts[what] = count
            status.update(", ".join(f"{count:,} {what}" for what, count in counts.items()))

        judged = auditor.judge(
            start, end, grace=young, retention=duration(retention), prefix=prefix, progress=note, mark=marks
        )
    report = judged.report
    if page:
        page.write_text(render(_statement(judged, opened, marks.spans if marks else [])), encoding="utf-8")
    if as_json:
        by = [{"manifest": each.manifest, "created_at": each.created_at} for each in opened]
        extra = {"inventories": by, "asked_until": asked_until} if opened else {}
        print_json({**msgspec.to_builtins(report), **extra, **({"marked": marks.spans} if marks else {})})
    else:
        _print(report, young)
        _print_inventories(opened, Window(end, asked_until))
        if marks:
            _print_marks(marks.spans)
    if not report.ok:
        raise typer.Exit(PROBLEM)


def _statement(judged: Judged, opened: Sequence[Inventory], marked: Sequence[Window]) -> Statement:
    """Return the statement that a daily audit would write, without late files."""
    from windrow.operations.audit.statement import ListedBy, Statement

    return Statement(
        judged_at=judged.at,
        inventories=[ListedBy(each.bucket, each.manifest, each.created_at) for each in opened],
        report=judged.report,
        timeline=judged.timeline,
        marked=list(marked),
        late=[],
        late_archives=0,
        late_files=0,
    )


def _print_inventories(opened: Sequence[Inventory], left: Window) -> None:
    """Print which inventories were used, and which part of the range they do not cover."""
    for each in opened:
        out.print(f"judged by the inventory {each.manifest} of {each.created_at:%Y-%m-%d %H:%M:%S} UTC", soft_wrap=True)
    if opened and left.start < left.end:
        out.print(f"not judged: what arrived in {range_of(left.start, left.end)}, use a newer one", soft_wrap=True)


class _Marks:
    """Writes marks, and keeps their spans."""

    def __init__(self, write: Callable[[Mark], object]) -> None:
        self._write = write
        self.spans: list[Window] = []

    def __call__(self, mark: Mark) -> None:
        self._write(mark)
        self.spans.append(Window(mark.start, mark.end))


def _print_marks(spans: Sequence[Window]) -> None:
    for each in spans:
        out.print(f"marked as complete: {range_of(each.start, each.end)}", soft_wrap=True)
    if not spans:
        out.print("no minute is marked as complete", style="red", soft_wrap=True)


def _print(report: AuditReport, grace: timedelta) -> None:
    under = f", keys under {report.prefix}" if report.prefix else ""
    print_counts(f"Arrivals {range_of(report.start, report.end)}{under}", _counts(report, grace))
    for each in report.absent:
        out.print(f"  does not exist: {each.what}  {each.detail}", style="red", soft_wrap=True)
    for kind, findings in report.examples.items():
        for finding in findings:
            out.print(f"  {kind}: {finding.what}  {finding.detail}", soft_wrap=True)
    _print_latency(report)
    _conclude(report, grace)


def _counts(report: AuditReport, grace: timedelta) -> Iterator[Count]:
    """Yield what was judged, then what was not; some counts only if they are not 0."""
    yield Count("arrived", report.landed, "versions in the landing buckets")
    yield Count("judged", report.judged, "files that are delivered or missing")
    yield Count("delivered", report.delivered, f"files in {counted(report.archives, 'archive')}")
    yield Count("missing", report.missing, "files in no archive", bad=True)
    yield Count("duplicated", report.duplicated, "files in more than one archive", bad=True)
    yield Count("orphaned", report.orphaned, "files in an archive and not in the landing bucket any more", bad=True)
    yield Count("broken", report.broken, f"archives that fail verification{_unreadable(report)}", bad=True)
    rest = (
        Count("expired", report.expired, "delivered files that retention has removed since"),
        Count("replaced", report.replaced, "delivered files overwritten since, in a bucket without versions"),
        Count("unrecorded", report.unrecorded, "archives without a ledger record: windrow ledger rebuild"),
    )
    yield from (each for each in rest if each.count)
    yield Count("too young", report.pending, f"files not judged: not delivered yet, younger than {lasting(grace)}")
    yield Count("outside", report.outside, "versions not judged: they arrived before or after")
    others = (
        Count("other keys", report.elsewhere, "files in these archives, not judged: not under the prefix"),
        Count("other buckets", report.foreign_files, "files in these archives, not judged: of no landing bucket"),
        Count("foreign", report.foreign_objects, "objects among the archives that are not Windrow's"),
    )
    yield from (each for each in others if each.count)


def _unreadable(report: AuditReport) -> str:
    return f", {report.unreadable:,} of them unreadable: not judged" if report.unreadable else ""


def _print_latency(report: AuditReport) -> None:
    percentiles = [f"{name.replace('_', '.')} {value:.1f} s" for name, value in _latencies(report)]
    if percentiles:
        out.print(f"latency of the delivered files: {', '.join(percentiles)}", soft_wrap=True)
    if report.within_2_minutes is None or report.within_3_minutes is None:
        if percentiles and report.absent:
            out.print("objective not judged: what arrived in a bucket that does not exist is not known", soft_wrap=True)
        return
    out.print(
        f"objective {'met' if report.objective_met else 'missed'}: {percent(report.within_2_minutes)} within 2 minutes "
        f"(95 % wanted), {percent(report.within_3_minutes)} within 3 (99.9 %)",
        style="" if report.objective_met else "red",
        soft_wrap=True,
    )
    if why := _why_late(report):
        out.print(f"  {why}", soft_wrap=True)


def _why_late(report: AuditReport) -> str:
    """Return what the late files have in common, empty if there is nothing to explain."""
    parts = []
    if report.undelivered:
        parts.append(f"{report.undelivered:,} not delivered")
    if report.replayed:
        parts.append(f"{report.replayed:,} delivered by a replay, long after they arrived")
    if report.redriven:
        parts.append(f"{report.redriven:,} sent back from the dead-letter queue")
    if not parts:
        return ""
    text = f"late: {counted(report.late, 'file')}, {', '.join(parts)}"
    if (report.replayed or report.redriven) and not report.objective_met:
        text += f"; without the ones queued again the objective is {_met(report.objective_met_without_requeued)}"
    return text


def _met(met: bool | None) -> str:
    return "neither met nor missed" if met is None else "met" if met else "missed too"


def _conclude(report: AuditReport, grace: timedelta) -> None:
    """Print the verdict, and what to do next."""
    covered = Coverage(**{name: getattr(report, name) for name in Coverage.__struct_fields__})
    wrong = ("missing", "duplicated", "orphaned", "broken")
    found = [f"{counted(len(report.absent), 'bucket')} not found"] if report.absent else []
    found += [f"{count:,} {name}" for name in wrong if (count := getattr(report, name))]
    opened = left_open(covered, grace)
    more = f"; {opened}" if opened else ""
    if found:
        out.print(f"there are findings: {', '.join(found)}{more}", style="red", soft_wrap=True)
        for step in _advice(report):
            out.print(f"  {step}", soft_wrap=True)
    elif report.ok:
        verdict = f"nothing lost, nothing twice: {counted(report.judged, 'file')} judged{more}"
        out.print(verdict, style="green", soft_wrap=True)
    else:
        out.print(f"nothing was judged: {why_nothing(covered, report.prefix, grace)}", style="red", soft_wrap=True)


def _advice(report: AuditReport) -> Iterator[str]:
    if report.absent:
        yield "a bucket does not exist: is its name right? If it is lost, see docs/operations.md#landing-bucket-lost"
    if report.missing and not (report.archives_read or report.absent):
        yield "not one archive was found: is it the right WINDROW_DESTINATION_BUCKET and WINDROW_DESTINATION_PREFIX?"
    if report.missing:
        yield "missing: does it wait (windrow status), was it rejected (windrow dlq ls)? Else windrow replay --missing"
    if report.broken:
        yield "broken: windrow archive verify s3://BUCKET/KEY says what is wrong, windrow replay --missing repairs"


def _latencies(report: AuditReport) -> list[tuple[str, float]]:
    return [(name, value) for name, value in report.latency_seconds.items() if value is not None]
