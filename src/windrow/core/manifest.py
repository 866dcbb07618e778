"""The manifest: the truth of what an archive holds (``MANIFEST.json``, format ``windrow/1``)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from windrow.core.events import SourceObject

FORMAT = "windrow/1"
MANIFEST_NAME = "MANIFEST.json"

Count = Annotated[int, msgspec.Meta(ge=0)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
# Decoding enforces these: a manifest read from an archive is not trusted.


class Window(msgspec.Struct, frozen=True, order=True):
    """A half-open span of arrival time, aligned to a UTC minute, hour or day."""

    start: datetime
    end: datetime


class ManifestFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of an archive.

    ``name`` is the member name in the tar, ``key`` the raw S3 key, ``sha256`` hex of the file's bytes,
    ``frame`` an index into the manifest's frames, ``offset`` the position in bytes of the file's data in its
    decompressed frame. ``size`` is in bytes. ``sequencer`` is written for files without a version id only: there
    it is part of the file's identity.
    """

    name: str
    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: Count
    sha256: Sha256
    event_time: Moment
    frame: Count
    offset: Count
    sequencer: str = ""

    @property
    def object_id(self) -> str:
        """The ledger id of the file's source object."""
        return SourceObject(
            self.bucket, self.key, self.version_id, self.etag, self.sequencer, self.size, self.event_time
        ).object_id


class Frame(msgspec.Struct, frozen=True):
    """One gzip member: ``offset`` in bytes from the end of the archive's first gzip member, ``length`` compressed."""

    offset: Count
    length: Count


class Manifest(msgspec.Struct, frozen=True):
    """The whole manifest; ``files`` are in the order of their tar entries."""

    format: str
    window_start: Moment
    window_end: Moment
    files: list[ManifestFile]
    frames: list[Frame]

    @property
    def window(self) -> Window:
        """The window that the archive covers."""
        return Window(self.window_start, self.window_end)

    @property
    def object_ids(self) -> frozenset[str]:
        """The ledger ids of the archive's members."""
        return frozenset(file.object_id for file in self.files)
