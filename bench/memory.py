"""How much memory a worker takes, for each number of its processes: `windrow run` on the local stack.

``python -m bench.memory`` prints a line for each number: the peaks of the engine and of its handler processes.
The peaks are the kernel's own (``VmHWM``), so this needs Linux.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import psutil

from windrow.lab.stack.process import Process
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.waiting import wait_until

FILE_BYTES = 100_000
LIMIT_S = 600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--files", type=int, default=600, help="of 100 KB that do not compress, for each process")
    options = parser.parse_args()
    for processes in options.processes:
        engine, handlers = measure(processes, options.files * processes)
        print(json.dumps({"processes": processes, "engine_mb": engine, "handlers_mb": handlers}), flush=True)


def measure(processes: int, files: int) -> tuple[int, list[int]]:
    """Deliver files by a worker with so many processes; return the peaks in MB, of the engine and of its handlers."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), Shape(sentinel_s=0), worker=False) as stack:
        body = rng.randbytes(FILE_BYTES)
        s3 = boto3.client("s3")
        bucket = stack.outputs.landing_bucket
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: s3.put_object(Bucket=bucket, Key=f"{n}", Body=body), range(files)))
        worker = Process("worker", Path(folder))
        shape = ("--concurrency", str(processes), "--batch-size", str(files // processes), "--window", "5")
        environ = {**stack.environment(), "WINDROW_EVENT_SOURCE_MAPPING_ID": ""}
        worker.launch([sys.executable, "-m", "windrow", "run", *shape, "--json"], environ)
        try:
            wait_until("the files", lambda: _done(worker.log) >= files, limit_s=LIMIT_S, cause=worker.log_tail)
            children = psutil.Process(worker.pid).children()
            handlers = [each.pid for each in children if "windrow.worker.child" in each.cmdline()]
            return _peak_mb(worker.pid), sorted(map(_peak_mb, handlers))
        finally:
            worker.stop()


def _done(log: Path) -> int:
    """Return how many messages the batches so far have done."""
    return sum(int(count) for count in re.findall(r'"deleted": ?(\d+)', log.read_text()))


def _peak_mb(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return round(int(found[1]) * 1024 / 1e6) if found else 0


if __name__ == "__main__":
    main()
