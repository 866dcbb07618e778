from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from windrow.worker import memory

THREADS_THAT_ALLOCATE = """
import re, sys, threading
from pathlib import Path
from windrow.worker import memory

if "shared" in sys.argv:
    memory.share_arena()
together, held = threading.Barrier(9), []

def allocate():
    held.append([bytes(1000) for _ in range(1000)])
    together.wait()
    together.wait()

for _ in range(8):
    threading.Thread(target=allocate).start()
together.wait()
# glibc places the heap of each further arena at a multiple of 64 MiB.
starts = re.findall("(?m)^([0-9a-f]+)-", Path("/proc/self/maps").read_text())
print(sum(int(start, 16) % (64 << 20) == 0 for start in starts))
together.wait()
"""


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of Alpine Linux, or of macOS, has no such functions."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    memory.share_arena()
    memory.give_back()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_threads_share_an_arena() -> None:
    """Without it each thread that allocates at the same time gets one of its own."""

    def arenas(*arguments: str) -> int:
        command = [sys.executable, "-c", THREADS_THAT_ALLOCATE, *arguments]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert 0 == arenas("shared") < arenas()
