"""A soak: the real worker for an hour at a steady rate, with a sentinel, rotations and a deployment amid it.

Everything runs on this machine: MiniStack for AWS, a real MinIO as the destination, ``windrow run`` as the worker. At
40 % of the time the destination's key is rotated, at 50 % again (which deletes the key that the run began with), and at
60 % the worker is replaced: a new one starts, then the old one gets SIGTERM. Raw files are deleted a minute after their
delivery, so that the machine holds the run. At the end every archive is read back and each file's SHA-256 compared.

Exits with 1 if a file is lost, twice or changed, or if memory, open files, threads or latency have grown beyond their
bounds (`bench.soak_verdict`) from the first 10 minutes of a process's life, warm, to its last.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench.soak_events import KEPT_S, Expiry, Planned, Programme, expiry, replace_worker, rotate
from bench.soak_page import render
from bench.soak_verdict import DEPLOYMENT, Measured, SoakResult, judge
from windrow.lab.load.course import Disturbance
from windrow.lab.load.plan import Plan
from windrow.lab.load.processes import machine
from windrow.lab.load.result import encode
from windrow.lab.load.run import LoadTest, Record
from windrow.lab.load.samples import Measurement
from windrow.lab.load.summary import delivered, summarize
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack

ROTATIONS_AT = (0.4, 0.5)
DEPLOYMENT_AT = 0.6
"""Shares of the run's time."""
NOTE_EVERY_S = 60


def run(stack: Stack, plan: Plan, kept_s: float = KEPT_S) -> tuple[Record, Expiry]:
    """Carry out a soak on a stack without worker and sentinel; raw files are deleted ``kept_s`` after their delivery.

    Raises:
        WindrowError: a part of the stack ended on the way, other than by plan; or a rotation or the deployment failed.
    """
    seconds, expiring = plan.duration_s, expiry(stack, kept_s)
    rotations = [Planned(share * seconds, f"rotation {number}", rotate) for number, share in enumerate(ROTATIONS_AT, 1)]
    deployment = Planned(DEPLOYMENT_AT * seconds, DEPLOYMENT, partial(replace_worker, stack))
    disturbances: list[Disturbance] = [Programme([*rotations, deployment]), expiring]
    test = LoadTest(stack, plan, disturbances=disturbances, on_sample=_Progress().show, say=_note)
    return test.run(), expiring


class _Progress:
    """Prints a line now and then."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def show(self, sample: Measurement) -> None:
        if sample.at_s < self._next_s:
            return
        self._next_s = sample.at_s + NOTE_EVERY_S
        holding = "; ".join(
            f"{name} {usage.rss_mb:.0f} MB, {usage.handles} open files, {usage.threads} threads"
            for name, usage in sample.usage.items()
        )
        _note(
            f"{sample.at_s:.0f} s: {sample.uploaded:,} uploaded, {sample.delivered:,} delivered, "
            f"{sample.queued.total:,} in the queue, oldest {sample.oldest_s:.0f} s, "
            f"{sample.machine_cores:.2f} cores busy; {holding}"
        )


def _note(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: DTZ005 - for who watches


def _show(result: SoakResult) -> None:
    proof = result.load.proof
    print(
        f"{proof.files_uploaded:,} files uploaded, {proof.files_delivered:,} delivered, {proof.files_missing} lost, "
        f"{proof.files_duplicated} twice, {proof.sha256_mismatches} with other bytes, "
        f"{proof.files_dead_lettered} dead-lettered; {proof.archives} archives; {result.deleted:,} raw files expired"
    )
    for at_s, event in result.events:
        print(f"{at_s:7.1f} s  {event}")
    for change in result.changes:
        verdict = "" if change.ok else "  GREW"
        name = f"{change.what}: {change.figure}"
        print(f"{name:50}{change.first:9.1f} -> {change.last:9.1f}, at most {change.most:.1f}{verdict}")
    for part in result.latencies:
        print(
            f"arrived {part.span.start_s:5.0f} to {part.span.end_s:5.0f} s: {part.files:,} files, "
            f"p50 {part.p50} s, p99 {part.p99} s, p99.9 {part.p99_9} s, at most {part.max} s"
        )
    print("flat, and every file delivered exactly once" if result.ok else "NOT as it must be")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the soak, print its outcome, and write it where ``--json`` says."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=50.0, help="uploads a second")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--window", type=int, default=60, help="the batching window, in seconds")
    parser.add_argument("--size", type=int, default=100_000, help="bytes a file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome there")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report with charts there")
    parser.add_argument("--measured", type=Path, metavar="FILE", help="write every sample and every file's times there")
    options = parser.parse_args(arguments)
    plan = Plan(rate=options.rate, seconds=options.seconds, size=options.size, window_s=options.window)
    with (
        TemporaryDirectory(prefix="windrow-soak-") as folder,
        Stack(Path(folder), Shape(window_s=plan.window_s, sentinel_s=0), destination="minio", worker=False) as stack,
    ):
        record, expiring = run(stack, plan)
    measured = Measured(samples=record.samples, files=delivered(record), events=record.events)
    if options.measured:
        options.measured.write_bytes(msgspec.json.encode(measured))
    command = f"python -m bench.soak --rate {plan.rate:g} --seconds {plan.seconds:g} --window {plan.window_s}"
    load = summarize(record, profile="soak", command=command, machine=machine())
    result = judge(measured, load, expiring.deleted)
    if options.json:
        options.json.write_bytes(encode(result))
    if options.report:
        options.report.write_text(render(result), encoding="utf-8")
    _show(result)
    if not result.ok:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
