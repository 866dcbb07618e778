"""Whether a soak stayed flat: what processes hold, and latency, early in their life against late. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec

from windrow.core.objectives import percentile
from windrow.lab.load.plan import Interval
from windrow.lab.load.processes import Usage
from windrow.lab.load.result import LoadResult
from windrow.lab.load.samples import Measurement
from windrow.lab.load.summary import Delivered

WARM_UP_SHARE = 1 / 30
"""Of the run, before the first span: 2 minutes of an hour, in which a worker has run its first batches."""
SPAN_SHARE = 1 / 6
"""Of the run, that is compared: 10 minutes of an hour."""
MEMORY_MB, MEMORY_SHARE = 10.0, 0.05
"""Growth of a process's memory that is allowed, whichever is more. Of 72,000 files (24 minutes at 50 a second) a leak
of 140 bytes each is more; Python's and the C library's allocators alone move the memory of a process by some MB."""
HANDLES = 5
"""A connection more or less in each pool is no leak; one that is never closed a batch is 24 in that time."""
THREADS = 2
LATENCY_S, LATENCY_SHARE = 2.0, 0.1
"""Time stamps at the destination have whole seconds, and a span ends amid a batching window."""

DEPLOYMENT = "the deployment"
"""The name of the event at which one worker's life ends and another's begins."""
PARTS = 6
"""For which latencies are given."""

PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
FIGURES: dict[str, tuple[Callable[[Usage], float], Callable[[float], float]]] = {
    "memory, MB": (lambda usage: usage.rss_mb, lambda first: first + max(MEMORY_MB, MEMORY_SHARE * first)),
    "open files": (lambda usage: usage.handles, lambda first: first + HANDLES),
    "threads": (lambda usage: usage.threads, lambda first: first + THREADS),
}
"""What a process holds, and up to what it may have grown from the first value."""


class Life(msgspec.Struct, frozen=True):
    """A time in which the same processes of some groups ran, and the first and the last span of it."""

    name: str
    groups: tuple[str, ...]
    first: Interval
    last: Interval


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A figure in the first and in the last span, and the most that the last may be."""

    what: str
    figure: str
    first: float
    last: float
    most: float

    @property
    def ok(self) -> bool:
        """Whether it stayed within the bound."""
        return self.last <= self.most


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies in seconds of the files that arrived in a part of the run."""

    span: Interval
    files: int
    p50: float
    p99: float
    p99_9: float
    max: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in full, to judge it again: a sample a second, and each file's arrival and delivery."""

    samples: list[Measurement]
    files: list[Delivered]
    events: list[tuple[float, str]]


class SoakResult(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome; times ``_s`` in seconds from the start. ``deleted`` counts raw files that expired in the run.

    ``ok``: every file exactly once, byte for byte, and nothing grew. The objective is the load test's to judge.
    """

    ok: bool
    deleted: int
    events: list[tuple[float, str]]
    lives: list[Life]
    changes: list[Change]
    latencies: list[Percentiles]
    load: LoadResult


def lives(seconds: float, begin_s: float, end_s: float) -> list[Life]:
    """Return the lives of the processes in a run of ``seconds`` whose worker was replaced between begin and end."""
    warm_s, span_s = seconds * WARM_UP_SHARE, seconds * SPAN_SHARE

    def life(name: str, groups: tuple[str, ...], start_s: float, last_s: float) -> Life:
        return Life(name, groups, Interval(start_s + warm_s, span_s), Interval(last_s - span_s, span_s))

    worker = ("engine", "handlers")
    return [
        life("before the deployment", worker, 0.0, begin_s),
        life("after the deployment", worker, end_s, seconds),
        life("whole run", ("sentinel",), 0.0, seconds),
    ]


def held(samples: Sequence[Measurement], life: Life) -> list[Change]:
    """Return how what a process of each group holds has changed: the medians of both spans, a process.

    Raises:
        ValueError: a span has no sample.
    """
    return [
        Change(
            what=f"{group}, {life.name}",
            figure=figure,
            first=(first := round(_median(samples, life.first, group, value), 1)),
            last=round(_median(samples, life.last, group, value), 1),
            most=round(bound(first), 1),
        )
        for group in life.groups
        for figure, (value, bound) in FIGURES.items()
    ]


def _median(samples: Iterable[Measurement], span: Interval, group: str, value: Callable[[Usage], float]) -> float:
    usages = [sample.usage[group] for sample in samples if span.start_s <= sample.at_s < span.end_s]
    values = [value(usage) / usage.processes for usage in usages if usage.processes]
    if not values:
        raise ValueError(f"no sample of {group} from {span.start_s:.0f} to {span.end_s:.0f} s")
    return median(values)


def latencies(files: Iterable[Delivered], span: Interval) -> Percentiles:
    """Return the latencies of the files that arrived in a span. Raises `ValueError` without any."""
    values = sorted(file.latency_s for file in files if span.start_s <= file.arrived_s < span.end_s)
    if not values:
        raise ValueError(f"no file arrived from {span.start_s:.0f} to {span.end_s:.0f} s")
    p50, p99, p99_9 = (round(percentile(values, share), 2) for share in PERCENTILES.values())
    return Percentiles(span=span, files=len(values), p50=p50, p99=p99, p99_9=p99_9, max=round(values[-1], 2))


def slowed(files: Sequence[Delivered], life: Life) -> list[Change]:
    """Return how latency has changed from the first span of a life to its last."""
    first, last = latencies(files, life.first), latencies(files, life.last)
    return [
        Change(
            what="latency",
            figure=f"{name}, s",
            first=before,
            last=after,
            most=round(before + max(LATENCY_S, LATENCY_SHARE * before), 2),
        )
        for name, before, after in (
            ("p50", first.p50, last.p50),
            ("p99", first.p99, last.p99),
            ("p99.9", first.p99_9, last.p99_9),
        )
    ]


def judge(measured: Measured, load: LoadResult, deleted: int) -> SoakResult:
    """Return the outcome of a soak."""
    seconds = load.plan.duration_s
    at_s = {event: at for at, event in measured.events}
    spans = lives(seconds, at_s[f"{DEPLOYMENT} begins"], at_s[f"{DEPLOYMENT} is done"])
    changes = [change for life in spans for change in held(measured.samples, life)]
    changes += slowed(measured.files, spans[-1])
    part_s = seconds / PARTS
    return SoakResult(
        ok=load.proof.ok and not load.uploads.failed and all(change.ok for change in changes),
        deleted=deleted,
        events=[(round(at, 1), event) for at, event in measured.events],
        lives=spans,
        changes=changes,
        latencies=[latencies(measured.files, Interval(part * part_s, part_s)) for part in range(PARTS)],
        load=load,
    )
