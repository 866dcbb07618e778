"""One contender's work in a fresh process: the peak memory is its own, and nothing is warm by accident."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.meter import Figures
from bench.testbed import Testbed, Upload
from windrow.settings import Settings

LIMIT_S = 900
LEVEL = Settings().compression_level


class Task(msgspec.Struct, frozen=True):
    """What to aggregate from where to where; ``warm`` is a small batch to do first, unmeasured.

    ``destination_endpoint`` is where the destination is reached when not at ``s3_endpoint``, which holds both buckets.
    """

    files: list[Upload]
    warm: list[Upload]
    landing: str
    destination: str
    prefix: str
    s3_endpoint: str
    aws_endpoint: str
    region: str
    table: str
    queue_url: str
    level: int
    threads: int = 16
    destination_endpoint: str = ""


def task(
    testbed: Testbed, files: list[Upload], warm: list[Upload], prefix: str, level: int = LEVEL, table: str = ""
) -> Task:
    """Return the task of aggregating these files on this testbed, by default with the testbed's own ledger."""
    outputs = testbed.outputs
    return Task(
        files=files,
        warm=warm,
        landing=outputs.landing_bucket,
        destination=outputs.destination_bucket,
        prefix=prefix,
        s3_endpoint=testbed.s3_endpoint,
        aws_endpoint=testbed.aws_endpoint,
        region=outputs.region,
        table=table or outputs.ledger_table,
        queue_url=outputs.queue_url,
        level=level,
    )


def run(module: str, work: Task, environment: Mapping[str, str] | None = None) -> Figures:
    """Run ``module.contend(task)`` in a fresh process and return its figures.

    Raises:
        subprocess.CalledProcessError: it failed; its standard error is this process's.
    """
    with tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder:
        given, answer = Path(folder) / "task.json", Path(folder) / "figures.json"
        given.write_bytes(msgspec.json.encode(work))
        subprocess.run(
            [sys.executable, "-m", "bench.task", module, str(given), str(answer)],
            env={**(environment or os.environ), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,  # the handler prints its metrics there
            check=True,
            timeout=LIMIT_S,
        )
        return msgspec.json.decode(answer.read_bytes(), type=Figures)


def main() -> None:
    """Do one task: ``python -m bench.task MODULE TASK_FILE FIGURES_FILE``."""
    module, given, answer = sys.argv[1:]
    work = msgspec.json.decode(Path(given).read_bytes(), type=Task)
    figures = importlib.import_module(module).contend(work)
    Path(answer).write_bytes(msgspec.json.encode(figures))


if __name__ == "__main__":
    main()
