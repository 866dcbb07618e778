"""The local stack as the command line shows it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from windrow.cli import up
from windrow.cli.root import run
from windrow.cli.session import program
from windrow.core.errors import LocalStackError


@pytest.mark.parametrize(
    ("on_path", "installed", "cwd", "expected"),
    [
        (True, True, "", "windrow"),
        (False, True, "", "env/bin/windrow"),
        (False, True, "elsewhere", "{root}/env/bin/windrow"),
        (False, False, "", "{root}/env/bin/python -m windrow"),
    ],
)
def test_commands_are_named_as_they_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: bool, installed: bool, cwd: str, expected: str
) -> None:
    """A fresh clone has the program in its environment, which no shell finds by its name."""
    bin_folder = tmp_path / "env/bin"
    bin_folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    if installed:
        (bin_folder / "windrow").touch()
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/windrow" if on_path else None)
    monkeypatch.setattr(sys, "executable", str(bin_folder / "python"))
    monkeypatch.chdir(tmp_path / cwd)

    assert expected.format(root=tmp_path) == program()


def test_files_beside_input_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the two would be ignored."""
    assert 2 == run(["demo", "--input", str(tmp_path), "--files", "5"])
    assert "--files sets how many files to generate" in capsys.readouterr().err


class Part:
    """Stands in for a process of the stack."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = 17
        self.running = True
        self.end = ""
        self.log = Path(f"{name}.log")

    def log_tail(self) -> str:
        """Return the end of a log."""
        return "; its log ends"


def local(*names: str, emulators: tuple[str, ...] = ("aws",)) -> Any:
    """Return a stack of these parts; ``started`` lists what was started again."""
    parts, started = [Part(name) for name in names], []

    def start_again(part: Part) -> None:
        part.running = True
        started.append(part.name)

    return SimpleNamespace(
        parts=lambda: parts,
        holds_all=lambda part: part.name in emulators,
        start_again=start_again,
        started=started,
    )


def watched(monkeypatch: pytest.MonkeyPatch, stack: Any, *moments: Any) -> None:
    """Watch a stack; before each look but the first something happens; the last ends it as Ctrl-C does."""
    steps = iter([*moments, None])

    def sleep(_seconds: float) -> None:
        step = next(steps)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr("time.sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        up.watch(stack)


def ended(part: Part) -> None:
    """Kill a part."""
    part.running, part.end = False, "killed by SIGKILL"


def test_a_part_that_is_killed_is_told_once_and_started_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest goes on; the way to start it is reported, and does."""
    stack = local("aws", "minio", "worker")
    watched(
        monkeypatch, stack, lambda: ended(stack.parts()[1]), lambda: None, lambda: os.kill(os.getpid(), signal.SIGUSR1)
    )
    told = capsys.readouterr().err

    assert 1 == told.count("minio has ended (killed by SIGKILL), the rest keeps running. Its log is minio.log")
    assert f"To start it again: kill -USR1 {os.getpid()}\n" in told
    assert "minio runs again, as process 17\n" in told
    assert ["minio"] == stack.started


def test_a_signal_while_all_runs_is_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that is still stopping has not ended: who asked too soon must learn it."""
    stack = local("aws", "minio")
    watched(monkeypatch, stack, lambda: os.kill(os.getpid(), signal.SIGUSR1), lambda: None)
    assert "all parts are running: nothing to start\n" in capsys.readouterr().err
    assert [] == stack.started


def test_an_emulator_that_is_killed_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds buckets and queues in memory: there is nothing left to go on with."""
    stack = local("aws", "minio")
    ended(stack.parts()[0])
    with pytest.raises(LocalStackError, match="aws has ended, and all its data is lost; its log ends"):
        up.watch(stack)


def test_each_part_that_can_be_stopped_is_told_with_its_command() -> None:
    """And the one that starts what was stopped, at the end."""
    commands = up.stop_and_start(local("aws", "minio", "worker", "sentinel"))

    assert ["kill 17"] * 3 == [command for command, _ in commands[:-1]]
    assert ["stop MinIO, as in an outage", "stop the worker"] == [why for _, why in commands[:2]]
    assert (f"kill -USR1 {os.getpid()}", "start again what was stopped") == commands[-1]
