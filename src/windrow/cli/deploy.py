"""``windrow deploy``: shift the alias to a new version in steps, or roll back."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from windrow.cli.output import PROBLEM, err, ignoring_broken_pipe, out, print_json
from windrow.cli.span import duration
from windrow.cli.streams import forget_output
from windrow.core.errors import DeploymentError, WrongUse
from windrow.core.words import counted
from windrow.operations.deployment import KEEP, DeploymentOutcome, Event, Progress, Result, check_steps

POLL_S = 0.2
"""How soon a signal is noticed while a step bakes."""

LONGEST_BAKE = timedelta(days=1)


def deploy(
    function: Annotated[str, typer.Option(help="Name of the function.")],
    package: Annotated[Path | None, typer.Option("--zip", help="What `windrow package` made.")] = None,
    alias: Annotated[str, typer.Option(help="The alias in service.")] = "live",
    steps: Annotated[str, typer.Option(help="Percent of the traffic, step by step.")] = "10,50,100",
    bake: Annotated[str, typer.Option(help="How long each step is watched, as in 30s, 5m.")] = "5m",
    alarm: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Alarms to watch, separated by commas; may be repeated.")
    ] = None,
    alarm_prefix: Annotated[
        list[str] | None,
        typer.Option(metavar="PREFIX", help="Watch the alarms with actions and this prefix; may be repeated."),
    ] = None,
    keep: Annotated[
        int, typer.Option(min=1, help="Versions to keep that no alias points to; older ones are deleted afterwards.")
    ] = KEEP,
    rollback: Annotated[bool, typer.Option("--rollback", help="Return to the version before, and stop.")] = False,
    to: Annotated[str | None, typer.Option(metavar="VERSION", help="With --rollback: go to this version.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line: events, then the result.")
    ] = False,
) -> None:
    """Shift the alias to a new version in steps, watching alarms; roll back when one goes on.

    Ctrl-C, SIGTERM and a terminal that hangs up roll back too. Exits 0 when deployed (or rolled back as asked), 1 when
    it rolled back unasked or could not start, 2 for wrong use.
    """
    if rollback == (package is not None):
        raise WrongUse("give --zip to deploy, or --rollback")
    if to is not None and not rollback:
        raise WrongUse("--to goes with --rollback")
    from windrow import bootstrap

    percents, bake_s = parse_steps(steps), parse_bake(bake)
    alarms, prefixes = parse_names(alarm, "--alarm"), parse_names(alarm_prefix, "--alarm-prefix")
    with _stoppable() as wait, _display(as_json=as_json) as (on_event, on_progress):
        if package is not None and not (alarms or prefixes):
            on_event(Event("no alarm is watched", datetime.now(UTC), detail="name them with --alarm or --alarm-prefix"))
        deployer = bootstrap.deployer(function, alias, wait, on_event, on_progress, alarms=alarms, prefixes=prefixes)
        result = deployer.rollback(to) if package is None else deployer.deploy(_read(package), percents, bake_s, keep)
    ok = rollback or result.outcome is not DeploymentOutcome.ROLLED_BACK
    ignoring_broken_pipe(partial(_conclude, ok=ok, as_json=as_json))(result)
    forget_output()
    if not ok:
        raise typer.Exit(PROBLEM)


def parse_steps(text: str) -> list[float]:
    """Read percentages as in ``10,50,100``. Raises `WrongUse`."""
    try:
        percents = [float(part) for part in text.split(",")]
        check_steps(percents)
    except (ValueError, DeploymentError) as error:
        raise WrongUse(f"--steps must rise to 100, as in 10,50,100, not {text!r}") from error
    return percents


def parse_bake(text: str) -> float:
    """Read seconds from ``90``, ``30s``, ``5m`` or ``1.5h``. Raises `WrongUse`."""
    found = duration(f"{text}s" if text[-1:].isdecimal() else text)
    if found > LONGEST_BAKE:
        raise WrongUse(f"--bake must be a day at most, not {text}")
    return found.total_seconds()


def parse_names(texts: Sequence[str] | None, option: str) -> list[str]:
    """Read names from comma lists. Raises `WrongUse` for an empty one: as a prefix it would mean every alarm."""
    names = [name.strip() for text in texts or () for name in text.split(",")]
    if not all(names):
        raise WrongUse(f"{option} must name something, as in windrow-,other-, not {','.join(texts or ())!r}")
    return names


def _read(package: Path) -> bytes:
    try:
        return package.read_bytes()
    except OSError as error:
        raise WrongUse(f"{package} can't be read: {error}") from error


@contextmanager
def _stoppable() -> Iterator[Callable[[float], bool]]:
    """Yield a wait that returns whether a signal asked to end; the deployment can roll back then."""
    signals: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # A list, not an Event: set by a handler while the same thread waits on it, an Event can deadlock.
        signals.append(number)

    def wait(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not signals and (left_s := end - time.monotonic()) > 0:
            time.sleep(min(POLL_S, left_s))
        return bool(signals)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _display(*, as_json: bool) -> Iterator[tuple[Callable[[Event], object], Callable[[Progress], object]]]:
    """Yield what shows events and progress: JSON lines of events alone, or for people lines and a status below them."""
    if as_json:
        yield ignoring_broken_pipe(print_json), lambda _progress: None
        return
    say = ignoring_broken_pipe(_say)
    with err.status("starting") as status:
        show = status.update if err.is_terminal else err.line_each_minute(at_once=True)
        yield say, ignoring_broken_pipe(lambda progress: show(standing(progress)))


def standing(progress: Progress) -> str:
    """Return progress as one line: share of the traffic, time left, and the version's invocations and errors so far."""
    minutes, seconds = divmod(math.ceil(progress.left_s), 60)
    return (
        f"version {progress.version} at {progress.percent:g} %, {minutes}:{seconds:02} left: "
        f"{counted(progress.seen.invocations, 'invocation')}, {counted(progress.seen.errors, 'error')}"
    )


def _say(event: Event) -> None:
    percent = f" {event.percent:g} %" if event.percent is not None else ""
    detail = f": {event.detail}" if event.detail else ""
    version = f"version {event.version}: " if event.version else ""
    err.print(f"{event.at:%H:%M:%S} {version}{event.event}{percent}{detail}", soft_wrap=True)


def _conclude(result: Result, *, ok: bool, as_json: bool) -> None:
    if as_json:
        print_json({"ok": ok, **msgspec.to_builtins(result)})
        return
    reason = f": {result.reason}" if result.reason else ""
    out.print(f"{result.outcome.value}{reason}; the alias serves version {result.version}", soft_wrap=True)
