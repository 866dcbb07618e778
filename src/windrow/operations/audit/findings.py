# ruff: noqa: S608 - composed from constants of this module only
"""What counts as missing, duplicated, orphaned or late, as SQL.

Parameters are Unix seconds: ``:start`` and ``:end`` of the range, ``:young``, ``:kept``. ``:limit`` is a Unix second
in `OVERDUE`, and seconds of latency in `WITHIN`. There, ``:requeued`` says which files count: 0 for files delivered by
their own event only, 1 for redriven ones too, 2 for replayed ones as well.
"""

from __future__ import annotations

RESOLUTION_S = 1.0
"""Destinations report in whole seconds when they stored an archive; the end of the second counts, so that no latency is
too short."""

CLOCKS_S = 5.0
"""Event times and listing times come from different clocks, a second or two apart."""

SCHEMA = """
    CREATE TABLE landed (match BLOB, bucket TEXT, key TEXT, version TEXT, etag TEXT, size INTEGER, modified REAL);
    CREATE TABLE absent (bucket TEXT);
    CREATE TABLE archives (id INTEGER PRIMARY KEY, key TEXT, committed REAL, recorded INTEGER);
    CREATE TABLE delivered (
        ident BLOB, match BLOB, archive INTEGER, bucket TEXT, key TEXT, versioned INTEGER, replayed INTEGER,
        redriven INTEGER, event REAL
    );
"""
# A replayed object without a version id has another object id than its own event gives it. While the bucket still lists
# the upload that was replayed (a replay's event time is the listing's), an event from that time on is of that upload.
#
# The indexes cover all columns that are read for every row. They are sorted on disk and read in order; rows are looked
# up only for findings: 26 million random look-ups on the disk would take hours.
INDEXES = f"""
    CREATE INDEX landed_match ON landed (match, modified);
    CREATE INDEX delivered_match ON delivered (match, event, bucket);
    CREATE INDEX delivered_replayed ON delivered (match) WHERE replayed;
    UPDATE delivered SET ident = again.ident FROM delivered AS again, landed
    WHERE again.replayed AND landed.match = again.match AND abs(landed.modified - again.event) < {RESOLUTION_S}
    AND delivered.match = again.match AND delivered.event >= again.event - {CLOCKS_S};
    CREATE INDEX delivered_ident ON delivered (ident, event, archive, replayed, redriven);
"""
# Parts of the queries below.
_ARRIVED = "modified >= :start AND modified < :end"
IN_RANGE = "event >= :start AND event < :end"
# For a missing landing bucket, only deliveries are known.
FOUND = f"""
    CREATE TABLE undelivered AS SELECT * FROM landed WHERE rowid IN (
        SELECT rowid FROM landed INDEXED BY landed_match
        WHERE {_ARRIVED} AND match NOT IN (SELECT match FROM delivered));
    CREATE TABLE stray AS SELECT * FROM delivered WHERE rowid IN (
        SELECT rowid FROM delivered INDEXED BY delivered_match
        WHERE {IN_RANGE} AND match NOT IN (SELECT match FROM landed) AND bucket NOT IN (SELECT bucket FROM absent));
"""
_MISSING = "FROM undelivered WHERE modified <= :young"
# Young strays are left out: where clocks differ, they may have arrived after the listing.
_ORPHANED = "FROM stray WHERE versioned AND event >= :kept AND event <= :young"
_TWICE = "SELECT ident FROM delivered GROUP BY ident HAVING count(*) > 1 AND min(event) >= :start AND min(event) < :end"
_ARCHIVE = "(SELECT archives.key FROM archives WHERE archives.id = archive)"
_UNRECORDED = "FROM archives WHERE NOT recorded"
# A file that was also delivered by its own event does not count as replayed or redriven.
LATENCY = f"""
    CREATE TABLE latency AS
    SELECT max(0, min(committed) + {RESOLUTION_S} - min(event)) AS seconds,
    min(CASE WHEN replayed THEN 2 ELSE redriven END) AS requeued, min(event) AS arrived
    FROM delivered JOIN archives ON archives.id = archive WHERE {IN_RANGE} GROUP BY ident ORDER BY seconds
"""
COUNTS = {
    "landed": f"SELECT count(*) FROM landed WHERE {_ARRIVED}",
    "delivered": f"SELECT count(*) FROM (SELECT 1 FROM delivered WHERE {IN_RANGE} GROUP BY ident)",
    "archives": f"SELECT count(DISTINCT archive) FROM delivered WHERE {IN_RANGE}",
    "pending": "SELECT count(*) FROM undelivered WHERE modified > :young",
    "missing": f"SELECT count(*) {_MISSING}",
    "duplicated": f"SELECT count(*) FROM ({_TWICE})",
    "orphaned": f"SELECT count(*) {_ORPHANED}",
    "expired": "SELECT count(*) FROM stray WHERE versioned AND event < :kept",
    "replaced": "SELECT count(*) FROM stray WHERE NOT versioned",
    "unrecorded": f"SELECT count(*) {_UNRECORDED}",
}
OVERDUE = "SELECT count(*) FROM undelivered WHERE modified < :limit"
WITHIN = "SELECT count(*), coalesce(sum(seconds <= :limit), 0) FROM latency WHERE requeued <= :requeued"
# For each step of :step seconds from :start on, counted from 0.
ARRIVED_BY_STEP = (
    f"SELECT CAST((modified - :start) / :step AS INTEGER), count(*) FROM landed WHERE {_ARRIVED} GROUP BY 1"
)
UNDELIVERED_BY_STEP = "SELECT CAST((modified - :start) / :step AS INTEGER), count(*) FROM undelivered GROUP BY 1"
LATENCY_BY_STEP = """
    SELECT CAST((arrived - :start) / :step AS INTEGER), CAST(seconds AS INTEGER), count(*), sum(seconds > :limit)
    FROM latency GROUP BY 1, 2 ORDER BY 1, 2
"""
LISTED_MISSING = f"SELECT bucket, key, version, etag, size, modified {_MISSING} ORDER BY modified, key"
UNDELIVERED_MINUTES = "SELECT DISTINCT CAST(modified / 60 AS INTEGER) FROM undelivered"
BY_EVENT = "CREATE INDEX IF NOT EXISTS delivered_event ON delivered (event, archive, ident)"
HELD = (
    f"SELECT {_ARCHIVE} AS held, count(DISTINCT ident) FROM delivered WHERE {IN_RANGE} GROUP BY archive ORDER BY held"
)
HELD_FILES = f"SELECT count(DISTINCT ident) FROM delivered WHERE {IN_RANGE}"
EXAMPLES = {
    "missing": f"SELECT bucket || '/' || key, 'version ' || coalesce(version, etag) {_MISSING} ORDER BY modified, key",
    "duplicated": (
        f"SELECT bucket || '/' || key, group_concat({_ARCHIVE}, ' ') FROM delivered WHERE ident IN ({_TWICE}) "
        "GROUP BY ident"
    ),
    "orphaned": f"SELECT bucket || '/' || key, {_ARCHIVE} {_ORPHANED}",
    "unrecorded": f"SELECT key, '' {_UNRECORDED}",
}
