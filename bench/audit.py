"""How much memory and time an audit takes: a synthetic landing bucket and destination of any size.

``python -m bench.audit [--files 1000000] [--json]``. Listings and manifests are made on the fly, as a server's would
come in, so that what is measured is the audit's own. Making an archive costs about as much as reading it; the seconds
are an upper bound. Nothing is read from a network.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from windrow.audit import ArchiveReader, Auditor, AuditReport
from windrow.audit.archives import READERS
from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.events import SourceObject
from windrow.core.ledger import ArchiveRecord, ArchiveState
from windrow.core.manifest import Window
from windrow.core.windows import MINUTE
from windrow.ports import ListedVersion, Stored
from windrow.testing import FakeClock, FakeLedger

if TYPE_CHECKING:
    from typing_extensions import Buffer

START = datetime(2026, 11, 1, tzinfo=UTC)
FILES_AN_ARCHIVE = 1000


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

    def _archive(self, key: str) -> SealedArchive:
        number = int(key.removesuffix(".tar.gz").rpartition("-")[2], 16)
        first = number * self.size
        numbers = range(first, min(first + self.size, self.files))
        delivered = [self.source(each) for each in numbers if each % self.missing_every]
        start = START + MINUTE * number
        frame = build_frame([(f"data/{source.key}", source, b"x") for source in delivered], 1)
        return seal(Window(start, start + MINUTE), [frame], 1)


class Recorded(FakeLedger):
    """A ledger that has a record of every archive."""

    def records(self, archive_keys: object) -> dict[str, ArchiveRecord]:
        """Return records without members."""
        assert isinstance(archive_keys, Iterator)  # noqa: S101 - what the audit passes
        return {key: ArchiveRecord(key, "", ArchiveState.COMMITTED, 0, 0) for key in archive_keys}


def audit(files: int, missing_every: int = 100_000, size: int = FILES_AN_ARCHIVE) -> AuditReport:
    """Audit so many files in archives of ``size``."""
    world = Synthetic(files, missing_every, size)
    archives = ArchiveReader(world, "")
    clock = FakeClock(world.end + timedelta(days=1))
    auditor = Auditor(index=world, ledger=Recorded(), archives=archives, buckets={"landing"}, clock=clock)
    return auditor.audit(START, world.end, grace=timedelta(minutes=5), retention=timedelta(days=7))


def main() -> int:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    unit = 1 if sys.platform == "darwin" else 1024
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    started, cpu = time.perf_counter(), time.process_time()
    report = audit(options.files)
    figures = {
        "files": options.files,
        "archives": report.archives,
        "missing": report.missing,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6),
        "before_mb": round(before_mb),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name:12} {value:,}" for name, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
