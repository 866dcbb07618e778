"""The archive format alone: building and reading against raw libdeflate, and one file out of a 300 MB archive.

Building is measured on one thread and on as many as there are cores; raw libdeflate compresses the same frames,
already joined, on the same threads. With SHA-256 it hashes each file and joins the frames as well, in memory that is
kept, as Windrow does. One file is read by ranges from a local file, `tar -x` reads the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import local

import deflate
import msgspec

from bench import machine
from bench.samples import FILE_BYTES, json_lines
from bench.task import LEVEL
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.events import SourceObject
from windrow.core.manifest import Window
from windrow.core.naming import safe_names

REPEAT = 5
FILES = 600
ARCHIVE_FILES = 3_000
FILES_PER_FRAME = 10
_MOMENT = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)
_WINDOW = Window(_MOMENT, _MOMENT + timedelta(minutes=1))

Item = tuple[str, SourceObject, bytes]


class Kept(local):
    """Memory for one frame that each thread keeps: fresh memory would cost page faults for every frame."""

    def __init__(self) -> None:
        self._memory = memoryview(bytearray(FILES_PER_FRAME * FILE_BYTES))

    def join(self, parts: Iterable[bytes]) -> memoryview:
        """Return the parts as one, until this thread joins others."""
        end = 0
        for part in parts:
            start, end = end, end + len(part)
            self._memory[start:end] = part
        return self._memory[:end]


class CountingFile:
    """A local archive that counts the range reads made of it."""

    def __init__(self, path: Path, manifest_bytes: int) -> None:
        self.size = path.stat().st_size
        self.manifest_bytes: int | None = manifest_bytes
        self.reads = self.read_bytes = 0
        self._path = path

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``."""
        self.reads += 1
        self.read_bytes += length
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


def groups(count: int) -> list[list[Item]]:
    """Return ``count`` sample files in groups of one frame each."""
    sources = [
        SourceObject("landing", f"in/{index:06d}.jsonl", f"v{index:031d}", "", "", FILE_BYTES, _MOMENT)
        for index in range(count)
    ]
    items = [
        (name, source, json_lines(index))
        for index, (name, source) in enumerate(zip(safe_names(sources), sources, strict=True))
    ]
    return [items[at : at + FILES_PER_FRAME] for at in range(0, count, FILES_PER_FRAME)]


def build(parts: Sequence[list[Item]], pool: ThreadPoolExecutor) -> SealedArchive:
    """Build an archive as the pipeline does."""
    return seal(_WINDOW, list(pool.map(lambda part: build_frame(part, LEVEL), parts)), LEVEL)


def building(parts: Sequence[list[Item]], threads: int, repeat: int) -> dict[str, float]:
    """Return MB/s of raw data: Windrow's archive, libdeflate alone, and libdeflate with SHA-256 and the join."""
    joined = [b"".join(data for _, _, data in part) for part in parts]
    raw_bytes = sum(map(len, joined))
    kept = Kept()
    with ThreadPoolExecutor(threads) as pool:

        def hashed(part: list[Item]) -> None:
            for _, _, data in part:
                hashlib.sha256(data).digest()
            deflate.gzip_compress(kept.join(data for _, _, data in part), LEVEL)

        speeds = in_turn(
            {
                "archive": lambda: build(parts, pool),
                "libdeflate": lambda: list(pool.map(lambda raw: deflate.gzip_compress(raw, LEVEL), joined)),
                "libdeflate_sha256": lambda: list(pool.map(hashed, parts)),
            },
            repeat,
        )
    return {name: raw_bytes / 1e6 / seconds for name, seconds in speeds.items()}


def reading(path: Path, archive: SealedArchive, repeat: int) -> dict[str, float]:
    """Return MB/s of raw data: verifying every byte, and zlib alone on the same frames."""
    data = path.read_bytes()
    first = int(archive.metadata["manifest-bytes"])
    frames = [data[first + f.offset : first + f.offset + f.length] for f in archive.manifest.frames]
    raw_bytes = int(archive.metadata["raw-bytes"])
    speeds = in_turn(
        {
            "verify": lambda: verify(CountingFile(path, first)),
            "zlib": lambda: [zlib.decompressobj(wbits=-15).decompress(frame) for frame in frames],
        },
        repeat,
    )
    return {name: raw_bytes / 1e6 / seconds for name, seconds in speeds.items()}


def one_file(path: Path, archive: SealedArchive, repeat: int, folder: Path) -> dict[str, float]:
    """Return what one file from the archive's middle costs, by ranges and by `tar -x`."""
    first = int(archive.metadata["manifest-bytes"])
    wanted = archive.manifest.files[len(archive.manifest.files) // 2].name
    source = CountingFile(path, first)

    def by_ranges() -> None:
        opened = Archive.open(source)
        file = next(file for file in opened.manifest.files if file.name == wanted)
        b"".join(opened.read(file))

    def by_tar() -> None:
        subprocess.run(["tar", "-xzf", path, "-C", folder, wanted], check=True)

    seconds = in_turn({"ranges": by_ranges, "tar": by_tar}, repeat)
    return {
        "range_reads": source.reads / repeat,
        "range_mb": source.read_bytes / repeat / 1e6,
        "ranges_ms": seconds["ranges"] * 1000,
        "tar_ms": seconds["tar"] * 1000,
    }


def in_turn(works: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Run the works alternately; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeat):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in seconds.items()}


def measure(files: int, archive_files: int, repeat: int, cores: int) -> dict[str, dict[str, float]]:
    """Return all figures."""
    results = {}
    for threads in sorted({1, cores}):
        results[_build(threads)] = building(groups(files), threads, repeat)
    with tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder, ThreadPoolExecutor(cores) as pool:
        sealed = build(groups(archive_files), pool)
        path = Path(folder) / "archive.tar.gz"
        path.write_bytes(b"".join(sealed.chunks))
        results["read"] = reading(path, sealed, max(1, repeat // 2))
        results["one file"] = one_file(path, sealed, repeat, Path(folder))
    return {kind: {name: round(value, 3) for name, value in figures.items()} for kind, figures in results.items()}


def ratios(figures: Mapping[str, Mapping[str, float]], cores: int) -> dict[str, float]:
    """Return building against libdeflate, on one thread and on as many as there are cores, and one file against tar."""
    values = {}
    for name, threads in (("", 1), ("_all_cores", cores)):
        build = figures[_build(threads)]
        for other in ("libdeflate", "libdeflate_sha256"):
            values[f"build_vs_{other}{name}"] = round(build["archive"] / build[other], 3)
    one = figures["one file"]
    return {**values, "one_file_vs_tar": round(one["tar_ms"] / one["ranges_ms"], 1)}


def _build(threads: int) -> str:
    return f"build, {threads} threads"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.archive", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES, help="files in the archives that are built")
    parser.add_argument("--archive-files", type=int, default=ARCHIVE_FILES, help="files in the archive that is read")
    parser.add_argument("--repeat", type=int, default=REPEAT)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    figures = measure(options.files, options.archive_files, options.repeat, this.cores)
    compared = ratios(figures, this.cores)
    if options.json:
        answer = {"ratios": compared, "figures": figures, "repeat": options.repeat, "machine": this}
        print(msgspec.json.encode(answer).decode())
        return
    print(f"{this}, load after {os.getloadavg()[0]:.1f}; medians of {options.repeat} alternating runs, level {LEVEL}\n")
    for kind, values in figures.items():
        unit = "" if kind == "one file" else " MB/s"
        print(f"{kind:18}" + "  ".join(f"{name} {value:.6g}{unit}" for name, value in values.items()))
    print("\n" + "  ".join(f"{name} {value}" for name, value in compared.items()))


if __name__ == "__main__":
    main()
