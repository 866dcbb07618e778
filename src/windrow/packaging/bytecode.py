"""Compiles the modules of a zip. Lambda's folder of code can't be written to, so a cold start compiles all it imports.

Bytecode belongs to a minor version of CPython, which alone can write it. Every interpreter of that version writes the
same bytes, unless a patch release has changed the compiler.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from windrow.core.errors import PackageError

TASK_ROOT = "/var/task"
"""Where Lambda unpacks a zip. Bytecode contains the path of its source, which must not be that of the build."""


def interpreter(python: str) -> str:
    """Return a CPython of this version, as 3.13: this one, or that on PATH. Raises `PackageError` if there is none."""
    tag = f"cpython-{python.replace('.', '')}"
    for candidate in (sys.executable, f"python{python}"):
        try:
            done = _run(candidate, "-c", "import sys; print(sys.implementation.cache_tag)")
        except OSError:
            continue
        if (done.returncode, done.stdout.strip()) == (0, tag):
            return candidate
    raise PackageError(f"bytecode for Python {python} needs that version: put python{python} on PATH")


def with_bytecode(entries: Mapping[str, bytes], interpreter: str) -> dict[str, bytes]:
    """Return the entries of a zip and the bytecode of its modules, which this `interpreter` writes.

    It is marked "unchecked": Python does not compare it with the source's time of change, which a zip does not keep
    (https://docs.python.org/3/reference/import.html#pyc-invalidation).

    Raises:
        PackageError: a module does not compile.
    """
    with tempfile.TemporaryDirectory(prefix="windrow-bytecode-") as work:
        folder = Path(work)
        for name, content in entries.items():
            if name.endswith(".py"):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        _compile(interpreter, folder)
        compiled = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.pyc"))}
    return {**entries, **compiled}


def _compile(interpreter: str, folder: Path) -> None:
    options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", TASK_ROOT)
    done = _run(interpreter, "-m", "compileall", *options, str(folder))
    if done.returncode:
        raise PackageError(f"the modules can't be compiled: {(done.stdout + done.stderr).strip()}")


def _run(interpreter: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python without the current folder, installed packages and variables of the environment that change it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [interpreter, "-P", "-S", "-s", *arguments],
        env={**environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
