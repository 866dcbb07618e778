"""How much memory and time an audit takes: a synthetic landing bucket and destination of any size.

``python -m bench.audit [--files 1000000] [--inventory] [--manifests] [--json]``. Listings and archives are made on the
fly, as a server's would come in. Making an archive costs about as much as reading it; the seconds are an upper bound.
With ``--manifests`` archives are neither made nor read, and the audit is handed their manifests: what is left is its
own work. With ``--inventory`` what landed is read from an S3 inventory on this machine's disk, in lists of
50,000 lines, which is made first and not counted. Nothing is read from a network.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, cast

from windrow.clients.s3.inventory import InventoryIndex
from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.events import SourceObject
from windrow.core.ledger import ArchiveRecord, ArchiveState
from windrow.core.manifest import FORMAT, Manifest, ManifestFile, Window
from windrow.core.windows import MINUTE
from windrow.operations.audit import ArchiveReader, Auditor, AuditReport, Finding, Inventory
from windrow.operations.audit.archives import READERS
from windrow.operations.audit.inventory import ListFile
from windrow.pipeline.inspector import Found
from windrow.ports import LandingIndex, ListedVersion, Stored
from windrow.testing import FakeClock, FakeLedger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from typing_extensions import Buffer

START = datetime(2026, 11, 1, tzinfo=UTC)
FILES_AN_ARCHIVE = 1000
LINES_A_LIST = 50_000


class Synthetic:
    """A landing index and a destination of ``files`` files in archives of ``size`` each; none is kept in memory.

    Each archive is of a minute of its own. Every ``missing_every``-th file is in no archive.
    """

    def __init__(self, files: int, missing_every: int, size: int = FILES_AN_ARCHIVE) -> None:
        self.files = files
        self.size = size
        self.missing_every = missing_every
        self.archives = -(-files // size)
        self.end = START + MINUTE * self.archives
        self._build = lru_cache(maxsize=2 * READERS)(self._archive)

    def source(self, number: int) -> SourceObject:
        """Return the object of a number."""
        at = START + MINUTE * (number // self.size) + timedelta(seconds=20)
        key = f"party/{at:%Y/%m/%d/%H%M}/telemetry-{number:09}.json"
        return SourceObject("landing", key, f"{number:032x}", f"{number:032x}", "", 1, at)

    def versions(self, bucket: str, prefix: str) -> Iterator[ListedVersion]:
        """List the landing bucket."""
        for source in map(self.source, range(self.files)):
            if not source.key.startswith(prefix):
                continue
            yield ListedVersion(bucket, source.key, source.version_id, source.etag, source.size, source.event_time)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the archives."""
        for number in range(self.archives):
            at = START + MINUTE * number
            key = f"{at:%Y/%m/%d/%H/%M/%Y%m%dT%H%M}Z-{number:016x}.tar.gz"
            if key.startswith(prefix):
                yield key, 1

    def head(self, key: str) -> Stored | None:
        """Return what is stored under a key."""
        archive = self._build(key)
        committed = archive.manifest.window_end + timedelta(seconds=15)
        return Stored(archive.size, "", archive.metadata, archive.sha256.hex(), committed)

    def read(self, key: str, start: int, length: int) -> bytes:
        """Return a part of an archive."""
        return b"".join(map(bytes, self._build(key).chunks))[start : start + length]

    def probe(self) -> None:
        """Succeed."""

    def put(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Refuse: an audit writes nothing."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Refuse: an audit deletes nothing."""
        raise NotImplementedError

    def overwrite(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        """Refuse: an audit writes nothing."""
        raise NotImplementedError

    def delivered(self, number: int) -> Sequence[SourceObject]:
        """Return what the archive of a number holds."""
        first = number * self.size
        numbers = range(first, min(first + self.size, self.files))
        return [self.source(each) for each in numbers if each % self.missing_every]

    def _archive(self, key: str) -> SealedArchive:
        number = int(key.removesuffix(".tar.gz").rpartition("-")[2], 16)
        delivered = self.delivered(number)
        start = START + MINUTE * number
        frame = build_frame([(f"data/{source.key}", source, b"x") for source in delivered], 1)
        return seal(Window(start, start + MINUTE), [frame], 1)


class Manifests(ArchiveReader):
    """Reads archives of a synthetic destination that were never made."""

    def __init__(self, world: Synthetic) -> None:
        super().__init__(world, "")
        self._world = world

    def inspect(self, key: str) -> Found | Finding:
        """Return what the archive would hold."""
        number = int(key.removesuffix(".tar.gz").rpartition("-")[2], 16)
        start = START + MINUTE * number
        files = [
            ManifestFile(
                f"data/{each.key}", each.bucket, each.key, each.version_id, each.etag, 1, "", each.event_time, 0, 0
            )
            for each in self._world.delivered(number)
        ]
        manifest = Manifest(FORMAT, start, start + MINUTE, files, [])
        return Found(manifest, "", 1, start + MINUTE + timedelta(seconds=15))


class Disk:
    """Stands in for S3's client: objects are files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_object(self, **asked: str) -> dict[str, object]:
        """Return an object, or a range of it."""
        path = self._folder / asked["Key"].replace("/", "_")
        size = path.stat().st_size
        first, last = map(int, asked.get("Range", f"bytes=0-{size - 1}").removeprefix("bytes=").split("-"))
        with path.open("rb") as stream:
            stream.seek(first)
            data = stream.read(last - first + 1)
        return {"Body": BytesIO(data), "ContentRange": f"bytes {first}-{last}/{size}", "ContentLength": len(data)}

    def write(self, world: Synthetic) -> InventoryIndex:
        """Write the inventory of a landing bucket, and return what reads it."""
        rows = (
            f'"landing","{each.key}","{each.version_id}","true","false","1","{each.event_time:%Y-%m-%dT%H:%M:%S}.000Z",'
            f'"{each.etag}"\n'.encode()
            for each in map(world.source, range(world.files))
        )
        lists: list[ListFile] = []
        while lines := b"".join(islice(rows, LINES_A_LIST)):
            data = gzip.compress(lines, 1)
            lists.append(
                ListFile(f"{len(lists)}.csv.gz", len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())
            )
            (self._folder / lists[-1].key).write_bytes(data)
        fields = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag")
        told = Inventory("s3://disk/manifest.json", "landing", world.end, fields, tuple(lists))
        return InventoryIndex(cast("S3Client", self), [told])


class DiskWatch(Thread):
    """Measures the most bytes that the audit has on disk: its database, and unnamed temporary files for sorting.

    The latter are measured on Linux only.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._over = Event()
        self.most = 0

    def run(self) -> None:
        """Measure four times a second until `stop`."""
        while not self._over.wait(0.25):
            sizes = [path.stat().st_size for path in self._folder.glob("windrow-audit-*/*") if path.exists()]
            self.most = max(self.most, sum(sizes) + self._nameless())

    def stop(self) -> int:
        """Return the most that was seen."""
        self._over.set()
        self.join()
        return self.most

    def _nameless(self) -> int:
        found = 0
        for link in Path("/proc/self/fd").glob("*"):
            with suppress(OSError):
                found += link.stat().st_size if str(link.readlink()).endswith(" (deleted)") else 0
        return found


class Recorded(FakeLedger):
    """A ledger that has a record of every archive."""

    def records(self, archive_keys: object) -> dict[str, ArchiveRecord]:
        """Return records without members."""
        assert isinstance(archive_keys, Iterator)  # noqa: S101 - what the audit passes
        return {key: ArchiveRecord(key, "", ArchiveState.COMMITTED, 0, 0) for key in archive_keys}


def audit(
    files: int,
    missing_every: int = 100_000,
    size: int = FILES_AN_ARCHIVE,
    *,
    index: Callable[[Synthetic], LandingIndex] = lambda world: world,
    archives: Callable[[Synthetic], ArchiveReader] = lambda world: ArchiveReader(world, ""),
) -> AuditReport:
    """Audit so many files in archives of ``size``."""
    return auditing(Synthetic(files, missing_every, size), index, archives)()


def auditing(
    world: Synthetic,
    index: Callable[[Synthetic], LandingIndex],
    archives: Callable[[Synthetic], ArchiveReader],
) -> Callable[[], AuditReport]:
    """Make ready what an audit reads, and return the audit."""
    clock = FakeClock(world.end + timedelta(days=1))
    auditor = Auditor(index=index(world), ledger=Recorded(), archives=archives(world), buckets={"landing"}, clock=clock)
    return lambda: auditor.judge(START, world.end, grace=timedelta(minutes=5), retention=timedelta(days=7)).report


def main() -> int:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--inventory", action="store_true")
    parser.add_argument("--manifests", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="windrow-bench-") as folder:
        figures = measure(options, Path(folder))
    print(json.dumps(figures) if options.json else "\n".join(f"{name:12} {value:,}" for name, value in figures.items()))
    return 0


def measure(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Run one audit and return its figures."""
    world = Synthetic(options.files, 100_000)
    run = auditing(
        world,
        Disk(folder).write if options.inventory else lambda world: world,
        Manifests if options.manifests else lambda world: ArchiveReader(world, ""),
    )
    unit = 1 if sys.platform == "darwin" else 1024
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    started, cpu = time.perf_counter(), time.process_time()
    tempfile.tempdir = str(folder)
    watch = DiskWatch(folder)
    watch.start()
    report = run()
    return {
        "disk_mb": round(watch.stop() / 1e6),
        "files": options.files,
        "archives": report.archives,
        "missing": report.missing,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6),
        "before_mb": round(before_mb),
    }


if __name__ == "__main__":
    sys.exit(main())
