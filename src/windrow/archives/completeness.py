"""Checks whether all files that arrived in a span of time are in archives, from the marks that audits wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from windrow.archives.connection import Connection
from windrow.archives.folders import Folder, open_folder
from windrow.core.completeness import LONGEST_UPLOAD, MAX_MARK_BYTES, Mark, covered
from windrow.core.errors import ArchiveError
from windrow.core.keys import mark_folder, span_of
from windrow.core.manifest import Window
from windrow.core.windows import days

_decode = msgspec.json.Decoder(Mark).decode


def complete(
    location: str,
    since: datetime,
    until: datetime,
    *,
    longest_upload: timedelta = LONGEST_UPLOAD,
    connection: Connection | None = None,
) -> bool:
    """Return whether every file that arrived in [``since``, ``until``) is known to be in an archive below ``location``.

    This is so if marks (`windrow audit --mark`) cover the span and ``longest_upload`` before it: S3 lists an object
    with the time at which its upload began, and it arrives when the upload ends. False means that no audit has judged
    all of it, or that something is missing. It costs one listing of marks for each day.

    Raises:
        SourceMissing, DestinationError, SettingsError: see `find_archives`.
        ValueError: a time has no zone.
    """
    _check_zones(since, until)
    start, end = since.astimezone(UTC) - longest_upload, until.astimezone(UTC)
    return covered((span for _, span in _listed(open_folder(location, connection), start, end)), start, end)


def find_marks(
    location: str, since: datetime, until: datetime, *, connection: Connection | None = None
) -> Iterator[Mark]:
    """Yield the marks that overlap [``since``, ``until``), in the order in which they were judged.

    Together they name the archives to read. An archive that only a later mark names holds a file that came late.

    Raises:
        ArchiveError: a mark can't be read.
        SourceMissing, DestinationError, SettingsError, ValueError: see `complete`.
    """
    _check_zones(since, until)
    folder = open_folder(location, connection)
    found = [_read(folder, key) for key, _ in _listed(folder, since.astimezone(UTC), until.astimezone(UTC))]
    yield from sorted(found, key=lambda mark: (mark.judged_at, mark.start))


def _check_zones(*moments: datetime) -> None:
    for moment in moments:
        if moment.tzinfo is None:
            raise ValueError(f"{moment.isoformat()} has no zone; write datetime(..., tzinfo=UTC)")


def _listed(folder: Folder, start: datetime, end: datetime) -> Iterator[tuple[str, Window]]:
    for day in days(start, end):
        for key, size in folder.list(mark_folder("", day)):
            span = span_of(key)
            if span is not None and span.start < end and span.end > start and size <= MAX_MARK_BYTES:
                yield key, span


def _read(folder: Folder, key: str) -> Mark:
    source = folder.source(key)
    try:
        return _decode(source.read(0, min(source.size, MAX_MARK_BYTES)))
    except msgspec.DecodeError as error:
        raise ArchiveError(f"{folder.location(key)} is not a mark of Windrow's: {error}") from error
    finally:
        source.close()
