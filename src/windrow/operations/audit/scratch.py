"""The audit's temporary database: arrivals and deliveries, reconciled in SQL on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec

from windrow.core.manifest import Manifest, ManifestFile
from windrow.core.objectives import FAST_S, FAST_SHARE, SURE_S, SURE_SHARE, nearest_rank
from windrow.operations.audit import findings
from windrow.operations.audit.coverage import Coverage
from windrow.operations.audit.report import AuditReport, Finding, Unreadable
from windrow.operations.audit.timeline import Timeline, step_of, timeline
from windrow.ports import ListedVersion

SHOWN = 20
"""Most findings of one kind that a report names; it counts them all."""

ROWS_AT_ONCE = 1000
CACHE_KIB = 32 * 1024
"""SQLite's page cache; it sorts in pieces of this size."""


class Scratch:
    """A SQLite database in a temporary folder, about arrivals in [start, end) of keys under a prefix.

    ``outside`` and ``archives_read`` are as in `AuditReport`. Use it as a context manager.
    """

    def __init__(self, start: datetime, end: datetime, prefix: str, buckets: Iterable[str]) -> None:
        self.start = start
        self.end = end
        self.prefix = prefix
        self.outside = 0
        self.archives_read = 0
        self._buckets = frozenset(buckets)
        self._elsewhere = self._foreign_files = 0
        self._foreign: list[Finding] = []
        self._foreign_objects = 0
        self._broken: list[Finding] = []
        self._absent: list[Finding] = []
        self._all_landed = True
        self._indexed = False

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="windrow-audit-")
        self._db = sqlite3.connect(Path(self._folder.name, "scratch.sqlite"), isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;"
            f"PRAGMA cache_size=-{CACHE_KIB};{findings.SCHEMA}"
        )
        self._db.execute("BEGIN")
        return self

    def __exit__(self, *_error: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add_landed(self, versions: Iterable[ListedVersion]) -> Iterator[int]:
        """Add listed versions, of the range and its margins; yield how many after each insert."""
        rows = (
            (
                _match(version.bucket, version.key, version.version_id, version.etag),
                version.bucket,
                version.key,
                version.version_id,
                version.etag,
                version.size,
                version.last_modified.timestamp(),
            )
            for version in versions
        )
        while piece := list(islice(rows, ROWS_AT_ONCE)):
            self._db.executemany("INSERT INTO landed VALUES (?, ?, ?, ?, ?, ?, ?)", piece)
            yield len(piece)

    def add_archive(self, key: str, manifest: Manifest, committed_at: datetime, *, recorded: bool) -> None:
        """Add one archive and its members under the prefix. Without such members it needs no ledger record."""
        files = list(filter(self._is_judged, manifest.files))
        cursor = self._db.execute(
            "INSERT INTO archives (key, committed, recorded) VALUES (?, ?, ?)",
            (key, committed_at.timestamp(), int(recorded or not files)),
        )
        number = cursor.lastrowid
        self._db.executemany(
            "INSERT INTO delivered VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    _digest(file.object_id),
                    _match(file.bucket, file.key, file.version_id, file.etag),
                    number,
                    file.bucket,
                    file.key,
                    int(file.version_id is not None),
                    int(file.replayed or (file.version_id is None and not file.sequencer)),
                    int(file.redriven),
                    file.event_time.timestamp(),
                )
                for file in files
            ),
        )

    def add_broken(self, archive: Finding) -> None:
        """Add an archive that is broken or can't be read."""
        self._broken.append(archive)

    def add_foreign(self, key: str) -> None:
        """Add an object at the destination whose key is not an archive's."""
        self._foreign_objects += 1
        if len(self._foreign) < SHOWN:
            self._foreign.append(Finding(key, "is not an archive of Windrow's"))

    def add_absent_landing(self, bucket: str) -> None:
        """Add a missing landing bucket: its files in archives do not count as orphaned."""
        self._db.execute("INSERT INTO absent VALUES (?)", (bucket,))
        self._all_landed = False
        self._absent.append(Finding(bucket, "there is no such landing bucket: what arrived there is not known"))

    def add_absent_destination(self, why: str) -> None:
        """Record that the destination's bucket is missing: all that it held counts as not delivered."""
        self._absent.append(Finding("the destination's bucket", why))

    def missing(self, young: datetime) -> Iterator[ListedVersion]:
        """Yield landed versions that no archive lists and that arrived before ``young``, oldest first."""
        self._index()
        rows = self._db.execute(findings.LISTED_MISSING, self._times(young=young))
        for bucket, key, version, etag, size, modified in rows:
            yield ListedVersion(bucket, key, version, etag, size, datetime.fromtimestamp(modified, UTC))

    def undelivered_minutes(self) -> set[datetime]:
        """Return the minutes of the range, by their starts, in which a version was listed that no archive lists."""
        self._index()
        rows = self._db.execute(findings.UNDELIVERED_MINUTES, self._times())
        return {datetime.fromtimestamp(60 * minute, UTC) for (minute,) in rows}

    def held(self, start: datetime, end: datetime) -> tuple[int, dict[str, int]]:
        """Return how many files of [start, end) are delivered, and how many of them each archive holds, by its key."""
        self._db.execute(findings.BY_EVENT)
        times = {"start": start.timestamp(), "end": end.timestamp()}
        return int(self._one(findings.HELD_FILES, times)), dict(self._db.execute(findings.HELD, times))

    def coverage(self, young: datetime) -> Coverage:
        """Return how much was judged."""
        counts = self._counts({"landed", "delivered", "missing", "pending"}, self._times(young=young))
        return Coverage(
            judged=counts["delivered"] + counts["missing"],
            landed=counts["landed"],
            pending=counts["pending"],
            outside=self.outside,
            elsewhere=self._elsewhere,
        )

    def report(self, *, now: datetime, grace: timedelta, kept_since: datetime) -> AuditReport:
        """Reconcile what was added; files from before ``kept_since`` may have expired from the landing buckets."""
        young = now - grace
        times = self._times(young=young, kept=kept_since)
        coverage, counts = self.coverage(young), self._counts(findings.COUNTS, times)
        examples = {
            name: [Finding(*row) for row in self._db.execute(f"{query} LIMIT {SHOWN}", times)]
            for name, query in findings.EXAMPLES.items()
        }
        found = counts["missing"] or counts["duplicated"] or counts["orphaned"] or self._broken or self._absent
        return AuditReport(
            start=self.start,
            end=self.end,
            prefix=self.prefix,
            **counts | msgspec.structs.asdict(coverage),
            foreign_files=self._foreign_files,
            foreign_objects=self._foreign_objects,
            archives_read=self.archives_read,
            broken=len(self._broken),
            unreadable=sum(isinstance(finding, Unreadable) for finding in self._broken),
            **self._punctuality(now),
            absent=self._absent,
            examples={**examples, "broken": self._broken[:SHOWN], "foreign": self._foreign},
            ok=coverage.judged > 0 and not found,
        )

    def timeline(self) -> Timeline:
        """Return the timeline of arrivals and deliveries over the range. Call `report` first."""
        step_s = step_of(self.end - self.start)
        times = {**self._times(), "step": step_s, "limit": FAST_S}
        arrived, undelivered = (
            dict(self._db.execute(query, times)) for query in (findings.ARRIVED_BY_STEP, findings.UNDELIVERED_BY_STEP)
        )
        latencies = self._db.execute(findings.LATENCY_BY_STEP, times)
        return timeline(self.end - self.start, step_s, arrived, undelivered, latencies)

    def _is_judged(self, file: ManifestFile) -> bool:
        """Return whether a member is to be reconciled; count members of the range that are not."""
        inside = self.start <= file.event_time < self.end
        if file.bucket not in self._buckets:
            self._foreign_files += inside
            return False
        if not file.key.startswith(self.prefix):
            self._elsewhere += inside
            return False
        return True

    def _counts(self, names: Iterable[str], times: dict[str, float]) -> dict[str, int]:
        self._index()
        return {name: int(self._one(findings.COUNTS[name], times)) for name in names}

    def _punctuality(self, now: datetime) -> dict[str, Any]:
        """Return the report's latencies and shares; if a file was delivered twice, the first delivery counts."""
        self._db.execute(findings.LATENCY, self._times())
        overdue = {limit: self._overdue(now, limit) for limit in (FAST_S, SURE_S)}
        own, redriven, every = (
            tuple(self._within(limit, overdue, requeued) for limit in (FAST_S, SURE_S)) for requeued in range(3)
        )
        fast, sure = every
        objective = {
            "within_2_minutes": fast.share,
            "within_3_minutes": sure.share,
            "objective_met": _met(*every),
            "objective_met_without_replayed": _met(*redriven),
            "objective_met_without_requeued": _met(*own),
        }
        if not self._all_landed:
            # Shares of the known files would show the objective as met, whatever was lost with the bucket.
            objective = dict.fromkeys(objective)
        return {
            "latency_seconds": self._percentiles(),
            "late": fast.late,
            "undelivered": overdue[FAST_S],
            "replayed": fast.late - redriven[0].late,
            "redriven": redriven[0].late - own[0].late,
            **objective,
        }

    def _overdue(self, now: datetime, limit_s: float) -> int:
        """Return how many files are not delivered and older than the limit."""
        return int(self._one(findings.OVERDUE, self._times(limit=now - timedelta(seconds=limit_s))))

    def _within(self, limit_s: float, overdue: Mapping[float, int], requeued: int) -> _Within:
        query = self._db.execute(findings.WITHIN, {"limit": limit_s, "requeued": requeued})
        delivered, in_time = query.fetchone()
        return _Within(delivered + overdue[limit_s], in_time)

    def _percentiles(self) -> dict[str, float | None]:
        """Return percentiles of the delivered files' latencies, by nearest rank."""
        total = self._one("SELECT count(*) FROM latency")
        if not total:
            return dict.fromkeys(("p50", "p95", "p99_9", "max"))
        at = "SELECT seconds FROM latency ORDER BY rowid LIMIT 1 OFFSET :rank"
        ranks = {name: nearest_rank(total, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99_9", 0.999))}
        ranks["max"] = total - 1
        return {name: self._one(at, {"rank": rank}) for name, rank in ranks.items()}

    def _times(self, **moments: datetime) -> dict[str, float]:
        moments |= {"start": self.start, "end": self.end}
        return {name: moment.timestamp() for name, moment in moments.items()}

    def _one(self, query: str, values: dict[str, float] | None = None) -> Any:  # noqa: ANN401 - as the query asks
        return self._db.execute(query, values or {}).fetchone()[0]

    def _index(self) -> None:
        if not self._indexed:
            for query in f"{findings.INDEXES}{findings.FOUND}".split(";"):
                self._db.execute(query, self._times())
            self._indexed = True


class _Within(msgspec.Struct, frozen=True):
    """How many files there are, including overdue ones, and how many were delivered in time."""

    files: int
    in_time: int

    @property
    def late(self) -> int:
        return self.files - self.in_time

    @property
    def share(self) -> float | None:
        return self.in_time / self.files if self.files else None


def _met(fast: _Within, sure: _Within) -> bool | None:
    """Return whether the objective is met, None without files."""
    if fast.share is None or sure.share is None:
        return None
    return fast.share >= FAST_SHARE and sure.share >= SURE_SHARE


def _match(bucket: str, key: str, version_id: str | None, etag: str) -> bytes:
    """Return an id that a listing and a manifest give alike: a listing has no sequencer."""
    return _digest(f"{bucket}/{key}@{version_id or etag}")


def _digest(text: str) -> bytes:
    """Return a digest of 16 bytes: with a million files, two collide once in 10^26 audits."""
    return blake2b(text.encode(), digest_size=16).digest()
