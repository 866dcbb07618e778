"""Reads S3 Inventory: the manifest of an inventory of a landing bucket, and the lists that it names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Annotated
from urllib.parse import unquote_plus

import msgspec

from windrow.core.errors import InventoryError
from windrow.core.manifest import Window
from windrow.core.printable import printable
from windrow.ports import ListedVersion

MAX_MANIFEST_BYTES = 16 * 1024 * 1024
"""Largest ``manifest.json`` that is read: about 80,000 lists."""
MAX_LINE_BYTES = 32 * 1024
"""Longest line of a list that is read. A key of 1,024 bytes takes 3 KB, a version id 1 KB, the rest little."""
SETTLING = timedelta(hours=1)
"""An inventory may lack objects stored shortly before S3 began it (it is eventually consistent, with no time limit), so
files that arrived within this time before its start are left to the next inventory."""

FIELDS = ("Bucket", "Key", "VersionId", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag")
"""The fields that a list must have, in any order. An inventory of all versions has ``VersionId``."""
_FLAGS = {"true": True, "false": False}

Size = Annotated[int, msgspec.Meta(ge=0)]


class ListFile(msgspec.Struct, frozen=True):
    """One list: its key in the bucket of the manifest, its size in bytes, and its MD5 in hex."""

    key: Annotated[str, msgspec.Meta(min_length=1)]
    size: Size
    md5: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")] = msgspec.field(name="MD5checksum")


class Inventory(msgspec.Struct, frozen=True):
    """An inventory of the landing bucket ``bucket``, begun at ``created_at``; ``manifest`` locates its manifest."""

    manifest: str
    bucket: str
    created_at: datetime
    fields: tuple[str, ...]
    lists: tuple[ListFile, ...]

    @property
    def settled(self) -> datetime:
        """The time up to which the inventory is complete."""
        return self.created_at - SETTLING


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    source_bucket: str
    creation_timestamp: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,13}\Z")]
    file_format: str
    file_schema: str
    files: list[ListFile]


def read_manifest(where: str, data: bytes, checksum: bytes) -> Inventory:
    """Return the inventory of a ``manifest.json``; ``checksum`` is the content of ``manifest.checksum``.

    Raises:
        InventoryError: they don't match, or the inventory can't be used for an audit.
    """
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != checksum.decode("ascii", "replace").strip().lower():
        raise InventoryError(f"{where} is not what its manifest.checksum says: it was cut short, changed or replaced")
    try:
        manifest = msgspec.json.decode(data, type=_Manifest)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InventoryError(f"{where} is not the manifest of an S3 inventory: {error}") from error
    if manifest.file_format != "CSV":
        raise InventoryError(
            f"{where} is of an inventory in the format {printable(manifest.file_format)}; "
            "configure one whose format is CSV"
        )
    fields = tuple(field.strip() for field in manifest.file_schema.split(","))
    if lacking := [field for field in FIELDS if field not in fields]:
        raise InventoryError(
            f"{where} is of an inventory without {', '.join(lacking)}; configure one of all versions "
            "(IncludedObjectVersions All) with the optional fields Size, LastModifiedDate and ETag"
        )
    created_at = datetime.fromtimestamp(int(manifest.creation_timestamp) / 1000, UTC)
    return Inventory(where, manifest.source_bucket, created_at, fields, tuple(manifest.files))


def versions(inventory: Inventory, name: str, lines: Iterable[str]) -> Iterator[ListedVersion]:
    """Yield the versions (no delete markers) in the lines of the list ``name``.

    Raises:
        InventoryError: a line is not as S3 writes it.
    """
    columns = itemgetter(*(inventory.fields.index(field) for field in FIELDS))
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            bucket, key, version_id, marker, size, modified, etag = columns(row)
            if bucket != inventory.bucket:
                raise ValueError(f"it names bucket {bucket!r}")
            if _FLAGS[marker.lower()]:
                continue
            yield ListedVersion(
                bucket=bucket,
                key=_decoded(key),
                version_id=None if version_id in {"", "null"} else version_id,
                etag=etag.strip('"'),
                size=int(size),
                last_modified=_moment(modified),
            )
    except (csv.Error, IndexError, KeyError, ValueError) as error:
        where = f"line {reader.line_num} of {printable(name)}"
        reason = printable(f"{type(error).__name__}: {error}")
        raise InventoryError(f"{where} is not as S3 writes an inventory: {reason}") from error


def span_judged(start: datetime, end: datetime, inventories: Sequence[Inventory]) -> Window:
    """Return the part of [start, end) that all of the inventories cover.

    Raises:
        InventoryError: they cover none of it.
    """
    oldest = min(inventories, key=lambda inventory: inventory.created_at)
    if start >= oldest.settled:
        raise InventoryError(
            f"{oldest.manifest} was begun at {oldest.created_at:%Y-%m-%d %H:%M:%S} UTC and is complete until "
            f"{oldest.settled:%Y-%m-%d %H:%M:%S}, before the range begins. Take a newer one or an earlier range"
        )
    return Window(start, min(end, oldest.settled))


def check_buckets(buckets: Collection[str], inventories: Iterable[Inventory]) -> None:
    """Raise `InventoryError` unless there is one inventory of each of the landing buckets, and none of another."""
    left = set(buckets)
    for inventory in inventories:
        if inventory.bucket not in buckets:
            raise InventoryError(
                f"{inventory.manifest} is of bucket {printable(inventory.bucket)!r}, "
                "which is not one of WINDROW_LANDING_BUCKETS"
            )
        if inventory.bucket not in left:
            raise InventoryError(f"{inventory.manifest} is another inventory of bucket {inventory.bucket!r}")
        left.remove(inventory.bucket)
    if left:
        raise InventoryError(
            f"WINDROW_LANDING_BUCKETS names {', '.join(sorted(left))}, for which there is no inventory here: "
            "what arrived there could not be judged"
        )


def _decoded(key: str) -> str:
    """Return the raw key: a list has it URL-encoded, with ``+`` for a space and ``%2B`` for a plus."""
    return unquote_plus(key, errors="strict") if "%" in key or "+" in key else key


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} is a time without a zone")
    return moment
