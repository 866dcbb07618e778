"""Archives of one object that is too large for memory: staged in parts, verified, then copied to their key.

The manifest comes first in an archive, but it holds the object's digest and compressed length, which are known last. So
the start of the archive is kept in memory until the rest is sent. The metadata hold the whole archive's digest, and S3
needs them before the first part. So the parts become a staged object, which is read back: that verifies it and gives
its digest. The server then copies it to the archive's key, with the same condition as for every archive
(``docs/decisions/0005-large-objects.md``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from windrow.core.archive.writer import ArchiveSummary, BuiltFrame, FrameStream, SealedArchive, Wrapping, seal, wrap
from windrow.core.described import Described
from windrow.core.errors import (
    ChecksumMismatch,
    DestinationError,
    DestinationFault,
    LandingError,
    ObjectTooSlow,
    OutOfTime,
    Transient,
    WindrowError,
)
from windrow.core.events import SourceObject
from windrow.core.metric import Metric
from windrow.core.naming import safe_names
from windrow.core.parts import in_parts
from windrow.core.planning import PlannedArchive
from windrow.pipeline.bounded_map import bounded_map
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.fetch import check_declared
from windrow.pipeline.inspector import STAGED_ETAG
from windrow.pipeline.staging import Staged, StagingArea
from windrow.ports import Clock, Landing, Metrics, MultipartDestination

if TYPE_CHECKING:
    from typing_extensions import Buffer

PIECE_BYTES = 8 * 1024 * 1024
"""Bytes of one range request to the landing bucket."""
PART_BYTES = 16 * 1024 * 1024
"""Size of one part. S3 allows 10,000: 156 GiB, more than the largest object that the settings allow."""
HELD_BYTES = 32 * 1024 * 1024
"""Bytes of the frame's start that are kept for part 1, behind the manifest. A smaller frame is sent by one PUT."""
AT_ONCE = 3
"""Parts and pieces under way at a time, each in memory."""

SURE_AFTER_S = 10.0
"""After this time, the rate so far shows whether the object can be finished."""

_log = logging.getLogger(__name__)


class StagedArchive(msgspec.Struct, frozen=True):
    """A verified archive in the staging area."""

    summary: ArchiveSummary
    staged: Staged


class LargeArchiver:
    """Builds and stores archives of one large object each.

    Memory: ``HELD_BYTES``, one part more than are under way, and a few pieces. ``concurrency`` limits how many are.
    """

    def __init__(
        self,
        landing: Landing,
        destination: MultipartDestination,
        metrics: Metrics,
        clock: Clock,
        *,
        prefix: str,
        level: int,
        concurrency: int,
    ) -> None:
        self._landing = landing
        self._metrics = metrics
        self._level = level
        self._at_once = min(AT_ONCE, concurrency)
        self._area = StagingArea(destination, clock, prefix=prefix, at_once=self._at_once)

    def build(self, archive: PlannedArchive, owner: str, deadline: Deadline) -> SealedArchive | StagedArchive:
        """Build the archive of one object: in memory if it compresses well enough, else in the staging area.

        Raises:
            WindrowError: the object could not be read, staged or verified in time.
        """
        (source,) = archive.objects
        object_deadline = _ObjectDeadline(source, deadline)
        try:
            built = self._stream(archive, source, owner, object_deadline)
            if isinstance(built, SealedArchive):
                return built
            staged, wrapping = built
            return StagedArchive(wrapping.summary(staged.size, self._verify(staged, object_deadline)), staged)
        except WindrowError:
            raise
        except Exception as error:
            _log.exception("unexpected failure while streaming", extra={"object_id": source.object_id})
            raise LandingError(f"unexpected {type(error).__name__} while streaming") from error

    def store(self, key: str, archive: StagedArchive, deadline: Deadline) -> bool:
        """Copy a staged archive to its key if the key does not exist; see `windrow.pipeline.deliver.Store`."""

        def check_time() -> None:
            if not deadline.may_copy():
                raise DestinationError(f"no time left to copy {key}", DestinationFault.SLOW)

        metadata = archive.summary.metadata | {STAGED_ETAG: archive.staged.etag}
        return self._area.copy(archive.staged, key, metadata, check_time)

    def discard(self, archive: StagedArchive) -> None:
        """Delete what was staged. Best effort."""
        self._area.remove(archive.staged.key)

    def _stream(
        self, archive: PlannedArchive, source: SourceObject, owner: str, object_deadline: _ObjectDeadline
    ) -> SealedArchive | tuple[Staged, Wrapping]:
        """Read and compress the object once; send all but the start, which is kept in memory."""
        (name,) = safe_names([source])
        with (
            ThreadPoolExecutor(1, thread_name_prefix="read") as reader,
            self._landing.stream(source, PIECE_BYTES) as (described, pieces),
        ):
            frame = FrameStream(
                name, source, object_deadline.watch(self._ahead(reader, source, pieces)), self._level, described
            )
            chunks = iter(frame)
            held = _take(chunks, HELD_BYTES)
            if sum(map(len, held)) < HELD_BYTES:
                built = _finished(frame, source, described, held)
                return seal(archive.window, [built], self._level)
            upload = self._area.begin(source.object_id, owner)
            wrappings: list[Wrapping] = []

            def rest() -> Iterator[Buffer]:
                yield from chunks
                wrappings.append(wrap(archive.window, [_finished(frame, source, described)], self._level))
                yield wrappings[0].end

            try:
                upload.send(enumerate(in_parts(rest(), PART_BYTES), 2))
                upload.send([(1, [wrappings[0].first, *held])])
                return upload.finish(), wrappings[0]
            except Exception:
                upload.abort()
                raise

    def _ahead(self, reader: ThreadPoolExecutor, source: SourceObject, pieces: Iterator[Buffer]) -> Iterator[Buffer]:
        """Yield the pieces while the next ones are read."""
        # One more than expected: an object that holds more than its event says must be noticed.
        numbers = range(-(-source.size // PIECE_BYTES) + 1)
        yield from bounded_map(reader, lambda _number: next(pieces, b""), numbers, self._at_once)

    def _verify(self, staged: Staged, object_deadline: _ObjectDeadline) -> bytes:
        try:
            return self._area.verify(staged, object_deadline.check)
        except ChecksumMismatch:
            self._metrics.count(Metric.CHECKSUM_MISMATCH)
            self._area.remove(staged.key)
            raise
        except WindrowError:
            self._area.remove(staged.key)
            raise


class _ObjectDeadline:
    """Finds out early that an object can't be finished in the run time that is left."""

    def __init__(self, source: SourceObject, deadline: Deadline) -> None:
        self._source = source
        self._deadline = deadline
        self._had_s = deadline.remaining_s
        self._whole_run = deadline.is_fresh

    def watch(self, pieces: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield the object's pieces. Raises `ObjectTooSlow`, or `OutOfTime` if a whole run may be enough."""
        done = 0
        for piece in pieces:
            used_s = self._had_s - self._deadline.remaining_s
            needed_s = used_s * self._source.size / done if done else 0.0
            if not self._deadline.may_fetch() or (used_s > SURE_AFTER_S and needed_s > self._had_s):
                raise self._late(f"{done:,} bytes took {used_s:.0f} s")
            done += memoryview(piece).nbytes
            yield piece

    def check(self) -> None:
        """Raise the same if there is no time left to verify what was staged."""
        if not self._deadline.may_fetch():
            raise self._late("it was staged, but not read back in time")

    def _late(self, detail: str) -> Transient:
        source = self._source
        text = (
            f"{source.key!r} has {source.size:,} bytes; {detail}, and {self._had_s:.0f} s were left for it in this run"
        )
        if not self._whole_run:
            return OutOfTime(text)
        _log.error(
            "object needs more time than a run has: give the function more time or memory, or use a worker",
            extra={"object_id": source.object_id, "bytes": source.size, "had_s": int(self._had_s), "detail": detail},
        )
        return ObjectTooSlow(text)


def _finished(
    frame: FrameStream, source: SourceObject, described: Described, chunks: Iterable[Buffer] = ()
) -> BuiltFrame:
    """Return a frame after its last chunk. Raises `SourceChecksumWrong` if the uploader declared another SHA-256."""
    built = frame.built(tuple(chunks))
    check_declared(source, described, built.files[0].sha256)
    return built


def _take(chunks: Iterator[bytes | bytearray], least_bytes: int) -> list[bytes | bytearray]:
    """Return the first chunks, as many as give ``least_bytes``, or all."""
    taken = []
    left = least_bytes
    for chunk in chunks:
        taken.append(chunk)
        left -= len(chunk)
        if left <= 0:
            break
    return taken
