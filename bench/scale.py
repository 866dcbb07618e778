"""How cost and memory grow: from 100 to 10,000 files, from 1 KB to 50 MB each, and with 1, 2 and 4 batches at once.

Each point is the handler's work in fresh processes, after a small batch that opens the connections. Points of more than
500 MB of raw data (10,000 files of 100 KB, 100 files of 50 MB, 10,000 files of mixed sizes) are measured with --large;
without it, the largest count that fits. Archives are deleted once every file was found in them, large files too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from bench import machine, outcome
from bench.machine_load import MachineLoad
from bench.meter import Figures
from bench.samples import MIX_MEAN_BYTES, mixed_sizes
from bench.task import run, task
from bench.testbed import WARM_FIRST, Testbed, Upload, open_testbed

COUNTS = (100, 1_000, 10_000)
MIXED = 0
"""Stands for heavy-tailed sizes (`bench.samples.mixed_sizes`) in place of a file's size."""
SIZES = (1_000, 10_000, 100_000, 1_000_000, 50_000_000, MIXED)
LARGE = ((10_000, 100_000), (100, 50_000_000), (10_000, MIXED))
MOST_MB = 500.0
AT_ONCE = (1, 2, 4)
AT_ONCE_BATCHES = ((2_000, 1_000), (400, 100_000), (8, 10_000_000))
"""Files and bytes of each of the batches that are worked on at once."""


class Spec(msgspec.Struct, frozen=True):
    """What to measure: ``files`` of ``file_bytes`` each (or `MIXED`) in each of ``at_once`` batches."""

    files: int
    file_bytes: int
    at_once: int = 1

    def sizes(self) -> list[int]:
        """Return the bytes of every file of all batches."""
        count = self.files * self.at_once
        return mixed_sizes(count) if self.file_bytes == MIXED else [self.file_bytes] * count

    def __str__(self) -> str:
        size = "mixed sizes" if self.file_bytes == MIXED else f"{self.file_bytes} bytes"
        return f"{self.files} files of {size}, {self.at_once} at once"


class Point(msgspec.Struct, frozen=True):
    """One point of the grid. ``files_per_s`` is that of all processes together, the rest medians of one process.

    ``file_bytes`` is the mean of mixed sizes.
    """

    files: int
    file_bytes: int
    mixed: bool
    at_once: int
    files_per_s: float
    cpu_ms_per_file: float
    cpu_ms_per_mb: float
    peak_mb: float
    archive_mb: float


class Grid:
    """Measures points on one stand; uploads of up to ``keep_mb`` are kept for the points that follow."""

    def __init__(self, place: Testbed, keep_mb: float = MOST_MB) -> None:
        self._place = place
        self._keep_mb = keep_mb
        self._uploads: dict[tuple[int, int], list[Upload]] = {}
        self._warm = place.upload("warm", [2_000] * 10, first=WARM_FIRST)

    def point(self, spec: Spec) -> Point:
        """Run ``at_once`` handlers side by side, each on files of its own."""
        uploads = self._upload(spec)
        parts = [uploads[at : at + spec.files] for at in range(0, len(uploads), spec.files)]
        prefix = f"scale/{spec.files}-{spec.file_bytes}-{spec.at_once}"
        with ThreadPoolExecutor(spec.at_once) as pool:
            figures = list(pool.map(lambda n: self._run(parts[n], f"{prefix}/{n}"), range(spec.at_once)))
        ends = [outcome.inspect(self._place, f"{prefix}/{n}", part, self._warm) for n, part in enumerate(parts)]
        archive_bytes = sum(outcome.require_all(end).archive_bytes for end in ends)
        self._clear(spec, prefix)
        return _point(spec, sum(upload.size for upload in uploads), archive_bytes, figures)

    def _upload(self, spec: Spec) -> list[Upload]:
        key = spec.files * spec.at_once, spec.file_bytes
        if key not in self._uploads:
            self._uploads[key] = self._place.upload(_folder(key), spec.sizes())
        return self._uploads[key]

    def _clear(self, spec: Spec, prefix: str) -> None:
        """Delete what the point left, and files that would fill the disk."""
        outputs = self._place.outputs
        self._place.delete(outputs.destination_bucket, prefix)
        key = spec.files * spec.at_once, spec.file_bytes
        if sum(upload.size for upload in self._uploads[key]) > self._keep_mb * 1e6:
            del self._uploads[key]
            self._place.delete(outputs.landing_bucket, _folder(key))

    def _run(self, files: list[Upload], prefix: str) -> Figures:
        settings = {"WINDROW_DESTINATION_PREFIX": prefix, "WINDROW_LEDGER_TABLE": self._place.fresh_ledger()}
        work = task(self._place, files, self._warm, prefix)
        return run("bench.handler", work, self._place.environment(**settings))


def _folder(key: tuple[int, int]) -> str:
    files, file_bytes = key
    return f"{files}x{file_bytes or 'mixed'}"


def _point(spec: Spec, raw_bytes: int, archive_bytes: int, figures: Sequence[Figures]) -> Point:
    files = spec.files * spec.at_once
    cpu_s = statistics.median(figure.cpu_s for figure in figures)
    return Point(
        files=spec.files,
        file_bytes=round(raw_bytes / files),
        mixed=spec.file_bytes == MIXED,
        at_once=spec.at_once,
        files_per_s=round(files / max(figure.wall_s for figure in figures), 1),
        cpu_ms_per_file=round(cpu_s * 1000 / spec.files, 3),
        cpu_ms_per_mb=round(cpu_s * 1000 / (raw_bytes / spec.at_once / 1e6), 2),
        peak_mb=round(statistics.median(figure.peak_bytes for figure in figures) / 1e6, 1),
        archive_mb=round(archive_bytes / 1e6, 2),
    )


def grid(counts: Sequence[int], sizes: Sequence[int], most_mb: float) -> Iterator[Spec]:
    """Yield the points of every count and size within the limit of raw data a batch."""
    for file_bytes in sizes:
        mean_bytes = file_bytes or MIX_MEAN_BYTES
        fitting = [count for count in counts if count * mean_bytes <= most_mb * 1e6]
        # A size of which not even the smallest count fits is measured with as many as do fit.
        for count in fitting or [max(1, int(most_mb * 1e6 / mean_bytes))]:
            yield Spec(count, file_bytes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--bytes", type=int, nargs="+", default=SIZES, dest="sizes", help="0 for mixed sizes")
    parser.add_argument("--at-once", type=int, nargs="+", default=AT_ONCE)
    parser.add_argument(
        "--at-once-batch",
        type=int,
        nargs=2,
        action="append",
        metavar=("FILES", "BYTES"),
        help="each of several batches at once; may be given several times",
    )
    parser.add_argument("--most-mb", type=float, default=MOST_MB, help="raw data of one batch at most")
    parser.add_argument("--large", action="store_true", help="the large points too (10 minutes and 15 GB of disk)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    specs = list(grid(options.files, options.sizes, options.most_mb))
    batches = options.at_once_batch or AT_ONCE_BATCHES
    specs += [Spec(files, file_bytes, n) for files, file_bytes in batches for n in options.at_once]
    specs += [Spec(*large) for large in LARGE if options.large]
    results = []
    with open_testbed() as place:
        others = MachineLoad()
        points = Grid(place)
        for spec in specs:
            print(spec, file=sys.stderr, flush=True)
            results.append(points.point(spec))
        busy = others.cores()
    if options.json:
        print(msgspec.json.encode({"points": results, "machine": this, "others_cores": busy}).decode())
        return
    print(f"{this}; other programs kept {busy:.1f} cores busy\n")
    print("   files   bytes each  at once  files/s  CPU ms/file  CPU ms/MB  peak MB  archives MB")
    for point in results:
        size = f"mix {point.file_bytes}" if point.mixed else str(point.file_bytes)
        print(
            f"{point.files:8}{size:>13}{point.at_once:9}{point.files_per_s:9.0f}"
            f"{point.cpu_ms_per_file:13.3f}{point.cpu_ms_per_mb:11.2f}{point.peak_mb:9.0f}{point.archive_mb:13.2f}"
        )


if __name__ == "__main__":
    main()
