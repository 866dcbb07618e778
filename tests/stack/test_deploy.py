"""Deployments on the emulator, by the command itself, on a function of its own with an alias."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from windrow.clients.awslambda.versions import LambdaVersions
from windrow.clients.clock import SystemClock
from windrow.lab.stack.servers import ministack
from windrow.lab.stack.waiting import LIMIT_S
from windrow.ports import Alias

FUNCTION = "shifted"
ALARM = "shifted-failures"
GOOD = "def handler(event, context):\n    return {'batchItemFailures': []}\n"
BROKEN = "def handler(event, context):\n    raise RuntimeError('broken')\n"
FAILS_ALL = "def handler(event, context):\n    return {'batchItemFailures': [{'itemIdentifier': 'x'}]}\n"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the AWS emulator."""
    with ministack(tmp_path_factory.mktemp("aws")) as server:
        yield server.url


@pytest.fixture
def environ(aws: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Point this process and its children at the emulator, with a function whose alias leads to version 1."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    create_function()
    return dict(os.environ)


def create_function() -> None:
    """Create the function anew, with version 1 behind the alias, and an alarm that is quiet."""
    lambda_, cloudwatch = boto3.client("lambda"), boto3.client("cloudwatch")
    if any(found["FunctionName"] == FUNCTION for found in lambda_.list_functions()["Functions"]):
        lambda_.delete_function(FunctionName=FUNCTION)
    lambda_.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/shifted",
        Handler="code.handler",
        Code={"ZipFile": zipped(GOOD)},
    )
    version = lambda_.publish_version(FunctionName=FUNCTION)["Version"]
    lambda_.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=version)
    cloudwatch.put_metric_alarm(
        AlarmName=ALARM,
        Namespace="Windrow",
        MetricName="FilesRejected",
        ComparisonOperator="GreaterThanThreshold",
        Threshold=0,
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        AlarmActions=["arn:aws:sns:eu-west-2:000000000000:shifted"],
    )
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="test")


def zipped(source: str) -> bytes:
    """Return a zip with one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("code.py", source)
    return buffer.getvalue()


def alias() -> Alias:
    """Read the alias."""
    return LambdaVersions(FUNCTION, "live", boto3.client("lambda"), SystemClock()).alias()


class Run:
    """A ``windrow deploy --json`` under way; ``on`` is called with each line it prints."""

    def __init__(
        self,
        environ: dict[str, str],
        *arguments: str,
        on: Callable[[subprocess.Popen[str], dict[str, Any]], object] = lambda _process, _line: None,
    ) -> None:
        command = [sys.executable, "-m", "windrow", "deploy", "--function", FUNCTION, "--json", *arguments]
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        self.lines: list[dict[str, Any]] = []
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for text in output:
                line = json.loads(text)
                self.lines.append(line)
                on(self.process, line)
        self.code = self.process.wait()

    @property
    def result(self) -> dict[str, Any]:
        """The last line."""
        return self.lines[-1]

    def shifts(self) -> list[float]:
        """Return the percentages that were reached."""
        return [line["percent"] for line in self.lines if line.get("event") == "shifted"]


def package(folder: Path, source: str) -> str:
    """Write a zip for `--zip`."""
    path = folder / "code.zip"
    path.write_bytes(zipped(source))
    return str(path)


def test_good_version_takes_over(environ: dict[str, str], tmp_path: Path) -> None:
    """A good version gets the traffic in steps, ends as the alias's own, and can be rolled back and forth."""
    new = package(tmp_path, f"# second\n{GOOD}")
    run = Run(environ, "--zip", new, "--steps", "10,50,100", "--bake", "0", "--alarm", ALARM)
    assert (0, "deployed", "2") == (run.code, run.result["outcome"], run.result["version"])
    assert [10, 50, 100] == run.shifts()
    assert ("2", None) == (alias().version, alias().candidate)
    again = Run(environ, "--zip", new, "--bake", "0")
    assert (0, "unchanged") == (again.code, again.result["outcome"])
    back = Run(environ, "--rollback")
    assert (0, "1") == (back.code, back.result["version"])
    assert "1" == alias().version
    further = Run(environ, "--rollback")
    assert (1, "1") == (further.code, alias().version)
    assert "version 2 was rolled back already" in further.result["error"]


def test_rollback_after_a_version_that_terraform_published(environ: dict[str, str], tmp_path: Path) -> None:
    """As documented: an apply publishes, so that the deployment finds nothing to publish; the way back is known."""
    new = package(tmp_path, f"# second\n{GOOD}")
    lambda_ = boto3.client("lambda")
    lambda_.update_function_code(FunctionName=FUNCTION, ZipFile=Path(new).read_bytes())
    lambda_.publish_version(FunctionName=FUNCTION)
    run = Run(environ, "--zip", new, "--bake", "0")
    assert (0, "2") == (run.code, run.result["version"])
    assert "" == lambda_.get_function_configuration(FunctionName=FUNCTION, Qualifier="2")["Description"]
    back = Run(environ, "--rollback")
    assert (0, "1") == (back.code, back.result["version"])
    assert "1" == alias().version


def test_old_versions_are_deleted(environ: dict[str, str], tmp_path: Path) -> None:
    """All but as many as were asked for, the one in service, and the one that it replaced."""
    lambda_ = boto3.client("lambda")
    for number in (2, 3, 4):
        lambda_.update_function_code(FunctionName=FUNCTION, ZipFile=zipped(f"# {number}\n{GOOD}"))
        lambda_.publish_version(FunctionName=FUNCTION)
    run = Run(environ, "--zip", package(tmp_path, f"# 5\n{GOOD}"), "--bake", "0", "--keep", "1")
    left = {version["Version"] for version in lambda_.list_versions_by_function(FunctionName=FUNCTION)["Versions"]}

    assert (0, "5", {"$LATEST", "1", "4", "5"}) == (run.code, run.result["version"], left)
    assert ["2, 3"] == [line["detail"] for line in run.lines if line.get("event") == "old versions deleted"]


def test_progress_is_shown_to_people(environ: dict[str, str], tmp_path: Path) -> None:
    """Without --json each step tells its time left and what the version did so far, on standard error."""
    new = package(tmp_path, f"# second\n{GOOD}")
    command = [sys.executable, "-m", "windrow", "deploy", "--function", FUNCTION, "--zip", new, "--bake", "1s"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "version 2 at 10 %, 0:01 left: 0 invocations, 0 errors" in done.stderr
    assert "deployed; the alias serves version 2" in done.stdout


@pytest.mark.parametrize("watched", [("--alarm", ALARM), ("--alarm-prefix", "shifted-")])
def test_firing_alarm_brings_the_old_version_back(
    environ: dict[str, str], tmp_path: Path, watched: tuple[str, str]
) -> None:
    """When an alarm fires while a step bakes, all traffic goes back and the exit code is 1."""

    def fire(_process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        if line.get("event") == "shifted":
            boto3.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="test")

    new = package(tmp_path, f"# second\n{GOOD}")
    run = Run(environ, "--zip", new, "--steps", "50,100", "--bake", "100s", *watched, on=fire)
    assert (1, "rolled-back", f"{ALARM} in alarm") == (run.code, run.result["outcome"], run.result["reason"])
    assert [50] == run.shifts()
    assert ("1", None) == (alias().version, alias().candidate)
    again = Run(environ, "--zip", new, "--bake", "0", *watched)
    assert (0, "deployed") == (again.code, again.result["outcome"])


@pytest.mark.parametrize("source", [BROKEN, FAILS_ALL])
def test_version_that_fails_its_smoke_test_gets_no_traffic(
    environ: dict[str, str], tmp_path: Path, source: str
) -> None:
    """A version that raises, or gives the test message back, never gets traffic."""
    run = Run(environ, "--zip", package(tmp_path, source), "--bake", "0")
    assert (1, False) == (run.code, run.result["ok"])
    assert "smoke test" in run.result["error"]
    assert [] == run.shifts()
    assert ("1", None) == (alias().version, alias().candidate)


@pytest.fixture
def terminal() -> Iterator[None]:
    """Have children hear of a lost terminal, even if these tests run under ``nohup``."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_brings_the_old_version_back(environ: dict[str, str], tmp_path: Path, number: int) -> None:
    """Ctrl-C, SIGTERM and a lost terminal while a step bakes go back before the process ends."""

    def interrupt(process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        if line.get("event") == "shifted":
            process.send_signal(number)

    run = Run(environ, "--zip", package(tmp_path, f"# second\n{GOOD}"), "--bake", "100s", on=interrupt)
    assert (1, "interrupted") == (run.code, run.result["reason"])
    assert ("1", None) == (alias().version, alias().candidate)


@pytest.mark.parametrize("options", [["--json"], []])
def test_interrupted_pipe_brings_the_old_version_back(
    environ: dict[str, str], tmp_path: Path, options: list[str]
) -> None:
    """Ctrl-C ends what the output is piped to as well, and before the command can say anything more."""
    new = package(tmp_path, f"# second\n{GOOD}")
    command = [sys.executable, "-m", "windrow", "deploy", "--function", FUNCTION, "--zip", new, *options]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        while "shifted" not in output.readline():
            assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert 1 == process.wait(LIMIT_S)
    assert ("1", None) == (alias().version, alias().candidate)


def test_output_that_nobody_reads_any_more_ends_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    """A reader that leaves early, as ``head`` does, has no say in the deployment, nor in its exit code."""
    new = package(tmp_path, f"# second\n{GOOD}")
    command = [sys.executable, "-m", "windrow", "deploy", "--function", FUNCTION, "--zip", new, "--bake", "1s"]
    process = subprocess.Popen([*command, "--json"], env=environ, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert 0 == process.wait(LIMIT_S)
    assert ("2", None) == (alias().version, alias().candidate)


def test_nohup_keeps_a_deployment_alive(environ: dict[str, str], tmp_path: Path) -> None:
    """Who has it ignore the loss of the terminal means it to go on."""

    def hang_up(process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        if line.get("event") == "shifted":
            process.send_signal(signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = Run(environ, "--zip", package(tmp_path, f"# second\n{GOOD}"), "--bake", "0", on=hang_up)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (0, "deployed") == (run.code, run.result["outcome"])


def test_watching_no_alarm_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    """Who names no alarm is told so first."""
    run = Run(environ, "--zip", package(tmp_path, f"# second\n{GOOD}"), "--bake", "0")
    assert "no alarm is watched" == run.lines[0]["event"]
    watched = Run(environ, "--zip", package(tmp_path, f"# third\n{GOOD}"), "--bake", "0", "--alarm", ALARM)
    assert "published" == watched.lines[0]["event"]


def test_crash_leaves_a_state_that_rollback_ends(environ: dict[str, str], tmp_path: Path) -> None:
    """A killed deployment blocks the next one, which names it; --rollback clears the way."""

    def kill(process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        if line.get("event") == "shifted":
            process.kill()

    new = package(tmp_path, f"# second\n{GOOD}")
    Run(environ, "--zip", new, "--bake", "100s", on=kill)
    assert ("1", "2", 0.1) == (alias().version, alias().candidate, alias().weight)
    refused = Run(environ, "--zip", new, "--bake", "0")
    assert 1 == refused.code
    assert "a deployment of version 2 is under way or was interrupted" in refused.result["error"]
    assert 0 == Run(environ, "--rollback").code
    assert ("1", None) == (alias().version, alias().candidate)
    assert 0 == Run(environ, "--zip", new, "--bake", "0").code


def test_failures_of_the_new_version_bring_the_old_one_back(environ: dict[str, str], tmp_path: Path) -> None:
    """Without any alarm, one failed run of the new version behind the alias is enough to go back."""

    def fail(_process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        if line.get("event") == "shifted":
            count_failure("2")

    run = Run(environ, "--zip", package(tmp_path, f"# second\n{GOOD}"), "--bake", "100s", on=fail)
    assert (1, "version 2 failed 1 time") == (run.code, run.result["reason"])
    assert ("1", None) == (alias().version, alias().candidate)


def count_failure(version: str) -> None:
    """Count a failed run as Lambda does for each version behind an alias."""
    dimensions = {"FunctionName": FUNCTION, "Resource": f"{FUNCTION}:live", "ExecutedVersion": version}
    boto3.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Errors",
                "Value": 1,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            }
        ],
    )


def test_unknown_alarm_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    """Watching an alarm that does not exist would be watching nothing."""
    run = Run(environ, "--zip", package(tmp_path, GOOD), "--alarm", "absent")
    assert (1, "there is no alarm called absent") == (run.code, run.result["error"])
