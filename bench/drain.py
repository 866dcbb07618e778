"""A backlog through ``windrow run``, a process of its own, where the queue is not the limit: what the worker can do.

The queue is ElasticMQ, the files are in a MinIO and the archives in another, the ledger is in MiniStack. Everything is
uploaded and queued before the worker starts, and its mapping is enabled when it is ready. Time and CPU count from then,
when one handler is loaded and the other is not, until the last message is deleted; the last batch waits out its window
of 1 s. Then every archive is read back and every file compared.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import boto3
import msgspec
import psutil

from bench import backlog, machine
from bench.machine_load import MachineLoad
from bench.meter import cpu_s, peak_bytes
from windrow import bootstrap, settings
from windrow.core.errors import LocalStackError
from windrow.lab.load.batches import BatchLog
from windrow.lab.load.bodies import Bodies
from windrow.lab.load.generator import landing_put
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.upload import Uploaded
from windrow.lab.stack.verification import Deliveries, Report, report, verify
from windrow.lab.stack.waiting import polls, wait_until
from windrow.lab.stack.warm_up import warm_up

MESSAGES = 100_000
FILE_BYTES = 1_000
WORKERS = 2
WINDOW_S = 1
UPLOADS = 50
"""Uploads under way at once, so that the events fill requests of ten."""
POLL_S = 0.1
STILL_S = 300.0
"""So long without a finished batch, and the worker is stuck."""
MODES: dict[str, dict[str, str]] = {"default": {}, "fast": {"WINDROW_COMPRESSION_LEVEL": "1"}}
"""The settings of the worker, by the name of its mode."""


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """How one backlog went: messages a second, CPU milliseconds a message and peak memory, both by process.

    ``handlers`` are taken together, their memory is that of the largest. ``others_cores`` is what other programs used
    meanwhile, ``kept`` are messages that were not deleted, ``proof`` tells what the comparison of all files found.
    """

    mode: str
    per_s: float
    seconds: float
    cpu_ms_per_message: dict[str, float]
    peak_mb: dict[str, int]
    batches: int
    others_cores: float
    kept: int
    proof: Report

    @property
    def ok(self) -> bool:
        """Whether every file was delivered exactly once and no message was left."""
        return self.proof.ok and not self.kept


class _Processes:
    """CPU seconds and peak memory of the stack's processes, by the name of their part."""

    def __init__(self, stack: Stack) -> None:
        self._worker = psutil.Process(stack.worker.pid)
        servers = {"ledger (MiniStack)": stack.aws, "destination (MinIO)": stack.destination}
        if stack.fast:
            servers |= {"queue (ElasticMQ)": stack.fast.queue, "landing (MinIO)": stack.fast.landing}
        self._servers = {name: psutil.Process(server.pid) for name, server in servers.items()}

    def cpu_s(self) -> dict[str, float]:
        servers = {name: cpu_s(process) for name, process in self._servers.items()}
        return {"engine": cpu_s(self._worker), "handlers": sum(map(cpu_s, self._worker.children())), **servers}

    def peak_mb(self) -> dict[str, int]:
        handlers = max((peak_bytes(child.pid) for child in self._worker.children()), default=0)
        return {"engine": round(peak_bytes(self._worker.pid) / 1e6), "handlers": round(handlers / 1e6)}


def measure(
    mode: str,
    messages: int,
    file_bytes: int,
    *,
    workers: int = WORKERS,
    batch_size: int = Shape().batch_size,
    note: Callable[[str], object] = lambda _: None,
) -> Drained:
    """Fill a new stack, drain it in one of the `MODES`, and compare every file.

    Raises:
        LocalStackError: a server is not on this machine, or one or the worker has ended, or nothing moves any more.
    """
    shape = Shape(window_s=WINDOW_S, concurrency=workers, batch_size=batch_size, sentinel_s=0)
    with (
        tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder,
        Stack(Path(folder), shape, destination="minio", worker=False, servers="fast") as stack,
    ):
        note(f"uploading {messages} files of {file_bytes} bytes")
        warm_up(messages)
        files = asyncio.run(_fill(stack, messages, Bodies(mode, file_bytes)))
        note(f"draining: {mode}")
        run = _Run(stack, messages)
        run.drain(MODES[mode])
        note("comparing every file")
        return run.result(mode, files)


async def _fill(stack: Stack, messages: int, bodies: Bodies) -> list[Uploaded]:
    put, numbers = landing_put(stack.outputs), iter(range(messages))
    files: list[Uploaded] = []

    async def upload() -> None:
        for number in numbers:
            body, digest = bodies.make(number)
            key = bodies.key(number)
            files.append(Uploaded(key, await put(key, body), len(body), digest))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(UPLOADS):
            tasks.create_task(upload())
    return files


class _Run:
    """The worker, from its start until it has deleted all messages."""

    def __init__(self, stack: Stack, messages: int) -> None:
        self._stack = stack
        self._messages = messages
        self._log = BatchLog(stack.worker.log)

    def drain(self, mode: Mapping[str, str]) -> None:
        self._switch(enabled=False)
        self._stack.start_worker("--json", settings=mode)
        try:
            self._await_switch(enabled=False)
            self._switch(enabled=True)
            self._await_switch(enabled=True)
            self._measure()
        finally:
            self._stack.worker.kill()

    def _measure(self) -> None:
        processes, others = _Processes(self._stack), MachineLoad()
        before, begun = processes.cpu_s(), time.perf_counter()
        self._await_end()
        self._seconds = time.perf_counter() - begun
        used = {name: after - before[name] for name, after in processes.cpu_s().items()}
        self._cpu_ms = {name: round(1000 * cpu / self._messages, 3) for name, cpu in used.items()}
        self._peak_mb, self._others = processes.peak_mb(), others.cores()

    def result(self, mode: str, files: list[Uploaded]) -> Drained:
        """Read every archive back."""
        stack = self._stack
        target = bootstrap.destination(settings.load(stack.environment()))
        deliveries = Deliveries(target)
        deliveries.refresh()
        sqs = boto3.client("sqs")
        dead = backlog.depth(sqs, stack.outputs.dlq_url)
        return Drained(
            mode=mode,
            per_s=round(self._messages / self._seconds, 1),
            seconds=round(self._seconds, 1),
            cpu_ms_per_message=self._cpu_ms,
            peak_mb=self._peak_mb,
            batches=len(self._log.batches),
            others_cores=self._others,
            kept=backlog.depth(sqs, stack.outputs.queue_url) + dead,
            proof=report(
                files,
                deliveries,
                verify(files, deliveries, target),
                kind=stack.kind,
                window_s=WINDOW_S,
                dead_lettered=[],
            ),
        )

    def _switch(self, *, enabled: bool) -> None:
        mapping = self._stack.outputs.event_source_mapping_id
        boto3.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=enabled)

    def _await_switch(self, *, enabled: bool) -> None:
        """Return when the worker has noticed."""

        def noticed() -> bool:
            self._check()
            self._log.follow(0.0)
            return any(state is enabled for _, state in self._log.switches)

        wait_until(f"the worker to notice enabled={enabled}", noticed, pause_s=POLL_S)

    def _await_end(self) -> None:
        settled, since_s = 0, 0.0
        for passed_s in polls(math.inf, POLL_S):
            self._check()
            self._log.follow(passed_s)
            before, settled = settled, sum(batch.messages - batch.failed for batch in self._log.batches)
            if settled >= self._messages:
                return
            since_s = passed_s if settled > before else since_s
            if passed_s - since_s > STILL_S:
                raise LocalStackError(f"only {settled} messages were settled{self._stack.worker.log_tail()}")

    def _check(self) -> None:
        for part in (*self._stack.parts(), self._stack.worker):
            if not part.running:
                raise LocalStackError(f"{part.name} has ended{part.log_tail()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--bytes", type=int, default=FILE_BYTES, help="of each file; 100,000 need 20 GB of disk")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES), help="of compression")
    parser.add_argument("--workers", type=int, default=WORKERS, help="worker processes")
    parser.add_argument("--batch-size", type=int, default=Shape().batch_size, help="most messages of a batch")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    note = partial(print, file=sys.stderr, flush=True)
    sizes = {"workers": options.workers, "batch_size": options.batch_size}
    try:
        runs = [measure(mode, options.messages, options.bytes, **sizes, note=note) for mode in options.modes]
    except LocalStackError as error:
        raise SystemExit(str(error)) from error
    if options.json:
        what = {"messages": options.messages, "file_bytes": options.bytes, "workers": options.workers}
        print(msgspec.json.encode({"runs": runs, **what, "machine": this}).decode())
    else:
        print(f"{this}; {options.messages} messages, files of {options.bytes} bytes, {options.workers} handlers")
        for run in runs:
            _show(run)
    if broken := [run.mode for run in runs if not run.ok]:
        raise SystemExit(f"not every file was delivered exactly once: {', '.join(broken)}")


def _show(run: Drained) -> None:
    shares = ", ".join(f"{name} {cpu_ms:.2f}" for name, cpu_ms in run.cpu_ms_per_message.items())
    peaks = ", ".join(f"{name} {peak} MB" for name, peak in run.peak_mb.items())
    proof = run.proof
    print(
        f"{run.mode}: {run.per_s:.0f} messages/s for {run.seconds:.0f} s, {run.batches} batches\n"
        f"  CPU ms a message: {shares}; other programs kept {run.others_cores:.1f} cores busy\n"
        f"  peak memory: {peaks}\n"
        f"  {proof.files_delivered} delivered, {proof.files_missing} missing, {proof.files_duplicated} twice, "
        f"{proof.sha256_mismatches} with other bytes, {proof.files_unexpected} unexpected, {run.kept} messages left"
    )


if __name__ == "__main__":
    main()
