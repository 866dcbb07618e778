"""One batch of 100 KB files from a real S3 server to a real MinIO: Windrow, its peers, and the floor, in one run.

Every contender runs in a fresh process, in turn, several times over; figures are medians. Each archive is read back,
and its files are compared. The servers run on the same machine and share its cores, which is the same for all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Sequence

import msgspec

from bench import machine, outcome
from bench.peers.programs import BENTO, HOW_TO_GET, S5CMD
from bench.samples import FILE_BYTES
from bench.stand import Stand, Upload, stand
from bench.task import run, task

SIZES = (600, 3_000)
REPEAT = 3
WARM_FILES = 20


class Contender(msgspec.Struct, frozen=True):
    """Who competes: a module with ``contend``, the level it compresses at, and what must be there for it."""

    name: str
    module: str
    level: int = 6
    present: Callable[[], object] = lambda: True
    delivers: bool = True


WINDROW = Contender("Windrow", "bench.handler")
FLOOR = Contender("floor", "bench.floor", delivers=False)
NAIVE_6 = Contender("naive handler, level 6", "bench.peers.naive")
NAIVE_9 = Contender("naive handler, level 9", "bench.peers.naive", level=9)
BENTO_6 = Contender("Bento", "bench.peers.bento", present=BENTO.find)
PIPE = Contender("s5cmd + tar + gzip", "bench.peers.shell", present=S5CMD.find)
CONTENDERS = (FLOOR, WINDROW, NAIVE_6, NAIVE_9, BENTO_6, PIPE)


class Row(msgspec.Struct, frozen=True):
    """One contender's medians.

    ``requests`` are those of one repetition, to the S3 server and boto3's to the emulator. ``missing`` and ``doubled``
    count the files that were not delivered exactly once, in all repetitions; for Windrow either ends the benchmark.
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


def compete(place: Stand, count: int, repeat: int, note: Callable[[str], None]) -> Rows:
    """Run all contenders in turn, ``repeat`` times, on the same ``count`` files."""
    note(f"uploading {count} files of {FILE_BYTES // 1000} KB")
    files = place.upload(f"in-{count}", [FILE_BYTES] * count)
    warm = place.upload(f"warm-{count}", [FILE_BYTES] * WARM_FILES)
    runs: dict[str, list[Row]] = {contender.name: [] for contender in CONTENDERS}
    for repetition in range(repeat):
        for contender in CONTENDERS:
            if contender.present():
                note(f"{count} files, {repetition + 1} of {repeat}: {contender.name}")
                runs[contender.name].append(_once(place, contender, files, warm, f"{count}/{repetition}"))
    return {name: _median(rows) if rows else None for name, rows in runs.items()}


def _once(place: Stand, contender: Contender, files: list[Upload], warm: list[Upload], turn: str) -> Row:
    prefix = f"{contender.module}-{contender.level}/{turn}"
    environment = place.environment(
        WINDROW_DESTINATION_PREFIX=prefix,
        WINDROW_COMPRESSION_LEVEL=str(contender.level),
        # Each turn delivers the same files anew, so each has a ledger without claims.
        WINDROW_LEDGER_TABLE=place.fresh_ledger(),
    )
    figures = run(contender.module, task(place, files, warm, prefix, contender.level), environment)
    end = outcome.inspect(place, prefix, files, warm) if contender.delivers else None
    if contender == WINDROW and end:
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


def _median(rows: Sequence[Row]) -> Row:
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


def ratios(rows: Rows) -> dict[str, float | None]:
    """Return Windrow's figures against the others'. Throughput: higher is better; all else: lower is better.

    ``naive`` is the naive handler at Windrow's own compression level for throughput, and as it is usually written, at
    the default level of `tarfile` (9), for CPU and size. Both are in the figures at both levels.
    """
    windrow, floor, naive_6, naive_9 = (rows[c.name] for c in (WINDROW, FLOOR, NAIVE_6, NAIVE_9))
    bento = rows[BENTO_6.name]
    if not (windrow and floor and naive_6 and naive_9 and windrow.archive_mb and naive_9.archive_mb):
        raise SystemExit("a contender that is always there has no figures")
    values = {
        "throughput_vs_naive": windrow.files_per_s / naive_6.files_per_s,
        "cpu_vs_naive": windrow.cpu_ms_per_file / naive_9.cpu_ms_per_file,
        "cpu_vs_bento": windrow.cpu_ms_per_file / bento.cpu_ms_per_file if bento else None,
        "cpu_vs_floor": windrow.cpu_ms_per_file / floor.cpu_ms_per_file,
        "archive_vs_level9": windrow.archive_mb / naive_9.archive_mb,
        "throughput_vs_naive_level9": windrow.files_per_s / naive_9.files_per_s,
        "cpu_vs_naive_level6": windrow.cpu_ms_per_file / naive_6.cpu_ms_per_file,
    }
    return {name: None if value is None else round(value, 4) for name, value in values.items()}


def limit(rows: Rows, this: machine.Machine) -> str:
    """Say what bounds Windrow's throughput here. The machine's load is that of before the benchmark began."""
    windrow = rows[WINDROW.name]
    assert windrow is not None  # noqa: S101 - `ratios` has made sure
    busy = windrow.files_per_s * windrow.cpu_ms_per_file / 1000
    share = f"Windrow keeps {busy:.1f} of {this.cores} cores busy"
    if this.load > this.cores:
        return f"other work on this machine (load {this.load} before the start): {share}"
    if busy > this.cores / 2:
        return f"CPU: {share}, the servers on this machine most of the rest"
    return f"the servers on this machine: {share}"


def table(count: int, rows: Rows) -> str:
    """Return the figures of one batch size as text."""
    lines = [f"{'':24}{'files/s':>9}{'CPU ms/file':>13}{'peak MB':>9}{'archive MB':>12}  requests ({count} files)"]
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.aggregate", description=__doc__)
    parser.add_argument("--files", type=int, action="append", help="files in the batch; may be given several times")
    parser.add_argument(
        "--repeat", type=int, default=REPEAT, help="repetitions of the first batch size; a larger one runs once"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    sizes = options.files or SIZES
    this = machine.describe()

    def note(text: str) -> None:
        print(f"{text} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)

    with stand() as place:
        results = {count: compete(place, count, options.repeat if count == min(sizes) else 1, note) for count in sizes}
    first = results[min(sizes)]
    if options.json:
        answer = {
            "ratios": ratios(first),
            "ratios_by_files": {str(count): ratios(rows) for count, rows in results.items()},
            "figures": {str(count): rows for count, rows in results.items()},
            "file_bytes": FILE_BYTES,
            "repeat": options.repeat,
            "machine": this,
            "limiting_factor": limit(first, this),
        }
        print(msgspec.json.encode(answer).decode())
        return
    print(f"{this}; medians of {options.repeat} alternating runs\n")
    for count, rows in results.items():
        print(table(count, rows) + "\n")
        print(
            "  ".join(
                f"{name} {'-' if value is None else format(value, '.3f')}" for name, value in ratios(rows).items()
            )
        )
        print(f"limit: {limit(rows, this)}\n")


if __name__ == "__main__":
    main()
