"""``windrow replay``: queue objects again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from windrow import settings
from windrow.cli.audit import NEEDS
from windrow.cli.output import PROBLEM, WrongUse, err, out, print_json
from windrow.cli.replay_state import Request, Saved, StateFile
from windrow.cli.span import duration, span
from windrow.ports import ListedVersion
from windrow.replay import Position, Replayer, Sieve, after

SHOWN = 20
"""Objects that a dry run names."""


class Waiting(msgspec.Struct, frozen=True):
    """How many messages there are that may announce an object already."""

    queue: int
    dead_letters: int


def replay(
    missing: Annotated[bool, typer.Option("--missing", help="Only what no archive lists.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything that the ledger remembers.")] = False,
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
    --state it goes on where it stopped; the file is deleted when all is done.

    Objects without a version are queued by --missing alone, and only while both queues are empty. Exits with 1 if it
    had to leave some out.
    """
    if missing == everything:
        raise WrongUse("say which objects: --missing or --all")
    if state is not None and missing:
        raise WrongUse("--state goes with --all; --missing finds out by itself what is left")
    now = datetime.now(UTC)
    start, end = span(since, until, now)
    from windrow import bootstrap

    config = settings.load(os.environ, needs=(*NEEDS, "queue_url", *(("dlq_url",) if missing else ())))
    file = StateFile(state, Request(since, until, prefix, sorted(config.landing_buckets), config.queue_url))
    saved = file.load(start, end)
    if everything:
        _check_memory(saved.start, now, config.ledger_ttl_days)
    waiting = _waiting(config) if missing else None
    sieve = Sieve(unversioned=waiting == Waiting(0, 0))
    auditor = bootstrap.auditor(config)
    if missing:
        wanted = sieve.sift(auditor.missing(saved.start, saved.end, grace=duration(grace), prefix=prefix))
    else:
        wanted = after(sieve.sift(auditor.listed(saved.start, saved.end, prefix)), saved.position)
    if dry_run:
        _end(_show(wanted, as_json=as_json), sieve, waiting, as_json=as_json)
        return
    if missing:
        wanted = bootstrap.reopener(config).reopened(wanted)
    before = saved.position.queued if saved.position else 0
    queued = _queue(bootstrap.replayer(config, rate_per_s=rate), wanted, file, saved) - before
    file.remove()
    if not as_json:
        earlier = f" after {before:,} by earlier runs" if before else ""
        out.print(f"{queued:,} objects queued{earlier}; watch them with: windrow status --watch")
    _end({"queued": queued, "queued_before": before}, sieve, waiting, as_json=as_json)


def _check_memory(start: datetime, now: datetime, ttl_days: int) -> None:
    oldest = now - timedelta(days=ttl_days)
    if start < oldest:
        raise WrongUse(
            f"--all from {start:%Y-%m-%d %H:%M} on would deliver files twice: the ledger remembers deliveries for "
            f"{ttl_days} days (WINDROW_LEDGER_TTL_DAYS). Say --missing, or --since from {oldest:%Y-%m-%d %H:%M} UTC on"
        )


def _queue(replayer: Replayer, versions: Iterator[ListedVersion], file: StateFile, saved: Saved) -> int:
    """Queue versions; return how many were, with those of earlier runs."""
    with err.status("queueing", spinner="dots") as status:

        def note(reached: Position) -> None:
            status.update(f"{reached.queued:,} queued, at {reached.bucket}/{reached.key}")
            file.keep(msgspec.structs.replace(saved, position=reached))

        return replayer.replay(versions, note, queued=saved.position.queued if saved.position else 0)


def _waiting(config: settings.Settings) -> Waiting:
    from windrow import bootstrap

    # In this order: what is rejected meanwhile goes from the one to the other.
    queue = bootstrap.gauge(config.queue_url).depth().total
    return Waiting(queue, bootstrap.gauge(config.dlq_url).depth().total)


def _show(versions: Iterator[ListedVersion], *, as_json: bool) -> dict[str, object]:
    shown: list[ListedVersion] = []
    count = 0
    for version in versions:
        count += 1
        if count <= SHOWN:
            shown.append(version)
    if not as_json:
        for version in shown:
            out.print(f"{version.last_modified:%Y-%m-%d %H:%M:%S}  {version.bucket}/{version.key}", markup=False)
        out.print(f"{count:,} objects would be queued" + (f", the first {SHOWN} are shown" if count > SHOWN else ""))
    return {"would_queue": count, "first": shown}


def _end(report: dict[str, object], sieve: Sieve, waiting: Waiting | None, *, as_json: bool) -> None:
    """Tell what was left out; that is a problem if it was asked for."""
    problem = bool(sieve.left_out and waiting)
    why = _why_left_out(sieve.left_out, waiting) if sieve.left_out else ""
    if as_json:
        print_json({"ok": not problem, **report, "left_out": sieve.left_out, "why": why})
    elif problem:
        err.print(f"error: {why}", style="red", soft_wrap=True)
    elif why:
        out.print(why, soft_wrap=True)
    if problem:
        raise typer.Exit(PROBLEM)


def _why_left_out(count: int, waiting: Waiting | None) -> str:
    text = f"{count:,} objects without a version are left out: queued again they could be delivered twice. "
    if waiting is None:
        return text + "Queue them with --missing while the queue and the dead-letter queue are empty."
    return text + (
        f"The queue holds {waiting.queue:,} messages, the dead-letter queue {waiting.dead_letters:,}, and these may be "
        "theirs. Wait until the queue is empty, send the dead letters back (windrow dlq redrive) or delete them "
        "(windrow dlq drop), and repeat this when both are empty."
    )
