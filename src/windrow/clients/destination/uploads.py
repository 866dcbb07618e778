"""Sends bodies to the destination, signed with their known digests, which botocore would compute once more."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from botocore.auth import UNSIGNED_PAYLOAD, S3SigV4Auth
from botocore.awsrequest import AWSRequest

from windrow.clients import answers
from windrow.clients.destination.body import ChunksBody, Pacer
from windrow.clients.s3.answers import Part
from windrow.clients.signed_requests import send

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from mypy_boto3_s3 import S3Client


def put_object(
    s3: S3Client, bucket: str, key: str, body: ChunksBody, headers: Mapping[str, str], pace: Pacer | None
) -> None:
    """Send a body as one object (PutObject); ``headers`` are those beside its length and its SHA-256."""
    _upload(s3, "PutObject", _path(bucket, key), body, headers, pace)


def upload_part(
    s3: S3Client, bucket: str, key: str, upload_id: str, number: int, body: ChunksBody, pace: Pacer | None
) -> str:
    """Send a body as part of an upload (UploadPart); return its ETag without quotes."""
    query = urlencode({"partNumber": number, "uploadId": upload_id}, quote_via=quote, safe="")
    return _upload(s3, "UploadPart", f"{_path(bucket, key)}?{query}", body, {}, pace)


def _path(bucket: str, key: str) -> str:
    return f"{quote(bucket, safe='')}/{quote(key)}"


def _upload(
    s3: S3Client, operation: str, path: str, body: ChunksBody, headers: Mapping[str, str], pace: Pacer | None
) -> str:
    body.seek(0)
    url = f"{s3.meta.endpoint_url.rstrip('/')}/{path}"
    own = {
        "Content-Length": f"{body.size}",
        "X-Amz-Checksum-Sha256": base64.b64encode(body.sha256).decode(),
        "Expect": b"100-continue",  # bytes: botocore's connections do not notice text
    }
    # Over TLS no body is signed, as by botocore.
    digest = UNSIGNED_PAYLOAD if url.startswith("https:") else body.sha256.hex()
    request = AWSRequest("PUT", url, {**own, **headers}, body.pieces(pace))
    response = send(s3, operation, request, partial(_KnownDigest, digest))
    return answers.etag(answers.read({"ETag": response.headers.get("ETag", "")}, Part).etag)


class _KnownDigest(S3SigV4Auth):
    """botocore's signature version 4 for S3, of a body whose digest (hex, or S3's word for none) is known."""

    def __init__(self, digest: str, credentials: ReadOnlyCredentials, service: str, region: str) -> None:
        super().__init__(credentials, service, region)
        self._digest = digest

    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002
        return self._digest
