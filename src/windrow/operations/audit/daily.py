"""The daily audit: judges what is new, publishes metrics, and writes a statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from windrow.core.completeness import Mark
from windrow.core.errors import InventoryError
from windrow.core.manifest import Window
from windrow.core.metric import Metric
from windrow.core.windows import DAY, HOUR, floor
from windrow.operations.audit.auditor import Auditor
from windrow.operations.audit.inventory import Inventory
from windrow.operations.audit.late import LateFiles
from windrow.operations.audit.marks import Marker
from windrow.operations.audit.page import render
from windrow.operations.audit.report import AuditReport
from windrow.operations.audit.statement import LATE_NAMED, ListedBy, Statement, Statements
from windrow.ports import Clock, DailyMetrics

GRACE = timedelta(minutes=5)
MOST = 2 * DAY
"""Longest span of one run. After days without an audit, each run makes up for one more."""
STALE = timedelta(hours=50)
"""Oldest inventory that is used: S3 writes one a day, at no fixed hour, so after this time the next one is overdue."""
LATE_DAYS = 7 * DAY
"""How far before the span late files are searched: a message lives five days, and a mark may be written a day later."""

Opened = tuple[Auditor, Sequence[Inventory]]


class DailyAudit:
    """Judges arrivals from the end of the last statement, as far as the listing or the inventories go."""

    def __init__(
        self,
        open_audit: Callable[[], Opened],
        statements: Statements,
        marker: Marker,
        late: LateFiles,
        metrics: DailyMetrics,
        clock: Clock,
        retention: timedelta,
    ) -> None:
        self._open = open_audit
        self._statements = statements
        self._marker = marker
        self._late = late
        self._metrics = metrics
        self._clock = clock
        self._retention = retention

    def run(self) -> tuple[str, Statement] | None:
        """Judge what is new, and return the statement's key and the statement; None if there is nothing new yet.

        Metrics are published before the statement is written, so that alarms don't depend on the destination.

        Raises:
            InventoryError: the newest inventory can't be used, or is too old.
            LandingError, DestinationError, LedgerError: one of the three could not be read or written.
        """
        now = self._clock.now()
        auditor, inventories = self._open()
        last = self._statements.newest(now - self._retention - DAY, now)
        span = self._span(now, inventories, last[0] if last else None)
        if span is None:
            return None
        marked: list[Mark] = []

        def mark(each: Mark) -> None:
            self._marker.write(each)
            marked.append(each)

        judged = auditor.judge(span.start, span.end, grace=GRACE, retention=self._retention, mark=mark)
        self._publish(judged.report)
        late = list(self._late.find(span.start - LATE_DAYS, span.end, last[1] if last else span.start))
        statement = Statement(
            judged_at=judged.at,
            inventories=[ListedBy(each.bucket, each.manifest, each.created_at) for each in inventories],
            report=judged.report,
            timeline=judged.timeline,
            marked=[Window(each.start, each.end) for each in marked],
            late=late[:LATE_NAMED],
            late_archives=len(late),
            late_files=sum(each.files for each in late),
        )
        return self._statements.write(statement, render(statement)), statement

    def _span(self, now: datetime, inventories: Sequence[Inventory], last: Window | None) -> Window | None:
        """Return the span to judge, None if there is nothing new yet."""
        until = floor(min(each.settled for each in inventories), HOUR) if inventories else floor(now - GRACE, DAY)
        start = max(last.end if last else until - DAY, floor(now - self._retention, HOUR) + HOUR)
        if start < until:
            return Window(start, min(until, start + MOST))
        if now - until > STALE:
            oldest = min(inventories, key=lambda each: each.created_at)
            raise InventoryError(
                f"the newest inventory of {oldest.bucket} is {oldest.manifest}, begun at "
                f"{oldest.created_at:%Y-%m-%d %H:%M:%S} UTC: S3 has written none since, and nothing new can be judged"
            )
        return None

    def _publish(self, report: AuditReport) -> None:
        self._metrics.count(Metric.FILES_MISSING, report.missing)
        self._metrics.count(Metric.FILES_DUPLICATED, report.duplicated)
        if report.within_2_minutes is not None and report.within_3_minutes is not None:
            self._metrics.share(Metric.SHARE_WITHIN_2_MINUTES, report.within_2_minutes)
            self._metrics.share(Metric.SHARE_WITHIN_3_MINUTES, report.within_3_minutes)
        self._metrics.flush()


def summary(written: tuple[str, Statement] | None) -> dict[str, object]:
    """Return the summary of a run, for its log line and the function's response."""
    if written is None:
        return {"judged": None}
    key, statement = written
    report: dict[str, object] = msgspec.to_builtins(statement.report)
    kept = ("start", "end", "judged", "missing", "duplicated", "orphaned", "broken", "within_2_minutes", "ok")
    return {"statement": key, **{name: report[name] for name in kept}, "late_files": statement.late_files}
