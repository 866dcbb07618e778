"""Inventories as S3 delivers them, for tests."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import quote_plus

from windrow.ports import ListedVersion

SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"
FOLDER = "inventory/landing/windrow/2026-11-23T12-00Z/"


def row(version: ListedVersion, *, marker: bool = False) -> str:
    """Return the line of a version; a null version's id is empty, as S3 has it."""
    fields = (
        version.bucket,
        quote_plus(version.key, safe="/"),
        version.version_id or "",
        "true",
        str(marker).lower(),
        "" if marker else str(version.size),
        f"{version.last_modified:%Y-%m-%dT%H:%M:%S}.000Z",
        "" if marker else version.etag,
        "STANDARD",
    )
    return ",".join(f'"{field}"' for field in fields) + "\n"


def inventory(
    lists: Sequence[Iterable[str]],
    created_at: datetime,
    *,
    bucket: str = "landing",
    schema: str = SCHEMA,
    file_format: str = "CSV",
    folder: str = FOLDER,
) -> dict[str, bytes]:
    """Return the objects of an inventory whose lists hold these lines, by key."""
    base = folder.rstrip("/").rpartition("/")[0]
    packed = {
        f"{base}/data/{number}.csv.gz": gzip.compress("".join(lines).encode()) for number, lines in enumerate(lists)
    }
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "creationTimestamp": str(round(created_at.timestamp() * 1000)),
        "fileFormat": file_format,
        "fileSchema": schema,
        "files": [{"key": key, "size": len(data), "MD5checksum": md5(data)} for key, data in packed.items()],
    }
    data = json.dumps(manifest).encode()
    told = {f"{folder}manifest.json": data, f"{folder}manifest.checksum": md5(data).encode()}
    return {**packed, **told}


def md5(data: bytes) -> str:
    """Return the digest that S3 gives."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
