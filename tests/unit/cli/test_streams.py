"""The standard streams of a command whose reader is gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from contextlib import suppress
from windrow.cli.streams import standard_streams
with standard_streams(), suppress(BrokenPipeError):
    sys.stdin.readline()
    print("more than anybody reads", file=sys.{stream})
raise SystemExit(1)
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_nobody_reads_does_not_change_the_exit_code(stream: str) -> None:
    """Python ends with 120 where it can't send what is left in a buffer, of either stream."""
    command = [sys.executable, "-c", SCRIPT.format(stream=stream)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=buffered
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write("go\n")
        process.stdin.close()

    assert 1 == process.returncode
