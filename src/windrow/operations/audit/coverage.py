"""Counts what an audit judged, and what it did not, while landing buckets are listed and archives are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from windrow.ports import ListedVersion

SKEW = timedelta(hours=1)
"""Event times and listing times come from different clocks: files up to this far outside the range are read too."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many files were judged; the names are those of `AuditReport`."""

    judged: int
    landed: int
    pending: int
    outside: int
    elsewhere: int


class Listing:
    """Landing versions of [start, end), and of the margins ``before`` and ``after`` it. Iterate once.

    ``inside`` and ``outside`` count all versions read so far, in the range and outside it.
    """

    def __init__(
        self,
        versions: Iterable[ListedVersion],
        start: datetime,
        end: datetime,
        *,
        before: timedelta = timedelta(0),
        after: timedelta = timedelta(0),
    ) -> None:
        self._versions = versions
        self._start, self._end = start, end
        self._first, self._last = start - before, end + after
        self.inside = 0
        self.outside = 0

    @property
    def coverage(self) -> Coverage:
        """The counts so far: all of the range counts as judged."""
        return Coverage(judged=self.inside, landed=self.inside, pending=0, outside=self.outside, elsewhere=0)

    def __iter__(self) -> Iterator[ListedVersion]:
        for version in self._versions:
            inside = self._start <= version.last_modified < self._end
            self.inside += inside
            self.outside += not inside
            if self._first <= version.last_modified < self._last:
                yield version
