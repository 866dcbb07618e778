"""Measures how long the packaged code takes to import, compared with ``import boto3`` from the same package."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import msgspec

from windrow.core.errors import PackageError

ENTRY_POINT = "windrow.functions.aggregate"
RUNS = 3

_SCRIPT = """
import sys, time
sys.path.insert(0, sys.argv[1])
start = time.perf_counter()
__import__(sys.argv[2])
print(time.perf_counter() - start)
"""


class ImportTime(msgspec.Struct, frozen=True):
    """Median seconds to import from an unpacked package, as at a cold start on Lambda."""

    entry_point_s: float
    boto3_s: float
    ratio: float
    arch: str
    python: str


def measure(unpacked: Path, arch: str, python: str) -> ImportTime:
    """Import both, alternating, each in a fresh process. Raises `PackageError` if the package does not import."""
    seconds: dict[str, list[float]] = {ENTRY_POINT: [], "boto3": []}
    for _ in range(RUNS):
        for module, times in seconds.items():
            times.append(_import_s(unpacked, module))
    ours, boto3 = (statistics.median(times) for times in seconds.values())
    return ImportTime(ours, boto3, ours / boto3, arch, python)


def _import_s(folder: Path, module: str) -> float:
    """Time one import: isolated (-I), without site-packages (-S) and without writing bytecode (-B)."""
    command = [sys.executable, "-I", "-S", "-B", "-c", _SCRIPT, str(folder), module]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    if done.returncode:
        raise PackageError(f"the package does not import {module}: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout)
