"""Reads inventories of landing buckets from where S3 delivers them, through boto3."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.s3.answers import Folders, Range
from windrow.core.errors import InventoryError
from windrow.core.printable import printable
from windrow.operations.audit.inventory import (
    MAX_LINE_BYTES,
    MAX_MANIFEST_BYTES,
    Inventory,
    ListFile,
    read_manifest,
    versions,
)
from windrow.ports import ListedVersion

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3 import S3Client

PIECE_BYTES = 4 * 1024 * 1024
"""Bytes of a list in memory at once; also how much is read again when a connection breaks."""
READS = 3
"""How often a piece is requested; botocore also repeats each request that gets no answer at all."""

MANIFEST, CHECKSUM = "manifest.json", "manifest.checksum"
TRIED = 7
"""Folders that are checked for a finished inventory, newest first."""
_BEGUN = re.compile(r"/\d{4}-\d\d-\d\dT\d\d-\d\dZ/\Z")
_URL = re.compile(r"s3://([^/]+)/(.+)")
_GONE = frozenset({"NoSuchBucket", "NoSuchKey"})


class InventoryStore:
    """Opens inventories by the URLs of their manifests."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def open(self, url: str) -> Inventory:
        """Return the inventory of a manifest, ``s3://bucket/.../manifest.json``.

        S3 writes the manifest last, so an incomplete inventory has none.

        Raises:
            InventoryError: it can't be read, or can't be used for an audit.
        """
        match = _URL.fullmatch(url)
        if match is None or not url.endswith(f"/{MANIFEST}"):
            raise InventoryError(f"an inventory is named by its manifest, s3://bucket/.../{MANIFEST}, not {url!r}")
        bucket, key = match.groups()
        data = self._small(bucket, key)
        return read_manifest(url, data, self._small(bucket, f"{key.removesuffix(MANIFEST)}{CHECKSUM}"))

    def newest(self, where: str, bucket: str) -> str:
        """Return the URL of the newest manifest of a landing bucket's inventories below ``where``, s3://bucket/prefix.

        Only finished inventories count, of any id; the newest is found by the times in the folders' names.

        Raises:
            InventoryError: there is none yet, or the folder can't be listed.
        """
        match = _URL.fullmatch(where)
        if match is None:
            raise InventoryError(f"inventories are delivered to s3://bucket/prefix, not {where!r}")
        begun = sorted(
            (folder.rstrip("/").rpartition("/")[2], folder)
            for inventory_id in self._folders(match[1], f"{match[2]}/{bucket}/")
            for folder in self._folders(match[1], inventory_id)
            if _BEGUN.search(folder)
        )
        for _, folder in reversed(begun[-TRIED:]):
            if self._is_there(match[1], f"{folder}{CHECKSUM}"):
                return f"s3://{match[1]}/{folder}{MANIFEST}"
        raise InventoryError(
            f"{where}/{bucket}/ holds no finished inventory: S3 delivers the first within 48 hours of its configuration"
        )

    def _folders(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        with _reading(f"s3://{bucket}/{prefix}"):
            for page in pages:
                yield from (each.prefix for each in answers.read(page, Folders).common_prefixes)

    def _is_there(self, bucket: str, key: str) -> bool:
        with _reading(f"s3://{bucket}/{key}"):
            try:
                self._s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if answers.status(error) != HTTPStatus.NOT_FOUND:
                    raise
                return False
        return True

    def _small(self, bucket: str, key: str) -> bytes:
        where = f"s3://{bucket}/{printable(key)}"
        with _reading(where):
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
            data = body.read(MAX_MANIFEST_BYTES + 1)
        if len(data) > MAX_MANIFEST_BYTES:
            raise InventoryError(f"{where} has over {MAX_MANIFEST_BYTES:,} bytes: it is not of an inventory")
        return data


class InventoryIndex:
    """Implements `LandingIndex` with inventories. Versions come in the order of the lists, which is not that of keys.

    The lists are read in pieces and never held as a whole. Each must have the size and the MD5 that its manifest says.
    That is known only after its last version: an error at that point means that none of its versions count.
    """

    def __init__(self, s3: S3Client, inventories: Sequence[Inventory]) -> None:
        self._s3 = s3
        self._inventories = {inventory.bucket: inventory for inventory in inventories}

    def versions(self, bucket: str, prefix: str) -> Iterator[ListedVersion]:
        """Yield every version under the prefix; see the port's contract. Raises `InventoryError`."""
        inventory = self._inventories.get(bucket)
        if inventory is None:
            raise InventoryError(f"there is no inventory of bucket {bucket!r}")
        store = _URL.fullmatch(inventory.manifest)
        if store is None:
            raise InventoryError(f"{inventory.manifest!r} is not in S3")
        for each in inventory.lists:
            name = f"s3://{store[1]}/{printable(each.key)}"
            with _List(self._s3, store[1], each, name) as opened:
                for version in versions(inventory, name, opened.lines()):
                    if version.key.startswith(prefix):
                        yield version
                opened.verify()


class _List(io.RawIOBase):
    """The bytes of one list, hashed while they are read."""

    def __init__(self, s3: S3Client, bucket: str, listed: ListFile, name: str) -> None:
        super().__init__()
        self._s3 = s3
        self._bucket = bucket
        self._listed = listed
        self._name = name
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._asked = 0
        self._left = memoryview(b"")

    def lines(self) -> Iterator[str]:
        """Yield the lines of the list. Raises `InventoryError`."""
        try:
            with gzip.GzipFile(fileobj=io.BufferedReader(self)) as unpacked:
                while line := unpacked.readline(MAX_LINE_BYTES):
                    if len(line) == MAX_LINE_BYTES:
                        raise ValueError(f"a line has {MAX_LINE_BYTES:,} bytes or more")
                    yield line.decode()
        except (EOFError, OSError, ValueError, zlib.error) as error:
            raise InventoryError(f"{self._name} can't be unpacked: {error}") from error

    def verify(self) -> None:
        """Read the rest; raise `InventoryError` unless the MD5 is as in the manifest."""
        while self._next_piece():
            pass
        if self._md5.hexdigest() != self._listed.md5:
            raise InventoryError(f"{self._name} is not the list that its manifest names: its MD5 differs")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer with the next bytes; return how many, 0 at the end."""
        if not self._left:
            self._left = memoryview(self._next_piece())
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _next_piece(self) -> bytes:
        last = min(self._asked + PIECE_BYTES, self._listed.size) - 1
        if last < self._asked:
            return b""
        piece = self._read(self._asked, last)
        self._asked = last + 1
        self._md5.update(piece)
        return piece

    def _read(self, first: int, last: int) -> bytes:
        reason: BotoCoreError | ClientError | None = None
        for _ in range(READS):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._listed.key, Range=f"bytes={first}-{last}")
                total = answers.read(answer, Range).content_range.rpartition("/")[2]
                piece = answer["Body"].read()
            except ClientError as error:
                raise _unread(self._name, error) from error
            except BotoCoreError as error:
                reason = error
                continue
            if total != str(self._listed.size) or len(piece) != last - first + 1:
                raise InventoryError(f"{self._name} has {total} bytes, and {self._listed.size} by its manifest")
            return piece
        raise _unread(self._name, reason) from reason


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Turn botocore's errors within the block into an `InventoryError` about ``where``."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise _unread(where, error) from error


def _unread(where: str, error: BaseException | None) -> InventoryError:
    if answers.code(error) in _GONE:
        return InventoryError(f"{where} does not exist: it was never delivered, has expired, or has another name")
    return InventoryError(f"{where} can't be read: {error}")
