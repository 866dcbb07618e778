"""Text of others never acts on a terminal, and there is one way only by which it gets there."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import windrow
from tests.unit.cli.hostile import FORGED, MARK

SOURCE = Path(windrow.__file__).parent
CLI = SOURCE / "cli"
WAY = {CLI / "screen.py", CLI / "output.py", CLI / "streams.py"}
"""The one way."""
ELSEWHERE = {
    CLI / "__init__.py": "says that rich is not there",
    CLI / "run.py": "hands the number of standard error on to the workers",
    SOURCE / "clients" / "logs.py": "asks in which encoding its lines will be written",
    SOURCE / "worker" / "child.py": "is the runtime of a handler, whose output belongs to it",
}
"""What else touches the standard streams, and why it may."""
PLAIN_PARTS = {
    "rich.console": {"RenderableType"},
    "rich.live": {"Live"},
    "rich.progress": {"BarColumn", "DownloadColumn", "MofNCompleteColumn", "TaskID", "TransferSpeedColumn"},
    "rich.table": {"Table"},
}
"""What commands may take from Rich: things that hand their strings to the console, or have none."""
OWN_SEQUENCES = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|1A|2K)|\r")
"""What Rich writes for colours and for lines that change."""
WITHOUT_TEXT = {"help", "help of a command", "wrong value"}
"""Cases that show nothing of what others wrote."""


def other_ways(path: Path) -> Iterator[str]:
    """Yield what a module does to show text but through the one way."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "rich":
            taken = {alias.name for alias in node.names} - PLAIN_PARTS.get(node.module or "", set())
            yield from (f"imports {name} of {node.module}" for name in sorted(taken))
        elif isinstance(node, ast.Import):
            yield from (f"imports {alias.name}" for alias in node.names if alias.name.partition(".")[0] == "rich")
        elif isinstance(node, ast.Name) and node.id in ("print", "input"):
            yield f"calls {node.id}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in (("sys", "stdout"), ("sys", "stderr")):
                yield f"uses sys.{node.attr}"
            if node.value.id == "typer" and node.attr in ("echo", "secho", "prompt", "style", "launch"):
                yield f"calls typer.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg in ("markup", "emoji", "highlight", "highlighter"):
            yield f"says {node.arg}="


def test_there_is_no_other_way_to_show_text() -> None:
    """No module but the screen's own builds consoles and texts, turns markup on, or writes to a standard stream."""
    modules = set(SOURCE.rglob("*.py")) - WAY - set(ELSEWHERE)
    found = {str(path.relative_to(SOURCE)): faults for path in sorted(modules) if (faults := list(other_ways(path)))}
    assert {} == found
    assert [] == [path for path in ELSEWHERE if not list(other_ways(path))]


@pytest.mark.parametrize(
    "line",
    [
        "print(key)",
        "import rich",
        "from rich import print",
        "from rich.console import Console",
        "from rich.text import Text",
        "import sys; sys.stderr.write(key)",
        "typer.echo(key)",
        "out.print(key, markup=True)",
    ],
)
def test_other_ways_are_found(line: str, tmp_path: Path) -> None:
    """The check above sees each of them."""
    path = tmp_path / "module.py"
    path.write_text(line)
    assert list(other_ways(path))


@cache
def shown(encoding: str) -> dict[str, str]:
    """Run every command on a hostile world in a terminal of an encoding; return what each wrote there."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "1000", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "tests.unit.cli.hostile"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, close_fds=True)
    os.close(theirs)
    written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.wait() == 0, written.decode(encoding, "backslashreplace")[-2000:]
    sections = re.split(r"=== ([^\r\n]+)\r\n(.*?)=== ended with ", written.decode(encoding), flags=re.DOTALL)
    return dict(zip(sections[1::3], sections[2::3], strict=True))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux tells that the other end is closed
        return b""


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_nothing_hostile_reaches_a_terminal(encoding: str) -> None:
    """Whatever a key holds, each command shows it as text of one line, for people and machines, in any encoding."""
    faults = []
    for name, text in shown(encoding).items():
        plain = OWN_SEQUENCES.sub("", text).replace("\n", "").replace("\t", "")
        if not plain.isprintable():
            faults.append(f"{name}: {[char for char in plain if not char.isprintable()]}")
        if re.search(rf"^{FORGED}|{FORGED}\r(?!\n)", text, re.MULTILINE):
            faults.append(f"{name}: a line of its own")
        if (MARK in text) == (name.removesuffix(" --json") in WITHOUT_TEXT):
            faults.append(f"{name}: {text[:200]!r}")
    assert [] == faults


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_json_in_any_encoding(encoding: str) -> None:
    """A machine can read the last line of each command that it asked for JSON."""
    found = {name: text for name, text in shown(encoding).items() if name.endswith(" --json")}
    assert len(found) > 20
    lines = {name: OWN_SEQUENCES.sub("", text).splitlines()[-1] for name, text in found.items()}
    assert [] == [name for name, line in lines.items() if not isinstance(json.loads(line), dict)]
