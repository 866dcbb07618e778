"""Landing bucket listings by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from windrow.core.errors import LandingError
from windrow.ports import ListedVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3LandingIndex:
    """Implements `LandingIndex` with ListObjectVersions, 1,000 versions a request."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def versions(self, bucket: str, prefix: str) -> Iterator[ListedVersion]:
        """Yield every version under the prefix; see the port's contract."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        try:
            for page in pages:
                for version in page.get("Versions", []):
                    version_id = version["VersionId"]
                    yield ListedVersion(
                        bucket=bucket,
                        key=version["Key"],
                        version_id=None if version_id == "null" else version_id,
                        etag=version["ETag"].strip('"'),
                        size=version["Size"],
                        last_modified=version["LastModified"],
                    )
        except (BotoCoreError, ClientError) as error:
            raise LandingError(f"bucket {bucket!r} could not be listed: {error}") from error
