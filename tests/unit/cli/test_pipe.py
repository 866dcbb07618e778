"""What goes into a pipe or a file: plain lines, whole, with nothing behind them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from windrow.cli.root import COMMANDS, load, run
from windrow.cli.screen import LINE_EACH_S, Screen


def printed(*arguments: str, **environ: str) -> str:
    """Run a command with its output in a pipe."""
    command = [sys.executable, "-m", "windrow", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, check=True)
    return done.stdout


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_table_in_a_pipe_is_not_cut_wrapped_or_padded(capsys: pytest.CaptureFixture[str], columns: str) -> None:
    """Whatever width somebody's terminal has: a program reads one item a line."""
    text = printed("cost", "--items", COLUMNS=columns)

    assert [] == [line for line in text.splitlines() if line.endswith(" ")]
    assert "\x1b" not in text
    assert any(line.split()[:5] == ["32", "KB", "index", "of", "each"] for line in text.splitlines())
    assert any("copies of archives put into Deep Archive" in line for line in text.splitlines())
    assert 0 == run(["cost", "--items"])
    assert text == capsys.readouterr().out


def commands(command: Any, name: str) -> dict[str, Any]:
    """Return a command and those below it by their names."""
    below = getattr(command, "commands", {})
    found = {name: command}
    for each, sub in below.items():
        found |= commands(sub, f"{name} {each}")
    return found


EVERY = {name: command for entry in COMMANDS for name, command in commands(load(entry), entry).items()}


@pytest.mark.parametrize("name", EVERY)
def test_each_help_is_plain_in_a_pipe_and_tells_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With no boxes; completion is installed at the top only; ``-h`` is the same."""
    assert 0 == run([*name.split(), "--help"])
    text = capsys.readouterr().out
    assert 0 == run([*name.split(), "-h"])

    assert text == capsys.readouterr().out
    assert "Exit codes: 0 success, 1 a problem was found, 2 wrong usage or settings" in " ".join(text.split())
    assert "completion" not in text
    assert "│" not in text
    assert "..." not in text.partition("Commands:")[2]


def test_the_top_tells_the_exit_codes_and_completion(capsys: pytest.CaptureFixture[str]) -> None:
    """Where people look first."""
    assert 0 == run(["-h"])
    text = " ".join(capsys.readouterr().out.split())

    assert "130 interrupted by Ctrl-C" in text
    assert "--install-completion" in text


@pytest.mark.parametrize(
    ("typed", "meant"), [(["audti"], "audit"), (["dlq", "lss"], "ls"), (["status", "--josn"], "--json")]
)
def test_what_was_meant_is_said(typed: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of commands at the top, those below, and options."""
    assert 2 == run(typed)
    assert f"{meant}" in capsys.readouterr().err.splitlines()[-1].partition(" ")[2].removeprefix(typed[-1])


def test_long_work_tells_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a log nothing can change in place: one line a minute, and none of what takes less."""
    now = [0.0]
    monkeypatch.setattr("windrow.cli.screen.time.monotonic", lambda: now[0])
    with Screen(stderr=True).status("reading") as status:
        for step in range(25):
            now[0] = step * LINE_EACH_S / 10
            status.update(f"{step} archives")

    assert "10 archives\n20 archives\n" == capsys.readouterr().err
