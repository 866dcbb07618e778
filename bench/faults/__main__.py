"""Run the fault campaign: ``python -m bench.faults --faults 1000 --seed 1``; exit code 1 if anything is wrong."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.faults.campaign import LONG, SHORT, Result, campaign
from bench.faults.links import find_toxiproxy
from windrow.local.servers import find_minio

SAY_EVERY_S = 10.0
SHORT_BELOW = 200
"""Campaigns of fewer faults hurry: shorter runs, one poison object."""


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
            note=_Teller().note,
        )
    finally:
        if result is not None and result.ok:
            shutil.rmtree(folder)
        else:
            print(f"logs and data are kept in {folder}", file=sys.stderr)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    _print(result)
    return 0 if result.ok else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000, help="how many faults to inject (1000)")
    parser.add_argument("--seed", type=int, default=1, help="which faults, in which order (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here too")
    return parser.parse_args()


class _Teller:
    """Says where the campaign stands, now and then."""

    def __init__(self) -> None:
        self._said_at = 0.0

    def note(self, text: str) -> None:
        """Print a line unless the last one is recent."""
        now = time.monotonic()
        if now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            print(text, file=sys.stderr, flush=True)


def _print(result: Result) -> None:
    print(f"seed {result.seed}: {result.faults_injected} faults in {result.seconds:.0f} s on {result.machine}")
    for kind, count in sorted(result.faults.items(), key=lambda item: -item[1]):
        print(f"{count:6d}  {kind}")
    print(f"{result.poison_kills:6d}  worker killed by a poison object (beside the faults above)")
    for kind, count in result.without_occasion.items():
        print(f"no occasion for {count} x {kind}")
    found = result.reckoning
    print(
        f"{found.files} files in {found.archives} archives ({found.empty_archives} empty); "
        f"the queue drained in {result.drain_seconds:.0f} s"
    )
    print(f"lost {found.lost}, duplicated {found.duplicated}, corrupt {found.corrupt}")
    print(f"dead letters: {found.dead_letters or 'none'}, not provoked: {len(found.unexplained)}")
    for problem in (*found.unsound, *found.unexplained):
        print(f"problem: {problem}")
    rest = {"unexpected": found.unexpected, "outside their window": found.misplaced, "left in the queue": found.waiting}
    for name, count in rest.items():
        if count:
            print(f"problem: {count} {name}")
    for name in result.logs_with_secrets:
        print(f"problem: {name} shows a secret")
    print("ok" if result.ok else "NOT OK")


if __name__ == "__main__":
    sys.exit(main())
