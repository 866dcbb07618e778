"""One batch of 100 KB files from a real S3 server to a real MinIO: Windrow, its peers, and the lower bound, in one run.

Every contender runs in a fresh process, in turn, several times over, each time in another order; figures are medians.
A ratio is the median of the ratios within each repetition. Each archive is read back, and its files are compared. The
servers run on the same machine and share its cores, which is the same for all.

Contenders are given their batch in memory, but for those that read it from a queue: Bento and Windrow's worker.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from collections.abc import Callable, Sequence

import msgspec

from bench import machine, outcome
from bench.counting import counted
from bench.machine_load import MachineLoad
from bench.peers.programs import BENTO, HOW_TO_GET, S5CMD
from bench.samples import FILE_BYTES, mixed_sizes
from bench.task import LEVEL, run, task
from bench.testbed import WARM_FIRST, Testbed, open_testbed

COUNTS = (600, 3_000)
REPEAT = 5
REPEAT_LARGER = 3
"""Repetitions of the larger batch sizes, at most: one of 3,000 files takes about two minutes."""
WARM_FILES = 20
OTHERS_MOST = 0.25
"""Cores that other programs may keep busy before they are named as the limit."""


class Contender(msgspec.Struct, frozen=True):
    """A program to measure: a module with ``contend``, its fixed compression level, and what must be installed.

    Without a level of its own it gets the one that is asked for. One that is fed by a queue has its requests to the
    emulator counted in a run of its own.
    """

    name: str
    module: str
    level: int | None = None
    present: Callable[[], object] = lambda: True
    delivers: bool = True
    queued: bool = False


WINDROW = Contender("Windrow", "bench.handler")
WORKER = Contender("Windrow worker", "bench.worker", queued=True)
LOWER_BOUND = Contender("lower bound", "bench.lower_bound", delivers=False)
NAIVE_6 = Contender("naive handler, level 6", "bench.peers.naive", level=6)
NAIVE_9 = Contender("naive handler, level 9", "bench.peers.naive", level=9)
BENTO_6 = Contender("Bento", "bench.peers.bento", level=6, present=BENTO.find, queued=True)
PIPE = Contender("s5cmd + tar + gzip", "bench.peers.shell", level=6, present=S5CMD.find)
CONTENDERS = (LOWER_BOUND, WINDROW, NAIVE_6, NAIVE_9, WORKER, BENTO_6, PIPE)


class Row(msgspec.Struct, frozen=True):
    """One contender's figures of one repetition, or their medians.

    ``requests`` are those of one repetition, to the S3 server and to the emulator. ``missing`` and ``doubled`` count
    the files that were not delivered exactly once, in all repetitions; for Windrow either ends the benchmark.
    """

    files_per_s: float
    cpu_ms_per_file: float
    peak_mb: float
    archive_mb: float | None
    requests: dict[str, int]
    runs: list[dict[str, float]]
    missing: int = 0
    doubled: int = 0


Rows = dict[str, Row | None]
Ratios = dict[str, float | None]


class Results(msgspec.Struct, frozen=True):
    """What one batch size gave: the medians, and each repetition by itself."""

    medians: Rows
    repetitions: list[Rows]

    def median(self, ratios: Callable[[Rows], Ratios]) -> Ratios:
        """Return the median of each ratio over the repetitions."""
        each = self._each(ratios).items()
        return {name: round(statistics.median(values), 4) if values else None for name, values in each}

    def range(self, ratios: Callable[[Rows], Ratios]) -> dict[str, list[float] | None]:
        """Return the lowest and the highest of each ratio over the repetitions."""
        each = self._each(ratios).items()
        return {name: [round(min(values), 4), round(max(values), 4)] if values else None for name, values in each}

    def _each(self, ratios: Callable[[Rows], Ratios]) -> dict[str, list[float]]:
        """Return every ratio's values; none where a contender is not installed."""
        single = [ratios(rows) for rows in self.repetitions]
        return {name: [value for each in single if (value := each[name]) is not None] for name in single[0]}


def order(repetition: int) -> list[Contender]:
    """Return the order of one repetition: each begins with another contender, and puts another one before each.

    It goes through them in steps of 1, 2, 3 and so on. They are seven, a prime number, so every step meets all of them.
    """
    count = len(CONTENDERS)
    step = repetition % (count - 1) + 1
    return [CONTENDERS[(repetition + at * step) % count] for at in range(count)]


class Race:
    """All contenders on the same files of these sizes in bytes."""

    def __init__(self, place: Testbed, sizes: Sequence[int], level: int, note: Callable[[str], None]) -> None:
        self._place = place
        self._count = len(sizes)
        self._level = level
        self._note = note
        note(f"uploading {self._count} files, {sum(sizes) / 1e6:.0f} MB")
        self._files = place.upload(f"in-{self._count}", sizes)
        self._warm = place.upload(f"warm-{self._count}", [FILE_BYTES] * WARM_FILES, first=WARM_FIRST)

    def run(self, repeat: int) -> Results:
        """Run all contenders in turn, ``repeat`` times, and count the requests of those that are fed by a queue."""
        repetitions = [self._repetition(number, f"{number + 1} of {repeat}") for number in range(repeat)]
        medians = {contender.name: _median([rows[contender.name] for rows in repetitions]) for contender in CONTENDERS}
        for contender in CONTENDERS:
            if contender.queued and (row := medians[contender.name]):
                self._note(f"{self._count} files, counting the requests of {contender.name}")
                medians[contender.name] = msgspec.structs.replace(row, requests=self._requests(contender))
        return Results(medians, repetitions)

    def _repetition(self, number: int, name: str) -> Rows:
        rows: Rows = {contender.name: None for contender in CONTENDERS}
        for contender in order(number):
            if contender.present():
                self._note(f"{self._count} files, {name}: {contender.name}")
                rows[contender.name] = self._once(contender, str(number))
        return rows

    def _requests(self, contender: Contender) -> dict[str, int]:
        """Run a contender through the counting proxy; return its requests, those of a warm batch included."""
        with counted(self._place.aws_endpoint) as (endpoint, counts):
            return self._once(contender, "counted", endpoint).requests | counts()

    def _once(self, contender: Contender, turn: str, aws_endpoint: str = "") -> Row:
        """Run a contender once; ``aws_endpoint`` is another way to the emulator."""
        place, files, level = self._place, self._files, contender.level or self._level
        prefix = f"{contender.module}-{level}/{self._count}/{turn}"
        ledger = place.fresh_ledger()  # each turn delivers the same files anew, so each has one without claims
        work = task(place, files, self._warm, prefix, level, ledger)
        if aws_endpoint:
            work = msgspec.structs.replace(work, aws_endpoint=aws_endpoint)
        environment = place.environment(
            WINDROW_DESTINATION_PREFIX=prefix,
            WINDROW_COMPRESSION_LEVEL=str(level),
            WINDROW_LEDGER_TABLE=ledger,
            AWS_ENDPOINT_URL=work.aws_endpoint,
        )
        figures = run(contender.module, work, environment)
        end = outcome.inspect(place, prefix, files, self._warm) if contender.delivers else None
        if contender in (WINDROW, WORKER) and end:
            outcome.require_all(end)
        return Row(
            files_per_s=len(files) / figures.wall_s,
            cpu_ms_per_file=figures.cpu_s / len(files) * 1000,
            peak_mb=figures.peak_bytes / 1e6,
            archive_mb=end.archive_bytes / 1e6 if end else None,
            requests=figures.calls,
            missing=end.missing if end else 0,
            doubled=end.doubled if end else 0,
            runs=[{"wall_s": figures.wall_s, "cpu_s": figures.cpu_s, "peak_mb": figures.peak_bytes / 1e6}],
        )


def _median(each: Sequence[Row | None]) -> Row | None:
    """Return the medians of a contender's repetitions, or nothing if it is not installed."""
    rows = [row for row in each if row is not None]
    if not rows:
        return None
    return Row(
        files_per_s=round(statistics.median(row.files_per_s for row in rows), 1),
        cpu_ms_per_file=round(statistics.median(row.cpu_ms_per_file for row in rows), 3),
        peak_mb=round(statistics.median(row.peak_mb for row in rows), 1),
        archive_mb=None if rows[0].archive_mb is None else round(rows[0].archive_mb, 3),
        requests=rows[-1].requests,
        runs=[single for row in rows for single in row.runs],
        missing=sum(row.missing for row in rows),
        doubled=sum(row.doubled for row in rows),
    )


def ratios(rows: Rows) -> Ratios:
    """Return Windrow's handler against the others. Throughput: higher is better; all else: lower is better.

    ``naive`` is the naive handler at level 6, `gzip`'s default, for throughput, and as it is usually written, at
    `tarfile`'s default of 9, for CPU and size. Both are in the figures at both levels.
    """
    windrow, lower_bound, naive_6, naive_9 = (
        _row(rows, contender) for contender in (WINDROW, LOWER_BOUND, NAIVE_6, NAIVE_9)
    )
    bento = rows[BENTO_6.name]
    return {
        "throughput_vs_naive": windrow.files_per_s / naive_6.files_per_s,
        "cpu_vs_naive": windrow.cpu_ms_per_file / naive_9.cpu_ms_per_file,
        "cpu_vs_bento": windrow.cpu_ms_per_file / bento.cpu_ms_per_file if bento else None,
        "cpu_vs_lower_bound": windrow.cpu_ms_per_file / lower_bound.cpu_ms_per_file,
        "archive_vs_level9": (windrow.archive_mb or math.nan) / (naive_9.archive_mb or math.nan),
    }


def more_ratios(rows: Rows) -> Ratios:
    """Return further ratios: the other levels, and from queue to archive, as Bento works."""
    windrow, worker, naive_6, naive_9 = (_row(rows, contender) for contender in (WINDROW, WORKER, NAIVE_6, NAIVE_9))
    bento = rows[BENTO_6.name]
    return {
        "throughput_vs_naive_level9": windrow.files_per_s / naive_9.files_per_s,
        "cpu_vs_naive_level6": windrow.cpu_ms_per_file / naive_6.cpu_ms_per_file,
        "worker_throughput_vs_bento": worker.files_per_s / bento.files_per_s if bento else None,
        "worker_cpu_vs_bento": worker.cpu_ms_per_file / bento.cpu_ms_per_file if bento else None,
    }


def _row(rows: Rows, contender: Contender) -> Row:
    """Return the figures of a contender that is always installed."""
    row = rows[contender.name]
    assert row is not None  # noqa: S101 - it is part of this repository
    return row


def limit(rows: Rows, this: machine.Machine, others: float) -> str:
    """Say what bounds Windrow's throughput here; ``others`` is how many cores other programs kept busy meanwhile."""
    windrow = _row(rows, WINDROW)
    busy = windrow.files_per_s * windrow.cpu_ms_per_file / 1000
    share = f"Windrow keeps {busy:.1f} of {this.cores} cores busy"
    if others > OTHERS_MOST:
        return f"other work on this machine ({others:.1f} cores during the run): {share}"
    if busy > this.cores / 2:
        return f"CPU: {share}, the servers on this machine most of the rest"
    return f"the servers on this machine: {share}"


def table(count: int, rows: Rows) -> str:
    """Return the figures of one batch size as text."""
    runs = len(_row(rows, WINDROW).runs)
    times = "one run" if runs == 1 else f"medians of {runs} runs"
    lines = [
        f"{count} files, {times}",
        f"{'':24}{'files/s':>9}{'CPU ms/file':>13}{'peak MB':>9}{'archive MB':>12}  requests",
    ]
    for name, row in rows.items():
        if row is None:
            lines.append(f"{name:24}{'not installed: ' + HOW_TO_GET:>9}")
            continue
        size = "" if row.archive_mb is None else f"{row.archive_mb:.2f}"
        requests = ", ".join(f"{kind} {number}" for kind, number in sorted(row.requests.items()))
        if row.missing or row.doubled:
            requests += f"; {row.missing} files missing, {row.doubled} twice"
        lines.append(
            f"{name:24}{row.files_per_s:9.0f}{row.cpu_ms_per_file:13.2f}{row.peak_mb:9.0f}{size:>12}  {requests}"
        )
    return "\n".join(lines)


def ratios_table(results: Results) -> str:
    """Return all ratios as text, each with its lowest and highest."""
    lines = []
    for kind in (ratios, more_ratios):
        ranges = results.range(kind)
        for name, value in results.median(kind).items():
            ends = ranges[name]
            text = f"{value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "-"
            lines.append(f"{name:28}{text}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.aggregate", description=__doc__)
    parser.add_argument("--files", type=int, action="append", help="files in the batch; may be given several times")
    parser.add_argument(
        "--repeat",
        type=int,
        default=REPEAT,
        help=f"repetitions of the smallest batch size (%(default)s); larger ones run {REPEAT_LARGER} times at most",
    )
    parser.add_argument(
        "--level",
        type=int,
        default=LEVEL,
        help="compression level of Windrow, its worker and the lower bound (%(default)s); the others stay at theirs",
    )
    parser.add_argument("--mix", action="store_true", help="files of heavy-tailed sizes (mean 100 KB), not all alike")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    counts = options.files or COUNTS
    this = machine.describe()

    def note(text: str) -> None:
        print(f"{text} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)

    sizes = {count: mixed_sizes(count) if options.mix else [FILE_BYTES] * count for count in counts}
    larger = min(options.repeat, REPEAT_LARGER)
    repeats = {count: options.repeat if count == min(counts) else larger for count in counts}
    with open_testbed() as place:
        others = MachineLoad()
        results = {count: Race(place, sizes[count], options.level, note).run(repeats[count]) for count in counts}
        busy = others.cores()
    first = results[min(counts)]
    if options.json:
        answer = {
            "ratios": first.median(ratios),
            "ranges": first.range(ratios),
            "more_ratios": first.median(more_ratios),
            "more_ranges": first.range(more_ratios),
            "ratios_by_files": {str(count): each.median(ratios) for count, each in results.items()},
            "ranges_by_files": {str(count): each.range(ratios) for count, each in results.items()},
            "more_ratios_by_files": {str(count): each.median(more_ratios) for count, each in results.items()},
            "more_ranges_by_files": {str(count): each.range(more_ratios) for count, each in results.items()},
            "figures": {str(count): each.medians for count, each in results.items()},
            "file_bytes": round(statistics.mean(sizes[min(counts)])),
            "mixed_sizes": options.mix,
            "level": options.level,
            "repeat": options.repeat,
            "repeats": {str(count): repeats[count] for count in counts},
            "machine": this,
            "others_cores": busy,
            "limiting_factor": limit(first.medians, this, busy),
        }
        print(msgspec.json.encode(answer).decode())
        return
    files = "heavy-tailed sizes" if options.mix else f"{FILE_BYTES // 1000} KB each"
    print(f"{this}; other programs kept {busy:.1f} cores busy; {files}; level {options.level}; contenders in turn\n")
    for count, each in results.items():
        print(f"{table(count, each.medians)}\n\n{ratios_table(each)}\n\nlimit: {limit(each.medians, this, busy)}\n")


if __name__ == "__main__":
    main()
