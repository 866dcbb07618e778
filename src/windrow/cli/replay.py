"""``windrow replay``: queue objects again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from windrow import settings
from windrow.cli.audit import NEEDS
from windrow.cli.output import WrongUse, err, out, print_json
from windrow.cli.span import duration, span
from windrow.ports import ListedVersion
from windrow.replay import Position, Sieve, after

SHOWN = 20
"""Objects that a dry run names."""


def replay(
    missing: Annotated[bool, typer.Option("--missing", help="Only what no archive lists.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything; what is delivered is recognised.")] = False,
    since: Annotated[str, typer.Option(help="Start: a duration ago (24h), a date, or a time in UTC.")] = "24h",
    until: Annotated[str, typer.Option(help="End, exclusive; as --since, or now.")] = "now",
    prefix: Annotated[str, typer.Option(help="Only keys that begin so.")] = "",
    rate: Annotated[float, typer.Option(min=0.1, help="Messages a second at most.")] = 100.0,
    grace: Annotated[str, typer.Option(help="With --missing: leave out younger files, they may be under way.")] = "5m",
    state: Annotated[
        Path | None, typer.Option(help="With --all: file to keep the position in, to go on later.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count and show.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Queue objects of the landing buckets again, as if S3 had just announced them.

    A run that was interrupted can simply be started again: what is delivered is not delivered twice. With --all and
    --state it goes on where it stopped.
    """
    if missing == everything:
        raise WrongUse("say which objects: --missing or --all")
    if state is not None and missing:
        raise WrongUse("--state goes with --all; --missing finds out by itself what is left")
    start, end = span(since, until, datetime.now(UTC))
    from windrow import bootstrap

    config = settings.load(os.environ, needs=(*NEEDS, "queue_url"))
    sieve = Sieve(unversioned=missing and bootstrap.gauge(config.queue_url).depth().total == 0)
    auditor = bootstrap.auditor(config)
    if missing:
        wanted = sieve.sift(auditor.missing(start, end, grace=duration(grace), prefix=prefix))
    else:
        wanted = sieve.sift(auditor.listed(start, end, prefix))
    if dry_run:
        _show(wanted, sieve, as_json=as_json)
        return
    if missing:
        wanted = bootstrap.reopener(config).reopened(wanted)
    position = _load(state)
    with err.status("queueing", spinner="dots") as status:

        def note(reached: Position) -> None:
            status.update(f"{reached.queued:,} queued, at {reached.bucket}/{reached.key}")
            if state is not None:
                _save(state, reached)

        queued = bootstrap.replayer(config, rate_per_s=rate).replay(
            after(wanted, position), note, queued=position.queued if position else 0
        )
    if as_json:
        print_json({"ok": True, "queued": queued, "left_out": sieve.left_out})
    else:
        out.print(f"{queued:,} objects queued; watch them with: windrow status --watch")
        _show_left_out(sieve)


def _show(versions: Iterator[ListedVersion], sieve: Sieve, *, as_json: bool) -> None:
    shown: list[ListedVersion] = []
    count = 0
    for version in versions:
        count += 1
        if count <= SHOWN:
            shown.append(version)
    if as_json:
        print_json({"ok": True, "would_queue": count, "left_out": sieve.left_out, "first": shown})
        return
    for version in shown:
        out.print(f"{version.last_modified:%Y-%m-%d %H:%M:%S}  {version.bucket}/{version.key}", markup=False)
    out.print(f"{count:,} objects would be queued" + (f", the first {SHOWN} are shown" if count > SHOWN else ""))
    _show_left_out(sieve)


def _show_left_out(sieve: Sieve) -> None:
    if sieve.left_out:
        out.print(
            f"{sieve.left_out:,} objects without a version are left out: queued again they could be delivered twice. "
            "Queue them with --missing while the queue is empty.",
            soft_wrap=True,
        )


def _load(state: Path | None) -> Position | None:
    if state is None or not state.exists():
        return None
    try:
        return msgspec.json.decode(state.read_bytes(), type=Position)
    except (OSError, msgspec.DecodeError) as error:
        raise WrongUse(f"{state} holds no position of a replay: {error}") from error


def _save(state: Path, position: Position) -> None:
    """Replace the file in one step: a run that is killed meanwhile leaves the position before."""
    new = state.with_name(state.name + ".new")
    new.write_bytes(msgspec.json.encode(position))
    new.replace(state)
