"""``windrow audit``: reconcile landing buckets, ledger and archives."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from windrow import settings
from windrow.audit import AuditReport
from windrow.cli.output import PROBLEM, err, out, print_json
from windrow.cli.span import duration, span

NEEDS = (
    "landing_buckets",
    "ledger_table",
    "destination_endpoint",
    "destination_bucket",
    "destination_secret_id",
)


def audit(
    since: Annotated[str, typer.Option(help="Start: a duration ago (24h), a date, or a time in UTC.")] = "24h",
    until: Annotated[str, typer.Option(help="End, exclusive; as --since, or now.")] = "now",
    prefix: Annotated[str, typer.Option(help="Only keys that begin so; no others are listed.")] = "",
    grace: Annotated[str, typer.Option(help="Younger files than this may still be under way.")] = "5m",
    retention: Annotated[str, typer.Option(help="How long the landing bucket keeps delivered files.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Compare what arrived with what the archives hold: missing, duplicated, orphaned, latency and objective.

    Exits with 1 if anything is missing, duplicated, orphaned or broken. Costs two small requests for each archive of
    the range and, whatever the range, a listing of the landing buckets: one request for 1,000 versions under --prefix.
    """
    from windrow import bootstrap

    start, end = span(since, until, datetime.now(UTC))
    auditor = bootstrap.auditor(settings.load(os.environ, needs=NEEDS))
    with err.status("reading") as status:
        counts: dict[str, int] = {}

        def note(what: str, count: int) -> None:
            counts[what] = count
            status.update(", ".join(f"{count:,} {what}" for what, count in counts.items()))

        report = auditor.audit(
            start, end, grace=duration(grace), retention=duration(retention), prefix=prefix, progress=note
        )
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.ok:
        raise typer.Exit(PROBLEM)


def _print(report: AuditReport) -> None:
    title = f"Arrivals {report.start:%Y-%m-%d %H:%M:%S} to {report.end:%Y-%m-%d %H:%M:%S} UTC"
    if report.prefix:
        title += f", keys under {report.prefix}"
    table = Table(title=title, min_width=60)
    table.add_column("")
    table.add_column("count", justify="right")
    table.add_column("meaning", style="dim")
    rows = [
        ("landed", report.landed, "versions in the landing buckets", False),
        ("delivered", report.delivered, f"files in {report.archives:,} archives", False),
        ("pending", report.pending, "not delivered yet, younger than the grace", False),
        ("missing", report.missing, "not delivered: windrow replay --missing", True),
        ("duplicated", report.duplicated, "in more than one archive", True),
        ("orphaned", report.orphaned, "in an archive, not in the landing bucket", True),
        ("expired", report.expired, "delivered, and removed by retention since", False),
        ("replaced", report.replaced, "delivered, and overwritten since in a bucket without versions", False),
        ("broken", report.broken, "archives that fail their proof", True),
        ("unrecorded", report.unrecorded, "archives without a ledger record: windrow ledger rebuild", False),
    ]
    for name, count, meaning, bad in rows:
        style = "bold red" if bad and count else ""
        table.add_row(name, f"{count:,}", meaning, style=style)
    out.print(table)
    for kind, findings in report.examples.items():
        for finding in findings:
            out.print(f"  {kind}: {finding.what}  {finding.detail}", soft_wrap=True)
    if report.within_2_minutes is not None and report.within_3_minutes is not None:
        percentiles = ", ".join(f"{name.replace('_', '.')} {value:.1f} s" for name, value in _latencies(report))
        out.print(f"latency: {percentiles}")
        out.print(
            f"objective {'met' if report.objective_met else 'MISSED'}: {report.within_2_minutes:.2%} within 2 minutes "
            f"(95 % wanted), {report.within_3_minutes:.2%} within 3 (99.9 %)"
        )
    if report.ok:
        out.print("nothing lost, nothing twice", style="green")
    else:
        out.print("there are findings", style="red")


def _latencies(report: AuditReport) -> list[tuple[str, float]]:
    return [(name, value) for name, value in report.latency_seconds.items() if value is not None]
