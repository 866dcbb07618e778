"""Bento, the stream processor that does this job by configuration alone (`bento.yaml` beside this file).

It has no entry point that takes a batch: it reads the queue itself, so the queue is filled before it starts. What a
start costs, measured by having it check its configuration, is subtracted. It is done when the queue is empty.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.events import body
from bench.meter import Figures, Meter
from bench.peers.programs import BENTO
from bench.stand import ACCESS_KEY, SECRET_KEY, client
from bench.task import Task

CONFIGURATION = Path(__file__).with_name("bento.yaml")
BATCH_MOST = 600
"""Files in one of its archives; with 3,000 at once it would need 1.5 GB."""
LIMIT_S = 300
_LOOK_S = 0.05


def contend(task: Task) -> Figures:
    """Aggregate the task's files from the queue."""
    program = BENTO.find()
    if program is None:
        raise SystemExit("Bento was not built")
    environment = _environment(task, batch_size(len(task.files)))
    _fill(task)
    with Meter(task.s3_endpoint, children=True) as start:
        subprocess.run([program, "lint", CONFIGURATION], env=environment, check=True)
    with Meter(task.s3_endpoint, children=True) as meter:
        process = subprocess.Popen([program, "-c", CONFIGURATION], env=environment)
        try:
            wall_s = _await_empty(task, process)
        finally:
            process.terminate()
            process.wait()
    own = {name: count for name, count in meter.figures.calls.items() if name != "GetQueueAttributes"}
    return msgspec.structs.replace(
        meter.figures,
        calls=own,
        wall_s=wall_s - start.figures.wall_s,
        cpu_s=meter.figures.cpu_s - start.figures.cpu_s,
    )


def batch_size(files: int) -> int:
    """Return the largest batch that the files fill without a rest: a rest would wait for Bento's batch period."""
    return max(size for size in range(1, min(files, BATCH_MOST) + 1) if files % size == 0)


def _environment(task: Task, count: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "REGION": task.region,
        "S3_ENDPOINT": task.s3_endpoint,
        "AWS_ENDPOINT": task.aws_endpoint,
        "ACCESS_KEY": ACCESS_KEY,
        "SECRET_KEY": SECRET_KEY,
        "QUEUE_URL": task.queue_url,
        "DESTINATION": task.destination,
        "PREFIX": task.prefix,
        "COUNT": str(count),
        "LEVEL": str(task.level),
    }


def _fill(task: Task) -> None:
    sqs = client("sqs", task.aws_endpoint, task.region)
    sqs.purge_queue(QueueUrl=task.queue_url)
    moment = datetime.now(UTC)
    numbered = enumerate(body(upload, task.landing, moment) for upload in task.files)
    while group := list(itertools.islice(numbered, 10)):
        entries = [{"Id": str(number), "MessageBody": text} for number, text in group]
        sqs.send_message_batch(QueueUrl=task.queue_url, Entries=entries)


def _await_empty(task: Task, process: subprocess.Popen[bytes]) -> float:
    """Return after how many seconds the queue was empty: Bento deletes messages once their archive is stored."""
    sqs = client("sqs", task.aws_endpoint, task.region)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    begun = time.perf_counter()
    while (passed_s := time.perf_counter() - begun) < LIMIT_S:
        if process.poll() is not None:
            raise SystemExit("Bento ended by itself")
        left = sqs.get_queue_attributes(QueueUrl=task.queue_url, AttributeNames=names)["Attributes"]
        if not any(int(left[name]) for name in names):
            return passed_s
        time.sleep(_LOOK_S)
    raise SystemExit(f"Bento has not delivered all files in {LIMIT_S} s")
