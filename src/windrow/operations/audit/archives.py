"""The archives of a time range, found by their keys and read by their manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

from windrow.core.errors import ArchiveError, ChecksumMismatch, DestinationError, DestinationFault
from windrow.core.keys import day_folder, window_of
from windrow.core.windows import days
from windrow.operations.audit.report import Finding, Unreadable
from windrow.pipeline.inspector import Found, Inspector
from windrow.ports import Destination

READERS = 8
"""Archives whose manifests are read at once; also bounds the manifests held in memory."""

OF_ONE_KEY = frozenset({DestinationFault.REFUSED, DestinationFault.CHECKSUM})
"""Faults that say something of the archive that was asked for, not of the destination."""


def _pass_over(_key: str) -> None:
    """Tell nobody."""


class ArchiveReader:
    """Lists archives and reads what they hold, two requests each. Changes nothing."""

    def __init__(self, destination: Destination, prefix: str) -> None:
        self._destination = destination
        self._inspector = Inspector(destination)
        self.prefix = prefix

    def listed(
        self, start: datetime, end: datetime, foreign: Callable[[str], object] = _pass_over
    ) -> Iterator[tuple[str, int]]:
        """Yield key and size of all archives whose window touches [start, end), day by day in key order.

        ``foreign`` is told the keys in the folders of these days that are no archive's.

        Raises:
            DestinationError: the destination could not be listed.
        """
        for day in days(start, end):
            for key, size in self._destination.list(day_folder(self.prefix, day)):
                window = window_of(key)
                if window is None:
                    foreign(key)
                elif window.start < end and window.end > start:
                    yield key, size

    def read(
        self, start: datetime, end: datetime, foreign: Callable[[str], object] = _pass_over
    ) -> Iterator[list[tuple[str, Found | Finding]]]:
        """Yield the archives of [start, end) with what they hold, or what is wrong with them, a few at a time.

        ``foreign`` is told the keys that `listed` passes over.

        Raises:
            DestinationError: the destination could not be asked.
        """
        keys = (key for key, _ in self.listed(start, end, foreign))
        with ThreadPoolExecutor(READERS, thread_name_prefix="archives") as pool:
            while piece := list(islice(keys, READERS)):
                yield list(zip(piece, pool.map(self.inspect, piece), strict=True))

    def inspect(self, key: str) -> Found | Finding:
        """Return what the archive holds, or what is wrong with it: one that can't be read must not hide the others.

        Raises:
            DestinationError: the destination could not be asked.
        """
        try:
            found = self._inspector.inspect(key)
        except ArchiveError as error:
            return Finding(key, str(error))
        except DestinationError as error:
            if error.kind not in OF_ONE_KEY:
                raise
            self._destination.probe()  # what is refused everywhere is no finding about one archive
            return Finding(key, str(error)) if isinstance(error, ChecksumMismatch) else Unreadable(key, str(error))
        return found if found is not None else Finding(key, "there is no such archive")
