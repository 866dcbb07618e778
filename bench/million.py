"""A million files of 1 KB through the real handler, from a real MinIO to a real MinIO: each delivered exactly once.

Slice by slice, so that disk and memory stay bounded: 10,000 new files are uploaded, delivered by the one process that
runs from the first slice to the last, read back out of their archives, compared by SHA-256, and deleted with their
archives. No object is used twice, and the ledger keeps all of its claims. Only the delivery is measured. The
process's memory must stay flat: its peak after the last slice is held against that after the first.

Half of the time goes to uploading. It is less where MinIO's data are in memory: set ``TMPDIR`` to a folder that is.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec

from bench import machine, outcome
from bench.engine import handlers
from bench.events import batch
from bench.machine_load import MachineLoad
from bench.meter import own_cpu_s, peak_bytes
from bench.testbed import WARM_FIRST, Testbed, Upload, open_testbed
from windrow.functions import aggregate
from windrow.pipeline.fetch import IN_WORK_BYTES
from windrow.ports import Context
from windrow.worker.pool import Function, Pool
from windrow.worker.progress import InvocationOutcome

FILES = 1_000_000
FILE_BYTES = 1_000
SLICE = 10_000
BATCH = 2_500
"""Files in one call of the handler: about what Lambda's payload of 6 MB holds."""
TIMEOUT_S = 600
GROWTH_MOST_BYTES = IN_WORK_BYTES
"""Between the peaks after the first slice and after the last: all that the threads of the process may keep for fetching
and framing, which they need not have come to in the first slice. Of a million files a leak of 60 bytes each is more."""
PREFIX = "million"
_FUNCTION = Function("windrow", "arn:aws:lambda:us-east-1:000000000000:function:windrow", 1024)


class Used(msgspec.Struct, frozen=True):
    """The handler's process: CPU seconds of one call, and the most memory that it has had resident so far."""

    cpu_s: float
    peak_bytes: int


class Slice(msgspec.Struct, frozen=True):
    """What one slice took, without its upload and its check. ``peak_mb`` is that of the process since its start."""

    files: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    missing: int
    doubled: int


def handler(event: Mapping[str, Any], context: Context) -> dict[str, float]:
    """Call Windrow's handler and return what that took, as `Used` has it.

    Raises:
        RuntimeError: it reported messages as failed.
    """
    before_s = own_cpu_s()
    failed = aggregate.handler(event, context)["batchItemFailures"]
    if failed:
        raise RuntimeError(f"the handler reported {len(failed)} messages as failed")
    return msgspec.to_builtins(Used(own_cpu_s() - before_s, peak_bytes()))  # type: ignore[no-any-return]


class Run:
    """Sends slices through one process of the handler."""

    def __init__(self, place: Testbed, pool: Pool) -> None:
        self._place = place
        self._pool = pool

    def warm(self) -> None:
        """Deliver a file that is not counted."""
        self._deliver(self._place.upload("warm", [FILE_BYTES], first=WARM_FIRST))
        self._place.delete(self._place.outputs.destination_bucket, PREFIX)

    def slices(self, files: int, size: int) -> Iterator[Slice]:
        """Deliver ``files`` in slices of ``size``; the next slice is uploaded while one is checked and deleted."""
        starts = range(0, files, size)
        with ThreadPoolExecutor(1) as ahead:
            upcoming = ahead.submit(self._upload, 0, min(size, files))
            for first in starts:
                uploads = upcoming.result()
                wall_s, used = self._deliver(uploads)
                after = first + size
                if after < files:
                    upcoming = ahead.submit(self._upload, after, min(size, files - after))
                yield self._check(first, uploads, wall_s, used)

    def _upload(self, first: int, count: int) -> list[Upload]:
        return self._place.upload(_folder(first), [FILE_BYTES] * count, first=first)

    def _deliver(self, uploads: Sequence[Upload]) -> tuple[float, list[Used]]:
        """Call the handler batch by batch; return the seconds that passed and what each call took."""
        passed_s, used = 0.0, []
        for at in range(0, len(uploads), BATCH):
            event = msgspec.json.encode(batch(uploads[at : at + BATCH], self._place.outputs.landing_bucket))
            begun = time.perf_counter()
            answer = self._pool.invoke(event, _FUNCTION, TIMEOUT_S)
            passed_s += time.perf_counter() - begun
            if answer.outcome is not InvocationOutcome.OK:
                raise SystemExit(f"the handler failed: {answer.detail}")
            used.append(msgspec.json.decode(answer.response, type=Used))
        return passed_s, used

    def _check(self, first: int, uploads: Sequence[Upload], wall_s: float, used: Sequence[Used]) -> Slice:
        """Compare what was delivered with what was uploaded, and delete both."""
        end = outcome.inspect(self._place, PREFIX, uploads, [])
        outputs = self._place.outputs
        self._place.delete(outputs.destination_bucket, PREFIX)
        self._place.delete(outputs.landing_bucket, _folder(first))
        cpu_s, peak_mb = sum(each.cpu_s for each in used), used[-1].peak_bytes / 1e6
        return Slice(len(uploads), wall_s, cpu_s, peak_mb, end.missing, end.doubled)


def _folder(first: int) -> str:
    return f"{PREFIX}/{first:09d}"


def measure(place: Testbed, files: int, size: int) -> Iterator[Slice]:
    """Warm a process of the handler with one more file, then send slices through it."""
    environment = place.environment(WINDROW_DESTINATION_PREFIX=PREFIX)
    with handlers(environment, place.outputs.queue_url, handler="bench.million.handler") as pool:
        run = Run(place, pool)
        run.warm()
        yield from run.slices(files, size)


def growth_mb(slices: Sequence[Slice]) -> float:
    """Return by how much the process's peak grew after its first slice."""
    return round(slices[-1].peak_mb - slices[0].peak_mb, 1)


def failures(slices: Sequence[Slice]) -> list[str]:
    """Return what is wrong with a run: files that were not delivered exactly once, and memory that does not stay."""
    found = {"lost": sum(each.missing for each in slices), "doubled": sum(each.doubled for each in slices)}
    wrong = [f"{files} files {what}" for what, files in found.items() if files]
    grown_mb, most_mb = growth_mb(slices), GROWTH_MOST_BYTES / 1e6
    if grown_mb > most_mb:
        wrong.append(f"memory grew by {grown_mb:.0f} MB after the first slice, more than {most_mb:.0f} MB")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its figures, or one JSON object with ``--json``; 1 if it has `failures`."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--slice", type=int, default=SLICE, help="files on the disk at a time")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    note = partial(print, file=sys.stderr, flush=True)
    slices: list[Slice] = []
    with open_testbed() as place:
        others = MachineLoad()
        for done in measure(place, options.files, options.slice):
            slices.append(done)
            files = sum(each.files for each in slices)
            note(f"{files} files; this slice {done.files / done.wall_s:.0f} files/s, peak {done.peak_mb:.0f} MB")
        busy = others.cores()
    files, wall_s = sum(each.files for each in slices), sum(each.wall_s for each in slices)
    answer = {
        "files": files,
        "file_bytes": FILE_BYTES,
        "slices": len(slices),
        "files_per_s": round(files / wall_s, 1),
        "cpu_ms_per_file": round(sum(each.cpu_s for each in slices) * 1000 / files, 3),
        "peak_mb_first_slice": round(slices[0].peak_mb, 1),
        "peak_mb_last_slice": round(slices[-1].peak_mb, 1),
        "growth_mb": growth_mb(slices),
        "growth_most_mb": round(GROWTH_MOST_BYTES / 1e6, 1),
        "lost": sum(each.missing for each in slices),
        "doubled": sum(each.doubled for each in slices),
        "failures": failures(slices),
        "machine": this,
        "others_cores": busy,
    }
    if options.json:
        print(msgspec.json.encode(answer).decode())
    else:
        print("\n".join(f"{name:22}{value}" for name, value in answer.items()))
    return 1 if answer["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
