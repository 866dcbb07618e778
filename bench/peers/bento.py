"""Bento, the stream processor that does this job by configuration alone (`bento.yaml` beside this file).

It has no entry point that takes a batch: it reads the queue itself, so the queue is filled before it starts. What a
start costs, measured by having it check its configuration, is subtracted. It is done when the queue is empty, which is
asked as often as of Windrow's worker.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from bench import backlog
from bench.engine import POLL_S
from bench.meter import Figures, Meter, Who
from bench.peers.programs import BENTO
from bench.task import Task
from bench.testbed import ACCESS_KEY, SECRET_KEY, client
from windrow.lab.stack.waiting import polls

CONFIGURATION = Path(__file__).with_name("bento.yaml")
BATCH_MOST = 600
"""Files in one of its archives; with 3,000 at once it would need 1.5 GB."""
LIMIT_S = 300
VISIBILITY_S = 60


def contend(task: Task) -> Figures:
    """Aggregate the task's files from the queue."""
    program = BENTO.find()
    if program is None:
        raise SystemExit("Bento was not built")
    sqs = client("sqs", task.aws_endpoint, task.region)
    # A message that was received in vain comes back: on a busy machine the emulator's answer may be too late for Bento.
    queue_url = backlog.create(sqs, "bento", VisibilityTimeout=str(VISIBILITY_S))
    backlog.fill(sqs, queue_url, task.files, task.landing)
    environment = environment_of(task, queue_url, batch_size(len(task.files)))
    with Meter(task.s3_endpoint, Who.CHILDREN) as start:
        subprocess.run([program, "lint", CONFIGURATION], env=environment, check=True)
    with Meter(task.s3_endpoint, Who.CHILDREN) as meter:
        process = subprocess.Popen([program, "-c", CONFIGURATION], env=environment)
        try:
            wall_s = _await_empty(sqs, queue_url, process)
        finally:
            process.terminate()
            process.wait()
    return msgspec.structs.replace(
        meter.figures,
        wall_s=wall_s - start.figures.wall_s,
        cpu_s=meter.figures.cpu_s - start.figures.cpu_s,
    )


def batch_size(files: int) -> int:
    """Return the largest batch that the files fill without a rest: a rest would wait for Bento's batch period."""
    return max(size for size in range(1, min(files, BATCH_MOST) + 1) if files % size == 0)


def environment_of(task: Task, queue_url: str, batch_files: int) -> dict[str, str]:
    """Return what `CONFIGURATION` needs to gather so many files an archive."""
    return {
        "PATH": os.environ["PATH"],
        "REGION": task.region,
        "QUEUE_URL": queue_url,
        "S3_ENDPOINT": task.s3_endpoint,
        "DESTINATION_ENDPOINT": task.destination_endpoint or task.s3_endpoint,
        "AWS_ENDPOINT": task.aws_endpoint,
        "ACCESS_KEY": ACCESS_KEY,
        "SECRET_KEY": SECRET_KEY,
        "DESTINATION": task.destination,
        "PREFIX": task.prefix,
        "COUNT": str(batch_files),
        "LEVEL": str(task.level),
    }


def _await_empty(sqs: Any, queue_url: str, process: subprocess.Popen[bytes]) -> float:  # noqa: ANN401 - boto3's client
    """Return after how many seconds the queue was empty: Bento deletes messages once their archive is stored."""
    for passed_s in polls(LIMIT_S, POLL_S):
        if process.poll() is not None:
            raise SystemExit("Bento ended early")
        if not backlog.depth(sqs, queue_url):
            return passed_s
    raise SystemExit(f"Bento has not delivered all files in {LIMIT_S} s")
