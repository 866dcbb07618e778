"""Deletes raw files, through boto3."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import UnreadableAnswer
from windrow.clients.s3.answers import Deleted, Deletions
from windrow.ports import RawVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""
CALLS_AT_ONCE = 3
"""A call of 1,000 takes S3 about a second, and a prefix allows 3,500 deletions a second."""

_GONE = frozenset({"NoSuchKey", "NoSuchVersion"})

_NO_XML = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""Control characters and noncharacters: S3 keys may contain them, but XML 1.0 forbids most of them and may change the
rest. One such key makes S3 refuse a whole DeleteObjects call. https://www.w3.org/TR/xml/#charsets"""

Failed = list[tuple[RawVersion, str]]


class S3RawFiles:
    """Implements `RawFiles` with DeleteObjects, 1,000 versions a call; DELETE requests are free."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def delete(self, versions: Sequence[RawVersion]) -> Failed:
        """Delete exactly these versions; see the port's contract."""
        calls = [partial(self._delete_many, bucket, batch) for bucket, batch in _batches(versions)]
        calls += [partial(self._delete_one, version) for version in versions if _NO_XML.search(version.key)]
        with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="delete") as pool:
            return [failed for answer in pool.map(lambda call: call(), calls) for failed in answer]

    def _delete_many(self, bucket: str, batch: Sequence[RawVersion]) -> Failed:
        try:
            answer = self._s3.delete_objects(
                Bucket=bucket,
                Delete={"Objects": [{"Key": version.key, "VersionId": version.version_id} for version in batch]},
            )
            failed = _errors(answer, len(batch))
        except (BotoCoreError, ClientError) as error:
            return [(version, _reason(error)) for version in batch]
        return [
            (RawVersion(bucket, each.key, each.version_id), each.code or "unknown")
            for each in failed
            if each.code not in _GONE
        ]

    def _delete_one(self, version: RawVersion) -> Failed:
        try:
            self._s3.delete_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
        except (BotoCoreError, ClientError) as error:
            reason = _reason(error)
            return [] if reason in _GONE else [(version, reason)]
        return []


def _errors(answer: object, count: int) -> list[Deleted]:
    """Return those of ``count`` versions that were not deleted. Raises `UnreadableAnswer`."""
    done = answers.read(answer, Deletions)
    named = len(done.deleted) + len(done.errors)
    if named != count:
        raise UnreadableAnswer(detail=f"it names {named} of {count} versions")
    return done.errors


def _batches(versions: Iterable[RawVersion]) -> Iterator[tuple[str, list[RawVersion]]]:
    """Yield (bucket, at most 1,000 versions in it), without those whose keys XML can't represent."""
    by_bucket: defaultdict[str, list[RawVersion]] = defaultdict(list)
    for version in versions:
        if not _NO_XML.search(version.key):
            by_bucket[version.bucket].append(version)
    for bucket, found in by_bucket.items():
        for start in range(0, len(found), AT_ONCE):
            yield bucket, found[start : start + AT_ONCE]


def _reason(error: BotoCoreError | ClientError) -> str:
    return answers.code(error) or f"{type(error).__name__}: {error}"
