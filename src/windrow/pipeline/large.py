"""Archives of one object too large to hold: staged in parts, verified, then copied to their key by the server.

The manifest comes first in an archive and tells what is known last: the object's digest and its compressed length. So
the start of the archive waits in memory while the rest is sent, the archive's end last, which has the checksum of all.
The whole archive's digest is part of the metadata, which S3 wants before the first part. So the parts become a staged
object, which is read back: that verifies it and gives its digest. The server then copies it to the archive's key,
under the same condition as every archive (``docs/decisions/0005-large-objects.md``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
"""Of the 10,000 parts that S3 takes: 156 GiB, so the largest object fits that a setting allows, compressed or not."""
HELD_BYTES = 32 * 1024 * 1024
"""The start of the frame that waits for the manifest, as part 1. A frame that ends within it is sent by one PUT."""
AT_ONCE = 3
"""Parts and pieces under way at a time, each in memory."""

SURE_AFTER_S = 10.0
"""From then on the rate so far tells whether the object can be finished."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StagedArchive:
    """An archive that stands in the staging area, its bytes verified."""

    summary: ArchiveSummary
    staged: Staged


class LargeArchiver:
    """Builds and stores archives of one large object each.

    Memory: ``HELD_BYTES``, one part more than are under way, and a few pieces. ``concurrency`` bounds that number.
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
        """Build the archive of one object: in memory if it compresses to little, else in the staging area.

        Raises:
            WindrowError: the object could not be read, staged or verified, or not in time.
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
        """Copy a staged archive to its key if that is free; see `windrow.pipeline.deliver.Store`."""

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
        """Read and compress the object once; send what memory need not hold."""
        (name,) = safe_names([source])
        with (
            ThreadPoolExecutor(1, thread_name_prefix="read") as reader,
            self._landing.stream(source, PIECE_BYTES) as (said, pieces),
        ):
            frame = FrameStream(
                name, source, object_deadline.watch(self._ahead(reader, source, pieces)), self._level, said
            )
            chunks = iter(frame)
            held = _take(chunks, HELD_BYTES)
            if sum(map(len, held)) < HELD_BYTES:
                built = _finished(frame, source, said, held)
                return seal(archive.window, [built], self._level)
            upload = self._area.begin(source.object_id, owner)
            wrappings: list[Wrapping] = []

            def rest() -> Iterator[Buffer]:
                yield from chunks
                wrappings.append(wrap(archive.window, [_finished(frame, source, said)], self._level))
                yield wrappings[0].end

            try:
                upload.send(enumerate(in_parts(rest(), PART_BYTES), 2))
                upload.send([(1, [wrappings[0].first, *held])])
                return upload.finish(), wrappings[0]
            except Exception:
                upload.drop()
                raise

    def _ahead(self, reader: ThreadPoolExecutor, source: SourceObject, pieces: Iterator[Buffer]) -> Iterator[Buffer]:
        """Yield the pieces, the next one being read meanwhile."""
        # One more than there should be: an object that holds more than its event says must be noticed.
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
    """Tells as early as it can that an object can't be finished in the run time that is left."""

    def __init__(self, source: SourceObject, deadline: Deadline) -> None:
        self._source = source
        self._deadline = deadline
        self._had_s = deadline.remaining_s
        self._whole_run = deadline.is_fresh

    def watch(self, pieces: Iterable[Buffer]) -> Iterator[Buffer]:
        """Pass the object's pieces on. Raises `ObjectTooSlow`, or `OutOfTime` where a whole run might do."""
        done = 0
        for piece in pieces:
            used_s = self._had_s - self._deadline.remaining_s
            needed_s = used_s * self._source.size / done if done else 0.0
            if not self._deadline.may_fetch() or (used_s > SURE_AFTER_S and needed_s > self._had_s):
                raise self._late(f"{done:,} bytes took {used_s:.0f} s")
            done += memoryview(piece).nbytes
            yield piece

    def check(self) -> None:
        """Raise the same if what was staged can't be verified any more."""
        if not self._deadline.may_fetch():
            raise self._late("it was staged, but not read back in time")

    def _late(self, detail: str) -> Transient:
        source = self._source
        text = f"{source.key!r} has {source.size:,} bytes; {detail}, and this run had {self._had_s:.0f} s for it"
        if not self._whole_run:
            return OutOfTime(text)
        _log.error(
            "object needs more run time than a run has: give the function more time or memory, or use a worker",
            extra={"object_id": source.object_id, "bytes": source.size, "had_s": int(self._had_s), "detail": detail},
        )
        return ObjectTooSlow(text)


def _finished(frame: FrameStream, source: SourceObject, said: Described, chunks: Iterable[Buffer] = ()) -> BuiltFrame:
    """Return a frame whose last chunk was taken. Raises `SourceChecksumWrong` if the uploader declared another file."""
    built = frame.built(tuple(chunks))
    check_declared(source, said, built.files[0].sha256)
    return built


def _take(chunks: Iterator[bytes | bytearray], least_bytes: int) -> list[bytes | bytearray]:
    """Return the first chunks, as many as make ``least_bytes``, or all."""
    taken = []
    left = least_bytes
    for chunk in chunks:
        taken.append(chunk)
        left -= len(chunk)
        if left <= 0:
            break
    return taken
