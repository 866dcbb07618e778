"""Runs tests against a mutant, each in a process of its own, forked from one that has imported all but Windrow.

The mutant is never on the disk: the process imports its module from memory. Processes that a test starts import the
module as it is, and so notice nothing.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import IO

import pytest

from scripts.mutants.mutations import Mutant

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"

SLOW_IMPORTS = ("boto3", "deflate", "hypothesis", "minio", "moto", "msgspec", "obstore", "pytest_timeout", "xdist")

PYTEST = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Some of what is imported already are plugins, whose assertions pytest would like to rewrite."""

MEMORY_BYTES = 12 * 1024**3
"""Address space of a process: a loop that does not end must not use up the machine's memory."""

POLL_S = 0.05
FAILED = 3
"""Exit code of a process that could not even run pytest; pytest's own for an internal error."""


Tests = tuple[str, ...]
"""Paths for pytest."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Tests that run together, and the CPU seconds they may take: these don't depend on what else the machine does."""

    tests: Tests
    cpu_s: int


@dataclass(frozen=True, slots=True)
class Trial:
    """How the tests of a mutant (None: of the code as it is) ended; ``code`` is pytest's, None for over a limit."""

    mutant: Mutant | None
    code: int | None
    cpu_s: float
    output: str


Job = tuple[Mutant | None, Sequence[Stage]]
"""A mutant, and what it has to pass, one stage after another."""


def prepare() -> None:
    """Import, once, what takes long and never changes. Windrow itself stays out."""
    os.chdir(ROOT)
    sys.path[:0] = [str(SOURCE), str(ROOT)]
    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    if "windrow" in sys.modules:
        raise RuntimeError("Windrow is imported already: no mutant would be seen")


def trials(jobs: Iterator[Job], *, at_once: int) -> Iterator[Trial]:
    """Run the jobs, ``at_once`` side by side, and yield how each ended, in the order in which they do."""
    running: dict[int, _Process] = {}
    try:
        while True:
            while len(running) < at_once and (job := next(jobs, None)):
                process = _Process(*job)
                running[process.pid] = process
            if not running:
                return
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid:
                yield running.pop(pid).ended(status, usage.ru_utime + usage.ru_stime)
                continue
            for process in running.values():
                process.check()
            time.sleep(POLL_S)
    finally:
        for process in running.values():
            process.kill()


class _Process:
    """A process that runs the tests of one job, and whatever these start."""

    def __init__(self, mutant: Mutant | None, stages: Sequence[Stage]) -> None:
        self._mutant = mutant
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        # A mutant that waits for ever uses no CPU time.
        self._until = time.monotonic() + sum(60 + 10 * stage.cpu_s for stage in stages)
        self.pid = os.fork()
        if not self.pid:
            _become(mutant, stages, self._printed)

    def check(self) -> None:
        if time.monotonic() > self._until:
            self.kill()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def ended(self, status: int, cpu_s: float) -> Trial:
        self.kill()
        with self._printed as printed:
            printed.seek(0)
            output = printed.read().decode(errors="replace")
        return Trial(self._mutant, os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, cpu_s, output)


def _become(mutant: Mutant | None, stages: Sequence[Stage], printed: IO[bytes]) -> None:
    """Make this process the one that runs the tests; it ends here."""
    code = FAILED
    try:
        # A group of its own, to be ended with all that it starts; no session, which Linux gives a share of its own.
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        if mutant:
            sys.meta_path.insert(0, _Finder(mutant))
        for stage in stages:
            used_s = int(time.process_time()) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (used_s + stage.cpu_s, resource.RLIM_INFINITY))
            code = pytest.main([*PYTEST, *stage.tests])
            if code:
                break
    except BaseException:  # noqa: BLE001 - told by the exit code, and by the output what it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


class _Finder(importlib.machinery.SourceFileLoader):
    """Loads the mutant in place of its module; other modules load as usual."""

    def __init__(self, mutant: Mutant) -> None:
        name = mutant.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        super().__init__(name, str(SOURCE / mutant.module))
        self._source = mutant.source

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return how to load the module, None if it is another one."""
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_code(self, _fullname: str) -> CodeType:
        """Compile the mutant, past the cache of compiled files."""
        return compile(self._source, self.path, "exec", dont_inherit=True)
