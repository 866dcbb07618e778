"""The runbook's commands, run against the local stack; those that no test can run are listed with the reason."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.runbook import commands
from windrow import bootstrap, settings
from windrow.cli.root import run
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import wait_until

pytestmark = pytest.mark.slow

COPIES = "windrow-copies"

NOT_RUN = {
    "windrow package": "builds for minutes; test_package_runs does it",
    "windrow deploy --function NAME --rollback": "the stack has no function with an alias; test_deploy runs it",
    "windrow deploy --function NAME --zip": "the same",
    "windrow archive verify archive.tar.gz": "needs a restored copy; test_archive_command verifies files",
    "windrow archive ls s3://BUCKET/.windrow-quarantine": "needs a broken archive; test_operations makes one",
    "windrow archive quarantine KEY": "the same",
    "windrow archive extract": "needs archives of those days and a bucket to restore to; test_restore runs it",
    "windrow audit --since 2026-11-23 --until 2026-11-24 --inventory": "needs an inventory; test_operations makes one",
    "windrow status --watch": "needs a terminal; tests/unit/cli/test_terminal.py gives it one",
    "eval": "needs a Terraform state; tests/infra looks at the output",
    "terraform": "the same",
    "aws": "AWS's command line is not among the tests' tools; tests/unit/test_aws_commands.py has AWS's models",
    "mc": "MinIO's client takes a build of minutes; each was run by hand, with the last one of its community edition",
    "openssl": "the stack's destination has no TLS",
    "nc": "looks at a network that is not here",
    "systemctl": "looks at a server that is not here",
    "iostat": "the same",
}
"""By the beginning of the command."""

FINDS_A_PROBLEM = {
    "windrow replay --missing --since 2026-11-23 --until 2026-11-24": "nothing arrived on that day",
    "windrow audit --since 2026-11-23 --until 2026-11-24 --prefix party-a/2026/11/23/": "the same",
    "windrow replay --missing --since 2026-11-23 --until 2026-11-24 --prefix party-a/2026/11/23/": "the same",
    "windrow audit --mark --since 2026-11-23T10:00 --until 2026-11-23T11:00": "nothing arrived then",
    "windrow replay --missing --since 7d --until 5d --dry-run": "the same",
    "windrow replay --missing --since 7d --until 5d --rate 100": "the same",
}
"""Commands that end with 1 here, and why."""

BEFORE = {"windrow ledger rebuild": ["circuit", "open"]}
"""What the runbook has typed before."""


def is_run(command: str) -> bool:
    """Return whether a test runs it."""
    return not any(command == start or command.startswith((f"{start} ", f"{start}/")) for start in NOT_RUN)


def test_the_lists_name_commands_of_the_runbook() -> None:
    """A reason whose command was changed holds nothing any more."""
    unused = {start for start in NOT_RUN if not any(each.startswith(start) for each in commands())}

    assert set() == unused
    assert set() == set(FINDS_A_PROBLEM) - set(commands())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Run a stack with a few files delivered; give what fills in a command's placeholders."""
    with Stack(tmp_path, Shape(window_s=1, timeout_s=20, sentinel_s=0)) as stack:
        s3: Any = boto3.client("s3")
        s3.create_bucket(Bucket=COPIES, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]})
        s3.put_bucket_versioning(Bucket=COPIES, VersioningConfiguration={"Status": "Enabled"})
        monkeypatch.setenv("WINDROW_COPIES_BUCKET", COPIES)
        monkeypatch.chdir(tmp_path)
        for number in range(3):
            s3.put_object(Bucket=stack.outputs.landing_bucket, Key=f"party-a/{number}", Body=b"x")
        deliveries = Deliveries(bootstrap.destination(settings.load(os.environ)))

        def delivered() -> bool:
            deliveries.refresh()
            return deliveries.count == 3

        wait_until("the delivery", delivered, cause=stack.worker.log_tail)
        location = f"s3://{stack.outputs.destination_bucket}/{deliveries.archives[0].key}"
        yield lambda command: command.replace("s3://BUCKET/KEY", location).replace(" TIME", " 1h")


def test_each_command_ends_as_the_runbook_says(site: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other on a stack that is well; what asks is told not to."""
    ended = {}
    for command in filter(is_run, commands()):
        arguments = shlex.split(site(command))[1:]
        if before := BEFORE.get(command):
            run(before)
        agreed = ["--yes"] if arguments[:2] == ["dlq", "drop"] else []
        ended[command] = run([*arguments, *agreed]), capsys.readouterr()

    wrong = {
        command: (code, told.out[-500:], told.err[-500:])
        for command, (code, told) in ended.items()
        if code != int(command in FINDS_A_PROBLEM)
    }
    assert {} == wrong
