"""``windrow demo``: the whole pipeline on this machine, verified at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, TaskID
from rich.table import Table

from windrow.cli.output import INTERRUPTED, PROBLEM, err, human_bytes, out, print_json, print_verdict
from windrow.cli.session import (
    WITHOUT_MINIO,
    destination_name,
    inspection_commands,
    local_stack,
    print_commands,
    program,
)
from windrow.cli.up import stop_and_start, watch
from windrow.core.errors import WrongUse
from windrow.core.words import counted

if TYPE_CHECKING:
    from windrow.lab.stack.samples import Sample
    from windrow.lab.stack.stack import Stack
    from windrow.lab.stack.trial import State
    from windrow.lab.stack.verification import Report

FILES = 300
SHOWN_PROBLEMS = 10
_STEPS = ("uploaded", "delivered", "verified")


def demo(
    files: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help=f"Sample files to generate and upload. [default: {FILES}]"),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--input", metavar="DIR", help="Upload the files below this folder instead.")
    ] = None,
    window: Annotated[int, typer.Option(min=1, max=300, help="Seconds to gather files for; 60 in production.")] = 4,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Uploads a second.")] = 60.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Start everything on this machine, upload sample files, and verify each file in the destination.

    Files go into a landing bucket, a worker gathers them into archives, and the demo reads every archive back and
    compares SHA-256 with what it uploaded. Nothing leaves this machine, and nothing is left behind.
    """
    from windrow.lab.stack.provision import Shape

    begun = time.monotonic()
    report: Report | None = None
    try:
        samples = _samples(files, folder)
        with local_stack(Shape(window_s=window)) as stack:
            if not as_json:
                _introduce(stack, keep=keep)
            report = _run(stack, samples, rate)
            if as_json:
                print_json(report)
            else:
                _conclude(stack, report, time.monotonic() - begun, keep=keep)
            if keep:
                watch(stack)
            if not report.ok:
                raise typer.Exit(PROBLEM)  # inside the block, so that the logs are kept
    except KeyboardInterrupt:
        err.print("stopped; nothing is left behind")
        if report is None:
            raise typer.Exit(INTERRUPTED) from None
        raise typer.Exit(0 if report.ok else PROBLEM) from None


def _samples(files: int | None, folder: Path | None) -> list[Sample]:
    from windrow.lab.stack.samples import from_folder, generate

    if folder is None:
        return generate(files or FILES)
    if files is not None:
        raise WrongUse("--files sets how many files to generate; with --input none are generated")
    links: list[Path] = []
    samples = from_folder(folder, links.append)
    if links:
        some = counted(len(links), "symbolic link")
        err.print(f"{some} left out, not followed: {links[0]}", style="yellow", soft_wrap=True)
    return samples


def _run(stack: Stack, samples: list[Sample], rate: float) -> Report:
    from windrow.lab.stack.trial import Trial

    with _progress(len(samples)) as on_progress:
        return Trial(stack, samples, rate, on_progress).run()


def _introduce(stack: Stack, *, keep: bool) -> None:
    out.print(out.text(("Windrow", "bold"), " on this machine"))
    out.print()
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    facts.add_row("landing", f"s3://{stack.outputs.landing_bucket} at {stack.aws.url} (MiniStack)")
    bucket = stack.outputs.destination_bucket
    facts.add_row("destination", f"s3://{bucket} at {stack.destination.url} ({destination_name(stack)})")
    log = f"; log {stack.worker.log}" if keep else ""  # otherwise it is deleted at the end
    facts.add_row("worker", f"gathers for {stack.shape.window_s} s{log}")
    out.print(facts)
    if stack.kind == "ministack":
        out.print(WITHOUT_MINIO, style="yellow")
    out.print()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[State], None]]:
    """Show three bars on standard error on a terminal, else lines; yield the function that moves them."""
    show_line = err.line_each_minute()
    columns = ("{task.description:<9}", BarColumn(40), MofNCompleteColumn(), "{task.fields[note]}")
    with err.progress(*columns, disable=not err.is_terminal) as progress:
        tasks: dict[str, TaskID] = {step: progress.add_task(step, total=total, note="") for step in _STEPS}

        def show(state: State) -> None:
            for step in _STEPS:
                progress.update(tasks[step], completed=getattr(state, step))
            detail = f"in {counted(state.archives, 'archive')}, {counted(state.queued, 'message')} in the queue"
            progress.update(tasks["delivered"], note=detail)
            show_line(f"{state.uploaded:,} of {total:,} uploaded, {state.delivered:,} delivered {detail}")

        yield show


def _conclude(stack: Stack, report: Report, seconds: float, *, keep: bool) -> None:
    _print_verdict(report)
    out.print(_table(report, seconds))
    for problem in report.problems[:SHOWN_PROBLEMS]:
        out.print(f"  {problem}", style="red", soft_wrap=True)
    if len(report.problems) > SHOWN_PROBLEMS:
        out.print(f"  and {len(report.problems) - SHOWN_PROBLEMS} more; --json names them all", style="red")
    out.print()
    if keep:
        out.print("The stack is running. In another terminal:")
        print_commands([*inspection_commands(stack), *stop_and_start(stack)])
        out.print()
        out.print("Ctrl-C stops everything.")
    else:
        keeping, own, only = (
            (f"{program()} {command}", "cyan") for command in ("demo --keep", "demo --input DIR", "up")
        )
        out.print(out.text("Next: ", keeping, " leaves it running to look around,"))
        out.print(out.text("      ", own, " takes your own files, ", only, " only starts it."))


def _print_verdict(report: Report) -> None:
    if report.ok:
        print_verdict(
            f"{counted(report.files_uploaded, 'file')} delivered, each exactly once and byte for byte", good=True
        )
    else:
        print_verdict("not every file was delivered exactly once and byte for byte", good=False)


def _table(report: Report, seconds: float) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", min_width=len("destination"))  # as wide as the labels above it
    table.add_column()
    table.add_row("files", _counts(report))
    mean = (
        f", {counted(round(report.files_delivered / report.archives), 'file')} each on average"
        if report.archives > 1
        else ""
    )
    table.add_row("archives", f"{report.archives}{mean}")
    ratio = f", {report.bytes_in / report.bytes_out:.1f} : 1" if report.ok else ""  # else not the same files
    table.add_row("bytes", f"{human_bytes(report.bytes_in)} in, {human_bytes(report.bytes_out)} out{ratio}")
    if report.latency_seconds:
        p = report.latency_seconds
        table.add_row("latency", f"p50 {p['p50']:.0f} s, p95 {p['p95']:.0f} s, p99.9 {p['p99_9']:.0f} s")
        verdict = ("met", "green") if report.objective_met else ("not met", "red")
        table.add_row("objective", out.text(verdict, " (95 % within 2 minutes, 99.9 % within 3)"))
    table.add_row("took", f"{seconds:.0f} s, start and verification included")
    return table


def _counts(report: Report) -> RenderableType:
    parts = [
        (report.files_uploaded, "uploaded", True),
        (report.files_delivered, "delivered", True),
        (report.files_missing, "missing", False),
        (report.files_duplicated, "twice", False),
        (report.sha256_mismatches, "with wrong bytes", False),
    ]
    if report.files_unexpected:
        parts.append((report.files_unexpected, "never uploaded", False))
    if report.files_dead_lettered:
        parts.append((report.files_dead_lettered, "dead-lettered", False))
    texts = [(f"{count} {what}", "" if fine or not count else "bold red") for count, what, fine in parts]
    return out.text(texts[0], *(part for each in texts[1:] for part in (", ", each)))
