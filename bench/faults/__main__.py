"""Run the fault campaign: ``python -m bench.faults --faults 1000 --seed 1``; exit code 1 if anything is wrong."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.faults.campaign import LONG, SHORT, campaign
from bench.faults.links import find_toxiproxy
from bench.faults.result import text
from windrow.lab.stack.servers import find_minio

SAY_EVERY_S = 10.0
SHORT_BELOW = 200
"""Campaigns of fewer faults have shorter runs and one poison object."""


def main() -> int:
    """Parse the command line, run, print, and return the exit code."""
    arguments = _arguments()
    toxiproxy = find_toxiproxy()
    if toxiproxy is None or find_minio() is None:
        print("the campaign needs MinIO and Toxiproxy: make minio toxiproxy", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="windrow-faults-"))
    result = None
    try:
        result = campaign(
            folder,
            toxiproxy,
            seed=arguments.seed,
            count=arguments.faults,
            pace=SHORT if arguments.faults < SHORT_BELOW else LONG,
            own_breaker=arguments.own_breaker,
            on_progress=_ProgressLines().show,
        )
    finally:
        if result is not None and result.ok:
            shutil.rmtree(folder)
        else:
            print(f"logs and data are kept in {folder}", file=sys.stderr)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    print(text(result))
    return 0 if result.ok else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="how many faults to inject (1000)")
    parser.add_argument("--seed", type=int, default=1, help="which faults, in which order (1)")
    parser.add_argument(
        "--own-breaker", action="store_true", help="the worker follows no mapping and is its own circuit breaker"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here too")
    return parser.parse_args()


class _ProgressLines:
    """Prints the campaign's progress now and then."""

    def __init__(self) -> None:
        self._said_at = 0.0

    def show(self, text: str) -> None:
        """Print a line unless the last one is recent."""
        now = time.monotonic()
        if now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
