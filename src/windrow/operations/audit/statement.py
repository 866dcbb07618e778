"""The statement of a daily audit: what is written beside the archives, as JSON and as a page."""

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
"""Archives with late files that a statement names; it counts them all."""


class ListedBy(msgspec.Struct, frozen=True):
    """The inventory of a landing bucket that an audit went by."""

    bucket: str
    manifest: str
    created_at: datetime


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found of one span, and what came late of those before.

    ``inventories`` is empty where the landing buckets were listed. ``marked`` are the spans that were marked as
    complete, ``late`` the archives stored since the statement before with files of minutes that were marked before them
    (`LATE_NAMED` at most, ``late_archives`` counts all, ``late_files`` their files).
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
    """The statements at a destination. None is ever changed or deleted."""

    def __init__(self, shelf: StatementStore, prefix: str) -> None:
        self._shelf = shelf
        self._prefix = prefix

    def write(self, statement: Statement, page: str) -> str:
        """Write a statement and its page; return the statement's key. Raises `DestinationError`.

        The JSON comes last: where it is, the page is too.
        """
        self._put(statement, page.encode(), "html", "text/html; charset=utf-8")
        return self._put(statement, msgspec.json.encode(statement), "json", "application/json")

    def newest(self, since: datetime, until: datetime) -> tuple[Window, datetime] | None:
        """Return the span that ends last of those that start on days of [since, until), and when it was judged.

        None if there is none. What ends in the future is none of Windrow's. Raises `DestinationError`.
        """
        found: list[tuple[Window, datetime]] = []
        for day in days(since, until):
            listed = self._shelf.list(statement_folder(self._prefix, day))
            found += [told for told in (statement_of(key) for key, _ in listed) if told and told[0].end <= until]
        return max(found, key=lambda told: (told[0].end, told[1]), default=None)

    def _put(self, statement: Statement, data: bytes, form: str, content_type: str) -> str:
        key = statement_key(self._prefix, statement.span, statement.judged_at, form)
        self._shelf.put(key, [data], sha256(data).digest(), {"format": FORMAT}, content_type)
        return key
