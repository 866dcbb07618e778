"""Runs a function in a process of its own that may take little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MIB = 1024 * 1024
STACK_BYTES = 512 * 1024
"""Of each thread; the system's 8 MiB would count against the limit although nobody touches them."""

needs_limits = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")


def limit(more_mib: int) -> None:
    """Let this process take so much memory more than it has now; beyond it Python raises `MemoryError`."""
    import resource

    threading.stack_size(STACK_BYTES)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    held = int(status.partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + more_mib * MIB,) * 2)


def run(function: Callable[[], object]) -> Any:
    """Call a function of a module, which calls `limit`, in a fresh process; return what it returns, as JSON carries it.

    Raises `CalledProcessError` with the traceback on standard error where it raises.
    """
    code = (
        f"import json; from {function.__module__} import {function.__name__} as function; "
        "result = function(); print(json.dumps(result))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
