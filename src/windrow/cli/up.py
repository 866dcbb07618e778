"""``windrow up``: the local stack, kept running."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from windrow.cli.output import err, out, print_json
from windrow.cli.session import WITHOUT_MINIO, destination_name, local_stack, look_around, print_commands

if TYPE_CHECKING:
    from windrow.local.stack import Stack

CHECK_S = 1.0


def up(
    window: Annotated[int, typer.Option(min=1, max=300, help="Seconds that the worker gathers files for.")] = 60,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only the infrastructure: run the worker yourself.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print endpoints and variables as one JSON object.")] = False,
) -> None:
    """Start the AWS emulator, the destination and a worker, and keep them running until Ctrl-C.

    Everything listens on this machine only and is gone afterwards.
    """
    from windrow.local.provision import Shape

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
    """Return never: raise `LocalStackError` when a process of the stack ends."""
    while True:
        stack.check()
        time.sleep(CHECK_S)


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
    facts.add_row("worker", _worker(stack) if worker else "none: start one with `windrow run`")
    facts.add_row("logs and data", str(stack.folder))
    out.print(out.panel(facts, "Windrow is running on this machine"))
    if stack.kind == "ministack":
        out.print(WITHOUT_MINIO, style="yellow")
    out.print()
    out.print("In another terminal:")
    print_commands(look_around(stack))
    out.print()
    out.print("Ctrl-C stops everything.")


def _worker(stack: Stack) -> str:
    return f"gathers for {stack.shape.window_s} s; log {stack.worker.log}"
