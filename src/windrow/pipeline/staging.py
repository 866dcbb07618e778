"""The staging area of a destination: objects that are sent in parts, verified, and copied to their key.

A staging key is written by one worker only. Objects that a crashed worker left are deleted when the same object is
staged again, or after a day when any object is staged. Incomplete uploads are left to the destination to delete (MinIO
does so after 24 hours; other servers need a lifecycle rule).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from windrow.core.errors import ChecksumMismatch, DestinationError
from windrow.core.keys import is_staged, staged_at_s, staging_folder, staging_key
from windrow.core.windows import DAY_S
from windrow.pipeline.bounded_map import bounded_map
from windrow.ports import ByteRange, Clock, MultipartDestination, Part

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_BYTES = 8 * 1024 * 1024
"""Bytes of one range request when staged parts are read back."""

STALE_S = DAY_S
"""A staged object this old was left by a crashed worker: none runs this long."""

_log = logging.getLogger(__name__)


class SentPart(msgspec.Struct, frozen=True):
    """A part that was sent, and verified by the server: bytes ``start`` to ``start + size`` of the object."""

    number: int
    start: int
    size: int
    sha256: bytes


class _Piece(msgspec.Struct, frozen=True):
    """The range of a part that one request reads."""

    part: SentPart
    start: int
    length: int
    ends_part: bool


class Staged(msgspec.Struct, frozen=True):
    """An object in the staging area."""

    key: str
    etag: str
    parts: tuple[SentPart, ...]

    @property
    def size(self) -> int:
        """The object's length in bytes."""
        return sum(part.size for part in self.parts)


class StagingArea:
    """Stages objects at a destination, ``at_once`` parts under way at a time, each in memory."""

    def __init__(self, destination: MultipartDestination, clock: Clock, *, prefix: str, at_once: int) -> None:
        self._destination = destination
        self._clock = clock
        self._prefix = prefix
        self._at_once = at_once

    def begin(self, object_id: str, owner: str) -> StagingUpload:
        """Begin to stage an object's archive; first delete what crashed workers left. Raises `DestinationError`."""
        self._sweep(object_id)
        key = staging_key(self._prefix, object_id, owner, self._clock.now())
        return StagingUpload(self._destination, key, self._at_once)

    def verify(self, staged: Staged, check_time: Callable[[], None]) -> bytes:
        """Read the object back, compare each part with what was sent, and return the SHA-256 of the whole.

        ``check_time`` is called between pieces and may raise.

        Raises:
            ChecksumMismatch: the destination returns other bytes than were sent.
            DestinationError: it could not be read.
        """
        whole, digest = sha256(), sha256()
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="verify") as pool:
            for piece, data in bounded_map(pool, partial(self._read, staged.key), _pieces(staged.parts), self._at_once):
                check_time()
                whole.update(data)
                digest.update(data)
                if not piece.ends_part:
                    continue
                if digest.digest() != piece.part.sha256:
                    raise ChecksumMismatch(f"{staged.key} has other bytes in part {piece.part.number} than were sent")
                digest = sha256()
        return whole.digest()

    def copy(self, staged: Staged, key: str, metadata: Mapping[str, str], check_time: Callable[[], None]) -> bool:
        """Have the server copy the object to ``key`` if it does not exist; see `windrow.ports.MultipartDestination`."""
        upload_id = self._destination.begin(key, metadata, verified=False)
        try:
            created = self._destination.complete(key, upload_id, self._copy_parts(staged, key, upload_id, check_time))
        except DestinationError as error:
            if not error.maybe_stored:
                _abort(self._destination, key, upload_id)
            raise
        if not created:
            _abort(self._destination, key, upload_id)
        return created

    def remove(self, key: str) -> None:
        """Delete a staged object. Best effort: a later `begin` tries again."""
        try:
            self._destination.delete(key)
        except DestinationError as error:
            _log.warning("staged object not deleted", extra={"staging_key": key, "error": str(error)})

    def _copy_parts(self, staged: Staged, key: str, upload_id: str, check_time: Callable[[], None]) -> list[Part]:
        def copy(part: SentPart) -> Part:
            check_time()
            span = ByteRange(staged.key, staged.etag, part.start, part.size)
            return self._destination.copy_part(key, upload_id, part.number, span)

        with ThreadPoolExecutor(self._at_once, thread_name_prefix="copy") as pool:
            return list(bounded_map(pool, copy, staged.parts, self._at_once))

    def _read(self, key: str, piece: _Piece) -> tuple[_Piece, bytes]:
        return piece, self._destination.read(key, piece.start, piece.length)

    def _sweep(self, object_id: str) -> None:
        """Delete what crashed workers left: of this object, which is claimed now, and all that is a day old."""
        now_s = self._clock.now().timestamp()
        for key, _size in self._destination.list(staging_folder(self._prefix)):
            begun_at_s = staged_at_s(key)
            if begun_at_s is not None and (is_staged(key, object_id) or now_s - begun_at_s > STALE_S):
                self.remove(key)


class StagingUpload:
    """One object on its way to the staging area."""

    def __init__(self, destination: MultipartDestination, key: str, at_once: int) -> None:
        self._destination = destination
        self._key = key
        self._at_once = at_once
        self._upload_id = destination.begin(key, {}, verified=True)
        self._sent: dict[int, tuple[Part, int]] = {}

    def send(self, numbered: Iterable[tuple[int, Sequence[Buffer]]]) -> None:
        """Send parts; the next one is taken when fewer than ``at_once`` are under way. Raises `DestinationError`."""
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="send") as pool:
            for part, size in bounded_map(pool, self._send_one, numbered, self._at_once):
                self._sent[part.number] = part, size

    def finish(self) -> Staged:
        """Make the parts one object. Raises `DestinationError`."""
        parts = [part for _, (part, _) in sorted(self._sent.items())]
        try:
            self._destination.complete(self._key, self._upload_id, parts)
        except DestinationError as error:
            if not error.maybe_stored:
                raise
        # No other worker writes to this key: whatever the response was, the object there is this one.
        stored = self._destination.head(self._key)
        staged = Staged(self._key, stored.etag if stored else "", tuple(self._layout()))
        if stored is None or stored.size != staged.size:
            raise DestinationError.gone(self._key)
        return staged

    def abort(self) -> None:
        """Abort the upload and delete its parts. Best effort."""
        _abort(self._destination, self._key, self._upload_id)

    def _send_one(self, numbered: tuple[int, Sequence[Buffer]]) -> tuple[Part, int]:
        number, chunks = numbered
        digest = sha256()
        for chunk in chunks:
            digest.update(chunk)
        part = self._destination.send_part(self._key, self._upload_id, number, chunks, digest.digest())
        return part, sum(memoryview(chunk).nbytes for chunk in chunks)

    def _layout(self) -> Iterator[SentPart]:
        start = 0
        for number, (part, size) in sorted(self._sent.items()):
            yield SentPart(number, start, size, part.sha256 or b"")
            start += size


def _pieces(parts: Iterable[SentPart]) -> Iterator[_Piece]:
    for part in parts:
        end = part.start + part.size
        for start in range(part.start, end, READ_BYTES):
            yield _Piece(part, start, min(READ_BYTES, end - start), ends_part=end - start <= READ_BYTES)


def _abort(destination: MultipartDestination, key: str, upload_id: str) -> None:
    try:
        destination.abort(key, upload_id)
    except DestinationError as error:
        _log.warning("upload not aborted", extra={"key": key, "error": str(error)})
