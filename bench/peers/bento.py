"""Bento, the stream processor that does this job by configuration alone (`bento.yaml` beside this file).

It has no entry point that takes a batch: it reads the queue itself, so the queue is filled before it starts. What a
start costs, measured by having it check its configuration, is subtracted. It is done when the queue is empty.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import time
import uuid
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
VISIBILITY_S = 60
_LOOK_S = 0.05


def contend(task: Task) -> Figures:
    """Aggregate the task's files from the queue."""
    program = BENTO.find()
    if program is None:
        raise SystemExit("Bento was not built")
    queue_url = _fill(task)
    environment = {**_environment(task), "QUEUE_URL": queue_url}
    with Meter(task.s3_endpoint, children=True) as start:
        subprocess.run([program, "lint", CONFIGURATION], env=environment, check=True)
    with Meter(task.s3_endpoint, children=True) as meter:
        process = subprocess.Popen([program, "-c", CONFIGURATION], env=environment)
        try:
            wall_s = _await_empty(task, queue_url, process)
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


def _environment(task: Task) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "REGION": task.region,
        "S3_ENDPOINT": task.s3_endpoint,
        "AWS_ENDPOINT": task.aws_endpoint,
        "ACCESS_KEY": ACCESS_KEY,
        "SECRET_KEY": SECRET_KEY,
        "DESTINATION": task.destination,
        "PREFIX": task.prefix,
        "COUNT": str(batch_size(len(task.files))),
        "LEVEL": str(task.level),
    }


def _fill(task: Task) -> str:
    """Put one message a file into a new queue and return its URL.

    The queue gives a message that was received in vain back after `VISIBILITY_S`: on a busy machine the emulator's
    answer to a receive may come too late for Bento.
    """
    sqs = client("sqs", task.aws_endpoint, task.region)
    attributes = {"VisibilityTimeout": str(VISIBILITY_S)}
    queue_url: str = sqs.create_queue(QueueName=f"bento-{uuid.uuid4().hex}", Attributes=attributes)["QueueUrl"]
    moment = datetime.now(UTC)
    numbered = enumerate(body(upload, task.landing, moment) for upload in task.files)
    while group := list(itertools.islice(numbered, 10)):
        entries = [{"Id": str(number), "MessageBody": text} for number, text in group]
        sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
    return queue_url


def _await_empty(task: Task, queue_url: str, process: subprocess.Popen[bytes]) -> float:
    """Return after how many seconds the queue was empty: Bento deletes messages once their archive is stored."""
    sqs = client("sqs", task.aws_endpoint, task.region)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    begun = time.perf_counter()
    while (passed_s := time.perf_counter() - begun) < LIMIT_S:
        if process.poll() is not None:
            raise SystemExit("Bento ended by itself")
        left = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        if not any(int(left[name]) for name in names):
            return passed_s
        time.sleep(_LOOK_S)
    raise SystemExit(f"Bento has not delivered all files in {LIMIT_S} s")
