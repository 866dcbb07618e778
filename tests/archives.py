"""Archives and sources of archives for tests."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from windrow.core.archive import tar
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.member import HEAD, tail
from windrow.core.archive.segments import compress
from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.described import Described
from windrow.core.events import SourceObject
from windrow.core.manifest import MANIFEST_NAME, Manifest, Window
from windrow.core.naming import safe_names

if TYPE_CHECKING:
    from typing_extensions import Buffer

WINDOW = Window(datetime(2026, 11, 23, 10, 7, tzinfo=UTC), datetime(2026, 11, 23, 10, 8, tzinfo=UTC))
MOMENT = datetime(2026, 11, 23, 10, 7, 3, 500_000, tzinfo=UTC)


def source(key: str, size: int = 0, version_id: str | None = "v1", **changes: object) -> SourceObject:
    """Return a source object that arrived within `WINDOW`."""
    plain = SourceObject("landing", key, version_id, "0f343b0931126a20f133d67c2b018a3b", "0055AED6DCD9", size, MOMENT)
    return msgspec.structs.replace(plain, **changes)


def archive_of(
    files: Sequence[tuple[str, bytes]],
    *,
    level: int = 6,
    files_a_frame: int = 2,
    window: Window = WINDOW,
    said: Mapping[str, Described] | None = None,
) -> SealedArchive:
    """Return an archive of (key, content) pairs; a key that comes again is another version of it.

    ``said`` is what uploaders said, by member name.
    """
    sources = [
        source(key, len(content), f"v{number}", event_time=MOMENT + timedelta(seconds=number % 50))
        for number, (key, content) in enumerate(files)
    ]
    items = [(name, src, data) for name, src, (_, data) in zip(safe_names(sources), sources, files, strict=True)]
    groups = [items[start : start + files_a_frame] for start in range(0, len(items), files_a_frame)]
    frames = [build_frame(group, level, said or {}) for group in groups]
    return seal(window, frames, level)


def joined(archive: SealedArchive) -> bytes:
    """Return an archive's bytes."""
    return b"".join(archive.chunks)


def segment(raw: bytes, level: int = 6) -> bytes:
    """Return bytes as a segment."""
    return bytes(compress(raw, level).data)


def first_bytes(manifest: Manifest | bytes, window_start: datetime = WINDOW.start) -> bytes:
    """Return an archive's head and its manifest's segment, true or not."""
    return HEAD + segment(_entry(manifest, window_start))


def rebuilt(manifest: Manifest | bytes, frames: Iterable[Buffer]) -> bytes:
    """Return an archive of a manifest, true or not, and of frames as they are, with the end that both must have."""
    raw = Checksum.of(_entry(manifest, WINDOW.start))
    held = [bytes(frame) for frame in frames]
    for frame in held:
        raw += Checksum.of(zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame))
    return first_bytes(manifest) + b"".join(held) + tail(raw)


def with_manifest(manifest: Manifest | bytes, archive: SealedArchive) -> bytes:
    """Return an archive with another manifest."""
    return rebuilt(manifest, archive.chunks[1:-1])


def _entry(manifest: Manifest | bytes, window_start: datetime) -> bytes:
    data = manifest if isinstance(manifest, bytes) else msgspec.json.encode(manifest)
    return tar.header(MANIFEST_NAME, len(data), tar.seconds(window_start)) + data + tar.padding(len(data))


class MemorySource:
    """An archive in memory that remembers the ranges read."""

    def __init__(self, data: bytes, manifest_bytes: int | None = None) -> None:
        self.data = data
        self.size = len(data)
        self.manifest_bytes = manifest_bytes
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes of a range."""
        self.reads.append((start, length))
        return self.data[start : start + length]
