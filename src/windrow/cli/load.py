"""``windrow load``: a load test on this machine, audited file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import msgspec
import typer
from rich.table import Table

from windrow.cli.output import INTERRUPTED, PROBLEM, err, human_bytes, out, print_json, print_verdict, require_extra
from windrow.cli.session import local_stack
from windrow.core.errors import SettingsError, WrongUse
from windrow.core.words import counted, percent

if TYPE_CHECKING:
    from windrow.lab.load.plan import Plan
    from windrow.lab.load.result import Disturbance, LoadResult
    from windrow.lab.load.samples import Measurement

SHOWN_PROBLEMS = 10
STDOUT = Path("-")
QUIET_S = 10
"""Between lines of progress without a terminal."""
SMALLEST_BYTES, LARGEST_BYTES = 100, 5_000_000


def load(
    profile: Annotated[
        str, typer.Option(help="baseline, peak, burst or outage; the other options override it.")
    ] = "baseline",
    rate: Annotated[float | None, typer.Option(min=0.1, max=1000, help="Uploads a second.")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, max=999_999, help="How long at that rate.")] = None,
    burst: Annotated[
        list[str] | None,
        typer.Option(metavar="RATE:SECONDS", help="A burst amid the steady load; may be given several times."),
    ] = None,
    outage: Annotated[
        str | None, typer.Option(metavar="START:SECONDS", help="Kill the destination, and start it again later.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=SMALLEST_BYTES, max=LARGEST_BYTES, help="Bytes per file; 100,000 in the profiles.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=1, max=300, help="Seconds to gather files for; 60 in the profiles.")
    ] = None,
    servers: Annotated[
        str | None,
        typer.Option(help="fast for ElasticMQ as queue and MinIO as landing store; ministack for both, if not given."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report with plots.")
    ] = None,
) -> None:
    """Start everything on this machine, upload at an exact rate, and audit every file at the end.

    Exits with 1 if a file is missing, delivered twice or with other bytes, or, without an outage, if the latency
    objective is missed. A run that is interrupted (130) writes no result: nothing was audited.
    """
    require_extra("local")
    from windrow.lab.load.plan import checked

    plan = checked(_plan(profile, rate, seconds, burst, outage, size, window, servers))
    _require_servers(plan)
    for file in (json_file, report_file):
        if file is not None and not file.absolute().parent.is_dir():
            raise SettingsError(f"there is no folder {file.parent} to write {file.name} into")
    try:
        result = _run(plan, profile)
    except KeyboardInterrupt:
        err.print("interrupted: what was measured until then is not written, and nothing is left behind")
        raise typer.Exit(INTERRUPTED) from None
    _write(result, json_file, report_file)
    if json_file != STDOUT:
        _conclude(result)
    if not result.ok:
        raise typer.Exit(PROBLEM)


def _plan(
    profile: str,
    rate: float | None,
    seconds: float | None,
    burst: list[str] | None,
    outage: str | None,
    size: int | None,
    window: int | None,
    servers: str | None,
) -> Plan:
    """Return the profile's plan, changed by the given options."""
    from windrow.lab.load.plan import PROFILES, parse_bursts, parse_outage
    from windrow.lab.stack.servers import Servers

    if profile not in PROFILES:
        raise SettingsError(f"--profile is one of {', '.join(PROFILES)}, not {profile!r}")
    if servers not in (None, *get_args(Servers)):
        raise SettingsError(f"--servers is one of {', '.join(get_args(Servers))}, not {servers!r}")
    given = {
        "rate": rate,
        "seconds": seconds,
        "bursts": parse_bursts(burst) if burst else None,
        "outage": parse_outage(outage) if outage else None,
        "size": size,
        "window_s": window,
        "servers": servers,
    }
    return msgspec.structs.replace(
        PROFILES[profile], **{name: value for name, value in given.items() if value is not None}
    )


def _require_servers(plan: Plan) -> None:
    """Check that the servers of the plan are here, and that the destination of an outage keeps its data when killed.

    MiniStack keeps all in memory. Raises `WrongUse`.
    """
    from windrow.lab.stack.servers import docker_has_minio, find_elasticmq, find_minio

    fast = plan.servers == "fast"
    if (plan.outage or fast) and find_minio() is None and not docker_has_minio():
        what = "--servers fast needs a MinIO" if fast else "an outage needs a MinIO as destination"
        raise WrongUse(f"{what}; `make minio` builds it once")
    if fast and find_elasticmq() is None:
        raise WrongUse("--servers fast needs a Java 17 and ElasticMQ; `make elasticmq` fetches it once")


def _run(plan: Plan, profile: str) -> LoadResult:
    from windrow.lab.load.plan import command
    from windrow.lab.load.processes import machine
    from windrow.lab.load.run import LoadTest
    from windrow.lab.load.summary import summarize
    from windrow.lab.stack.provision import Shape

    # The load test runs worker and sentinel itself, to record what they do.
    shape = Shape(window_s=plan.window_s, sentinel_s=0)
    with local_stack(shape, worker=False, servers=plan.servers) as stack, _progress(plan) as (note, say):
        record = LoadTest(stack, plan, on_sample=note, say=say).run()
        return summarize(record, profile=profile, command=command(profile, plan), machine=machine())


@contextmanager
def _progress(plan: Plan) -> Iterator[tuple[Callable[[Measurement], None], Callable[[str], None]]]:
    """Show progress on standard error: a status line on a terminal, else a line now and then."""
    with err.status("starting") as status:
        doing = "starting"

        def say(what: str) -> None:
            nonlocal doing
            doing = what
            if not err.is_terminal:
                err.print(what)

        def note(sample: Measurement) -> None:
            planned = f" of {plan.duration_s:.0f} s" if sample.at_s <= plan.duration_s else ""
            line = (
                f"{doing}: {sample.at_s:.0f} s{planned}; {sample.uploaded:,} of {plan.count:,} "
                f"uploaded, {sample.delivered:,} delivered, {sample.queued.total:,} in the queue, "
                f"oldest {sample.oldest_s:.0f} s"
            )
            if err.is_terminal:
                status.update(line)
            elif len(noted) < sample.at_s // QUIET_S:
                noted.append(sample)
                err.print(line)

        noted: list[Measurement] = []
        yield note, say


def _write(result: LoadResult, json_file: Path | None, report_file: Path | None) -> None:
    if json_file == STDOUT:
        print_json(result)
    elif json_file is not None:
        from windrow.lab.load.result import encode

        json_file.write_bytes(encode(result))
    if report_file is not None:
        from windrow.lab.report import render

        report_file.write_text(render(result), encoding="utf-8")


def _conclude(result: LoadResult) -> None:
    _print_verdict(result)
    out.print(_table(result))
    problems = [*result.proof.problems, *result.uploads.examples]
    for problem in problems[:SHOWN_PROBLEMS]:
        out.print(f"  {problem}", style="red", soft_wrap=True)
    if len(problems) > SHOWN_PROBLEMS:
        out.print(f"  and {len(problems) - SHOWN_PROBLEMS} more", style="red")


def _print_verdict(result: LoadResult) -> None:
    count = result.proof.files_uploaded
    if result.ok:
        text = f"{counted(count, 'file')} delivered, each exactly once and byte for byte"
    elif result.proof.ok and not result.uploads.failed:
        text = f"{counted(count, 'file')} delivered exactly once, but too late for the objective"
    else:
        text = "not every file was delivered exactly once and byte for byte"
    print_verdict(text, good=result.ok)


def _table(result: LoadResult) -> Table:
    proof, uploads, resources = result.proof, result.uploads, result.resources
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    table.add_row(
        "files",
        f"{proof.files_uploaded:,} uploaded, {proof.files_delivered:,} delivered, {proof.files_missing:,} missing, "
        f"{proof.files_duplicated:,} twice, {proof.sha256_mismatches:,} with wrong bytes",
    )
    table.add_row(
        "archives", f"{proof.archives:,}; {human_bytes(proof.bytes_in)} in, {human_bytes(proof.bytes_out)} out"
    )
    if result.latency:
        p = result.latency
        table.add_row("latency", f"p50 {p.p50:.1f} s, p95 {p.p95:.1f} s, p99.9 {p.p99_9:.1f} s, max {p.max:.1f} s")
        met = ("met", "green") if p.objective_met else ("not met", "red")
        fast, sure = percent(p.within_2_minutes), percent(p.within_3_minutes)
        shares = f"{fast} within 2 minutes (95 % wanted), {sure} within 3 (99.9 %)"
        table.add_row("objective", out.text(met, f": {shares}"))
    table.add_row(
        "schedule", f"uploads began {uploads.lag_p99_ms:.0f} ms late (p99), {uploads.lag_max_ms:.0f} ms at most"
    )
    if result.disturbance:
        span = result.disturbance.span
        table.add_row("outage", f"{span.seconds:.0f} s; the backlog was delivered {_after(result.disturbance)}")
    table.add_row("limit", result.limit)
    table.add_row("load", f"{resources.load:.1f} on average, {resources.peak_load:.1f} at most")
    return table


def _after(disturbance: Disturbance) -> str:
    if disturbance.caught_up_s is None:
        return "never"
    return f"{disturbance.caught_up_s - disturbance.span.end_s:.0f} s after it"
