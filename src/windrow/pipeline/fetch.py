"""Fetches an archive's files and frames them, on several threads, without holding the raw batch in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import TypeVar

import msgspec

from windrow.core.archive import tar
from windrow.core.archive.writer import BuiltFrame, build_frame, stream_frame
from windrow.core.described import Described
from windrow.core.errors import LandingError, OutOfTime, SourceChecksumWrong, WindrowError
from windrow.core.events import SourceObject
from windrow.core.naming import safe_names
from windrow.pipeline.byte_semaphore import ByteSemaphore
from windrow.pipeline.deadline import Deadline
from windrow.ports import Body, Landing

STREAM_FROM_BYTES = 16 * 1024 * 1024
"""Objects from this size on are read and compressed in pieces, so that no whole one is in memory."""

STREAM_PIECE_BYTES = 2 * 1024 * 1024
"""12 files of 16 MiB that do not compress peak at 371 MB with pieces of 2 MiB, at 404 MB with 4 MiB."""

IN_WORK_BYTES = 48 * 1024 * 1024
"""Memory for fetching and framing, all threads together: enough for 16 frames of 1 MiB."""

COPIES = 3
"""While a frame is built, it is in memory three times: as fetched, joined, and compressed (at worst, at its own size).
Files are streamed one at a time, because each thread that streams leaves its heap fragmented."""

FRAME_FILES = 128
"""Most files of a frame, which one thread fetches one after the other: 1 MiB of tiny files would be thousands of
requests on one thread while the others are idle. Not a setting, so that the same files always give the same bytes."""

Named = tuple[str, SourceObject]
T = TypeVar("T")

_log = logging.getLogger(__name__)


class Fetched(msgspec.Struct):
    """Frames in archive order, and the error of each file that dropped out, by object id."""

    frames: list[BuiltFrame] = msgspec.field(default_factory=list)
    lost: dict[str, WindrowError] = msgspec.field(default_factory=dict)


class Fetcher:
    """Fetches and frames on a pool of threads. Memory: the compressed frames, and `IN_WORK_BYTES`."""

    def __init__(self, landing: Landing, *, concurrency: int, frame_bytes: int, level: int) -> None:
        self._landing = landing
        self._frame_bytes = frame_bytes
        self._level = level
        self._bytes_in_work = ByteSemaphore(IN_WORK_BYTES)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="fetch")

    def fetch(self, objects: Sequence[SourceObject], deadline: Deadline) -> Fetched:
        """Fetch all objects and frame them in order, without those that fail; never raises for single objects."""
        named = list(zip(safe_names(objects), objects, strict=True))
        result = Fetched()
        for frame, lost in self._pool.map(partial(self._frame, deadline=deadline), self._groups(named)):
            result.lost.update(lost)
            if frame is not None:
                result.frames.append(frame)
        return result

    def _groups(self, named: Sequence[Named]) -> Iterator[list[Named]]:
        """Split the files into frames by number and by the sizes in their events; a large file is a frame by itself."""
        group: list[Named] = []
        group_bytes = 0
        for name, source in named:
            large = source.size >= STREAM_FROM_BYTES
            full = len(group) == FRAME_FILES or group_bytes + source.size > self._frame_bytes
            if group and (large or full):
                yield group
                group, group_bytes = [], 0
            if large:
                yield [(name, source)]
                continue
            group.append((name, source))
            group_bytes += source.size
        if group:
            yield group

    def _frame(self, group: list[Named], *, deadline: Deadline) -> tuple[BuiltFrame | None, dict[str, WindrowError]]:
        with self._bytes_in_work.hold(COPIES * sum(tar.most_bytes(name, source.size) for name, source in group)):
            return self._frame_alone(group, deadline)

    def _frame_alone(self, group: list[Named], deadline: Deadline) -> tuple[BuiltFrame | None, dict[str, WindrowError]]:
        lost: dict[str, WindrowError] = {}
        name, source = group[0]
        if source.size >= STREAM_FROM_BYTES:
            return self._guard(source, lost, deadline, lambda: self._stream(name, source)), lost
        items = []
        descriptions: dict[str, Described] = {}
        for name, source in group:
            body = self._guard(source, lost, deadline, partial(self._get, source))
            if body is not None:
                items.append((name, source, body.data))
                descriptions[name] = body.described
        return (build_frame(items, self._level, descriptions) if items else None), lost

    def _guard(
        self, source: SourceObject, lost: dict[str, WindrowError], deadline: Deadline, step: Callable[[], T]
    ) -> T | None:
        """Run one file's step; any failure, even an unexpected one, affects that file alone."""
        try:
            if not deadline.may_fetch():
                raise OutOfTime("no time left to fetch it")
            return step()
        except WindrowError as error:
            lost[source.object_id] = error
        except Exception as error:  # noqa: BLE001 - an unexpected failure of one file must not fail the batch
            _log.exception("unexpected failure while fetching", extra={"object_id": source.object_id})
            lost[source.object_id] = LandingError(f"unexpected {type(error).__name__} while fetching")
        return None

    def _get(self, source: SourceObject) -> Body:
        body = self._landing.get(source)
        if body.described.sha256 is not None:
            check_declared(source, body.described, sha256(body.data).hexdigest())
        return body

    def _stream(self, name: str, source: SourceObject) -> BuiltFrame:
        with self._landing.stream(source, STREAM_PIECE_BYTES) as (described, pieces):
            frame = stream_frame(name, source, pieces, self._level, described)
        check_declared(source, described, frame.files[0].sha256)
        return frame


def check_declared(source: SourceObject, described: Described, actual: str) -> None:
    """Compare the SHA-256 that an object's uploader declared, if any, with that of its bytes (hex).

    Raises:
        SourceChecksumWrong: they differ.
    """
    if described.sha256 is not None and described.sha256 != actual:
        raise SourceChecksumWrong(f"{source.key!r} has SHA-256 {actual}, its uploader declared {described.sha256}")
