"""Completeness marks: a mark says that every file which arrived in certain minutes is in an archive.

A mark is an object at the destination (`windrow.core.keys.mark_key`). It covers whole minutes of one day, and is never
changed: a later audit of the same minutes writes another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated

import msgspec

from windrow.core.manifest import MAX_MANIFEST_BYTES, Count, Moment, Text, Window
from windrow.core.windows import DAY, MINUTE, floor

FORMAT = "windrow-complete/1"
MAX_MARK_BYTES = MAX_MANIFEST_BYTES
"""Largest mark that is read; it lists about 150,000 archives of one day."""
LONGEST_UPLOAD = timedelta(days=1)
"""S3 lists an object with the time at which its upload *began*; its event has the time at which the upload ended. A
multipart upload that took longer than this may be misjudged at the edges of a range."""


class Mark(msgspec.Struct, frozen=True):
    """The result of an audit of [``start``, ``end``) at ``judged_at``: every file is in one of these archives.

    ``files`` counts the different files, ``archives`` how many of them each archive holds, by its key. ``listed_at`` is
    when S3 began the inventory that the audit used, None where the audit listed the buckets itself.
    """

    start: Moment
    end: Moment
    judged_at: Moment
    files: Count
    archives: dict[Text, Annotated[int, msgspec.Meta(ge=1)]]
    format: Text = FORMAT
    listed_at: Moment | None = None


def complete_spans(start: datetime, end: datetime, blocked: Collection[datetime]) -> Iterator[Window]:
    """Yield the longest spans of whole minutes in [``start``, ``end``) without a blocked one, each within one day.

    ``blocked`` holds the starts of minutes.
    """
    first = floor(start, MINUTE) + (MINUTE if start != floor(start, MINUTE) else timedelta(0))
    minutes = (first + number * MINUTE for number in range(max(0, (end - first) // MINUTE)))
    for (_, is_blocked), run in groupby(minutes, key=lambda minute: (floor(minute, DAY), minute in blocked)):
        if not is_blocked:
            span = list(run)
            yield Window(span[0], span[-1] + MINUTE)


def covered(spans: Iterable[Window], start: datetime, end: datetime) -> bool:
    """Return whether the spans together cover [``start``, ``end``)."""
    reached = start
    for span in sorted(spans):
        if span.start > reached:
            return False
        reached = max(reached, span.end)
        if reached >= end:
            return True
    return reached >= end
