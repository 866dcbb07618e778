"""How cost and memory grow: from 100 to 10,000 files, from 1 KB to 50 MB each, and with 1, 2 and 4 batches at once.

Each point is the handler's work in fresh processes, after a small batch that opens the connections. The raw data of
one batch stay within --most-mb, so that the grid is finite; 10,000 files and 50 MB are both in it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from bench import machine, outcome
from bench.meter import Figures
from bench.stand import Stand, Upload, stand
from bench.task import run, task

COUNTS = (100, 1_000, 10_000)
SIZES = (1_000, 10_000, 100_000, 1_000_000, 50_000_000)
AT_ONCE = (1, 2, 4)
MOST_MB = 500.0
AT_ONCE_FILES, AT_ONCE_BYTES = 400, 100_000


class Point(msgspec.Struct, frozen=True):
    """One point of the grid. ``files_per_s`` is that of all processes together, the rest medians of one process."""

    files: int
    file_bytes: int
    at_once: int
    files_per_s: float
    cpu_ms_per_file: float
    cpu_ms_per_mb: float
    peak_mb: float
    archive_mb: float


class Grid:
    """Measures points on one stand; uploads are kept from one to the next."""

    def __init__(self, place: Stand) -> None:
        self._place = place
        self._uploads: dict[tuple[int, int], list[Upload]] = {}

    def point(self, files: int, file_bytes: int, at_once: int) -> Point:
        """Run ``at_once`` handlers side by side, each on files of its own."""
        uploads = self._upload(files * at_once, file_bytes)
        warm = self._upload(10, 2_000)
        parts = [uploads[at : at + files] for at in range(0, files * at_once, files)]
        prefix = f"scale/{files}-{file_bytes}-{at_once}"
        with ThreadPoolExecutor(at_once) as pool:
            figures = list(pool.map(lambda n: self._run(parts[n], warm, f"{prefix}/{n}"), range(at_once)))
        ends = [outcome.inspect(self._place, f"{prefix}/{n}", part, warm) for n, part in enumerate(parts)]
        size = sum(outcome.require_all(end).archive_bytes for end in ends)
        cpu_s = statistics.median(figure.cpu_s for figure in figures)
        return Point(
            files=files,
            file_bytes=file_bytes,
            at_once=at_once,
            files_per_s=round(files * at_once / max(figure.wall_s for figure in figures), 1),
            cpu_ms_per_file=round(cpu_s * 1000 / files, 3),
            cpu_ms_per_mb=round(cpu_s * 1000 / (files * file_bytes / 1e6), 2),
            peak_mb=round(statistics.median(figure.peak_bytes for figure in figures) / 1e6, 1),
            archive_mb=round(size / 1e6, 2),
        )

    def _upload(self, files: int, file_bytes: int) -> list[Upload]:
        key = files, file_bytes
        if key not in self._uploads:
            self._uploads[key] = self._place.upload(f"{files}x{file_bytes}", [file_bytes] * files)
        return self._uploads[key]

    def _run(self, files: list[Upload], warm: list[Upload], prefix: str) -> Figures:
        settings = {"WINDROW_DESTINATION_PREFIX": prefix, "WINDROW_LEDGER_TABLE": self._place.fresh_ledger()}
        return run("bench.handler", task(self._place, files, warm, prefix), self._place.environment(**settings))


def points(
    counts: Sequence[int], sizes: Sequence[int], at_once: Sequence[int], at_once_files: int, most_mb: float
) -> Iterator[tuple[int, int, int]]:
    """Yield (files, bytes each, batches at once): the grid within the limit, then the concurrencies."""
    for file_bytes in sizes:
        fitting = [count for count in counts if count * file_bytes <= most_mb * 1e6]
        # A size of which not even the smallest count fits is there with as many as do fit.
        for count in fitting or [max(1, int(most_mb * 1e6 / file_bytes))]:
            yield count, file_bytes, 1
    for number in at_once:
        yield at_once_files, AT_ONCE_BYTES, number


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--bytes", type=int, nargs="+", default=SIZES, dest="sizes")
    parser.add_argument("--at-once", type=int, nargs="+", default=AT_ONCE)
    parser.add_argument("--at-once-files", type=int, default=AT_ONCE_FILES, help="files in each of several batches")
    parser.add_argument("--most-mb", type=float, default=MOST_MB, help="raw data of one batch at most")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    results = []
    with stand() as place:
        grid = Grid(place)
        wanted = points(options.files, options.sizes, options.at_once, options.at_once_files, options.most_mb)
        for files, file_bytes, at_once in wanted:
            print(f"{files} files of {file_bytes} bytes, {at_once} at once", file=sys.stderr, flush=True)
            results.append(grid.point(files, file_bytes, at_once))
    if options.json:
        print(msgspec.json.encode({"points": results, "machine": this}).decode())
        return
    print(f"{this}\n\n   files   bytes each  at once  files/s  CPU ms/file  CPU ms/MB  peak MB  archives MB")
    for point in results:
        print(
            f"{point.files:8}{point.file_bytes:13}{point.at_once:9}{point.files_per_s:9.0f}"
            f"{point.cpu_ms_per_file:13.3f}{point.cpu_ms_per_mb:11.2f}{point.peak_mb:9.0f}{point.archive_mb:13.2f}"
        )


if __name__ == "__main__":
    main()
