"""The audit's scratch database: what landed and what was delivered, reconciled in SQL on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from windrow.audit import queries
from windrow.audit.report import AuditReport, Finding
from windrow.core.manifest import Manifest
from windrow.core.objectives import FAST_S, FAST_SHARE, SURE_S, SURE_SHARE, nearest_rank
from windrow.ports import ListedVersion

SHOWN = 20
"""Findings of one kind that a report names; it counts them all."""

ROWS_AT_ONCE = 1000


class Scratch:
    """A throw-away SQLite database in a temporary folder, about arrivals in [start, end) of keys under a prefix.

    Use as a context manager.
    """

    def __init__(self, start: datetime, end: datetime, prefix: str = "") -> None:
        self._start = start
        self._end = end
        self._prefix = prefix
        self._indexed = False

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="windrow-audit-")
        self._db = sqlite3.connect(Path(self._folder.name, "scratch.sqlite"), isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;" + queries.SCHEMA
        )
        self._db.execute("BEGIN")
        return self

    def __exit__(self, *_error: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def add_landed(self, versions: Iterable[ListedVersion]) -> Iterator[int]:
        """Add listed versions, of the range and about it; yield how many each time some were added."""
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
        """Add one archive and its members under the prefix. One without such members needs no record."""
        files = [file for file in manifest.files if file.key.startswith(self._prefix)]
        cursor = self._db.execute(
            "INSERT INTO archives (key, committed, recorded) VALUES (?, ?, ?)",
            (key, committed_at.timestamp(), int(recorded or not files)),
        )
        number = cursor.lastrowid
        self._db.executemany(
            "INSERT INTO delivered VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    _digest(file.object_id),
                    _match(file.bucket, file.key, file.version_id, file.etag),
                    number,
                    file.bucket,
                    file.key,
                    int(file.version_id is not None),
                    int(file.version_id is None and not file.sequencer),
                    file.event_time.timestamp(),
                )
                for file in files
            ),
        )

    def missing(self, *, young: datetime) -> Iterator[ListedVersion]:
        """Yield landed versions that no archive lists, not younger than ``young``, oldest first."""
        self._index()
        rows = self._db.execute(queries.LISTED_MISSING, self._times(young=young))
        for bucket, key, version, etag, size, modified in rows:
            yield ListedVersion(bucket, key, version, etag, size, datetime.fromtimestamp(modified, UTC))

    def report(self, *, young: datetime, kept_since: datetime, broken: list[Finding]) -> AuditReport:
        """Reconcile what was added. ``young`` and ``kept_since`` part pending from missing, expired from orphaned."""
        self._index()
        times = self._times(young=young, kept=kept_since)
        counts = {name: int(self._one(query, times)) for name, query in queries.COUNTS.items()}
        examples = {
            name: [Finding(*row) for row in self._db.execute(f"{query} LIMIT {SHOWN}", times)]
            for name, query in queries.EXAMPLES.items()
        }
        latency, shares = self._latency(times)
        met = None if shares is None else shares[0] >= FAST_SHARE and shares[1] >= SURE_SHARE
        return AuditReport(
            start=self._start,
            end=self._end,
            prefix=self._prefix,
            **counts,
            broken=len(broken),
            latency_seconds=latency,
            within_2_minutes=shares and shares[0],
            within_3_minutes=shares and shares[1],
            objective_met=met,
            examples={**examples, "broken": broken[:SHOWN]},
            ok=not (counts["missing"] or counts["duplicated"] or counts["orphaned"] or broken),
        )

    def _latency(self, times: dict[str, float]) -> tuple[dict[str, float | None], tuple[float, float] | None]:
        """Return percentiles by nearest rank, and the shares within 2 and 3 minutes; the first delivery counts."""
        self._db.execute(queries.LATENCY, times)
        total = self._one("SELECT count(*) FROM latency")
        if not total:
            return dict.fromkeys(("p50", "p95", "p99_9", "max")), None
        at = "SELECT seconds FROM latency ORDER BY rowid LIMIT 1 OFFSET :rank"
        ranks = {name: nearest_rank(total, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99_9", 0.999))}
        ranks["max"] = total - 1
        values: dict[str, float | None] = {name: self._one(at, {"rank": rank}) for name, rank in ranks.items()}
        within = "SELECT count(*) FROM latency WHERE seconds <= :limit"
        fast, sure = (self._one(within, {"limit": limit}) / total for limit in (FAST_S, SURE_S))
        return values, (fast, sure)

    def _times(self, **moments: datetime) -> dict[str, float]:
        moments |= {"start": self._start, "end": self._end}
        return {name: moment.timestamp() for name, moment in moments.items()}

    def _one(self, query: str, values: dict[str, float] | None = None) -> Any:  # noqa: ANN401 - as the query asks
        return self._db.execute(query, values or {}).fetchone()[0]

    def _index(self) -> None:
        if not self._indexed:
            self._db.executescript(queries.INDEXES)
            self._indexed = True


def _match(bucket: str, key: str, version_id: str | None, etag: str) -> bytes:
    """Return what a listing and a manifest have in common of one object: a listing knows no sequencer."""
    return _digest(f"{bucket}/{key}@{version_id or etag}")


def _digest(text: str) -> bytes:
    """Return 16 bytes that stand for an id: with a million files two meet by chance once in 10^26 audits."""
    return blake2b(text.encode(), digest_size=16).digest()
