"""Finds files that were delivered after the minutes they arrived in had been marked as complete."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

import msgspec

from windrow.core.completeness import MAX_MARK_BYTES, Mark
from windrow.core.keys import mark_folder, span_of, window_of
from windrow.core.windows import DAY, days
from windrow.operations.audit.archives import ArchiveReader
from windrow.operations.audit.report import Finding
from windrow.ports import Destination

_decode = msgspec.json.Decoder(Mark).decode


class LateArchive(msgspec.Struct, frozen=True):
    """An archive with late files: ``files`` of them arrived in minutes that were marked before it was stored.

    ``first`` and ``last`` are the earliest and the latest arrival of these files.
    """

    key: str
    stored_at: datetime
    files: int
    first: datetime
    last: datetime


class LateFiles:
    """Finds late files by comparing each day's marks with its archives. Changes nothing."""

    def __init__(self, destination: Destination, archives: ArchiveReader, buckets: Collection[str]) -> None:
        self._destination = destination
        self._archives = archives
        self._buckets = frozenset(buckets)

    def find(self, start: datetime, end: datetime, stored_since: datetime) -> Iterator[LateArchive]:
        """Yield the archives stored since ``stored_since`` that hold late files of [start, end), by day and key.

        Costs one listing of marks and one of archives a day, a read of each mark, and two requests for each archive
        that the first mark of its minutes does not name. Unreadable archives and marks are ignored.

        Raises:
            DestinationError: the destination could not be read.
        """
        for day in days(start, end):
            marks = sorted(self._marks(day), key=lambda mark: mark.judged_at, reverse=True)
            named = {key: mark.judged_at for mark in marks for key in mark.archives}  # the earliest that names it
            for key, _ in self._archives.listed(day, day + DAY) if marks else ():
                before = [mark for mark in marks if key not in named or mark.judged_at < named[key]]
                if found := self._late(key, before, stored_since):
                    yield found

    def _marks(self, day: datetime) -> Iterator[Mark]:
        for key, size in self._destination.list(mark_folder(self._archives.prefix, day)):
            if span_of(key) is None or size > MAX_MARK_BYTES:
                continue
            try:
                yield _decode(self._destination.read(key, 0, size))
            except msgspec.DecodeError:
                continue

    def _late(self, key: str, marks: Collection[Mark], stored_since: datetime) -> LateArchive | None:
        window = window_of(key)
        if window is None or not any(mark.start < window.end and mark.end > window.start for mark in marks):
            return None
        found = self._archives.inspect(key)
        if isinstance(found, Finding) or found.stored_at < stored_since:
            return None
        times = [
            file.event_time
            for file in found.manifest.files
            if file.bucket in self._buckets
            and any(mark.start <= file.event_time < mark.end and mark.judged_at < found.stored_at for mark in marks)
        ]
        return LateArchive(key, found.stored_at, len(times), min(times), max(times)) if times else None
