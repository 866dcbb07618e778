"""What is read of S3's answers.

A field without a default is one that S3 always sends: an answer that lacks it is not S3's. They are described at
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Size = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Head(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to HeadObject. ``metadata`` may be empty; ``checksum`` is there where the server keeps one."""

    content_length: Size
    etag: Text = msgspec.field(name="ETag")
    last_modified: datetime
    metadata: dict[str, str]
    checksum: str = msgspec.field(name="ChecksumSHA256", default="")
    version_id: str = ""


class LockedHead(msgspec.Struct, frozen=True, rename="pascal"):
    """What the answer to HeadObject tells of an object's lock, to whoever may know it."""

    object_lock_retain_until_date: datetime | None = None


class Range(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetObject for a range, its body left out."""

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
    """The answer to whatever writes, and the result within that to UploadPartCopy."""

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
