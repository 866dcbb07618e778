"""``windrow retain``: copy archives to Deep Archive, delete raw files that are delivered and old enough."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from windrow import settings
from windrow.cli.output import PROBLEM, Count, err, human_bytes, out, print_counts, print_json
from windrow.cli.span import moment, span
from windrow.core.words import counted
from windrow.functions.retain import NEEDS
from windrow.operations.retention import SweepReport


def retain(
    since: Annotated[
        str | None,
        typer.Option(help="Start of the archives' windows: a duration ago (30d), a date, or a time in UTC."),
    ] = None,
    until: Annotated[str, typer.Option(help="End, exclusive; as --since, or now.")] = "now",
    hot_days: Annotated[
        int | None, typer.Option(min=1, max=365, help="Days that raw files are kept, instead of the setting's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Copy archives to Deep Archive, then delete raw files that are delivered, copied and older than the hot days.

    The scheduled function does the same each hour, for archives of the hot days and the week before; --since reaches
    further back.
    Undelivered files are never deleted. A run can be interrupted and repeated. Exits with 1 if an archive failed.
    """
    now = datetime.now(UTC)
    start, end = span(since, until, now) if since else (None, moment(until, now))
    config = settings.load(os.environ, needs=NEEDS)
    from windrow import bootstrap
    from windrow.clients.cloudwatch.metrics import SeveralMetrics

    with err.status("listing archives") as status:

        def note(done: SweepReport) -> None:
            archives, expired = counted(done.archives, "archive"), counted(done.expired, "raw file")
            status.update(f"{archives}, {done.copied:,} copied, {expired} expired")

        hot = timedelta(days=hot_days or config.retention_hot_days)
        sweeper = bootstrap.sweeper(config, SeveralMetrics())
        report = sweeper.sweep(hot=hot, start=start, end=end, dry_run=dry_run, progress=note)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.ok:
        raise typer.Exit(PROBLEM)


def _print(report: SweepReport) -> None:
    would = "would be " if report.dry_run else ""
    copied = f"archives that {would or 'were '}copied in this run, {human_bytes(report.copied_bytes)}"
    counts = [
        Count("archives", report.archives, "listed at the destination"),
        Count("copied", report.copied, copied),
        Count("expired", report.expired, f"raw files {would}deleted: delivered, copied, and old enough"),
        Count("young", report.young, "raw files kept: not old enough themselves"),
        Count("unversioned", report.unversioned, "raw files kept: their bucket has no versioning"),
        Count("foreign", report.foreign, "raw files kept: not in a landing bucket"),
        Count("refused", report.refused, "raw files that S3 did not delete", bad=True),
        Count("failed", report.failed, "archives that were not copied or not verified", bad=True),
    ]
    print_counts(f"Archives of {report.start:%Y-%m-%d %H:%M} to {report.end:%Y-%m-%d %H:%M} UTC", counts)
    for finding in report.examples:
        out.print(f"  {finding.what}  {finding.detail}", soft_wrap=True)
    if report.left_since is not None:
        out.print(
            f"stopped early: archives from {report.left_since:%Y-%m-%d %H:%M} UTC on are still to do", style="red"
        )
    if not report.ok:
        out.print("run it again", style="red")
    elif report.archives:
        out.print("everything due is copied and expired", style="green")
    else:
        out.print("there is no archive in this range: nothing was copied or expired", style="yellow")
