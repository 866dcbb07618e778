"""Reads ``windrow/1`` archives by ranges. Nothing in an archive is trusted: neither sizes nor names nor offsets.

One file costs two range reads, whatever the archive's size: the manifest's segment, and the frame that holds the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import msgspec

from windrow.core.archive import tar
from windrow.core.archive.check import check, header_of
from windrow.core.archive.checksum import Checksum
from windrow.core.archive.inflate import PIECE_BYTES, Inflater
from windrow.core.archive.member import FLUSH, HEAD, TAIL_BYTES, tail
from windrow.core.errors import ArchiveError
from windrow.core.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, Manifest, ManifestFile

MAX_ENTRY_BYTES = tar.BLOCK_BYTES + tar.padded(MAX_MANIFEST_BYTES)
"""Largest tar entry of a manifest."""

MAX_FIRST_BYTES = MAX_ENTRY_BYTES + MAX_ENTRY_BYTES // 1024 + 1024
"""Largest gzip header and manifest segment together: bytes that do not compress are stored, with 5 more for 64 KB."""

MAX_READ_BYTES = 8 * 1024 * 1024
"""Most bytes of one range read. A frame of several files is smaller; one large file is read in several ranges."""

_FIRST_READ_BYTES = 64 * 1024
_MANIFEST = "the manifest's segment"
_decode_manifest = msgspec.json.Decoder(Manifest).decode


class RangeSource(Protocol):
    """The bytes of one archive. ``manifest_bytes`` is where its manifest's segment ends, None if unknown.

    Both figures may be wrong: reading checks them.
    """

    @property
    def size(self) -> int:
        """The archive's length in bytes."""

    @property
    def manifest_bytes(self) -> int | None:
        """Where the manifest's segment ends, as the archive's metadata says."""

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer only where the archive ends."""


def manifest_bytes_of(metadata: Mapping[str, str]) -> int | None:
    """Return where the manifest's segment ends according to an archive's metadata, None if that does not say."""
    text = metadata.get("manifest-bytes", "")
    # 20 digits exceed any object's size, and are few enough for Python to convert.
    return int(text[:20]) if text.isascii() and text.isdigit() else None


def parse_manifest(first: bytes) -> Manifest:
    """Return the manifest from an archive's gzip header and manifest segment, checked as far as these bytes allow.

    Raises:
        ArchiveError: naming the first fault.
    """
    return _parse_first(first)[0]


class Archive:
    """An archive that is open for reading. Every method raises `ArchiveError` for the first fault that it finds."""

    def __init__(self, source: RangeSource, manifest: Manifest, manifest_bytes: int, checksum: Checksum) -> None:
        self.manifest = manifest
        self.manifest_bytes = manifest_bytes
        self._source = source
        self._checksum = checksum
        self._frames_end = manifest_bytes + _frame_bytes(manifest)
        if self._frames_end + TAIL_BYTES != source.size:
            fault = "ends early" if source.size < self._frames_end + TAIL_BYTES else "has bytes after its end"
            raise ArchiveError(
                f"the archive {fault}: it is {source.size} bytes long, by its manifest {self._frames_end + TAIL_BYTES}"
            )

    @cached_property
    def by_name(self) -> Mapping[str, ManifestFile]:
        """The files by member name."""
        return {file.name: file for file in self.manifest.files}

    @cached_property
    def _members(self) -> list[list[ManifestFile]]:
        """The files of each frame."""
        return [list(files) for _, files in groupby(self.manifest.files, key=attrgetter("frame"))]

    @classmethod
    def open(cls, source: RangeSource) -> Archive:
        """Read the manifest: one range read if the source knows its length, else as many as needed."""
        known = source.manifest_bytes
        most = min(source.size, MAX_FIRST_BYTES)
        first = b""
        if known is None:
            first, manifest = _first_manifest(source, most)
            known = source.size - TAIL_BYTES - _frame_bytes(manifest)
        if not 0 < known <= most:
            raise ArchiveError(f"{_MANIFEST} cannot end at {known}, only at 1 to {most}; the archive was cut short?")
        first = first[:known] if known <= len(first) else first + _read(source, len(first), known - len(first))
        manifest, checksum = _parse_first(first)
        return cls(source, manifest, known, checksum)

    def read(self, file: ManifestFile) -> Iterator[bytes]:
        """Yield one file's bytes in pieces; its SHA-256 is verified after the last one."""
        for _, pieces in self._of_frame(file.frame, {file.name}):
            yield from pieces

    def walk(self, names: Collection[str]) -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
        """Yield the named files in archive order, each with its bytes in pieces; reads each frame at most once.

        A file's SHA-256 is verified after its last piece, or when the next file is requested.
        """
        for index in range(len(self._members)):
            yield from self._of_frame(index, names)

    def _of_frame(self, index: int, names: Collection[str]) -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
        wanted = [file for file in self._members[index] if file.name in names]
        if not wanted:
            return
        inflater = self._inflater(index)
        position = 0
        for file in wanted:
            inflater.skip(file.offset - len(header_of(file)) - position)
            yield from _entry(inflater, file)
            position = file.offset + tar.padded(file.size)

    def walk_whole(self, on_bytes: Callable[[bytes], object]) -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
        """Yield every file, reading and checking every byte after the manifest once, in order.

        ``on_bytes`` is called with the compressed bytes as they are read.
        """
        checksum = self._checksum
        for index, files in enumerate(self._members):
            inflater = self._inflater(index, on_bytes)
            for file in files:
                yield from _entry(inflater, file)
            inflater.close()
            checksum += inflater.raw
        end = _read(self._source, self._frames_end, TAIL_BYTES)
        on_bytes(end)
        if end != tail(checksum):
            raise ArchiveError("the archive does not end with the tar's end, the last block and the checksum")

    def _inflater(self, index: int, on_bytes: Callable[[bytes], object] | None = None) -> Inflater:
        frame = self.manifest.frames[index]
        return Inflater(self._pieces(self.manifest_bytes + frame.offset, frame.length, on_bytes), f"frame {index}")

    def _pieces(self, start: int, length: int, on_bytes: Callable[[bytes], object] | None) -> Iterator[bytes]:
        for at in range(start, start + length, MAX_READ_BYTES):
            data = _read(self._source, at, min(MAX_READ_BYTES, start + length - at))
            for offset in range(0, len(data), PIECE_BYTES):
                piece = data[offset : offset + PIECE_BYTES]
                if on_bytes:
                    on_bytes(piece)
                yield piece


def _read(source: RangeSource, start: int, length: int) -> bytes:
    data = source.read(start, length)
    if len(data) != length:
        raise ArchiveError(f"the archive ends early: {len(data)} of {length} bytes could be read from {start}")
    return data


def _frame_bytes(manifest: Manifest) -> int:
    return sum(frame.length for frame in manifest.frames)


def _first_manifest(source: RangeSource, end: int) -> tuple[bytes, Manifest]:
    """Return the manifest when it is not known where its segment ends, and the bytes that were read.

    Nothing after the manifest is parsed.
    """
    read: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        for start in range(0, end, _FIRST_READ_BYTES):
            read.append(_read(source, start, min(_FIRST_READ_BYTES, end - start)))
            yield read[-1]

    inflater = Inflater(_without_head(pieces()), _MANIFEST)
    block = inflater.exactly(tar.BLOCK_BYTES)
    size = _size_in(block)
    if size > MAX_MANIFEST_BYTES:
        raise ArchiveError(f"the manifest has {size} bytes, {MAX_MANIFEST_BYTES} are allowed")
    manifest = _parse_entry(block + inflater.exactly(tar.padded(size)))
    return b"".join(read), manifest


def _parse_first(first: bytes) -> tuple[Manifest, Checksum]:
    """Return the manifest, and the checksum of its tar entry."""
    if not first.endswith(FLUSH):
        raise ArchiveError(f"{_MANIFEST} does not end at {len(first)}: the archive was cut short, or is not windrow/1")
    inflater = Inflater(_without_head(iter([first])), _MANIFEST)
    entry = inflater.upto(MAX_ENTRY_BYTES)
    inflater.close()
    return _parse_entry(entry), inflater.raw


def _without_head(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    if not first.startswith(HEAD):
        raise ArchiveError("the archive does not begin as windrow/1 does")
    yield first[len(HEAD) :]
    yield from pieces


def _size_in(block: bytes) -> int:
    """Return the size in a tar header block, 0 if it has no valid one: then the block is not the manifest's."""
    digits = block[124:135]
    return int(digits, 8) if digits.isdigit() and not set(digits) & set(b"89") else 0


def _parse_entry(entry: bytes) -> Manifest:
    """Return the manifest from its tar entry, which must be exactly what the format says."""
    size = _size_in(entry[: tar.BLOCK_BYTES])
    try:
        manifest = _decode_manifest(memoryview(entry)[tar.BLOCK_BYTES : tar.BLOCK_BYTES + size])
        header = tar.header(MANIFEST_NAME, size, tar.seconds(manifest.window_start))
    except (ValueError, RecursionError, OverflowError) as error:
        raise ArchiveError(f"the archive does not begin with a valid {MANIFEST_NAME}: {error}") from error
    if entry[: tar.BLOCK_BYTES] != header or entry[tar.BLOCK_BYTES + size :] != tar.padding(size):
        raise ArchiveError(f"the tar entry of {MANIFEST_NAME} is not as windrow/1 writes it")
    check(manifest)
    return manifest


def _entry(inflater: Inflater, file: ManifestFile) -> Iterator[tuple[ManifestFile, Iterator[bytes]]]:
    """Yield a file with its content, then read the rest of its entry and check it."""
    header = header_of(file)
    if inflater.exactly(len(header)) != header:
        raise ArchiveError(f"{file.name!r} has another tar header than the manifest says")
    content = _content(inflater, file)
    yield file, content
    for _ in content:
        pass
    padding = tar.padding(file.size)
    if inflater.exactly(len(padding)) != padding:
        raise ArchiveError(f"{file.name!r} is not padded with zeros")


def _content(inflater: Inflater, file: ManifestFile) -> Iterator[bytes]:
    digest = sha256()
    for piece in inflater.pieces(file.size):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != file.sha256:
        raise ArchiveError(f"{file.name!r} has SHA-256 {digest.hexdigest()}, the manifest says {file.sha256}")
