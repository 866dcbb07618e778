"""The command line on the stack, in this process: an interpreter for each command takes a second of CPU time.

That it runs as a program is for `test_demo`, `test_deploy` and `test_no_secrets` to see.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest

from windrow.cli.root import run


def windrow(*arguments: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """Run a command with ``--json``, ``environ`` on top of this process's; return exit code and report."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        for name, value in environ.items():
            patch.setenv(name, value)
        code = run([*arguments, "--json"])
    return code, json.loads(printed.getvalue())
