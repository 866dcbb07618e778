"""``windrow replay``: queue objects again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from windrow import settings
from windrow.cli.coverage import left_open, why_nothing
from windrow.cli.output import PROBLEM, err, out, print_json
from windrow.cli.replay_state import Request, Saved, StateFile
from windrow.cli.span import duration, span
from windrow.clients.clock import SystemClock
from windrow.core.errors import WrongUse
from windrow.core.words import counted
from windrow.operations.audit import Coverage, Listing, Missing
from windrow.operations.replay import Position, Replayer, TtlFilter, VersionFilter, after
from windrow.ports import Clock, ListedVersion

SHOWN = 20
"""Objects that a dry run names."""


class Waiting(msgspec.Struct, frozen=True):
    """How many messages may already be about an object that is to be queued."""

    queue: int
    dead_letters: int


def replay(
    missing: Annotated[bool, typer.Option("--missing", help="Only files that no archive lists.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything that the ledger remembers.")] = False,
    since: Annotated[str, typer.Option(help="Start: a duration ago (24h), a date, or a time in UTC.")] = "24h",
    until: Annotated[str, typer.Option(help="End, exclusive; as --since, or now.")] = "now",
    prefix: Annotated[str, typer.Option(help="Only keys with this prefix.")] = "",
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Messages a second at most.")] = 100.0,
    grace: Annotated[
        str, typer.Option(help="With --missing: leave out younger files, which may be in progress.")
    ] = "5m",
    state: Annotated[
        Path | None, typer.Option(help="With --all: file to keep the position in, to continue later.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count and show.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Queue objects of the landing buckets again, as if S3 had just announced them.

    A run that was interrupted can simply be started again: what is delivered is not delivered twice. With --all and
    --state it continues where it stopped; the file is deleted when all is done.

    Objects without a version are queued by --missing alone, and only while both queues are empty. --all leaves out
    objects that the ledger may forget while their messages wait. Exits with 1 if it had to leave out objects.
    """
    if missing == everything:
        raise WrongUse("give --missing or --all")
    if state is not None and missing:
        raise WrongUse("--state goes with --all; --missing finds what is left without it")
    clock = SystemClock()
    start, end = span(since, until, clock.now())
    from windrow import bootstrap

    config = settings.load(os.environ, needs=(*settings.AUDIT, "queue_url", *(("dlq_url",) if missing else ())))
    file = StateFile(state, Request(since, until, prefix, sorted(config.landing_buckets), config.queue_url))
    saved = file.load(start, end)
    ttl_filter = _ttl_filter(config, clock, saved) if everything else None
    waiting = _waiting(config) if missing else None
    version_filter = VersionFilter(unversioned=waiting == Waiting(0, 0))
    auditor = bootstrap.auditor(config)
    young = duration(grace)
    if ttl_filter is None:
        found: Missing | Listing = auditor.missing(saved.start, saved.end, grace=young, prefix=prefix)
        wanted = version_filter.select(found)
    else:
        found = auditor.listed(saved.start, saved.end, prefix)
        wanted = ttl_filter.select(after(version_filter.select(found), saved.position))
    if dry_run:
        shown = _show(wanted, as_json=as_json)
        _end(
            shown,
            _Searched(found.coverage, prefix, young),
            version_filter,
            waiting,
            ttl_filter,
            saved.start,
            as_json=as_json,
        )
        return
    corrector = bootstrap.ledger_corrector(config) if missing else None
    if corrector:
        wanted = corrector.undelivered(wanted)
    before = saved.position.queued if saved.position else 0
    queued = _queue(bootstrap.replayer(config, rate_per_s=rate), wanted, ttl_filter, file, saved) - before
    file.remove()
    if not as_json:
        earlier = f" after {before:,} by earlier runs" if before else ""
        watch = "; watch them with: windrow status --watch" if queued else ""
        out.print(f"{counted(queued, 'object')} queued{earlier}{watch}")
    unreadable = corrector.unreadable if corrector else {}
    report = {"queued": queued, "queued_before": before, "unreadable": unreadable}
    searched = _Searched(found.coverage, prefix, young)
    _end(report, searched, version_filter, waiting, ttl_filter, saved.start, unreadable, as_json=as_json)


def _ttl_filter(config: settings.Settings, clock: Clock, saved: Saved) -> TtlFilter:
    """Return what leaves out files that the ledger may forget. Raises `WrongUse` for a start too long ago."""
    from windrow import bootstrap

    retention = bootstrap.queue_statistics(config.queue_url).retention()
    ttl = timedelta(days=config.ledger_ttl_days)
    ttl_filter = TtlFilter(clock, ttl=ttl, retention=retention, left_out=saved.forgotten)
    if saved.position is None and saved.start < ttl_filter.begins:
        # A little later than it might be, since more is forgotten while the replay runs.
        since = ttl_filter.begins + timedelta(hours=1)
        younger = f", or --since from {since:%Y-%m-%dT%H:%M}Z on" if since < saved.end else ""
        raise WrongUse(
            f"--all from {saved.start:%Y-%m-%dT%H:%M}Z on could deliver files twice: the ledger remembers deliveries "
            f"for {counted(ttl.days, 'day')} (WINDROW_LEDGER_TTL_DAYS), and a message may wait in the queue for "
            f"{retention / timedelta(days=1):g} of them; one more is a margin. Use --missing{younger}"
        )
    return ttl_filter


def _queue(
    replayer: Replayer, versions: Iterator[ListedVersion], ttl_filter: TtlFilter | None, file: StateFile, saved: Saved
) -> int:
    """Queue versions; return how many are queued, those of earlier runs included."""
    with err.status("queueing") as status:

        def on_queued(reached: Position) -> None:
            status.update(f"{reached.queued:,} queued, at {reached.bucket}/{reached.key}")
            forgotten = ttl_filter.left_out if ttl_filter else 0
            file.keep(msgspec.structs.replace(saved, position=reached, forgotten=forgotten))

        return replayer.replay(versions, on_queued, queued=saved.position.queued if saved.position else 0)


def _waiting(config: settings.Settings) -> Waiting:
    from windrow import bootstrap

    # In this order: a message that is rejected meanwhile moves from the first to the second.
    queue = bootstrap.queue_statistics(config.queue_url).depth().total
    return Waiting(queue, bootstrap.queue_statistics(config.dlq_url).depth().total)


def _show(versions: Iterator[ListedVersion], *, as_json: bool) -> dict[str, object]:
    shown: list[ListedVersion] = []
    count = 0
    for version in versions:
        count += 1
        if count <= SHOWN:
            shown.append(version)
    if not as_json:
        for version in shown:
            out.print(f"{version.last_modified:%Y-%m-%d %H:%M:%S}  {version.bucket}/{version.key}", soft_wrap=True)
        first = f", the first {SHOWN} are shown" if count > SHOWN else ""
        out.print(f"{counted(count, 'object')} would be queued{first}")
    return {"would_queue": count, "first": shown}


class _Searched(msgspec.Struct, frozen=True):
    """What the objects were chosen from, with which prefix and grace."""

    covered: Coverage
    prefix: str
    grace: timedelta

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to choose from."""
        return not self.covered.judged


def _end(
    report: dict[str, object],
    searched: _Searched,
    version_filter: VersionFilter,
    waiting: Waiting | None,
    ttl_filter: TtlFilter | None,
    start: datetime,
    unreadable: Mapping[str, str] | None = None,
    *,
    as_json: bool,
) -> None:
    """Print what was searched and what was left out; leaving out what was asked for is a problem."""
    forgotten = ttl_filter.left_out if ttl_filter else 0
    problem = bool((version_filter.left_out and waiting) or forgotten or unreadable or searched.nothing)
    reasons = [_why_searched(searched)]
    if version_filter.left_out:
        reasons.append(_why_left_out(version_filter.left_out, waiting))
    if ttl_filter and forgotten:
        reasons.append(_why_forgotten(forgotten, start, ttl_filter.begins))
    if unreadable:
        reasons.append(_why_unreadable(unreadable))
    why = " ".join(reasons)
    if as_json:
        left_out = {"left_out": version_filter.left_out, "forgotten": forgotten, "why": why}
        print_json({"ok": not problem, **report, **msgspec.structs.asdict(searched.covered), **left_out})
    elif problem:
        err.print(f"error: {why}", style="red", soft_wrap=True)
    else:
        out.print(why, soft_wrap=True)
    if problem:
        raise typer.Exit(PROBLEM)


def _why_searched(searched: _Searched) -> str:
    if searched.nothing:
        return f"Nothing was judged: {why_nothing(searched.covered, searched.prefix, searched.grace)}."
    opened = left_open(searched.covered, searched.grace)
    return f"{counted(searched.covered.judged, 'file')} judged{f'; {opened}' if opened else ''}."


def _why_left_out(count: int, waiting: Waiting | None) -> str:
    left_out = f"{counted(count, 'object')} without a version {'is' if count == 1 else 'are'} left out"
    text = f"{left_out}: queued again they could be delivered twice. "
    if waiting is None:
        return text + "Queue them with --missing while the queue and the dead-letter queue are empty."
    return text + (
        f"The queue holds {counted(waiting.queue, 'message')}, the dead-letter queue {waiting.dead_letters:,}, "
        "and these may announce the same objects. Wait until the queue is empty, send the dead letters back "
        "(windrow dlq redrive) or delete them (windrow dlq drop), and repeat this when both are "
        "empty."
    )


def _why_unreadable(unreadable: Mapping[str, str]) -> str:
    key, error = next(iter(unreadable.items()))
    return (
        f"The destination denies access to {counted(len(unreadable), 'archive')}. Their files are left out. "
        f"One is {key}: {error}. Give Windrow's key the right to read them, and repeat this."
    )


def _why_forgotten(count: int, start: datetime, begins: datetime) -> str:
    return (
        f"{counted(count, 'object')} left out, too old by now: the ledger may forget their deliveries while "
        "their messages wait, and they would be delivered twice. Repeat this with --missing "
        f"--since {start:%Y-%m-%dT%H:%M}Z --until {begins + timedelta(minutes=1):%Y-%m-%dT%H:%M}Z instead of --all: it "
        "reads in the archives what is delivered."
    )
