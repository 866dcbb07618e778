"""Writes completeness marks to the destination; see `windrow.core.completeness`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from windrow.core.completeness import FORMAT, Mark, complete_spans
from windrow.core.keys import mark_key
from windrow.operations.audit.report import AuditReport
from windrow.operations.audit.scratch import Scratch
from windrow.ports import Destination


def marks(
    scratch: Scratch,
    report: AuditReport,
    *,
    now: datetime,
    grace: timedelta,
    kept_since: datetime,
    listed_at: datetime | None,
) -> Iterator[Mark]:
    """Yield a mark for each span of the report's range in which no file is missing or may still come.

    There is none if nothing was judged or a landing bucket is missing; nor for minutes whose files may have left the
    landing bucket undelivered (before ``kept_since``), or that are newer than the grace.
    """
    if not report.judged or report.absent:
        return
    start, end = max(report.start, kept_since), min(report.end, now - grace)
    for span in complete_spans(start, end, scratch.undelivered_minutes()):
        files, archives = scratch.held(span.start, span.end)
        yield Mark(span.start, span.end, now, files, archives, listed_at=listed_at)


class Marker:
    """Writes marks to a destination."""

    def __init__(self, destination: Destination, prefix: str) -> None:
        self._destination = destination
        self._prefix = prefix

    def write(self, mark: Mark) -> None:
        """Write a mark unless there is one of the same second. Raises `DestinationError`."""
        body = msgspec.json.encode(mark)
        self._destination.put(mark_key(self._prefix, mark), [body], sha256(body).digest(), {"format": FORMAT})
