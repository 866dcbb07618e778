"""The page of one load test: verdict and tiles, charts, and what is needed to judge and repeat it."""

from __future__ import annotations

from html import escape

from windrow.core.printable import printable
from windrow.core.words import counted, percent
from windrow.lab.load.plan import PROFILES
from windrow.lab.load.result import Disturbance, LoadResult
from windrow.lab.report.charts import latency_charts, load_charts, resource_charts
from windrow.pages.chart import clock
from windrow.pages.document import charts, document, facts, header, problems, table, tile, tiles

TITLES = {
    "baseline": "Steady load",
    "peak": "Peak load",
    "burst": "Burst",
    "outage": "Outage of the destination",
}


def render(result: LoadResult) -> str:
    """Return the report as one HTML document that loads nothing from anywhere."""
    title = f"{_title(result)}: {_load(result)}"
    sections = [
        _header(result, title),
        summary_tiles(result),
        charts("Latency", latency_charts(result)),
        charts("Load and backlog", load_charts(result)),
        _timeline(result.disturbance) if result.disturbance else "",
        charts("Resources", resource_charts(result)),
        how_measured(result),
        batch_table(result),
        problem_list(result),
    ]
    return document(title, "Windrow load test", sections)


def _title(result: LoadResult) -> str:
    usual = PROFILES.get(result.profile) == result.plan
    return TITLES[result.profile] if usual else "Load test"


def _load(result: LoadResult) -> str:
    plan = result.plan
    rates = " → ".join(f"{phase.rate:g}" for phase in plan.phases)
    outage = f", destination down for {_span(plan.outage.seconds)}" if plan.outage else ""
    return f"{rates} files/s for {_span(plan.duration_s)}{outage}"


def _span(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"


def _header(result: LoadResult, title: str) -> str:
    proof, late = result.proof, result.latency is not None and not result.latency.objective_met
    if not proof.ok or result.uploads.failed:
        verdict = "Not every file was delivered exactly once and byte for byte"
    elif late and result.plan.outage is None:
        verdict = "Every file delivered exactly once, but too late for the objective"
    else:
        verdict = "Every file delivered exactly once, byte for byte"
    plan = result.plan
    about = (
        f"Windrow load test, {result.started_at:%d %B %Y, %H:%M} UTC. {counted(plan.count, 'file')} of "
        f"{plan.size / 1000:g} kB, batching window {plan.window_s} s, destination {_destination(result)}."
    )
    return header(title, about, verdict, good=result.ok)


def _destination(result: LoadResult) -> str:
    return "MinIO" if result.proof.destination == "minio" else "MiniStack"


def summary_tiles(result: LoadResult) -> str:
    """Return what became of the files, and latency."""
    proof, p = result.proof, result.latency
    drawn = [
        tile("Files delivered", f"{proof.files_delivered:,}", f"of {proof.files_uploaded:,} uploaded"),
        tile("Lost", f"{proof.files_missing:,}", "not in any archive", good=not proof.files_missing),
        tile("Twice", f"{proof.files_duplicated:,}", "in more than one", good=not proof.files_duplicated),
        tile("Wrong bytes", f"{proof.sha256_mismatches:,}", "by SHA-256", good=not proof.sha256_mismatches),
        tile(
            "Archives",
            f"{proof.archives:,}",
            f"{proof.bytes_in / proof.bytes_out:.1f} : 1 compressed" if proof.bytes_out else "",
        ),
    ]
    if p is not None:
        drawn += [
            tile("Latency p50", f"{p.p50:.0f} s"),
            tile("p95", f"{p.p95:.0f} s", f"{percent(p.within_2_minutes)} within 2 minutes"),
            tile("p99.9", f"{p.p99_9:.0f} s", f"{percent(p.within_3_minutes)} within 3 minutes"),
            tile("Maximum", f"{p.max:.0f} s", f"all done {result.drain_s:.0f} s after the last upload"),
            _objective(result, met=p.objective_met),
        ]
    return tiles(drawn)


def _objective(result: LoadResult, *, met: bool) -> str:
    if result.plan.outage is not None and not met:
        return tile("Objective", "not judged", "the destination was down by plan")
    return tile("Objective", "met" if met else "missed", "95 % in 2 min, 99.9 % in 3", good=met)


def _timeline(disturbance: Disturbance) -> str:
    span = disturbance.span
    events = [
        (span.start_s, "the destination is killed"),
        (disturbance.circuit_opened_s, "the sentinel opens the circuit: the mapping is disabled, messages wait"),
        (span.end_s, "the destination answers again"),
        (disturbance.circuit_closed_s, "the sentinel closes the circuit: the mapping is enabled"),
        (disturbance.caught_up_s, "the last file that arrived before the end of the outage is delivered"),
    ]
    rows = "".join(f"<dt>{clock(at)}</dt><dd>{escape(what)}</dd>" for at, what in events if at is not None)
    never = "".join(f"<dt>never</dt><dd>{escape(what)}</dd>" for at, what in events if at is None)
    return f'<h2>The outage</h2>\n<dl class="facts">{rows}{never}</dl>\n'


def how_measured(result: LoadResult) -> str:
    """Return what is needed to judge the figures, and to repeat them."""
    machine, uploads, resources = result.machine, result.uploads, result.resources
    memory = ", ".join(f"{name} {value:,.0f} MB" for name, value in resources.peak_rss_mb.items())
    measured = {
        "Machine": (
            f"{machine.processor}, {machine.cores} cores, {machine.memory_gb:g} GB, {machine.system}, "
            f"Python {machine.python}; load generator, AWS emulator, worker and destination all run on it"
        ),
        "Limiting factor": result.limit,
        "Shared with others": (
            f"programs outside the test took {resources.other_cores:.2f} of {machine.cores} cores on average; "
            f"load average {resources.load:.1f}, at most {resources.peak_load:.1f}"
        ),
        "Peak memory": memory,
        "Load generator": (
            f"open loop: each upload begins at its own time, whatever became of those before it. Uploads began "
            f"{uploads.lag_p50_ms:.1f} ms late (p50), {uploads.lag_p99_ms:.0f} ms (p99), {uploads.lag_max_ms:.0f} ms "
            f"at most, and took {uploads.put_p50_ms:.0f} ms (p50), {uploads.put_p99_ms:.0f} ms (p99); "
            f"{uploads.failed} of {uploads.planned:,} failed"
        ),
        "Sentinel": "ran each minute; " + (_failures(result.sentinel_errors) or "no run failed"),
        "Latency": (
            "from the event time that S3 gives a file to the time stamp of its archive at the destination. That stamp "
            "is cut to a second and counts to its end here: up to 1 s too long, never too short"
        ),
        "Audit": (
            "every archive was read back whole; each file's key, version and SHA-256 were compared with what was "
            "uploaded"
        ),
    }
    repeat = f"<dt>Repeat it</dt><dd><code>{escape(result.command)}</code></dd>"
    return facts("How it was measured", measured, repeat)


def _failures(errors: list[str]) -> str:
    return "; ".join(f"failed {printable(error)}" for error in errors)


def batch_table(result: LoadResult) -> str:
    """Return all batches."""
    rows = (
        (
            clock(batch.start_s),
            f"{batch.end_s - batch.start_s:.1f}",
            f"{batch.messages:,}",
            f"{batch.failed:,}",
            batch.outcome,
        )
        for batch in result.batches
    )
    head = ("began", "seconds", "messages", "returned", "outcome")
    return table(f"All {len(result.batches):,} batches", head, rows)


def problem_list(result: LoadResult) -> str:
    """Return what is wrong with the files, nothing if they are well."""
    return problems("Problems", [*result.proof.problems, *result.uploads.examples])
