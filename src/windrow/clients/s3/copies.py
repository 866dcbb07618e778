"""The bucket for copies of archives, in S3."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256 as new_digest
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.destination.body import ChunksBody
from windrow.clients.destination.bucket import CONTENT_TYPE
from windrow.clients.s3 import answers as s3_answers
from windrow.core.errors import CopyError
from windrow.core.parts import in_parts
from windrow.ports import StoredCopy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import StorageClassType
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef
    from typing_extensions import Buffer

PART_BYTES = 16 * 1024 * 1024
"""An archive up to this size is held in memory and sent by one PUT; a larger one is sent in parts of this size."""

MOST_PARTS = 10_000
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""

_NOT_FOUND = 404
_TAKEN = 412

T = TypeVar("T")


class S3Copies:
    """Implements `CopyStore` on one bucket.

    A single PUT has the expected SHA-256 of the whole, which S3 verifies. In a multipart upload, S3 verifies each part,
    and the upload is completed only if the digest of the whole is as expected.
    """

    def __init__(self, bucket: str, s3: S3Client, storage_class: StorageClassType = "DEEP_ARCHIVE") -> None:
        self._bucket = bucket
        self._s3 = s3
        self._storage_class: StorageClassType = storage_class

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size) of every copy under the prefix; see the port's contract."""
        pages = iter(self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix))
        while page := self._request(f"LIST {prefix}", lambda: _page(next(pages, None))):
            yield from ((entry.key, entry.size) for entry in page.contents)

    def head(self, key: str) -> StoredCopy | None:
        """Return what is stored under the key; see the port's contract."""
        try:
            head = self._request(
                f"HEAD {key}",
                lambda: answers.read(self._s3.head_object(Bucket=self._bucket, Key=key), s3_answers.Head),
            )
        except CopyError as error:
            if _status(error) == _NOT_FOUND:
                return None
            raise
        return StoredCopy(head.content_length, {name.lower(): text for name, text in head.metadata.items()})

    def store(self, key: str, pieces: Iterable[Buffer], size: int, sha256: bytes, metadata: Mapping[str, str]) -> bool:
        """Store the pieces as one object if the key does not exist; see the port's contract."""
        try:
            if size > PART_BYTES:
                self._send_in_parts(key, pieces, size, sha256, metadata)
            else:
                self._send_at_once(key, _Verification(key, size, sha256).hold(pieces), sha256, metadata)
        except CopyError as error:
            if _status(error) == _TAKEN:
                return False
            raise
        return True

    def _send_at_once(self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str]) -> None:
        body = ChunksBody(chunks, sha256)
        self._request(
            f"PUT {key}",
            lambda: self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,  # type: ignore[arg-type]  # the stubs require a whole IO
                ContentLength=body.size,
                ContentType=CONTENT_TYPE,
                ChecksumSHA256=_base64(sha256),
                IfNoneMatch="*",
                Metadata=dict(metadata),
                StorageClass=self._storage_class,
            ),
        )

    def _send_in_parts(
        self, key: str, pieces: Iterable[Buffer], size: int, sha256: bytes, metadata: Mapping[str, str]
    ) -> None:
        upload: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        begun = self._request(
            f"POST {key}",
            lambda: answers.read(
                self._s3.create_multipart_upload(
                    **upload,
                    ChecksumAlgorithm="SHA256",
                    ContentType=CONTENT_TYPE,
                    Metadata=dict(metadata),
                    StorageClass=self._storage_class,
                ),
                s3_answers.Upload,
            ),
        )
        upload["UploadId"] = begun.upload_id
        verification = _Verification(key, size, sha256)
        part_bytes = max(PART_BYTES, -(-size // MOST_PARTS))
        try:
            parts = [
                self._send_part(upload, number, chunks)
                for number, chunks in enumerate(in_parts(verification.watch(pieces), part_bytes), 1)
            ]
            self._request(
                f"POST {key}",
                lambda: self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"),
            )
        except BaseException:
            self._abort(upload)
            raise

    def _send_part(self, upload: Mapping[str, Any], number: int, chunks: Sequence[Buffer]) -> CompletedPartTypeDef:
        digest = new_digest()
        for chunk in chunks:
            digest.update(chunk)
        body = ChunksBody(chunks, digest.digest())
        sent = self._request(
            f"PUT {upload['Key']} part {number}",
            lambda: answers.read(
                self._s3.upload_part(
                    **upload,
                    PartNumber=number,
                    Body=body,  # type: ignore[arg-type]  # as above
                    ContentLength=body.size,
                    ChecksumSHA256=_base64(body.sha256),
                ),
                s3_answers.Part,
            ),
        )
        return {"PartNumber": number, "ETag": sent.etag, "ChecksumSHA256": _base64(body.sha256)}

    def _abort(self, upload: Mapping[str, Any]) -> None:
        """Abort the upload. Best effort: the bucket's lifecycle deletes the parts after a day."""
        try:
            self._s3.abort_multipart_upload(**upload)
        except (BotoCoreError, ClientError):
            return

    def _request(self, what: str, request: Callable[[], T]) -> T:
        try:
            return request()
        except ClientError as error:
            cause = f"{answers.code(error)} (HTTP {answers.status(error)})"
            raise CopyError(f"{what} in {self._bucket}: {cause}") from error
        except BotoCoreError as error:
            raise CopyError(f"{what} in {self._bucket}: {type(error).__name__}: {error}") from error


class _Verification:
    """Compares the pieces read with the expected size and digest of the whole."""

    def __init__(self, key: str, size: int, sha256: bytes) -> None:
        self._key = key
        self._size = size
        self._sha256 = sha256

    def hold(self, pieces: Iterable[Buffer]) -> list[Buffer]:
        """Return the pieces, verified."""
        return list(self.watch(pieces))

    def watch(self, pieces: Iterable[Buffer]) -> Iterator[Buffer]:
        """Yield the pieces. Raises `CopyError` before one that is too many, or after the last if they are wrong."""
        digest = new_digest()
        size = 0
        for piece in pieces:
            size += memoryview(piece).nbytes
            if size > self._size:
                raise CopyError(f"{self._key} has more than {self._size} bytes; nothing is stored")
            digest.update(piece)
            yield piece
        if size != self._size:
            raise CopyError(f"only {size} of {self._size} bytes of {self._key} came; nothing is stored")
        if digest.digest() != self._sha256:
            raise CopyError(
                f"{self._key} has a body with SHA-256 {digest.hexdigest()}, not {self._sha256.hex()}; nothing is stored"
            )


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _status(error: CopyError) -> int:
    """Return the HTTP status behind an error, 0 if there was none."""
    return answers.status(error.__cause__)


def _page(answer: object) -> s3_answers.Page | None:
    return None if answer is None else answers.read(answer, s3_answers.Page)
