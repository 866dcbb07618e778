"""The statement of a daily audit, which is stored at the destination as JSON and as an HTML page."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

import msgspec

from windrow.core.keys import statement_folder, statement_key, statement_of
from windrow.core.manifest import Window
from windrow.core.windows import days
from windrow.operations.audit.late import LateArchive
from windrow.operations.audit.report import AuditReport
from windrow.operations.audit.timeline import Timeline
from windrow.ports import StatementStore

FORMAT = "windrow-statement/1"
LATE_NAMED = 1000
"""Most archives with late files that a statement names; it counts them all."""


class ListedBy(msgspec.Struct, frozen=True):
    """The inventory of a landing bucket that an audit used."""

    bucket: str
    manifest: str
    created_at: datetime


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an audit of one span, and late files of earlier spans.

    ``inventories`` is empty if the landing buckets were listed. ``marked`` are the spans that were marked as complete.
    ``late`` are archives stored since the previous statement with files of minutes that had been marked before: at most
    `LATE_NAMED` of them. ``late_archives`` counts all, ``late_files`` their late files.
    """

    judged_at: datetime
    inventories: list[ListedBy]
    report: AuditReport
    timeline: Timeline
    marked: list[Window]
    late: list[LateArchive]
    late_archives: int
    late_files: int
    format: str = FORMAT

    @property
    def span(self) -> Window:
        """The span that was judged."""
        return Window(self.report.start, self.report.end)


class Statements:
    """The statements at a destination. They are never changed or deleted."""

    def __init__(self, store: StatementStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def write(self, statement: Statement, page: str) -> str:
        """Write a statement and its page; return the statement's key. Raises `DestinationError`.

        The JSON is written last: if it exists, so does the page.
        """
        self._put(statement, page.encode(), "html", "text/html; charset=utf-8")
        return self._put(statement, msgspec.json.encode(statement), "json", "application/json")

    def newest(self, since: datetime, until: datetime) -> tuple[Window, datetime] | None:
        """Return the span of the newest statement and when it was judged, None if there is none.

        The newest is the one that ends last of those that start on days of [since, until). One that ends in the future
        is ignored. Raises `DestinationError`.
        """
        found: list[tuple[Window, datetime]] = []
        for day in days(since, until):
            listed = self._store.list(statement_folder(self._prefix, day))
            found += [named for named in (statement_of(key) for key, _ in listed) if named and named[0].end <= until]
        return max(found, key=lambda named: (named[0].end, named[1]), default=None)

    def _put(self, statement: Statement, data: bytes, form: str, content_type: str) -> str:
        key = statement_key(self._prefix, statement.span, statement.judged_at, form)
        self._store.put(key, [data], sha256(data).digest(), {"format": FORMAT}, content_type)
        return key
