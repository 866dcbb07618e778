"""The page of one load test: verdict and tiles, charts, and what is needed to judge and repeat it."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from windrow.core.printable import printable
from windrow.core.words import counted, percent
from windrow.load.plan import PROFILES
from windrow.load.result import Disturbance, LoadResult
from windrow.report.chart import Chart, clock
from windrow.report.charts import latency_charts, load_charts, resource_charts

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
        _tiles(result),
        _charts("Latency", latency_charts(result)),
        _charts("Load and backlog", load_charts(result)),
        _timeline(result.disturbance) if result.disturbance else "",
        _charts("Resources", resource_charts(result)),
        _facts(result),
        _batches(result),
        _problems(result),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} - Windrow load test</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(sections)}</main>\n<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return files("windrow.report").joinpath(name).read_text(encoding="utf-8")


def _title(result: LoadResult) -> str:
    usual = PROFILES.get(result.profile) == result.plan
    return TITLES[result.profile] if usual else "Load test"


def _load(result: LoadResult) -> str:
    plan = result.plan
    rates = " → ".join(f"{phase.rate:g}" for phase in plan.phases)
    outage = f", destination away for {_span(plan.outage.seconds)}" if plan.outage else ""
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
    return (
        f"<header><h1>{escape(title)}</h1>"
        f'<p class="soft">Windrow load test, {result.started_at:%d %B %Y, %H:%M} UTC. {counted(plan.count, "file")} of '
        f"{plan.size / 1000:g} kB, batching window {plan.window_s} s, destination {_destination(result)}.</p>"
        f'<p class="verdict{"" if result.ok else " bad"}">{escape(verdict)}</p></header>\n'
    )


def _destination(result: LoadResult) -> str:
    return "MinIO" if result.proof.destination == "minio" else "MiniStack"


def _tiles(result: LoadResult) -> str:
    proof, p = result.proof, result.latency
    tiles = [
        _tile("Files delivered", f"{proof.files_delivered:,}", f"of {proof.files_uploaded:,} uploaded"),
        _tile("Lost", f"{proof.files_missing:,}", "not in any archive", good=not proof.files_missing),
        _tile("Twice", f"{proof.files_duplicated:,}", "in more than one", good=not proof.files_duplicated),
        _tile("Wrong bytes", f"{proof.sha256_mismatches:,}", "by SHA-256", good=not proof.sha256_mismatches),
        _tile(
            "Archives",
            f"{proof.archives:,}",
            f"{proof.bytes_in / proof.bytes_out:.1f} : 1 compressed" if proof.bytes_out else "",
        ),
    ]
    if p is not None:
        tiles += [
            _tile("Latency p50", f"{p.p50:.0f} s"),
            _tile("p95", f"{p.p95:.0f} s", f"{percent(p.within_2_minutes)} within 2 minutes"),
            _tile("p99.9", f"{p.p99_9:.0f} s", f"{percent(p.within_3_minutes)} within 3 minutes"),
            _tile("Maximum", f"{p.max:.0f} s", f"all done {result.drain_s:.0f} s after the last upload"),
            _objective(result, met=p.objective_met),
        ]
    return f'<dl class="tiles">{"".join(tiles)}</dl>\n'


def _objective(result: LoadResult, *, met: bool) -> str:
    if result.plan.outage is not None and not met:
        return _tile("Objective", "set aside", "the destination was away by plan")
    return _tile("Objective", "met" if met else "missed", "95 % in 2 min, 99.9 % in 3", good=met)


def _tile(name: str, value: str, note: str = "", *, good: bool | None = None) -> str:
    kind = "" if good is None else ' class="good"' if good else ' class="bad"'
    small = f"<small>{escape(note)}</small>" if note else ""
    return f"<div{kind}><dt>{escape(name)}</dt><dd>{escape(value)}{small}</dd></div>"


def _charts(title: str, charts: list[Chart]) -> str:
    drawn = "".join(
        chart.html().replace("<figure>", '<figure class="wide">', 1) if len(charts) % 2 and index == 0 else chart.html()
        for index, chart in enumerate(charts)
    )
    return f'<h2>{escape(title)}</h2>\n<div class="charts">{drawn}</div>\n'


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


def _facts(result: LoadResult) -> str:
    machine, uploads, resources = result.machine, result.uploads, result.resources
    memory = ", ".join(f"{name} {value:,.0f} MB" for name, value in resources.peak_rss_mb.items())
    facts = {
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
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    repeat = f"<dt>Repeat it</dt><dd><code>{escape(result.command)}</code></dd>"
    return f'<h2>How it was measured</h2>\n<dl class="facts">{rows}{repeat}</dl>\n'


def _failures(errors: list[str]) -> str:
    return "; ".join(f"failed {printable(error)}" for error in errors)


def _batches(result: LoadResult) -> str:
    rows = "".join(
        f"<tr><td>{clock(batch.start_s)}</td><td>{batch.end_s - batch.start_s:.1f}</td><td>{batch.messages:,}</td>"
        f"<td>{batch.failed:,}</td><td>{escape(printable(batch.outcome))}</td></tr>"
        for batch in result.batches
    )
    return (
        f"<details><summary>All {len(result.batches):,} batches</summary><div class='scroll'><table><thead><tr>"
        "<th>began</th><th>seconds</th><th>messages</th><th>given back</th><th>outcome</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details>\n"
    )


def _problems(result: LoadResult) -> str:
    problems = [*result.proof.problems, *result.uploads.examples]
    if not problems:
        return ""
    items = "".join(f"<li>{escape(printable(problem))}</li>" for problem in problems[:100])
    return f"<h2>Problems</h2>\n<ul>{items}</ul>\n"
