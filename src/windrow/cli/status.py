"""``windrow status``: how things stand."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.table import Table

from windrow import settings
from windrow.cli.circuit import describe
from windrow.cli.output import PROBLEM, WrongUse, out, print_json
from windrow.status import Status

NEEDS = (
    *("queue_url", "dlq_url", "ledger_table", "event_source_mapping_id"),
    *("destination_endpoint", "destination_bucket", "destination_secret_id"),
)
LATE_S = 3600.0
"""The age of the oldest message that an alarm is raised at."""


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Keep looking until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.5, max=86_400, help="Seconds between two looks, with --watch.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a look.")] = False,
) -> None:
    """Show queue, circuit, dead letters and the last delivery.

    Exits with 1 if something could not be read, the mapping is disabled, or dead letters wait.
    """
    from windrow import bootstrap

    if watch and not (as_json or out.is_terminal):
        raise WrongUse("--watch needs a terminal, or --json")
    watcher = bootstrap.watcher(settings.load(os.environ, needs=NEEDS))
    found = watcher.look()
    if not watch:
        _print(found, as_json=as_json)
        if not found.well:
            raise typer.Exit(PROBLEM)
        return
    try:
        with nullcontext() if as_json else Live(render(found, watching=True), console=out, auto_refresh=False) as live:
            while True:
                if live is None:
                    _print(found, as_json=True)
                else:
                    live.update(render(found, watching=True), refresh=True)
                time.sleep(every)
                found = watcher.look()
    except KeyboardInterrupt:
        return


def report(found: Status) -> dict[str, object]:
    """Return the JSON object of a look."""
    return {"ok": found.well, **{name: getattr(found, name) for name in Status.__struct_fields__}}


def render(found: Status, *, watching: bool = False) -> RenderableType:
    """Return a look as people read it. ``watching``: one of several, so that a rate can be told, or is missed."""
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text, style in _rows(found, watching=watching):
        table.add_row(name, out.text(text, style=style))
    return table


def _rows(found: Status, *, watching: bool) -> list[tuple[str, str, str]]:
    rows = [
        _queue(found),
        _age(found),
        (
            "circuit",
            describe(found.circuit) if found.circuit else "unknown",
            _bad(not found.circuit or found.circuit.opened),
        ),
        ("mapping", _switch(found.mapping_enabled), _bad(not found.mapping_enabled)),
        ("dead letters", _count(found.dead_letters), _bad(bool(found.dead_letters))),
        ("last delivery", _last(found, watching=watching), ""),
        ("as of", f"{found.at:%Y-%m-%d %H:%M:%S} UTC", "dim"),
    ]
    return rows + [(f"no {name.replace('_', ' ')}", why, "red") for name, why in found.problems.items()]


def _queue(found: Status) -> tuple[str, str, str]:
    if found.queue is None:
        return "queue", "unknown", "red"
    text = f"{found.queue.visible:,} waiting, {found.queue.in_flight:,} in flight"
    if found.queue.delayed:
        text += f", {found.queue.delayed:,} delayed"
    if found.queue_change_per_second is not None:
        text += f", {found.queue_change_per_second:+,.1f}/s"
    return "queue", text, ""


def _age(found: Status) -> tuple[str, str, str]:
    age = found.oldest_age_seconds
    if age is None:
        return "oldest message", "unknown (CloudWatch has no figure)", "dim"
    return "oldest message", str(timedelta(seconds=round(age))), _bad(age > LATE_S)


def _last(found: Status, *, watching: bool) -> str:
    last = found.last_archive
    if last is None:
        return "unknown" if "last_archive" in found.problems else "none within 7 days"
    told = f"{_ago(found.at, last.stored_at)}, {last.files:,} files: {last.key}"
    if not watching:
        return told
    return f"{told}, {'?' if found.files_per_second is None else f'{found.files_per_second:,.1f}'} files/s"


def _ago(now: datetime, then: datetime) -> str:
    return f"{timedelta(seconds=max(0, round((now - then).total_seconds())))} ago"


def _switch(enabled: bool | None) -> str:
    return "unknown" if enabled is None else "enabled" if enabled else "disabled: messages wait in the queue"


def _count(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}" + (": see windrow dlq ls" if count else "")


def _bad(wrong: bool) -> str:
    return "red" if wrong else ""


def _print(found: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(report(found))
    else:
        out.print(render(found))
