"""Builds ``windrow/1`` archives: files to frames on many threads, frames to one sealed archive.

A frame is one segment, or several for one large file (see `member`). The same files in the same order and frames give
the same bytes. The caller orders the files, across frames too: by key, then by version id (ETag if there is none).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from windrow.core.manifest import FORMAT, MANIFEST_NAME, Frame, Manifest, ManifestFile, Window, limit_descriptions

if TYPE_CHECKING:
    from typing_extensions import Buffer


NO_DESCRIPTIONS: Mapping[str, Described] = MappingProxyType({})

SCRATCH_BYTES = 2 * 1024 * 1024
"""Frames up to this size (tar entries included) are one segment, joined in a buffer that their thread keeps. Larger
ones have a segment for each MiB: 24 files of 8 MiB that do not compress peak at 382 MB then, at 606 MB when joined
whole."""


class BuiltFrame(msgspec.Struct, frozen=True):
    """Whole tar entries, compressed: ``chunks`` together are ``size`` bytes, ``raw`` is the checksum of the raw bytes.

    ``files`` are its entries in order; their ``frame`` is 0 until `wrap` numbers the frames.
    """

    chunks: tuple[Buffer, ...]
    size: int
    raw: Checksum
    files: tuple[ManifestFile, ...]


class ArchiveSummary(msgspec.Struct, frozen=True):
    """An archive of ``size`` bytes whose digest is ``sha256``, without its bytes.

    ``metadata`` is stored with it at the destination (names without ``x-amz-meta-``).
    """

    size: int
    sha256: bytes
    manifest: Manifest
    metadata: dict[str, str]


class SealedArchive(ArchiveSummary, frozen=True):
    """A whole archive in memory: ``chunks`` are its bytes, in order."""

    chunks: list[Buffer]


class Wrapping(msgspec.Struct, frozen=True):
    """The bytes around an archive's frames: ``first``, gzip header and manifest, and ``end``, from the tar's end on."""

    manifest: Manifest
    first: Buffer
    end: Buffer

    def summary(self, size: int, digest: bytes) -> ArchiveSummary:
        """Return the summary of the whole archive, which has ``size`` bytes and the SHA-256 ``digest``."""
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
    """One large file's frame while it is compressed: iterate over its chunks once, then call `built`.

    Holds a piece of the file and a segment at most. Iterating raises `SourceChecksumWrong` if the pieces together are
    not ``source.size`` bytes; errors of ``pieces`` pass through.
    """

    def __init__(
        self, name: str, source: SourceObject, pieces: Iterable[Buffer], level: int, described: Described | None = None
    ) -> None:
        self._name = name
        self._source = source
        self._described = described
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
        """Return the frame after the last chunk was read, with its ``chunks`` if the caller kept them."""
        source = self._source
        listed = _listed(self._name, source, source.size, self._digest.hexdigest(), len(self._header), self._described)
        return BuiltFrame(chunks, self._size, self._raw, (listed,))


def build_frame(
    items: Sequence[tuple[str, SourceObject, Buffer]],
    level: int,
    descriptions: Mapping[str, Described] = NO_DESCRIPTIONS,
) -> BuiltFrame:
    """Build a frame of whole files, each (member name, source, bytes); ``descriptions`` are by member name.

    Safe on several threads; hashing and compression release the GIL. While it compresses, it holds a second copy of
    up to `SCRATCH_BYTES` of the raw frame.
    """
    parts: list[Buffer] = []
    files = []
    position = 0
    for name, source, data in items:
        size = memoryview(data).nbytes
        header = tar.header(name, size, tar.seconds(source.event_time))
        parts += (header, data, tar.padding(size))
        files.append(
            _listed(name, source, size, sha256(data).hexdigest(), position + len(header), descriptions.get(name))
        )
        position += len(header) + tar.padded(size)
    segments = list(_segments(parts, position, level))
    raw = sum((segment.raw for segment in segments), Checksum())
    return BuiltFrame(
        tuple(segment.data for segment in segments), sum(len(segment.data) for segment in segments), raw, tuple(files)
    )


def stream_frame(
    name: str, source: SourceObject, pieces: Iterable[Buffer], level: int, described: Described | None = None
) -> BuiltFrame:
    """Build a frame of one large file that comes in pieces; holds one piece of it and the compressed bytes.

    Raises:
        SourceChecksumWrong: the pieces together are not ``source.size`` bytes. Errors of ``pieces`` pass through.
    """
    frame = FrameStream(name, source, pieces, level, described)
    chunks = tuple(frame)
    return frame.built(chunks)


def seal(window: Window, frames: Sequence[BuiltFrame], level: int) -> SealedArchive:
    """Return the archive of these frames, without copying them. Without frames, it is an empty archive."""
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
    """Return the bytes around the frames; their chunks are not read.

    Without frames nothing is compressed, so that the bytes of an empty archive depend on its window alone.
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
    """Return the parts as one segment, or as several if together they exceed the thread's buffer.

    A new buffer for each frame would cost a page fault every 4 KiB: 7 % of a frame's CPU time.
    """
    if size > SCRATCH_BYTES:
        return compress_pieces(parts, level)
    end = 0
    for part in parts:
        start, end = end, end + memoryview(part).nbytes
        _scratch.memory[start:end] = part
    return [compress(_scratch.memory[:end], level)]


def _listed(
    name: str, source: SourceObject, size: int, digest: str, offset: int, described: Described | None
) -> ManifestFile:
    known = described or Described()
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
        content_type=known.content_type,
        metadata=known.metadata,
    )


def _entry(
    header: bytes, source: SourceObject, pieces: Iterable[Buffer], on_bytes: Callable[[Buffer], None]
) -> Iterator[Buffer]:
    """Yield a tar entry, and call ``on_bytes`` with each piece of its data."""
    yield header
    left = source.size
    for piece in pieces:
        left -= memoryview(piece).nbytes
        if left < 0:
            break
        on_bytes(piece)
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
    return Manifest(FORMAT, window.start, window.end, limit_descriptions(files), table)


def _manifest_entry(manifest: Manifest) -> bytes:
    data = msgspec.json.encode(manifest)
    header = tar.header(MANIFEST_NAME, len(data), tar.seconds(manifest.window_start))
    return b"".join((header, data, tar.padding(len(data))))


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
