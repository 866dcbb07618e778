"""What each compression level costs and gives, by kind of file: ``python -m bench.compressors``.

The files are gathered into frames as an archive's are. Each line is a compressor: Windrow's levels, and as peers zlib's
6 (``gzip -6``) and 9 (``tarfile``'s default) over the same tar entries. CPU time is that of this thread, the least of
some repetitions; SHA-256 and tar headers are part of Windrow's and left out for zlib, which flatters it.
"""

from __future__ import annotations

import argparse
import random
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pydoc_data import topics

import msgspec

from bench import machine
from bench.samples import FILE_BYTES, json_lines, log_lines
from windrow.core.archive import tar
from windrow.core.archive.writer import build_frame
from windrow.core.events import SourceObject
from windrow.lab.stack.samples import generate
from windrow.settings import Settings

LEVELS = (1, 3, 5, 6, 7, 9, 12)
PEERS = (6, 9)
REPEAT = 3
FRAMES = 4
FRAME_BYTES = Settings().frame_bytes
SMALL_BYTES = 1_000
_MOMENT = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)

Frame = list[bytes]
"""The files of one."""


class Line(msgspec.Struct, frozen=True):
    """What a compressor made of a kind of file: the share of the raw bytes that is left, and CPU time."""

    kind: str
    compressor: str
    share: float
    cpu_ms_per_100_kb: float


def kinds() -> dict[str, list[Frame]]:
    """Return frames of each kind of file, the same at every run."""
    text = "\n".join(topics.topics.values()).encode()
    drawn = generate(400)

    def of_kind(suffix: str) -> Iterator[bytes]:
        return (sample.read() for sample in drawn if sample.key.endswith(suffix))

    files: dict[str, Iterator[bytes]] = {
        "JSON lines": map(json_lines, count()),
        "log lines": map(log_lines, count()),
        "English text": (text[start:][:FILE_BYTES] for start in count(step=10_000)),
        "JSON of 1 KB": (json_lines(index, SMALL_BYTES) for index in count()),
        "noise (JPEG, zip)": (random.Random(index).randbytes(FILE_BYTES) for index in count()),
        "JSON orders": of_kind("orders.jsonl"),
        "CSV": of_kind("readings.csv"),
        "XML": of_kind("invoice.xml"),
    }
    return {kind: [frame(each) for _ in range(FRAMES)] for kind, each in files.items()}


def frame(files: Iterator[bytes]) -> Frame:
    """Return the next files that fit into a frame, counted as the objective's average."""
    taken: Frame = []
    taken_bytes = 0
    while taken_bytes + FILE_BYTES <= FRAME_BYTES:
        taken.append(next(files))
        taken_bytes += len(taken[-1])
    return taken


def windrow(level: int) -> Callable[[Frame], int]:
    """Return what gives the bytes of a frame at a level."""

    def size(frame: Frame) -> int:
        items = [
            (f"data/{n}", SourceObject("b", f"{n}", "v", "", "", len(data), _MOMENT), data)
            for n, data in enumerate(frame)
        ]
        return build_frame(items, level).size

    return size


def peer(level: int) -> Callable[[Frame], int]:
    """Return the same for zlib, which gets the tar entries joined."""

    def size(frame: Frame) -> int:
        compressor = zlib.compressobj(level, wbits=-15)
        entries = (
            part
            for n, data in enumerate(frame)
            for part in (tar.header(f"data/{n}", len(data), 0), data, tar.padding(len(data)))
        )
        return sum(len(compressor.compress(part)) for part in entries) + len(compressor.flush())

    return size


def measure(kind: str, compressor: str, of: Callable[[Frame], int], files: Sequence[Frame]) -> Line:
    """Return the line of a compressor."""
    raw = sum(len(data) for frame in files for data in frame)
    made, took_s = zip(*(_timed(of, files) for _ in range(REPEAT)), strict=True)
    return Line(kind, compressor, round(made[0] / raw, 4), round(min(took_s) * 1e3 / (raw / 1e5), 3))


def _timed(of: Callable[[Frame], int], files: Sequence[Frame]) -> tuple[int, float]:
    begun_s = time.thread_time()
    return sum(map(of, files)), time.thread_time() - begun_s


def main() -> None:
    """Measure all, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.compressors", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    contenders = {f"zlib {level}": peer(level) for level in PEERS} | {
        f"Windrow {level}": windrow(level) for level in LEVELS
    }
    lines = [measure(kind, name, of, files) for kind, files in kinds().items() for name, of in contenders.items()]
    if arguments.json:
        print(msgspec.json.encode({"machine": machine.describe(), "lines": lines}).decode())
        return
    print(machine.describe())
    print(f"{'':20}" + "".join(f"{name:>17}" for name in contenders))
    for kind in dict.fromkeys(line.kind for line in lines):
        cells = (f"{line.share:7.3f} {line.cpu_ms_per_100_kb:6.3f} ms" for line in lines if line.kind == kind)
        print(f"{kind:20}" + "".join(f"{cell:>17}" for cell in cells))


if __name__ == "__main__":
    main()
