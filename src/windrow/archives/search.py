"""Finds archives by the arrival of their files, and files by their keys.

An archive's key contains the span of arrival that it covers. Usually that is a minute, and the key is in the minute's
folder. For a backlog it may be an hour or a day, and then the key is in the folder of that hour or day. So finding the
files of a minute takes listing three folders, and reading archives that also hold files of other minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import cache
from itertools import islice

from windrow.archives.archive import Archive
from windrow.archives.connection import Connection
from windrow.archives.folders import Folder, Listed, open_folder
from windrow.core.archive.writer import seal
from windrow.core.errors import ArchiveError, SourceMissing
from windrow.core.keys import day_folder, is_internal, window_of
from windrow.core.manifest import ManifestFile, Window
from windrow.core.windows import DAY, HOUR, days

MOST_HOURS = 6
"""A day is listed hour by hour if at most this many of its hours are needed: a listing has 1,000 keys a request."""

READERS = 8
"""How many manifests are read concurrently, and held in memory."""

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FoundArchive:
    """An archive that was listed. ``location`` is for `open_archive`, ``key`` is the path below the folder.

    ``window`` is the half-open span of arrival that it covers, ``size`` its length in bytes.
    """

    location: str
    key: str
    window: Window
    size: int
    _folder: Folder

    def open(self) -> Archive:
        """Open it through the connection that found it; see `open_archive`."""
        source = self._folder.source(self.key)
        try:
            return Archive(source)
        except BaseException:
            source.close()
            raise


@dataclass(frozen=True)
class FoundFile:
    """A file, and the archive that holds it."""

    archive: FoundArchive
    file: ManifestFile


def find_archives(
    location: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    connection: Connection | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[FoundArchive]:
    """Yield the archives below a folder that may hold files which arrived in [``since``, ``until``), day by day.

    ``location`` is ``s3://bucket/prefix`` with the prefix that Windrow delivers to, a local folder, or a URL that
    ``fsspec`` lists. Times are aware; None leaves that end open. Archives of an hour or a day that overlaps the range
    are included: compare their files' ``event_time``. Tombstones, quarantined archives and Windrow's other objects are
    left out.

    A range within one hour takes two listings, one of up to six hours one more an hour, a longer one a listing a day.

    Raises:
        SourceMissing: there is no such folder.
        DestinationError, SettingsError: the bucket could not be listed.
        ValueError: a time has no zone.
    """
    start, end = _aware(since) or _FIRST, _aware(until) or now() + DAY
    folder = open_folder(location, connection)
    for listed in _listed(folder, start, end) if since else folder.list(""):
        window = _window(listed.key)
        if window is None or window.start >= end or window.end <= start:
            continue
        found = FoundArchive(folder.location(listed.key), listed.key, window, listed.size, folder)
        if not _is_tombstone(found):
            yield found


@dataclass(frozen=True)
class Selection:
    """Selects the files that meet every condition; None is no condition.

    ``key`` is a raw S3 key, or a pattern with ``*``, ``?`` and ``[...]``, where ``*`` also matches slashes; ``bucket``
    is a landing bucket. ``since`` and ``until`` are aware, and compared with each file's ``event_time``.
    """

    key: str | None = None
    version_id: str | None = None
    bucket: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.since, self.until):
            _aware(moment)

    def filter(self) -> Callable[[ManifestFile], bool]:
        """Return a function that returns whether a file is selected."""
        matches = key_filter(self.key)
        return lambda file: (
            matches(file.key)
            and self.version_id in (None, file.version_id)
            and self.bucket in (None, file.bucket)
            and (self.since is None or file.event_time >= self.since)
            and (self.until is None or file.event_time < self.until)
        )


def find_files(
    location: str,
    *,
    key: str | None = None,
    version_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    connection: Connection | None = None,
) -> Iterator[FoundFile]:
    """Yield the selected files in archives below a folder, in the order of `find_archives`.

    The conditions are those of `Selection`. Each archive costs a HEAD and one range read; eight are read concurrently.

    Raises:
        ArchiveError: an archive can't be read; the message names it.
        SourceMissing, DestinationError, SettingsError, ValueError: see `find_archives`.
    """
    is_meant = Selection(key, version_id, None, since, until).filter()
    for found, files in read_manifests(find_archives(location, since=since, until=until, connection=connection)):
        if isinstance(files, ArchiveError):
            raise ArchiveError(f"{found.location}: {files}") from files
        yield from (FoundFile(found, file) for file in files if is_meant(file))


def key_filter(pattern: str | None) -> Callable[[str], bool]:
    """Return a function that returns whether a key equals or matches a pattern; None matches every key."""
    if pattern is None:
        return lambda _: True
    matches = re.compile(translate(pattern)).match
    return lambda key: key == pattern or matches(key) is not None


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no zone; write datetime(..., tzinfo=UTC)")
    return moment.astimezone(UTC) if moment else None


def _listed(folder: Folder, start: datetime, end: datetime) -> Iterator[Listed]:
    for day in days(start, end):
        hours = [day + HOUR * hour for hour in range(24) if day + HOUR * hour < end and day + HOUR * (hour + 1) > start]
        path = day_folder("", day)
        if len(hours) > MOST_HOURS:
            yield from folder.list(path)
        else:
            for hour in hours:
                yield from folder.list(f"{path}{hour:%H}/")
            yield from folder.list(path, f"{day:%Y%m%dT}")  # archives of the whole day


def _window(key: str) -> Window | None:
    return None if is_internal(key) else window_of(key)


def _is_tombstone(found: FoundArchive) -> bool:
    """Return whether an archive has no files. It is read only if its size is that of a tombstone."""
    if found.size != _tombstone_bytes():
        return False
    try:
        with found.open() as archive:
            return not archive.files
    except ArchiveError:
        return False  # opening it raises the error
    except SourceMissing:
        return True  # deleted since it was listed


@cache
def _tombstone_bytes() -> int:
    return seal(Window(_FIRST, _FIRST + timedelta(minutes=1)), [], 1).size


def read_manifests(
    found: Iterable[FoundArchive],
) -> Iterator[tuple[FoundArchive, list[ManifestFile] | ArchiveError]]:
    """Read manifests, a few concurrently, and yield their files in order; for a broken archive its error."""
    left = iter(found)
    with ThreadPoolExecutor(READERS, thread_name_prefix="archives") as pool:
        while piece := list(islice(left, READERS)):
            yield from zip(piece, pool.map(_files, piece), strict=True)


def _files(found: FoundArchive) -> list[ManifestFile] | ArchiveError:
    try:
        with found.open() as archive:
            return archive.files
    except ArchiveError as error:
        return error
    except SourceMissing:
        return []  # deleted since it was listed
