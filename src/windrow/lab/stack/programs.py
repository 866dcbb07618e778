"""Finds optional programs on this machine. One that exists but does not run counts as absent."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ANSWER_S = 20.0
"""A program says its version in under a second; this is for a machine that is busy with other things."""


def tools_cache() -> Path:
    """Return the folder that `scripts/tools.sh` builds into: ``windrow`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windrow"


def find_program(name: str, *question: str) -> Path | None:
    """Return the first ``name`` on PATH or in `tools_cache` that works, None without any.

    It works if it exits with 0 when it is called with ``question``, which is ``--version`` unless given.
    """
    return next((Path(found) for found in candidates(name) if _works(found, question or ("--version",))), None)


def candidates(name: str) -> Iterator[str]:
    """Yield the paths of programs of that name, working or not, on PATH and then in `tools_cache`."""
    for folder in (*os.get_exec_path(), str(tools_cache() / "bin")):
        if found := shutil.which(name, path=folder):
            yield found


def answer(*command: str, limit_s: float = ANSWER_S) -> str | None:
    """Return all that a command prints; None if it can't be run, fails, or takes longer."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


@functools.cache
def _works(program: str, question: tuple[str, ...]) -> bool:
    return answer(program, *question) is not None
