"""Whatever ends a command is reported in one sentence, with the right exit code, and nothing is left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from windrow import bootstrap
from windrow.cli.failures import explained
from windrow.cli.root import COMMANDS, load, run
from windrow.clients.destination.bucket import S3Destination
from windrow.core.errors import DestinationError
from windrow.testing import FakeClock, FakeSecrets

SETTINGS = {
    "LANDING_BUCKETS": "landing",
    "QUEUE_URL": "https://sqs.eu-west-2.amazonaws.com/1/q",
    "DLQ_URL": "https://sqs.eu-west-2.amazonaws.com/1/d",
    "LEDGER_TABLE": "ledger",
    "DESTINATION_ENDPOINT": "https://127.0.0.1:1",
    "DESTINATION_BUCKET": "archives",
    "DESTINATION_SECRET_ID": "secret",
    "EVENT_SOURCE_MAPPING_ID": "mapping",
    "COPIES_BUCKET": "copies",
}
ON_AWS = [
    ["status"],
    ["dlq", "ls"],
    ["dlq", "redrive"],
    ["dlq", "drop", "--yes"],
    ["replay", "--missing"],
    ["replay", "--all"],
    ["circuit", "status"],
    ["circuit", "close"],
    ["audit"],
    ["retain"],
    ["ledger", "rebuild"],
    ["archive", "ls", "s3://archives/key"],
    ["deploy", "--function", "windrow", "--rollback"],
    ["run"],
]
INTERRUPTED_AT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_where):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

module = sys.argv.pop(1)
sys.meta_path.insert(0, Interrupting())
from windrow.cli import main
main()
"""
"""Runs the command line and has Ctrl-C come while a module is imported."""


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set everything, and make a new session for each test."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"WINDROW_{name}", value)
    bootstrap._session.cache_clear()
    yield
    bootstrap._session.cache_clear()


def windrow(*arguments: str, code: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = ["-c", code] if code else ["-m", "windrow"]
    return subprocess.run(
        [sys.executable, *command, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        check=False,
    )


@pytest.mark.parametrize("arguments", ON_AWS, ids=" ".join)
@pytest.mark.parametrize(
    ("unset", "variables", "says"),
    [
        (("AWS_REGION", "AWS_DEFAULT_REGION"), {}, "Set AWS_REGION"),
        ((), {"AWS_PROFILE": "absent"}, "absent"),
        ((), {"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL"),
    ],
    ids=["no region", "unknown profile", "no endpoint"],
)
def test_wrong_settings_of_aws_are_wrong_settings(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    unset: tuple[str, ...],
    variables: dict[str, str],
    says: str,
) -> None:
    """Each command says so and exits with 2, before it asks anything."""
    for name in unset:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    code, errors = run(arguments), capsys.readouterr().err

    assert (2, 1, True) == (code, len(errors.splitlines()), says in errors)


@pytest.mark.parametrize("arguments", [["--help"], ["cost"], ["cost", "--json"], ["--version"]], ids=" ".join)
def test_a_full_disk_is_told(arguments: list[str]) -> None:
    """What was asked for could not be written: that is a problem, and no traceback."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "windrow", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (1, "error: standard output can't be written: No space left on device\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("arguments", [["nothing"], ["archive", "ls", "nothing", "--json"]], ids=" ".join)
def test_the_exit_code_says_it_where_nothing_can_be_written(arguments: list[str]) -> None:
    """Neither stream takes anything."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "windrow", *arguments]
        assert 2 == subprocess.run(command, stdout=full, stderr=full, check=False).returncode


def test_closed_streams_are_no_trouble() -> None:
    """As ``>&-`` leaves them."""
    command = ["/bin/sh", "-c", 'exec "$0" -m windrow --version >&- 2>&-', sys.executable]
    assert 0 == subprocess.run(command, check=False).returncode


@pytest.mark.parametrize("command", ["demo", "up", "load"])
@pytest.mark.parametrize("package", ["hypercorn", "ministack", "psutil"])
def test_a_missing_package_is_named(command: str, package: str, tmp_path: Path) -> None:
    """With what to install."""
    code = f"import sys; sys.modules[{package!r}] = None; from windrow.cli import main; main()"
    done = windrow(command, code=code, TMPDIR=str(tmp_path))
    named = f"error: this command needs {package}; install it with: pip install 'windrow[cli,local]'\n"
    assert (2, named, []) == (done.returncode, done.stderr, list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (["cost"], "typer"),
        (["cost"], "rich.console"),
        (["cost"], "windrow.cli.root"),
        (["cost"], "windrow.cli.cost"),
        (["cost"], "windrow.cost.prices"),
        (["status"], "windrow.bootstrap"),
        (["status"], "botocore.session"),
        (["demo"], "windrow.lab.stack.samples"),
        (["demo"], "windrow.lab.stack.stack"),
        (["up"], "windrow.lab.stack.destination"),
        (["run"], "windrow.clients.aws"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_ctrl_c_while_it_starts(arguments: list[str], module: str, tmp_path: Path) -> None:
    """Importing takes half a second, and is when people change their mind."""
    done = windrow(module, *arguments, code=INTERRUPTED_AT, TMPDIR=str(tmp_path))
    assert (130, "", []) == (done.returncode, done.stdout, list(tmp_path.iterdir()))
    assert done.stderr in ("interrupted\n", "stopped\n", "stopped; nothing is left behind\n")


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As a shell without job control has it for what runs in the background."""
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + INTERRUPTED_AT
    assert 0 == windrow("windrow.cli.cost", "cost", code=code).returncode


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_number_has_bounds(name: str) -> None:
    """Infinity and what is no number are outside of any; without them they end in somebody's arithmetic."""
    command = load(name)
    commands = list(getattr(command, "commands", {}).values()) or [command]
    parameters = [parameter for each in commands for parameter in each.params]
    numbers = [each for each in parameters if re.search(r"\bfloat\b", str(each.type_descriptor.annotation))]
    assert [] == [each.name for each in numbers if each.min is None or each.max is None]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e999"])
def test_infinity_is_no_number(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused as what is out of bounds is."""
    assert 2 == run(["cost", "--files-per-day", value])
    assert "Invalid value for '--files-per-day'" in capsys.readouterr().err
    assert 2 == run(["deploy", "--function", "f", "--zip", __file__, "--bake", "9" * 400])


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00"])
def test_times_that_nothing_can_be_added_to(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They would end in Python's OverflowError."""
    assert 2 == run(["audit", "--since", time])
    assert f"{time!r} is not a time" in capsys.readouterr().err


def test_an_error_of_the_destination_says_so() -> None:
    """Which endpoint and bucket it is, and what to do; the request and its error are there too."""
    target = S3Destination("http://127.0.0.1:1", "archives", "us-east-1", FakeSecrets(), FakeClock())
    with pytest.raises(DestinationError) as failure:
        target.probe()
    text = str(explained(failure.value))

    assert text.startswith("the destination http://127.0.0.1:1, bucket archives, can't be reached: HEAD bucket: ")
    assert "Check WINDROW_DESTINATION_ENDPOINT" in text
