"""The audit: what arrived in the landing buckets against what the archives hold.

Landing versions and manifest entries are gathered in a scratch SQLite database on disk and reconciled there, so that
memory does not grow with the number of files. The destination is asked twice an archive (HEAD, and one range read of
the manifest), never once a file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar

import msgspec

from windrow.core.errors import ArchiveError, DestinationError, DestinationFault
from windrow.core.manifest import Manifest
from windrow.core.objectives import FAST_S, FAST_SHARE, SURE_S, SURE_SHARE, nearest_rank
from windrow.core.planning import DAY, floor, window_of
from windrow.ports import Clock, Destination, LandingIndex, Ledger, ListedVersion
from windrow.steps.commit_point import CommitPoint, Found

EXAMPLES = 20
"""Findings of one kind that a report names; it counts them all."""

SLACK = timedelta(hours=1)
"""Event times and listing times come from different clocks: archives this far outside the range are read too."""

READERS = 8
"""Archives whose manifests are read at once; also bounds the manifests held in memory."""

T = TypeVar("T")

_SCHEMA = """
    CREATE TABLE landed (match BLOB, bucket TEXT, key TEXT, version TEXT, etag TEXT, size INTEGER, modified REAL);
    CREATE TABLE archives (id INTEGER PRIMARY KEY, key TEXT, committed REAL, recorded INTEGER);
    CREATE TABLE delivered (ident BLOB, match BLOB, archive INTEGER, bucket TEXT, key TEXT, event REAL);
"""
_INDEXES = """
    CREATE INDEX landed_match ON landed (match);
    CREATE INDEX delivered_match ON delivered (match);
    CREATE INDEX delivered_ident ON delivered (ident);
"""


class Finding(msgspec.Struct, frozen=True):
    """One example of something wrong: which object (or archive), and a hint."""

    what: str
    detail: str


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit of arrivals in [start, end) found. Shares are 0 to 1, latencies seconds from arrival to commit.

    ``pending`` files are younger than the grace and not delivered yet: that is no finding. ``unrecorded`` archives
    lack their ledger record: ``windrow ledger rebuild`` restores it. ``expired`` files were delivered and have left
    the landing bucket by its retention; ``orphaned`` ones are listed by an archive but should still be there.
    """

    start: datetime
    end: datetime
    landed: int
    delivered: int
    pending: int
    missing: int
    duplicated: int
    orphaned: int
    expired: int
    archives: int
    broken: int
    unrecorded: int
    latency_seconds: dict[str, float | None]
    within_2_minutes: float | None
    within_3_minutes: float | None
    objective_met: bool | None
    examples: dict[str, list[Finding]]
    ok: bool


class Auditor:
    """Reconciles landing buckets, ledger and manifests over a range of arrival times."""

    def __init__(
        self,
        *,
        index: LandingIndex,
        ledger: Ledger,
        destination: Destination,
        commit_point: CommitPoint,
        buckets: Iterable[str],
        prefix: str,
        clock: Clock,
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._destination = destination
        self._commit_point = commit_point
        self._buckets = sorted(buckets)
        self._prefix = prefix
        self._clock = clock

    def audit(
        self,
        start: datetime,
        end: datetime,
        *,
        grace: timedelta,
        retention: timedelta,
        progress: Callable[[str, int], None] = lambda _what, _count: None,
    ) -> AuditReport:
        """Audit arrivals in [start, end). ``progress`` is told of files listed and archives read, as counts.

        Raises:
            LandingError, DestinationError, LedgerError: one of the three could not be read; nothing is reported
                then, since half an audit proves nothing.
        """
        with Scratch() as scratch:
            scratch.add_landed(self.listed(start, end), progress)
            broken = self._read_archives(scratch, start, end, progress)
            now = self._clock.now()
            return scratch.report(start, end, young=now - grace, kept_since=now - retention, broken=broken)

    def missing(self, start: datetime, end: datetime, *, grace: timedelta) -> Iterator[ListedVersion]:
        """Yield landing versions of [start, end) that no archive lists and that are older than the grace."""
        with Scratch() as scratch:
            scratch.add_landed(self.listed(start, end), lambda _w, _c: None)
            self._read_archives(scratch, start, end, lambda _w, _c: None)
            yield from scratch.missing(young=self._clock.now() - grace)

    def listed(self, start: datetime, end: datetime) -> Iterator[ListedVersion]:
        """Yield landing versions of [start, end), by bucket and key. Raises `LandingError`."""
        for bucket in self._buckets:
            versions = self._index.versions(bucket, "")
            yield from (version for version in versions if start <= version.last_modified < end)

    def archives(self, start: datetime, end: datetime) -> Iterator[str]:
        """Yield the keys of all archives whose window touches [start, end), in key order."""
        day = floor(start, DAY)
        while day < end:
            under = f"{self._prefix}/{day:%Y/%m/%d}/" if self._prefix else f"{day:%Y/%m/%d}/"
            for key, _size in self._destination.list(under):
                window = window_of(key)
                if window is not None and window.start < end and window.end > start:
                    yield key
            day += DAY

    def _read_archives(
        self, scratch: Scratch, start: datetime, end: datetime, progress: Callable[[str, int], None]
    ) -> list[Finding]:
        broken: list[Finding] = []
        count = 0
        with ThreadPoolExecutor(READERS, thread_name_prefix="audit") as pool:
            for keys in _pieces(self.archives(start - SLACK, end + SLACK), READERS):
                records = self._ledger.records(keys)
                for key, found in zip(keys, pool.map(self._inspect, keys), strict=True):
                    count += 1
                    if isinstance(found, Finding):
                        broken.append(found)
                    else:
                        scratch.add_archive(key, found.manifest, found.committed_at, recorded=key in records)
                progress("archives", count)
        return broken

    def _inspect(self, key: str) -> Found | Finding:
        """Return the archive, or what is wrong with it. An audit changes nothing, so nothing is deleted."""
        try:
            found = self._commit_point.inspect(key)
        except (ArchiveError, DestinationError) as error:
            if isinstance(error, DestinationError) and error.kind is not DestinationFault.CHECKSUM:
                raise
            return Finding(key, str(error))
        return found if found is not None else Finding(key, "it went away during the audit")


class Scratch:
    """A throw-away SQLite database in a temporary folder. Use as a context manager."""

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="windrow-audit-")
        self._db = sqlite3.connect(Path(self._folder.name, "scratch.sqlite"), isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;" + _SCHEMA)
        self._db.execute("BEGIN")
        self._indexed = False
        return self

    def __exit__(self, *_error: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add_landed(self, versions: Iterable[ListedVersion], progress: Callable[[str, int], None]) -> None:
        """Add listed versions, a thousand at a time."""
        for piece in _pieces(versions, 1000):
            self._db.executemany(
                "INSERT INTO landed VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        _digest(f"{v.bucket}/{v.key}@{v.version_id or v.etag}"),
                        v.bucket,
                        v.key,
                        v.version_id,
                        v.etag,
                        v.size,
                        v.last_modified.timestamp(),
                    )
                    for v in piece
                ],
            )
            progress("landed", self._one("SELECT count(*) FROM landed"))

    def add_archive(self, key: str, manifest: Manifest, committed_at: datetime, *, recorded: bool) -> None:
        """Add one archive and its members."""
        cursor = self._db.execute(
            "INSERT INTO archives (key, committed, recorded) VALUES (?, ?, ?)",
            (key, committed_at.timestamp(), int(recorded or not manifest.files)),
        )
        number = cursor.lastrowid
        self._db.executemany(
            "INSERT INTO delivered VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    _digest(file.object_id),
                    _digest(f"{file.bucket}/{file.key}@{file.version_id or file.etag}"),
                    number,
                    file.bucket,
                    file.key,
                    file.event_time.timestamp(),
                )
                for file in manifest.files
            ],
        )

    def missing(self, *, young: datetime) -> Iterator[ListedVersion]:
        """Yield landed versions that no archive lists, not younger than ``young``, oldest first."""
        self._index()
        rows = self._db.execute(
            "SELECT bucket, key, version, etag, size, modified FROM landed"
            " WHERE modified <= ? AND match NOT IN (SELECT match FROM delivered) ORDER BY modified, key",
            (young.timestamp(),),
        )
        for bucket, key, version, etag, size, modified in rows:
            yield ListedVersion(bucket, key, version, etag, size, datetime.fromtimestamp(modified, UTC))

    def report(
        self, start: datetime, end: datetime, *, young: datetime, kept_since: datetime, broken: list[Finding]
    ) -> AuditReport:
        """Reconcile what was added. ``young`` and ``kept_since`` part pending from missing, expired from orphaned."""
        self._index()
        span = (start.timestamp(), end.timestamp())
        undelivered = "FROM landed WHERE match NOT IN (SELECT match FROM delivered) AND modified"
        strays = (
            "FROM delivered d JOIN archives a ON a.id = d.archive WHERE event >= ? AND event < ?"
            " AND match NOT IN (SELECT match FROM landed) AND event"
        )
        twice = "FROM delivered GROUP BY ident HAVING count(*) > 1 AND min(event) >= ? AND min(event) < ?"
        missing = self._one(f"SELECT count(*) {undelivered} <= ?", young.timestamp())
        duplicated = self._one(f"SELECT count(*) FROM (SELECT 1 {twice})", *span)  # noqa: S608 - constants only
        orphaned = self._one(f"SELECT count(*) {strays} >= ?", *span, kept_since.timestamp())
        twice_examples = f"SELECT bucket || '/' || key, 'in ' || count(*) || ' archives' {twice} LIMIT {EXAMPLES}"
        stray_examples = f"SELECT d.bucket || '/' || d.key, a.key {strays} >= ? LIMIT {EXAMPLES}"
        latency, shares = self._latency(span)
        met = None if shares is None else shares[0] >= FAST_SHARE and shares[1] >= SURE_SHARE
        return AuditReport(
            start=start,
            end=end,
            landed=self._one("SELECT count(*) FROM landed"),
            delivered=self._one("SELECT count(DISTINCT ident) FROM delivered WHERE event >= ? AND event < ?", *span),
            pending=self._one(f"SELECT count(*) {undelivered} > ?", young.timestamp()),
            missing=missing,
            duplicated=duplicated,
            orphaned=orphaned,
            expired=self._one(f"SELECT count(*) {strays} < ?", *span, kept_since.timestamp()),
            archives=self._one("SELECT count(*) FROM archives"),
            broken=len(broken),
            unrecorded=self._one("SELECT count(*) FROM archives WHERE NOT recorded"),
            latency_seconds=latency,
            within_2_minutes=shares and shares[0],
            within_3_minutes=shares and shares[1],
            objective_met=met,
            examples={
                "missing": self._missing_examples(young),
                "duplicated": self._findings(twice_examples, *span),
                "orphaned": self._findings(stray_examples, *span, kept_since.timestamp()),
                "broken": broken[:EXAMPLES],
                "unrecorded": self._findings(f"SELECT key, '' FROM archives WHERE NOT recorded LIMIT {EXAMPLES}"),  # noqa: S608
            },
            ok=not (missing or duplicated or orphaned or broken),
        )

    def _latency(self, span: tuple[float, float]) -> tuple[dict[str, float | None], tuple[float, float] | None]:
        """Return percentiles by nearest rank, and the shares within 2 and 3 minutes; the first delivery counts."""
        self._db.execute("DROP TABLE IF EXISTS latency")
        self._db.execute(
            "CREATE TABLE latency AS SELECT max(0, min(committed) - min(event)) AS seconds FROM delivered"
            " JOIN archives ON archives.id = archive WHERE event >= ? AND event < ? GROUP BY ident ORDER BY seconds",
            span,
        )
        total = self._one("SELECT count(*) FROM latency")
        if not total:
            return dict.fromkeys(("p50", "p95", "p99_9", "max")), None
        at = "SELECT seconds FROM latency ORDER BY seconds LIMIT 1 OFFSET ?"
        ranks = {name: nearest_rank(total, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99_9", 0.999))}
        values: dict[str, float | None] = {name: self._one(at, rank) for name, rank in ranks.items()}
        values["max"] = self._one(at, total - 1)
        within = "SELECT count(*) FROM latency WHERE seconds <= ?"
        return values, (self._one(within, FAST_S) / total, self._one(within, SURE_S) / total)

    def _missing_examples(self, young: datetime) -> list[Finding]:
        return [
            Finding(f"{version.bucket}/{version.key}", f"version {version.version_id or version.etag}")
            for version in islice(self.missing(young=young), EXAMPLES)
        ]

    def _findings(self, query: str, *values: float) -> list[Finding]:
        return [Finding(what, detail) for what, detail in self._db.execute(query, values)]

    def _one(self, query: str, *values: float) -> Any:  # noqa: ANN401 - whatever the query asks for
        return self._db.execute(query, values).fetchone()[0]

    def _index(self) -> None:
        if not self._indexed:
            self._db.executescript(_INDEXES)
            self._indexed = True


def _digest(text: str) -> bytes:
    """Return 16 bytes that stand for an id: with a million files two meet by chance once in 10^26 audits."""
    return blake2b(text.encode(), digest_size=16).digest()


def _pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece
