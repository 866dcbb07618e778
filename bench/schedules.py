"""Many random schedules of the pipeline's model, beyond those of the test suite: ``python -m bench.schedules``.

Each seed is one schedule of `tests/unit/pipeline/test_model.py`; prints how many failed, and their seeds, by which
``--first SEED --count 1`` repeats one with its traceback. Runs in pieces: the next one begins where the last ended.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.unit.pipeline.test_model import drive

PIECE = 250
MOST_FILES = 25
LARGEST_BYTES = 90


def failing(seeds: range) -> list[int]:
    """Return the seeds whose schedule loses a file, delivers one twice, or does not end."""
    logging.disable(logging.CRITICAL)
    found = []
    for seed in seeds:
        try:
            drive(seed, 1 + seed % MOST_FILES, largest_bytes=LARGEST_BYTES)
        except Exception:  # noqa: BLE001 - whatever it is, the schedule failed
            found.append(seed)
            traceback.print_exc()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the schedules; return 1 if one failed."""
    if sys.flags.hash_randomization:  # sets would be iterated in another order each time
        command = [sys.executable, "-m", "bench.schedules", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {"PYTHONHASHSEED": "0"})  # noqa: S606 - this very program
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=10_000, help="how many seeds")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    end = options.first + options.count
    pieces = [range(first, min(first + PIECE, end)) for first in range(options.first, end, PIECE)]
    began, done, found = time.monotonic(), 0, list[int]()
    with ProcessPoolExecutor(options.workers) as pool:
        for piece, bad in zip(pieces, pool.map(failing, pieces), strict=True):
            done += len(piece)
            found += bad
            print(f"{done} of {options.count} schedules, {len(found)} failed", file=sys.stderr)
    seconds = time.monotonic() - began
    print(f"seeds {options.first} to {end - 1}: {len(found)} of {options.count} failed, {seconds:.0f} s {found[:20]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
