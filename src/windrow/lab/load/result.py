"""The outcome of a load test: what ``windrow load --json`` writes and the report draws."""

from __future__ import annotations

from datetime import datetime

import msgspec

from windrow.lab.load.batches import BatchRun
from windrow.lab.load.plan import Interval, Plan
from windrow.lab.load.processes import Machine
from windrow.lab.stack.verification import Report


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """From arrival (the S3 event's time) to commit (the archive's time stamp at the destination), in seconds.

    ``resolution_s`` is the time stamp's: a latency is up to so much too long, never too short. ``within_2_minutes``
    and ``within_3_minutes`` are shares, 0 to 1. ``counts`` is the histogram, in bins of ``bin_s`` from 0.
    """

    resolution_s: float
    p50: float
    p95: float
    p99_9: float
    max: float
    within_2_minutes: float
    within_3_minutes: float
    objective_met: bool
    bin_s: float
    counts: list[int]


class ArrivalLatency(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies over the time of arrival: middle of each bin, and lowest, median and highest latency in it."""

    at_s: list[float]
    low: list[float]
    median: list[float]
    high: list[float]


class Uploads(msgspec.Struct, frozen=True, kw_only=True):
    """How the load itself went. ``lag`` is how late uploads began, ``put`` how long they took, in milliseconds."""

    planned: int
    failed: int
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    put_p50_ms: float
    put_p99_ms: float
    examples: list[str]


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """An outage of the destination, in seconds from the start; None for what never happened.

    ``circuit_opened_s`` and ``circuit_closed_s`` are when the sentinel did so, ``caught_up_s`` is when the last file
    that arrived before the end of the outage was delivered.
    """

    span: Interval
    circuit_opened_s: float | None
    circuit_closed_s: float | None
    caught_up_s: float | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What was sampled each second, thinned: rates as means of a step, everything else as its highest value.

    ``cores``, ``rss_mb``, ``handles`` (open file descriptors) and ``threads`` are by group of processes; the last two
    are empty in results of before November 2026. ``machine_cores`` counts all processes of the machine.
    """

    step_s: float
    at_s: list[float]
    uploaded_per_s: list[float]
    delivered_per_s: list[float]
    queued: list[int]
    in_flight: list[int]
    oldest_s: list[float]
    busy: list[int]
    cores: dict[str, list[float]]
    rss_mb: dict[str, list[int]]
    machine_cores: list[float]
    load: list[float]
    handles: dict[str, list[int]] = {}
    threads: dict[str, list[int]] = {}


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """Means over the run: cores by group, all of the machine's, and what is left of them for other programs."""

    cores: dict[str, float]
    peak_rss_mb: dict[str, int]
    machine_cores: float
    other_cores: float
    load: float
    peak_load: float


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """One load test. ``ok``: every file exactly once, byte for byte, and, without an outage, the objective met."""

    ok: bool
    profile: str
    command: str
    started_at: datetime
    plan: Plan
    machine: Machine
    limit: str
    proof: Report
    uploads: Uploads
    latency: Latencies | None
    drain_s: float
    disturbance: Disturbance | None
    sentinel_errors: list[str]
    resources: Resources
    series: Series
    arrivals: ArrivalLatency
    batches: list[BatchRun]


def encode(result: msgspec.Struct) -> bytes:
    """Return the result as JSON, a line for each of its fields: small, and still readable in a diff."""
    fields = (
        b"%s: %s" % (msgspec.json.encode(name), msgspec.json.encode(getattr(result, name)))
        for name in result.__struct_fields__
    )
    return b"{\n" + b",\n".join(fields) + b"\n}\n"
