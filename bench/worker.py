"""Windrow's worker as a contender: the engine, and the handler in two processes, fed from a queue as Bento is.

What a start costs is outside: both processes have had half of the warm batch before the engine starts on a full queue.
CPU time and memory are those of the engine's process and the handlers' together.

It is done when the queue is empty, as Bento is, and the emulator is asked as often: a request takes it 1 ms, 20 times a
second. This process's share of that is subtracted, since for others a process that is not measured asks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec

from bench import backlog
from bench.engine import BackgroundEngine, handlers
from bench.events import batch
from bench.meter import Figures, Meter, Who
from bench.peers.bento import LIMIT_S, batch_size
from bench.task import Task
from bench.testbed import Upload, client
from windrow.worker.pool import Function, Pool
from windrow.worker.progress import InvocationOutcome

WORKERS = 2
"""As many as Bento's uploads at once (``max_in_flight`` in its configuration)."""
TIMEOUT_S = 300
VISIBILITY_S = "3600"
"""Longer than any run: nothing is received twice, and the engine logs no warning."""
_FUNCTION = Function("windrow", "arn:aws:lambda:us-east-1:000000000000:function:windrow", 1024)


def contend(task: Task) -> Figures:
    """Aggregate the task's files from the queue, in batches as large as Bento's."""
    sqs = client("sqs", task.aws_endpoint, task.region)
    queue_url = backlog.create(sqs, "worker", VisibilityTimeout=VISIBILITY_S)
    with handlers(os.environ, queue_url) as pool:
        _warm(pool, task)
        backlog.fill(sqs, queue_url, task.files, task.landing)
        size = batch_size(len(task.files))
        with (
            BackgroundEngine(sqs, pool, queue_url, batch_size=size, workers=WORKERS) as engine,
            Meter(task.s3_endpoint, Who.ALL) as meter,
        ):
            begun_s = time.thread_time()
            engine.deliver(lambda _: not backlog.depth(sqs, queue_url), LIMIT_S)
            looking_s = time.thread_time() - begun_s  # this thread does nothing else
    return msgspec.structs.replace(meter.figures, cpu_s=meter.figures.cpu_s - looking_s)


def _warm(pool: Pool, task: Task) -> None:
    """Have every process deliver a small batch: they start together, so that no process gets two."""
    start = Barrier(WORKERS)

    def deliver(uploads: Sequence[Upload]) -> None:
        event = msgspec.json.encode(batch(uploads, task.landing))
        start.wait()
        answer = pool.invoke(event, _FUNCTION, TIMEOUT_S)
        if answer.outcome is not InvocationOutcome.OK:
            raise SystemExit(f"the warm batch failed: {answer.detail}")

    with ThreadPoolExecutor(WORKERS) as threads:
        list(threads.map(deliver, (task.warm[number::WORKERS] for number in range(WORKERS))))
