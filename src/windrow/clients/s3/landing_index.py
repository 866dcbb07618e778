"""Lists landing buckets, through boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.s3.answers import VersionsPage
from windrow.core.errors import BucketMissing, LandingError
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
                for version in answers.read(page, VersionsPage).versions:
                    yield ListedVersion(
                        bucket=bucket,
                        key=version.key,
                        version_id=None if version.version_id == "null" else version.version_id,
                        etag=answers.etag(version.etag),
                        size=version.size,
                        last_modified=version.last_modified,
                    )
        except (BotoCoreError, ClientError) as error:
            if answers.code(error) == "NoSuchBucket":
                raise BucketMissing(
                    f"there is no landing bucket {bucket!r}: check WINDROW_LANDING_BUCKETS; "
                    "if it is lost, see docs/operations.md#landing-bucket-lost"
                ) from error
            raise LandingError(f"bucket {bucket!r} could not be listed: {error}") from error
