"""``windrow up``: the local stack, kept running."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from windrow.cli.output import err, out, print_error, print_json
from windrow.cli.session import (
    WITHOUT_MINIO,
    destination_name,
    inspection_commands,
    local_stack,
    print_commands,
    program,
)
from windrow.core.errors import LocalStackError

if TYPE_CHECKING:
    from windrow.lab.stack.process import Process
    from windrow.lab.stack.stack import Stack

CHECK_S = 0.5

PARTS = {
    "minio": "MinIO, as in an outage",
    "worker": "the worker",
    "sentinel": "the sentinel, which watches the destination",
}
"""What a part is called for people, by the name of its process."""


def up(
    window: Annotated[int, typer.Option(min=1, max=300, help="Seconds that the worker gathers files for.")] = 60,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only the infrastructure: run the worker yourself.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print endpoints and variables as one JSON object.")] = False,
) -> None:
    """Start the AWS emulator, the destination and a worker, and keep them running until Ctrl-C.

    Parts that you stop meanwhile, to see an outage, are reported; SIGUSR1 starts them again. Everything listens on this
    machine only and is gone afterwards.
    """
    from windrow.lab.stack.provision import Shape

    try:
        with local_stack(Shape(window_s=window), worker=not no_worker) as stack:
            if as_json:
                print_json(_facts(stack))
            else:
                _show(stack, worker=not no_worker)
            watch(stack)
    except KeyboardInterrupt:
        err.print("stopped")


def watch(stack: Stack) -> None:
    """Report parts that end, and start them again on SIGUSR1. Never returns.

    Raises:
        LocalStackError: a part has ended that kept all of its data in memory.
    """
    signals: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: signals.append(number))
    ended: dict[str, str] = {}
    try:
        while True:
            for part in stack.parts():
                _report_end(stack, part, ended)
            if signals:
                signals.clear()
                _start_again(stack, ended)
            time.sleep(CHECK_S)
    finally:
        signal.signal(signal.SIGUSR1, before)


def _report_end(stack: Stack, part: Process, ended: dict[str, str]) -> None:
    """Report once that a part has ended, if it has."""
    if part.running or part.name in ended:
        return
    ended[part.name] = part.end
    if stack.holds_all(part):
        raise LocalStackError(f"{part.name} has ended, and all its data is lost{part.log_tail()}")
    text = f"{part.name} has ended ({part.end}), the rest keeps running. Its log is {part.log}"
    err.print(text, style="yellow", soft_wrap=True)
    err.print(f"To start it again: {_start_command()}", style="yellow", soft_wrap=True)


def _start_again(stack: Stack, ended: dict[str, str]) -> None:
    """Start what has ended; what fails to start is reported, and the next signal tries it again."""
    if not ended:
        err.print("all parts are running: nothing to start")
    for part in stack.parts():
        if part.name not in ended:
            continue
        try:
            stack.start_again(part)
        except LocalStackError as error:
            print_error(error, as_json=False)
        else:
            del ended[part.name]
            err.print(f"{part.name} runs again, as process {part.pid}", style="green")


def _start_command() -> str:
    return f"kill -USR1 {os.getpid()}"


def stop_and_start(stack: Stack) -> list[tuple[str, str]]:
    """Return the commands that stop each part that can be stopped, and the one that starts stopped parts again."""
    stops = [
        (f"kill {part.pid}", f"stop {PARTS[part.name]}")
        for part in stack.parts()
        if part.running and not stack.holds_all(part)
    ]
    return [*stops, (_start_command(), "start again what was stopped")]


def _facts(stack: Stack) -> dict[str, object]:
    return {
        "ok": True,
        "aws_endpoint": stack.aws.url,
        "landing_bucket": stack.outputs.landing_bucket,
        "queue_url": stack.outputs.queue_url,
        "destination": stack.kind,
        "destination_endpoint": stack.destination.url,
        "destination_bucket": stack.outputs.destination_bucket,
        "destination_access_key": stack.access_key,
        "destination_secret_key": stack.secret_key,
        "folder": str(stack.folder),
        "pid": os.getpid(),
        "processes": {part.name: part.pid for part in stack.parts()},
        "environment": stack.outputs.environment(),
    }


def _show(stack: Stack, *, worker: bool) -> None:
    facts = Table.grid(padding=(0, 3))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    facts.add_row("AWS (MiniStack)", stack.aws.url)
    facts.add_row("landing bucket", f"s3://{stack.outputs.landing_bucket}")
    facts.add_row(f"destination ({destination_name(stack)})", stack.destination.url)
    facts.add_row("  its access key", stack.access_key)
    facts.add_row("  its secret key", stack.secret_key)
    facts.add_row("  its bucket", f"s3://{stack.outputs.destination_bucket}")
    facts.add_row("worker", _worker(stack) if worker else f"none: start one with `{program()} run`")
    facts.add_row("logs and data", str(stack.folder))
    out.print(out.panel(facts, "Windrow is running on this machine"))
    if stack.kind == "ministack":
        out.print(WITHOUT_MINIO, style="yellow")
    out.print()
    out.print("In another terminal:")
    print_commands([*inspection_commands(stack), *stop_and_start(stack)])
    out.print()
    out.print("Ctrl-C stops everything.")


def _worker(stack: Stack) -> str:
    return f"gathers for {stack.shape.window_s} s; log {stack.worker.log}"
