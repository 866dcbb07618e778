"""The fields of S3's answers that are read.

S3 always sends a field without a default: an answer that lacks it is not S3's. They are described at
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Head(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to HeadObject. ``metadata`` may be empty; ``checksum`` is empty if the server keeps none."""

    content_length: Size
    etag: Text = msgspec.field(name="ETag")
    last_modified: datetime
    metadata: dict[str, str]
    checksum: str = msgspec.field(name="ChecksumSHA256", default="")
    version_id: str = ""


class LockedHead(msgspec.Struct, frozen=True, rename="pascal"):
    """The object lock in the answer to HeadObject; None also if the caller may not read it."""

    object_lock_retain_until_date: datetime | None = None


class Range(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetObject for a range, without its body."""

    content_range: str
    content_length: Size


class Entry(msgspec.Struct, frozen=True, rename="pascal"):
    """One object of a listing."""

    key: Text
    size: Size
    last_modified: datetime


class Page(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ListObjectsV2."""

    is_truncated: bool
    contents: list[Entry] = []
    next_continuation_token: str = ""


class FolderEntry(msgspec.Struct, frozen=True, rename="pascal"):
    """One folder of a listing with a delimiter."""

    prefix: Text


class Folders(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ListObjectsV2 with a delimiter."""

    common_prefixes: list[FolderEntry] = []


class Version(msgspec.Struct, frozen=True, rename="pascal"):
    """One version of a listing; ``version_id`` is ``null`` without versioning."""

    key: Text
    version_id: Text
    etag: Text = msgspec.field(name="ETag")
    size: Size
    last_modified: datetime


class VersionsPage(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ListObjectVersions."""

    is_truncated: bool
    versions: list[Version] = []


class Upload(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to CreateMultipartUpload."""

    upload_id: Text


class Part(msgspec.Struct, frozen=True):
    """The answer to writes, and the result in the answer to UploadPartCopy."""

    etag: Text = msgspec.field(name="ETag")


class PartCopy(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to UploadPartCopy."""

    copy_part_result: Part


class Deleted(msgspec.Struct, frozen=True, rename="pascal"):
    """One version that DeleteObjects deleted, or failed to for the reason ``code``."""

    key: Text
    version_id: str = ""
    code: str = ""


class Deletions(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to DeleteObjects."""

    deleted: list[Deleted] = []
    errors: list[Deleted] = []
