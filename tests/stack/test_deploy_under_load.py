"""Deployments while files arrive: the old and the new version work side by side on one queue and one ledger.

The emulator does not run the mapping, `windrow run` does, so its workers stand for the alias's weights: while the
command holds the alias between two versions both work, and whichever gets all traffic works alone. Failed runs of the
new version are counted where Lambda counts them, metrics that workers print reach CloudWatch as they do from Lambda's
log, and the command does the rest by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.stack.test_deploy import FUNCTION, GOOD, Run, alias, create_function, package
from windrow.lab.stack.process import Process
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.samples import generate
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.trial import Trial
from windrow.lab.stack.verification import Report
from windrow.lab.stack.waiting import LIMIT_S, wait_for

pytestmark = pytest.mark.slow

FILES = 200
RATE = 20.0
VISIBILITY_S = 6
"""How soon what a failed run held comes back; in production it takes as long as the function may run, six times."""

OLD = "windrow.functions.aggregate.handler"

NEWER = """
from windrow.clients.dynamodb import ledger

ledger.RECORD_VERSION = 2  # as of a release that changes the record

from windrow.functions.aggregate import handler
"""

BAD = f"""
import os

import boto3
from windrow.clients.dynamodb import ledger

ledger.RECORD_VERSION = 2

from windrow.functions import aggregate

runs = 0


def handler(event, context):
    # Half of the runs fail before the work, half after it: then all is delivered, and nobody hears of it.
    global runs
    runs += 1
    if runs % 2:
        aggregate.handler(event, context)
    dimensions = {{
        "FunctionName": "{FUNCTION}",
        "Resource": "{FUNCTION}:live",
        "ExecutedVersion": os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
    }}
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[{{
            "MetricName": "Errors",
            "Value": 1,
            "Dimensions": [{{"Name": name, "Value": value}} for name, value in dimensions.items()],
        }}],
    )
    raise RuntimeError("a bad version")
"""


GIVES_BACK = """
from windrow.clients.s3.landing import S3Landing
from windrow.core.errors import LandingError


def get(self, source):
    raise LandingError("a bad version")


S3Landing.get = get

from windrow.functions.aggregate import handler
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Run the stack without a worker, with messages that come back soon, and the function that is deployed."""
    shape = Shape(window_s=1, timeout_s=40, batch_size=20)
    with Stack(tmp_path / "stack", shape, worker=False) as running:
        boto3.client("sqs").set_queue_attributes(
            QueueUrl=running.outputs.queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY_S)}
        )
        create_function()
        yield running


class Fleet:
    """The workers of both versions, started and stopped as a deployment shifts the traffic."""

    def __init__(self, stack: Stack, folder: Path, new_handler: str) -> None:
        (folder / "newer.py").write_text(new_handler)
        self._stack = stack
        self._environ = {
            **stack.environment(),
            "PYTHONPATH": str(folder),
            "PYTHONUNBUFFERED": "1",
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
        }
        self._old = Process("old", folder)
        self._new = Process("new", folder)
        self.both = threading.Event()
        """Set once both versions work."""
        self.launch(self._old, OLD)

    def launch(self, worker: Process, handler: str, version: str = "1") -> None:
        """Start a worker of the version if it does not run."""
        if not worker.running:
            command = [sys.executable, "-m", "windrow", "run", "--handler", handler]
            worker.launch(command, {**self._environ, "AWS_LAMBDA_FUNCTION_VERSION": version})

    @property
    def logs(self) -> list[Path]:
        """What they print."""
        return [self._old.log, self._new.log]

    def follow(self, _process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        """Do what the alias's weights would do."""
        match line.get("event"), line.get("percent"):
            case "shifted", 100:
                # However late the first files came, or the new worker got going.
                wait_for(lambda: record_versions(self._stack) >= {"1", "2"})
                self._old.stop(LIMIT_S)
            case "shifted", _:
                self.launch(self._new, "newer.handler", line["version"])
                # Its first word is about the queue it found.
                wait_for(lambda: self._new.log.exists() and self._new.log.stat().st_size > 0)
                self.both.set()
            case "rolled back", _:
                self.launch(self._old, OLD)
                self._new.stop(LIMIT_S)

    def stop(self) -> None:
        """Stop both."""
        self._old.stop(LIMIT_S)
        self._new.stop(LIMIT_S)


class Extraction:
    """What CloudWatch does with metrics in a log: the records that are new in the logs become data points."""

    def __init__(self, logs: list[Path]) -> None:
        self._read = dict.fromkeys(logs, 0)
        self._cloudwatch = boto3.client("cloudwatch")

    def run(self) -> None:
        """Read on from where it stopped."""
        for log, start in self._read.items():
            text = log.read_text() if log.exists() else ""
            whole = text.rfind("\n") + 1
            for line in text[start:whole].splitlines():
                if line.startswith('{"_aws"'):
                    self._publish(json.loads(line))
            self._read[log] = max(start, whole)

    def _publish(self, record: dict[str, Any]) -> None:
        for directive in record["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                data: list[Any] = [
                    {
                        "MetricName": metric["Name"],
                        "Values": record[metric["Name"]],
                        "Dimensions": [{"Name": name, "Value": record[name]} for name in dimensions],
                    }
                    for metric in directive["Metrics"]
                ]
                self._cloudwatch.put_metric_data(Namespace=directive["Namespace"], MetricData=data)


@contextmanager
def extracting(logs: list[Path]) -> Iterator[None]:
    """Extract metrics from the logs meanwhile."""
    extraction, ended = Extraction(logs), threading.Event()

    def work() -> None:
        while not ended.wait(1):
            extraction.run()

    thread = threading.Thread(target=work, name="extraction")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def deploy_under_load(stack: Stack, folder: Path, new_handler: str, *arguments: str) -> tuple[Run, Report]:
    """Deploy, and have files arrive once both versions work; return how it went, and what became of every file."""
    fleet = Fleet(stack, folder, new_handler)
    new = package(folder, f"# second\n{GOOD}")
    runs: list[Run] = []
    environ = dict(os.environ)
    deployment = threading.Thread(
        target=lambda: runs.append(Run(environ, "--zip", new, *arguments, on=fleet.follow)), name="deployment"
    )
    try:
        with extracting(fleet.logs):
            deployment.start()
            fleet.both.wait(LIMIT_S)  # else a slow start of the new worker leaves nothing for it to do
            report = Trial(stack, generate(FILES), RATE, lambda _state: None).run()
            deployment.join()
    finally:
        fleet.stop()
    (run,) = runs
    return run, report


def record_versions(stack: Stack) -> set[str]:
    """Return the record versions in the ledger."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs.ledger_table)
    return {item["v"]["N"] for page in pages for item in page["Items"] if "v" in item}


def assert_all_delivered_once(report: Report) -> None:
    """Check that no file was lost, doubled or changed."""
    assert [] == report.problems
    assert (FILES, FILES, 0, 0, 0, 0) == (
        report.files_uploaded,
        report.files_delivered,
        report.files_missing,
        report.files_duplicated,
        report.sha256_mismatches,
        report.files_dead_lettered,
    )


def test_good_version_takes_over_and_no_file_is_lost_or_doubled(stack: Stack, tmp_path: Path) -> None:
    """Old and new version, with records of different versions, share queue and ledger while the traffic shifts."""
    run, report = deploy_under_load(stack, tmp_path, NEWER, "--steps", "50,100", "--bake", "4s")
    assert (0, "deployed") == (run.code, run.result["outcome"])
    assert {"1", "2"} == record_versions(stack)
    assert_all_delivered_once(report)


def test_failing_version_is_rolled_back_by_itself_and_no_file_is_lost_or_doubled(stack: Stack, tmp_path: Path) -> None:
    """A version whose runs fail, before or after the work, is taken back at once; every file arrives all the same."""
    run, report = deploy_under_load(stack, tmp_path, BAD, "--steps", "50,100", "--bake", "100s")
    assert (1, "rolled-back") == (run.code, run.result["outcome"])
    assert run.result["reason"].startswith("version 2 failed")
    assert ("1", None) == (alias().version, alias().candidate)
    assert_all_delivered_once(report)


def test_version_that_gives_everything_back_is_rolled_back_by_itself(stack: Stack, tmp_path: Path) -> None:
    """No run of it fails and no alarm is watched: its share of returned files is enough; every file arrives once."""
    run, report = deploy_under_load(stack, tmp_path, GIVES_BACK, "--steps", "50,100", "--bake", "100s")
    assert (1, "rolled-back") == (run.code, run.result["outcome"])
    assert run.result["reason"].startswith("version 2 returned")
    assert ("1", None) == (alias().version, alias().candidate)
    assert_all_delivered_once(report)
