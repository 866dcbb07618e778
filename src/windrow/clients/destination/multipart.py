"""Multipart uploads to the destination, for objects too large for memory."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from windrow.clients import answers
from windrow.clients.destination.body import ChunksBody
from windrow.clients.destination.bucket import CONTENT_TYPE, S3Destination, status
from windrow.clients.destination.uploads import upload_part
from windrow.clients.s3 import answers as s3_answers
from windrow.core.errors import DestinationError, DestinationFault
from windrow.ports import ByteRange, Part

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef
    from typing_extensions import Buffer


class S3MultipartDestination(S3Destination):
    """`windrow.ports.MultipartDestination` on one bucket.

    Parts that are sent have a SHA-256, which the server verifies. Parts that are copied can't: MinIO, versitygw and
    MiniStack refuse a copied part in an upload with SHA-256 (2026). Their ETags verify them instead.
    """

    def begin(self, key: str, metadata: Mapping[str, str], *, verified: bool, content_type: str = CONTENT_TYPE) -> str:
        """Begin an upload in parts; see the port's contract."""
        options: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"} if verified else {}
        if self._object_lock:
            options |= self._object_lock.options(key, self._clock.now())

        def request(s3: S3Client) -> str:
            answer = s3.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type, Metadata=dict(metadata), **options
            )
            return answers.read(answer, s3_answers.Upload).upload_id

        return self._read(request, f"POST {key}")

    def send_part(self, key: str, upload_id: str, number: int, chunks: Sequence[Buffer], sha256: bytes) -> Part:
        """Store a part; see the port's contract."""
        body = ChunksBody(chunks, sha256)

        def request(s3: S3Client) -> str:
            return upload_part(s3, self._bucket, key, upload_id, number, body, self._pace)

        return Part(number, self._read(request, f"PUT {key} part {number}"), sha256)

    def copy_part(self, key: str, upload_id: str, number: int, span: ByteRange) -> Part:
        """Have the server copy a part; see the port's contract."""

        def request(s3: S3Client) -> str:
            answer = s3.upload_part_copy(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                CopySource={"Bucket": self._bucket, "Key": span.key},
                CopySourceRange=f"bytes={span.start}-{span.start + span.length - 1}",
                CopySourceIfMatch=f'"{span.etag}"',
            )
            return answers.etag(answers.read(answer, s3_answers.PartCopy).copy_part_result.etag)

        return Part(number, self._read(request, f"COPY {key} part {number}"))

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> bool:
        """Make the parts one object if the key does not exist; see the port's contract."""

        def request(s3: S3Client) -> object:
            answer = s3.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [_completed(part) for part in parts]},
                IfNoneMatch="*",
            )
            return answers.read(answer, s3_answers.Part)

        try:
            # The body is small: it can't be known that it was not sent.
            self._once(request, f"POST {key}", lambda: True)
        except DestinationError as error:
            if status(error) == 412:  # noqa: PLR2004 - Precondition Failed
                return False
            raise
        return True

    def abort(self, key: str, upload_id: str) -> None:
        """Abort an upload; see the port's contract."""
        try:
            self._read(
                lambda s3: s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id),
                f"DELETE {key} upload",
            )
        except DestinationError as error:
            gone_or_complete = status(error) == 404  # noqa: PLR2004 - Not Found
            if not gone_or_complete or error.kind is DestinationFault.BUCKET:
                raise


def _completed(part: Part) -> CompletedPartTypeDef:
    completed: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
    if part.sha256 is not None:
        completed["ChecksumSHA256"] = base64.b64encode(part.sha256).decode()
    return completed
