"""The engines that `bench.peers.faults` tests: each a process fed by a queue, that can be killed and started again.

The naive handler runs in Windrow's own engine, which returns a failed batch to the queue as AWS Lambda does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import psutil

from bench.peers import bento, naive
from bench.peers.naive import Order
from bench.peers.programs import BENTO
from bench.task import Task
from bench.testbed import Testbed
from windrow.lab.stack.process import Process

RUN_LIMIT_S = 60
"""The function's time limit; Windrow's leases last 15 s longer."""


class Queues(msgspec.Struct, frozen=True):
    """One engine's queue and its dead-letter queue, and how many messages make a batch."""

    queue_url: str
    dlq_url: str
    batch_files: int


class Engine(msgspec.Struct, frozen=True):
    """A name, how to start it, and what must be installed."""

    name: str
    start: Callable[[Process, Testbed, Task, Queues], None]
    present: Callable[[], object] = lambda: True


def kill(process: Process) -> None:
    """Kill a process and all that it started, at once and as a whole."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in children:
        if child.is_running():
            child.kill()


def _bento(process: Process, _place: Testbed, task: Task, queues: Queues) -> None:
    environment = bento.environment_of(task, queues.queue_url, queues.batch_files)
    process.launch([str(BENTO.find()), "-c", str(bento.CONFIGURATION)], environment)


def _windrow(process: Process, place: Testbed, task: Task, queues: Queues) -> None:
    _run_engine(process, place, task, queues, (), {})


def _naive(order: Order) -> Callable[[Process, Testbed, Task, Queues], None]:
    def start(process: Process, place: Testbed, task: Task, queues: Queues) -> None:
        given = {naive.TASK: msgspec.json.encode(task).decode(), naive.ORDER: order}
        _run_engine(process, place, task, queues, ("--handler", f"{naive.__name__}.{naive.function.__name__}"), given)

    return start


def _run_engine(
    process: Process, place: Testbed, task: Task, queues: Queues, options: tuple[str, ...], given: Mapping[str, str]
) -> None:
    """Start ``windrow run`` with two handlers at once, as Bento uploads two archives at once."""
    environment = place.environment(
        WINDROW_EVENT_SOURCE_MAPPING_ID="",
        WINDROW_QUEUE_URL=queues.queue_url,
        WINDROW_DLQ_URL=queues.dlq_url,
        WINDROW_LEDGER_TABLE=task.table,
        WINDROW_DESTINATION_ENDPOINT=task.destination_endpoint,
        WINDROW_DESTINATION_PREFIX=task.prefix,
        PYTHONPATH=os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
    )
    limits = {"concurrency": 2, "batch-size": queues.batch_files, "window": 1, "timeout": RUN_LIMIT_S, "quiet-wait": 1}
    arguments = [text for name, value in limits.items() for text in (f"--{name}", str(value))]
    process.launch([sys.executable, "-m", "windrow", "run", *arguments, *options], {**environment, **given})


ENGINES = (
    Engine("naive: claim, then deliver", _naive(Order.CLAIM_FIRST)),
    Engine("naive: deliver, then mark", _naive(Order.MARK_AFTER)),
    Engine("Bento", _bento, BENTO.find),
    Engine("Windrow", _windrow),
)
