"""Builds ``windrow/1`` archives: files to frames on many threads, frames to one sealed archive.

A frame is one segment, or several of one large file (see `member`). Same files in the same order and frames give the
same bytes. Files come ordered by key, then by version id (ETag
where there is none): the caller sees to it, across frames too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from threading import local
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from windrow.core.archive import tar
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import HEAD, tail
from windrow.core.archive.segments import Segment, compress, compress_pieces, stored
from windrow.core.described import Described
from windrow.core.errors import SourceChecksumWrong
from windrow.core.events import SourceObject
from windrow.core.manifest import FORMAT, MANIFEST_NAME, Frame, Manifest, ManifestFile, Window, fitting

if TYPE_CHECKING:
    from typing_extensions import Buffer


NOTHING_SAID: Mapping[str, Described] = MappingProxyType({})

SCRATCH_BYTES = 2 * 1024 * 1024
"""Frames up to this size (tar entries included) are one segment, joined in memory that their thread keeps. Larger ones
are a segment for each MiB: 24 files of 8 MiB that do not compress peak at 382 MB so, at 606 MB joined whole."""


@dataclass(frozen=True, slots=True)
class BuiltFrame:
    """Whole tar entries, compressed: ``chunks`` joined are ``size`` bytes, ``raw`` is the checksum of what they hold.

    ``files`` are its entries in order; their ``frame`` is 0 until `wrap` numbers the frames.
    """

    chunks: tuple[Buffer, ...]
    size: int
    raw: Checksum
    files: tuple[ManifestFile, ...]


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What is known of a whole archive of ``size`` bytes whose digest is ``sha256``.

    ``metadata`` is what the destination stores beside it (names without ``x-amz-meta-``).
    """

    size: int
    sha256: bytes
    manifest: Manifest
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class SealedArchive(ArchiveSummary):
    """A whole archive in memory: ``chunks`` in order are its bytes."""

    chunks: list[Buffer]


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What stands around the frames of an archive: ``first``, head and manifest, and ``end``, from the tar's end on."""

    manifest: Manifest
    first: Buffer
    end: Buffer

    def summary(self, size: int, digest: bytes) -> ArchiveSummary:
        """Describe the archive of ``size`` bytes with the SHA-256 ``digest`` that this wraps."""
        manifest = self.manifest
        metadata = {
            "sha256_checksum": digest.hex(),
            "format": FORMAT,
            "file-count": str(len(manifest.files)),
            "raw-bytes": str(sum(file.size for file in manifest.files)),
            "window-start": _iso(manifest.window_start),
            "window-end": _iso(manifest.window_end),
            "manifest-bytes": str(memoryview(self.first).nbytes),
        }
        return ArchiveSummary(size, digest, manifest, metadata)


class FrameStream:
    """One large file's frame while it is compressed: iterate over its chunks once, then ask what it is.

    Holds a piece of the file and a segment at most. Iterating raises `SourceChecksumWrong` when the pieces are not
    ``source.size`` bytes together; errors of ``pieces`` pass through.
    """

    def __init__(
        self, name: str, source: SourceObject, pieces: Iterable[Buffer], level: int, said: Described | None = None
    ) -> None:
        self._name = name
        self._source = source
        self._said = said
        self._header = tar.header(name, source.size, tar.seconds(source.event_time))
        self._digest = sha256()
        self._size = 0
        self._raw = Checksum()
        self._segments = compress_pieces(_entry(self._header, source, pieces, self._digest.update), level)

    def __iter__(self) -> Iterator[bytes | bytearray]:
        for segment in self._segments:
            self._size += len(segment.data)
            self._raw += segment.raw
            yield segment.data

    def built(self, chunks: tuple[Buffer, ...] = ()) -> BuiltFrame:
        """Describe the frame once its last chunk has been taken; ``chunks`` are they, where they were kept."""
        source = self._source
        listed = _listed(self._name, source, source.size, self._digest.hexdigest(), len(self._header), self._said)
        return BuiltFrame(chunks, self._size, self._raw, (listed,))


def build_frame(
    items: Sequence[tuple[str, SourceObject, Buffer]], level: int, said: Mapping[str, Described] = NOTHING_SAID
) -> BuiltFrame:
    """Frame whole files: (member name, source, bytes) each; ``said`` is what uploaders said, by member name.

    For use on many threads at once. Hashing and compression release the GIL. Holds up to `SCRATCH_BYTES` of the raw
    frame once more while it compresses.
    """
    parts: list[Buffer] = []
    files = []
    position = 0
    for name, source, data in items:
        size = memoryview(data).nbytes
        header = tar.header(name, size, tar.seconds(source.event_time))
        parts += (header, data, tar.padding(size))
        files.append(_listed(name, source, size, sha256(data).hexdigest(), position + len(header), said.get(name)))
        position += len(header) + tar.padded(size)
    segments = list(_segments(parts, position, level))
    raw = sum((segment.raw for segment in segments), Checksum())
    return BuiltFrame(
        tuple(segment.data for segment in segments), sum(len(segment.data) for segment in segments), raw, tuple(files)
    )


def stream_frame(
    name: str, source: SourceObject, pieces: Iterable[Buffer], level: int, said: Described | None = None
) -> BuiltFrame:
    """Frame one large file that comes in pieces; holds one piece of it and the compressed bytes.

    Raises:
        SourceChecksumWrong: the pieces are not ``source.size`` bytes together. Errors of ``pieces`` pass through.
    """
    frame = FrameStream(name, source, pieces, level, said)
    chunks = tuple(frame)
    return frame.built(chunks)


def seal(window: Window, frames: Sequence[BuiltFrame], level: int) -> SealedArchive:
    """Put manifest, frames and end together without copying the frames. No frames make an empty archive."""
    wrapping = wrap(window, frames, level)
    chunks: list[Buffer] = [wrapping.first]
    for frame in frames:
        chunks += frame.chunks
    chunks.append(wrapping.end)
    digest = sha256()
    size = 0
    for chunk in chunks:
        digest.update(chunk)
        size += memoryview(chunk).nbytes
    summary = wrapping.summary(size, digest.digest())
    return SealedArchive(size, summary.sha256, summary.manifest, summary.metadata, chunks)


def wrap(window: Window, frames: Sequence[BuiltFrame], level: int) -> Wrapping:
    """Build what stands around the frames; their chunks are not looked at.

    Without frames nothing is compressed: the bytes of an empty archive follow from its window alone.
    """
    manifest = _manifest(window, frames)
    entry = _manifest_entry(manifest)
    segment = compress(entry, level) if frames else stored(entry)
    raw = sum((frame.raw for frame in frames), start=segment.raw)
    return Wrapping(manifest, HEAD + segment.data, tail(raw))


class _Scratch(local):
    def __init__(self) -> None:
        self.memory = memoryview(bytearray(SCRATCH_BYTES))


_scratch = _Scratch()


def _segments(parts: Sequence[Buffer], size: int, level: int) -> Iterable[Segment]:
    """Return the parts as one segment, or as several if they are too large to be joined without a copy of them all.

    Fresh memory for each frame would cost a page fault every 4 KiB: 7 % of a frame's CPU time.
    """
    if size > SCRATCH_BYTES:
        return compress_pieces(parts, level)
    end = 0
    for part in parts:
        start, end = end, end + memoryview(part).nbytes
        _scratch.memory[start:end] = part
    return [compress(_scratch.memory[:end], level)]


def _listed(
    name: str, source: SourceObject, size: int, digest: str, offset: int, said: Described | None
) -> ManifestFile:
    told = said or Described()
    return ManifestFile(
        name=name,
        bucket=source.bucket,
        key=source.key,
        version_id=source.version_id,
        etag=source.etag,
        size=size,
        sha256=digest,
        event_time=source.event_time,
        frame=0,
        offset=offset,
        sequencer="" if source.version_id else source.sequencer,
        replayed=source.replayed,
        redriven=source.redriven,
        content_type=told.content_type,
        metadata=told.metadata,
    )


def _entry(
    header: bytes, source: SourceObject, pieces: Iterable[Buffer], note: Callable[[Buffer], None]
) -> Iterator[Buffer]:
    """Yield a tar entry, telling ``note`` of each piece of its data."""
    yield header
    left = source.size
    for piece in pieces:
        left -= memoryview(piece).nbytes
        if left < 0:
            break
        note(piece)
        yield piece
    if left:
        held = "more" if left < 0 else f"{left} bytes fewer"
        raise SourceChecksumWrong(f"{source.key!r} holds {held} than its event's {source.size} bytes")
    yield tar.padding(source.size)


def _manifest(window: Window, frames: Sequence[BuiltFrame]) -> Manifest:
    files: list[ManifestFile] = []
    table = []
    offset = 0
    for index, frame in enumerate(frames):
        files += (msgspec.structs.replace(file, frame=index) for file in frame.files)
        table.append(Frame(offset, frame.size))
        offset += frame.size
    return Manifest(FORMAT, window.start, window.end, fitting(files), table)


def _manifest_entry(manifest: Manifest) -> bytes:
    data = msgspec.json.encode(manifest)
    header = tar.header(MANIFEST_NAME, len(data), tar.seconds(manifest.window_start))
    return b"".join((header, data, tar.padding(len(data))))


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
