"""From the record of a load test to its result: percentiles, thinned series, what the limit was. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

import msgspec

from windrow.core.objectives import FAST_S, SURE_S, latency, percentile, share_within
from windrow.lab.load.batches import BatchRun, busy
from windrow.lab.load.processes import Machine
from windrow.lab.load.result import (
    ArrivalLatency,
    Disturbance,
    Latencies,
    LoadResult,
    Resources,
    Series,
    Uploads,
)
from windrow.lab.load.run import Record
from windrow.lab.load.samples import Measurement
from windrow.lab.stack.verification import RESOLUTION

POINTS = 300
"""Most points of a series that are kept: a screen shows no more as separate points."""
BINS = 60
"""Most bars of the histogram."""
BIN_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 300, 3600)
BUSY_SHARE = 0.9
"""Share of the machine's cores from which on they are the limit."""


class Delivered(msgspec.Struct, frozen=True):
    """One file: when it arrived and was committed, in seconds from the start."""

    arrived_s: float
    committed_s: float

    @property
    def latency_s(self) -> float:
        """How long it took; up to a second too long, never too short."""
        return self.committed_s - self.arrived_s


def summarize(record: Record, *, profile: str, command: str, machine: Machine) -> LoadResult:
    """Return the result of a load test."""
    files = delivered(record)
    latencies = _latencies(files)
    resources = _resources(record.samples)
    return LoadResult(
        ok=record.proof.ok
        and not record.failed
        and (record.plan.outage is not None or (latencies is not None and latencies.objective_met)),
        profile=profile,
        command=command,
        started_at=record.started_at,
        plan=record.plan,
        machine=machine,
        limit=_limit(resources, machine),
        proof=record.proof,
        uploads=_uploads(record),
        latency=latencies,
        drain_s=_drain_s(record, files),
        disturbance=_disturbance(record, files),
        sentinel_errors=[f"at {probe.at_s:.0f} s: {probe.error}" for probe in record.probes if probe.error],
        resources=resources,
        series=_series(record),
        arrivals=_arrivals(files),
        batches=[_rounded_batch(batch) for batch in record.batches],
    )


def delivered(record: Record) -> list[Delivered]:
    """Return the uploaded files that were delivered, by arrival."""
    sent = {(sent.file.key, sent.file.version_id) for sent in record.sent}
    begun = record.started_at
    files = [
        Delivered(
            (file.event_time - begun).total_seconds(),
            (delivery.committed_at + RESOLUTION - begun).total_seconds(),
        )
        for delivery in record.deliveries.archives
        for file in delivery.manifest.files
        if (file.key, file.version_id) in sent
    ]
    return sorted(files, key=lambda file: file.arrived_s)


def _latencies(files: Sequence[Delivered]) -> Latencies | None:
    values = [file.latency_s for file in files]
    summary = latency(values)
    if summary is None:
        return None
    bin_s = next((step for step in BIN_STEPS_S if summary.max / step < BINS), BIN_STEPS_S[-1])
    counts = [0] * (int(summary.max // bin_s) + 1)
    for value in values:
        counts[int(value // bin_s)] += 1
    return Latencies(
        resolution_s=RESOLUTION.total_seconds(),
        p50=round(summary.p50, 1),
        p95=round(summary.p95, 1),
        p99_9=round(summary.p99_9, 1),
        max=round(summary.max, 1),
        within_2_minutes=share_within(values, FAST_S),
        within_3_minutes=share_within(values, SURE_S),
        objective_met=summary.objective_met,
        bin_s=float(bin_s),
        counts=counts,
    )


def _arrivals(files: Sequence[Delivered]) -> ArrivalLatency:
    span_s = max((file.arrived_s for file in files), default=0.0)
    step_s = _step_s(span_s)
    bins: defaultdict[int, list[float]] = defaultdict(list)
    for file in files:
        bins[int(file.arrived_s // step_s)].append(file.latency_s)
    at = sorted(bins)
    return ArrivalLatency(
        at_s=[round((number + 0.5) * step_s, 1) for number in at],
        low=[round(min(bins[number]), 1) for number in at],
        median=[round(percentile(sorted(bins[number]), 0.5), 1) for number in at],
        high=[round(max(bins[number]), 1) for number in at],
    )


def _uploads(record: Record) -> Uploads:
    lags = sorted(1000 * sent.lag_s for sent in record.sent) or [0.0]
    puts = sorted(1000 * (sent.ended_s - sent.begun_s) for sent in record.sent) or [0.0]
    return Uploads(
        planned=record.plan.count,
        failed=len(record.failed),
        lag_p50_ms=round(percentile(lags, 0.5), 1),
        lag_p99_ms=round(percentile(lags, 0.99), 1),
        lag_max_ms=round(lags[-1], 1),
        put_p50_ms=round(percentile(puts, 0.5), 1),
        put_p99_ms=round(percentile(puts, 0.99), 1),
        examples=record.failed[:10],
    )


def _drain_s(record: Record, files: Sequence[Delivered]) -> float:
    """Return how long after the last upload the last file was delivered."""
    last_sent = max((sent.ended_s for sent in record.sent), default=0.0)
    last_committed = max((file.committed_s for file in files), default=last_sent)
    return round(max(0.0, last_committed - last_sent), 1)


def _disturbance(record: Record, files: Sequence[Delivered]) -> Disturbance | None:
    span = record.outage
    if span is None:
        return None
    opened = next((probe.at_s for probe in record.probes if probe.opened), None)
    closed = next((p.at_s for p in record.probes if opened is not None and p.at_s > opened and not p.opened), None)
    caught_up = max((file.committed_s for file in files if file.arrived_s < span.end_s), default=None)
    return Disturbance(
        span=msgspec.structs.replace(span, start_s=round(span.start_s, 1), seconds=round(span.seconds, 1)),
        circuit_opened_s=_rounded(opened),
        circuit_closed_s=_rounded(closed),
        caught_up_s=_rounded(caught_up),
    )


def _resources(samples: Sequence[Measurement]) -> Resources:
    groups = list(samples[0].usage) if samples else []
    cores = {name: fmean(sample.usage[name].cores for sample in samples) for name in groups}
    all_cores = fmean(sample.machine_cores for sample in samples) if samples else 0.0
    loads = [sample.load for sample in samples] or [0.0]
    return Resources(
        cores={name: round(value, 3) for name, value in cores.items()},
        peak_rss_mb={name: round(max(sample.usage[name].rss_mb for sample in samples)) for name in groups},
        machine_cores=round(all_cores, 2),
        other_cores=round(max(0.0, all_cores - sum(cores.values())), 2),
        load=round(fmean(loads), 2),
        peak_load=round(max(loads), 2),
    )


def _limit(resources: Resources, machine: Machine) -> str:
    """Say what the run was limited by, in words."""
    share = resources.machine_cores / machine.cores
    own = sum(resources.cores.values())
    name, most = max(resources.cores.items(), key=lambda item: item[1], default=("nothing", 0.0))
    used = (
        f"{share:.0%} of the {machine.cores} cores were busy; the test took {own:.2f} of them, most of that the {name} "
        f"({most:.2f}), and programs outside the test took {resources.other_cores:.2f}"
    )
    if share < BUSY_SHARE:
        return f"the batching window; the processors were not: {used}"
    if resources.other_cores > own:
        return f"the batching window, and programs outside the test: {used}"
    return f"the processors: {used}"


def _series(record: Record) -> Series:
    samples = record.samples
    step_s = _step_s(samples[-1].at_s if samples else 0.0)
    bins: defaultdict[int, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        bins[int(sample.at_s // step_s)].append(index)
    groups = [bins[number] for number in sorted(bins)]
    running = busy(record.batches, [sample.at_s for sample in samples])
    names = list(samples[0].usage) if samples else []

    def highest(value: Callable[[Measurement], float], digits: int) -> list[float]:
        return [round(max(value(samples[index]) for index in group), digits) for group in groups]

    def whole(value: Callable[[Measurement], float]) -> list[int]:
        return [int(number) for number in highest(value, 0)]

    def rate(count: Callable[[Measurement], int]) -> list[float]:
        ends = [(samples[group[-1]].at_s, count(samples[group[-1]])) for group in groups]
        starts = [(0.0, 0), *ends]
        return [round((after - before) / (t1 - t0), 1) for (t0, before), (t1, after) in zip(starts, ends, strict=False)]

    return Series(
        step_s=step_s,
        at_s=[round(samples[group[-1]].at_s, 1) for group in groups],
        uploaded_per_s=rate(lambda sample: sample.uploaded),
        delivered_per_s=rate(lambda sample: sample.delivered),
        queued=whole(lambda sample: sample.queued.total),
        in_flight=whole(lambda sample: sample.queued.in_flight),
        oldest_s=highest(lambda sample: sample.oldest_s, 1),
        busy=[max(running[index] for index in group) for group in groups],
        cores={name: highest(lambda sample, name=name: sample.usage[name].cores, 2) for name in names},  # type: ignore[misc]
        rss_mb={name: whole(lambda sample, name=name: sample.usage[name].rss_mb) for name in names},  # type: ignore[misc]
        handles={name: whole(lambda sample, name=name: sample.usage[name].handles) for name in names},  # type: ignore[misc]
        threads={name: whole(lambda sample, name=name: sample.usage[name].threads) for name in names},  # type: ignore[misc]
        machine_cores=highest(lambda sample: sample.machine_cores, 2),
        load=highest(lambda sample: sample.load, 2),
    )


def _step_s(span_s: float) -> float:
    """Return the whole number of seconds a step must have for a series not to exceed `POINTS`."""
    return float(max(1, -(-int(span_s) // POINTS)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _rounded_batch(batch: BatchRun) -> BatchRun:
    return msgspec.structs.replace(batch, start_s=round(batch.start_s, 1), end_s=round(batch.end_s, 1))
