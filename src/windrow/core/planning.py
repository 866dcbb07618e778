"""Which objects go into which archive. Pure: the same objects give the same plan, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zlib import crc32

import msgspec

from windrow.core.events import SourceObject
from windrow.core.keys import archive_key
from windrow.core.manifest import MAX_DESCRIBED_BYTES, MAX_FILES, MAX_MANIFEST_BYTES, Window, most_manifest_bytes
from windrow.core.windows import DAY, HOUR, MINUTE, floor

MAX_WINDOWS = 8
"""Most windows of one batch; a backlog that spans more gets wider windows."""

SUSPECT_AFTER_RECEIVES = 3
"""Messages received more often than this are planned last, in archives of their own."""

MAX_LISTED_BYTES = MAX_MANIFEST_BYTES - MAX_DESCRIBED_BYTES - 4096
"""Limit for the entries of an archive's files in its manifest; the rest is for uploaders' descriptions, and 4 KiB."""


class PlannedArchive(msgspec.Struct, frozen=True):
    """An archive to be built: its key at the destination, its window, and its objects in the order of the archive."""

    key: str
    window: Window
    objects: tuple[SourceObject, ...]

    @property
    def raw_bytes(self) -> int:
        """The sum of the objects' sizes, as their events give them."""
        return sum(source.size for source in self.objects)


def plan(objects: Iterable[SourceObject], *, prefix: str, max_archive_bytes: int) -> list[PlannedArchive]:
    """Group objects by the minute they arrived in, and split groups over ``max_archive_bytes`` (raw).

    Groups are also split where the manifest would exceed its limit (``core/manifest.py``). If the objects fall into
    more than 8 minutes, windows are widened to hours, then to days. Archives come oldest window first. An object larger
    than ``max_archive_bytes`` gets an archive of its own; these come last, so that the others need not wait for them.
    """
    ordered = sorted(objects, key=_order)
    width, windows = _windows(ordered)
    archives = []
    for start in sorted(windows):
        for part in _split(windows[start], max_archive_bytes):
            key = archive_key(prefix, start, width, (source.object_id for source in part))
            archives.append(PlannedArchive(key, Window(start, start + width), tuple(part)))
    return sorted(archives, key=lambda archive: archive.raw_bytes > max_archive_bytes)


def isolate(objects: Iterable[tuple[SourceObject, int]], *, salt: str) -> list[list[SourceObject]]:
    """Split objects whose last owner crashed into small groups, so that one that kills its worker affects few others.

    ``objects`` come with their receive counts. The more often an object was received, the smaller the first group of
    its kind: 64, 16 and 4 objects at the 4th, 5th and 6th receive, then one alone. Each group that the process survives
    is followed by one twice as large: after an outage in which every process was killed, thousands of objects must not
    each cost an archive. ``salt`` (the request id) shuffles them, so that the object that kills is at another position
    each time, and those after it get their turn.
    """
    groups: list[list[SourceObject]] = []
    by_limit: dict[int, list[SourceObject]] = {}
    for source, receives in objects:
        limit = max(1, 64 >> (2 * max(0, receives - SUSPECT_AFTER_RECEIVES - 1)))
        by_limit.setdefault(limit, []).append(source)
    for limit in sorted(by_limit, reverse=True):
        shuffled = sorted(by_limit[limit], key=lambda source: crc32(f"{salt}{source.object_id}".encode()))
        size = limit
        while shuffled:
            groups.append(shuffled[:size])
            shuffled, size = shuffled[size:], 2 * size
    return groups


def _order(source: SourceObject) -> tuple[str, str, str, str]:
    return source.key, source.version_id or source.etag, source.sequencer, source.bucket


def _windows(objects: list[SourceObject]) -> tuple[timedelta, dict[datetime, list[SourceObject]]]:
    """Return the narrowest width that gives at most 8 windows (else days), and the objects by window start."""
    windows: dict[datetime, list[SourceObject]] = {}
    for width in (MINUTE, HOUR, DAY):
        windows = {}
        for source in objects:
            windows.setdefault(floor(source.event_time, width), []).append(source)
        if len(windows) <= MAX_WINDOWS:
            break
    return width, windows


def _split(objects: list[SourceObject], max_archive_bytes: int) -> Iterator[list[SourceObject]]:
    part: list[SourceObject] = []
    part_bytes = listed_bytes = 0
    for source in objects:
        entry_bytes = most_manifest_bytes(source)
        full = len(part) == MAX_FILES or listed_bytes + entry_bytes > MAX_LISTED_BYTES
        if part and (full or part_bytes + source.size > max_archive_bytes):
            yield part
            part, part_bytes, listed_bytes = [], 0, 0
        part.append(source)
        part_bytes += source.size
        listed_bytes += entry_bytes
    if part:
        yield part
