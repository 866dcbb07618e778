"""Lists the archives of a time range by their keys and reads their manifests."""

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
"""How many manifests are read concurrently, and held in memory."""

OF_ONE_KEY = frozenset({DestinationFault.REFUSED, DestinationFault.CHECKSUM})
"""Faults that concern one archive, not the whole destination."""


def _ignore(_key: str) -> None:
    """Do nothing."""


class ArchiveReader:
    """Lists archives and reads their manifests, with two requests each. Changes nothing."""

    def __init__(self, destination: Destination, prefix: str) -> None:
        self._destination = destination
        self._inspector = Inspector(destination)
        self.prefix = prefix

    def listed(
        self, start: datetime, end: datetime, foreign: Callable[[str], object] = _ignore
    ) -> Iterator[tuple[str, int]]:
        """Yield key and size of all archives whose window overlaps [start, end), day by day in key order.

        ``foreign`` is called with the keys in the folders of these days that are not an archive's.

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
        self, start: datetime, end: datetime, foreign: Callable[[str], object] = _ignore
    ) -> Iterator[list[tuple[str, Found | Finding]]]:
        """Yield the archives of [start, end), each as `Found` or with what is wrong with it, a few at a time.

        ``foreign`` is as for `listed`.

        Raises:
            DestinationError: the destination could not be read.
        """
        keys = (key for key, _ in self.listed(start, end, foreign))
        with ThreadPoolExecutor(READERS, thread_name_prefix="archives") as pool:
            while piece := list(islice(keys, READERS)):
                yield list(zip(piece, pool.map(self.inspect, piece), strict=True))

    def inspect(self, key: str) -> Found | Finding:
        """Return the archive, or what is wrong with it: an unreadable archive must not end the audit of the others.

        Raises:
            DestinationError: the destination could not be read.
        """
        try:
            found = self._inspector.inspect(key)
        except ArchiveError as error:
            return Finding(key, str(error))
        except DestinationError as error:
            if error.kind not in OF_ONE_KEY:
                raise
            self._destination.probe()  # raises if the destination is at fault, not this archive
            return Finding(key, str(error)) if isinstance(error, ChecksumMismatch) else Unreadable(key, str(error))
        return found if found is not None else Finding(key, "there is no such archive")
