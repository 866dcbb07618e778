"""``windrow status``: the pipeline's present state."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table

from windrow import settings
from windrow.cli.circuit import describe, describe_mapping, receiver
from windrow.cli.output import PROBLEM, out, print_json
from windrow.cli.watch import watch as show_changes
from windrow.core.circuit import Mode
from windrow.core.errors import WrongUse
from windrow.core.objectives import FAST_SHARE, SURE_SHARE
from windrow.core.words import counted, percent
from windrow.operations.status import Status

NEEDS = (
    *("queue_url", "dlq_url", "ledger_table"),
    *("destination_endpoint", "destination_bucket", "destination_secret_id"),
)
LATE_S = 3600.0
"""Age of the oldest message above which an alarm fires."""


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False,
    every: Annotated[
        float, typer.Option(min=0.5, max=86_400, help="Seconds between two refreshes, with --watch.")
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, or one a refresh.")] = False,
) -> None:
    """Show queue, circuit, dead letters, destination, the last delivery and the objective over the last hour.

    Exits with 1 if something could not be read, the mapping is disabled (or workers without one are paused), or there
    are dead letters.
    """
    from windrow import bootstrap

    if watch and not (as_json or out.is_terminal):
        raise WrongUse("--watch needs a terminal, or --json")
    watcher = bootstrap.watcher(settings.load(os.environ, needs=NEEDS))
    if watch and not as_json:
        show_changes(watcher.poll, lambda found: render(found, watching=True), every)
        return
    found = watcher.poll()
    _print(found, as_json=as_json)
    if not watch and not found.well:
        raise typer.Exit(PROBLEM)
    try:
        while watch:
            time.sleep(every)
            _print(watcher.poll(), as_json=True)
    except KeyboardInterrupt:
        return


def report(found: Status) -> dict[str, object]:
    """Return the JSON object of a status."""
    return {"ok": found.well, **{name: getattr(found, name) for name in Status.__struct_fields__}}


def render(found: Status, *, watching: bool = False) -> RenderableType:
    """Return a status for people. ``watching``: one of several, so a rate is shown, or ``?`` until it is known."""
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text, style in _rows(found, watching=watching):
        table.add_row(name, out.text(text, style=style))
    return table


def _rows(found: Status, *, watching: bool) -> list[tuple[str, str, str]]:
    return [
        _queue(found),
        _age(found),
        _circuit(found),
        _mapping(found),
        _dead_letters(found),
        _destination(found),
        ("last delivery", _last(found, watching=watching), ""),
        _last_hour(found),
        ("as of", f"{found.at:%Y-%m-%d %H:%M:%S} UTC", "dim"),
    ]


def _unknown(found: Status, field: str) -> str:
    """Return "unknown", and why."""
    why = found.problems.get(field)
    return f"unknown: {why}" if why else "unknown"


def _queue(found: Status) -> tuple[str, str, str]:
    if found.queue is None:
        return "queue", _unknown(found, "queue"), "red"
    text = f"{found.queue.visible:,} waiting, {found.queue.in_flight:,} in flight"
    if found.queue.delayed:
        text += f", {found.queue.delayed:,} delayed"
    if found.queue_change_per_second is not None:
        text += f", {found.queue_change_per_second:+,.1f}/s"
    return "queue", text, ""


def _age(found: Status) -> tuple[str, str, str]:
    age = found.oldest_age_seconds
    if age is not None:
        return "oldest message", str(timedelta(seconds=round(age))), _bad(age > LATE_S)
    if "oldest_age_seconds" in found.problems:
        return "oldest message", _unknown(found, "oldest_age_seconds"), "red"
    return "oldest message", "unknown (CloudWatch has no figure)", "dim"


def _circuit(found: Status) -> tuple[str, str, str]:
    if found.circuit is None:
        return "circuit", _unknown(found, "circuit"), "red"
    return "circuit", describe(found.circuit), _bad(found.circuit.opened)


def _mapping(found: Status) -> tuple[str, str, str]:
    name = receiver(mapped=found.mapped)
    if found.mapping_enabled is None:
        return name, _unknown(found, "mapping_enabled"), "red"
    text = describe_mapping(found.circuit, found.mapping_enabled, mapped=found.mapped)
    return name, text, _bad(not found.mapping_enabled)


def _dead_letters(found: Status) -> tuple[str, str, str]:
    if found.dead_letters is None:
        return "dead letters", _unknown(found, "dead_letters"), "red"
    see = ": see windrow dlq ls" if found.dead_letters else ""
    return "dead letters", f"{found.dead_letters:,}{see}", _bad(bool(found.dead_letters))


def _destination(found: Status) -> tuple[str, str, str]:
    """Return whether it is up, and since when if a probe has changed the circuit last."""
    why = found.problems.get("last_archive")
    circuit = found.circuit
    probed = circuit is not None and circuit.mode is Mode.AUTO and circuit.changed_at
    since = f"for {_span(found.at, circuit.changed_at)}" if circuit and probed else ""
    opened = circuit is not None and circuit.opened
    if why is None:
        return "destination", f"up (circuit closed {since})" if since and not opened else "up", ""
    lasted = f" (circuit open {since})" if since and opened else ""
    return "destination", f"down{lasted}: {why}", "red"


def _last(found: Status, *, watching: bool) -> str:
    last = found.last_archive
    if last is None:
        return "unknown, since the destination is down" if "last_archive" in found.problems else "none within 7 days"
    text = f"{_ago(found.at, last.stored_at)}, {counted(last.files, 'file')}: {last.key}"
    if not watching:
        return text
    return f"{text}, {'?' if found.files_per_second is None else f'{found.files_per_second:,.1f}'} files/s"


def _last_hour(found: Status) -> tuple[str, str, str]:
    """Return whether the objective was met by what was delivered in the last hour."""
    hour = found.last_hour
    if hour is None:
        if "last_hour" in found.problems:
            return "last hour", _unknown(found, "last_hour"), "red"
        return "last hour", "unknown (CloudWatch has no figure; see windrow audit --since 1h)", "dim"
    fast, sure = (1 - late / hour.files for late in (hour.over_2_minutes, hour.over_3_minutes))
    met = fast >= FAST_SHARE and sure >= SURE_SHARE
    text = (
        f"objective {'met' if met else 'missed'}: {percent(fast)} within 2 minutes, {percent(sure)} within 3, "
        f"of {counted(hour.files, 'file')} delivered"
    )
    return "last hour", text, _bad(not met)


def _span(now: datetime, since_s: int) -> timedelta:
    return timedelta(seconds=max(0, round(now.timestamp()) - since_s))


def _ago(now: datetime, then: datetime) -> str:
    return f"{timedelta(seconds=max(0, round((now - then).total_seconds())))} ago"


def _bad(wrong: bool) -> str:
    return "red" if wrong else ""


def _print(found: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(report(found))
    else:
        out.print(render(found))
