"""A command line in a pseudo-terminal, and what its screen shows in the end."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

_STEPS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


def typed(script: str, *, columns: int = 80, **environ: str) -> tuple[int, str]:
    """Run Python in a terminal of its own; return its exit code and all that it wrote there."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40", **environ}
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=theirs, stdout=theirs, stderr=theirs, env=variables, close_fds=True
    )
    os.close(theirs)
    written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return process.wait(), written.decode(errors="replace")


def screen(written: str) -> list[str]:
    """Return the lines as they stand in the end: cursor up, carriage return and erase are followed, colours are not."""
    lines, row, column = [""], 0, 0
    for step in _STEPS.finditer(written):
        text, (argument, action) = step[0], step.groups(default="")
        if text == "\r":
            column = 0
        elif text == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif action == "A":
            row = max(0, row - int(argument or 1))
        elif action == "K":
            lines[row] = "" if argument == "2" else lines[row][:column]
        elif not action:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
    return [line.rstrip() for line in lines]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux tells that the other end is closed
        return b""
