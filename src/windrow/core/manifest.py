"""The manifest, which lists what an archive holds (``MANIFEST.json``, format ``windrow/1``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from windrow.core.described import MAX_METADATA_BYTES
from windrow.core.events import MAX_TEXT, SourceObject

FORMAT = "windrow/1"
MANIFEST_NAME = "MANIFEST.json"

MAX_MANIFEST_BYTES = 16 * 1024 * 1024
"""Largest manifest, as JSON. A reader holds it in memory as a whole, and up to five times as much once it is decoded.
Ten thousand ordinary files, the most that one batch has, take 4 MB; planning splits archives that would exceed this."""

MAX_DESCRIBED_BYTES = 4 * 1024 * 1024
"""Limit for the uploaders' descriptions of the files of one archive, as JSON. Planning does not know them and leaves
room for 400 bytes for each of 10,000 files, or 1,400 for each of the 2,900 in a batch of Lambda's."""

MAX_FILES = 10_000
"""Most files of one archive. One batch is at most 10,000 messages, each of which names one file
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)."""

MAX_NUMBER = 2**63 - 1
"""Largest signed 64-bit number, which every reader and database can hold."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
# Decoding enforces these limits: a manifest read from an archive is not trusted.


class Window(msgspec.Struct, frozen=True, order=True):
    """A half-open span of arrival time, aligned to a UTC minute, hour or day."""

    start: datetime
    end: datetime


class ManifestFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of an archive.

    ``name`` is the member name in the tar, ``key`` the raw S3 key, ``sha256`` hex of the file's bytes,
    ``frame`` an index into the manifest's frames, ``offset`` the position in bytes of the file's data in its
    decompressed frame. ``size`` is in bytes. ``sequencer`` is written for files without a version id only: there
    it is part of the file's identity. ``content_type`` and ``metadata`` are the uploader's description;
    ``undescribed`` is true if it exceeded what an archive keeps (`limit_descriptions`). ``replayed`` is true if a
    replay queued the file, ``redriven`` if its message came back from the dead-letter queue: either may be delivered
    long after it arrived.
    """

    name: str
    bucket: Text
    key: Text
    version_id: Text | None
    etag: Text
    size: Count
    sha256: Sha256
    event_time: Moment
    frame: Count
    offset: Count
    sequencer: Text = ""
    content_type: Text = ""
    metadata: dict[Text, Annotated[str, msgspec.Meta(max_length=MAX_METADATA_BYTES)]] = {}
    undescribed: bool = False
    replayed: bool = False
    redriven: bool = False

    @property
    def object_id(self) -> str:
        """The ledger id of the file's source object."""
        return SourceObject(
            self.bucket, self.key, self.version_id, self.etag, self.sequencer, self.size, self.event_time
        ).object_id


class Frame(msgspec.Struct, frozen=True):
    """One frame: ``offset`` in bytes from the end of the manifest's segment, ``length`` compressed."""

    offset: Count
    length: Count


class Manifest(msgspec.Struct, frozen=True):
    """The whole manifest; ``files`` are in the order of their tar entries."""

    format: Text
    window_start: Moment
    window_end: Moment
    files: Annotated[list[ManifestFile], msgspec.Meta(max_length=MAX_FILES)]
    frames: Annotated[list[Frame], msgspec.Meta(max_length=MAX_FILES)]

    @property
    def window(self) -> Window:
        """The window that the archive covers."""
        return Window(self.window_start, self.window_end)

    @property
    def object_ids(self) -> frozenset[str]:
        """The ledger ids of the archive's members."""
        return frozenset(file.object_id for file in self.files)


_ENTRY_BYTES = 512
"""Upper bound for what a file and its frame take in a manifest without its own texts: field names, digest, numbers."""


def most_manifest_bytes(source: SourceObject) -> int:
    """Return an upper bound for a file's bytes in a manifest: a name is never twice as long as its key.

    Keys are counted as JSON writes them: six bytes for a control character.
    """
    key = len(msgspec.json.encode(source.key))
    others = len(msgspec.json.encode((source.bucket, source.version_id, source.etag, source.sequencer)))
    return _ENTRY_BYTES + 3 * key + others


def limit_descriptions(files: Sequence[ManifestFile]) -> list[ManifestFile]:
    """Return the files with no more of their uploaders' descriptions than a manifest has room for.

    If the descriptions together exceed the limit, each file whose own exceeds an equal share loses it. So a long
    description never costs a file with a short one its own.
    """
    sizes = [_described_bytes(file) for file in files]
    if sum(sizes) <= MAX_DESCRIBED_BYTES:
        return list(files)
    share = MAX_DESCRIBED_BYTES // len(files)
    return [
        file if size <= share else msgspec.structs.replace(file, content_type="", metadata={}, undescribed=True)
        for file, size in zip(files, sizes, strict=True)
    ]


def _described_bytes(file: ManifestFile) -> int:
    if not (file.content_type or file.metadata):
        return 0
    return len(msgspec.json.encode({"content_type": file.content_type, "metadata": file.metadata}))
