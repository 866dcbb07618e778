"""The contract of `windrow.ports.RawFiles`, on the fake, MiniStack and MinIO."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3.session
import pytest

from tests.contract.test_landing_contract import ODD_KEYS, REFUSED_BY_MINIO, SERVERS
from tests.servers.endpoint import Endpoint, new_name
from windrow.clients.s3.raw_files import AT_ONCE, S3RawFiles
from windrow.ports import RawVersion

ODDER_KEYS = [*ODD_KEYS, "a\x01b", "\x1f", "a\rb", "a\r\nb", "\ufffe", "\uffff\t", "]]>", "&amp;", "<a>"]
PLACES = [("ministack", key) for key in ODDER_KEYS] + [
    pytest.param("minio", key, marks=pytest.mark.needs("minio"))
    for key in ODDER_KEYS
    # MinIO keeps no versions of what ends in a slash.
    if key not in REFUSED_BY_MINIO and not key.endswith("/")
]


class Bucket:
    """A versioned bucket of a server."""

    def __init__(self, server: Endpoint) -> None:
        self.server = server
        self.s3: Any = server.client("s3")
        self.name = server.new_bucket(versioned=True)

    def put(self, key: str, body: bytes = b"x") -> RawVersion:
        """Upload; return the version."""
        return RawVersion(self.name, key, self.s3.put_object(Bucket=self.name, Key=key, Body=body)["VersionId"])

    def left(self) -> set[tuple[str, str]]:
        """Return key and version of all that is there, delete markers included."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, EncodingType="url")
        found = [each for page in pages for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, [])]
        return {(each["Key"], each["VersionId"]) for each in found}

    def holds(self, version: RawVersion) -> bool:
        """Return whether a version is there."""
        try:
            self.s3.head_object(Bucket=self.name, Key=version.key, VersionId=version.version_id)
        except self.s3.exceptions.ClientError:
            return False
        return True


@pytest.fixture(params=SERVERS)
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """Return an empty versioned bucket."""
    return Bucket(request.getfixturevalue(request.param))


def delete(bucket: Bucket, *versions: RawVersion) -> list[tuple[RawVersion, str]]:
    """Delete as the sweep does."""
    return S3RawFiles(bucket.s3).delete(versions)


def test_exactly_these_versions_go(bucket: Bucket) -> None:
    """Other versions of the same keys stay, and no delete marker hides them."""
    old, new, other = bucket.put("k", b"1"), bucket.put("k", b"2"), bucket.put("other")
    assert [] == delete(bucket, old)
    assert {("k", new.version_id), ("other", other.version_id)} == bucket.left()
    assert [] == delete(bucket, new, other)
    assert set() == bucket.left()


def test_what_is_gone_is_fine(bucket: Bucket) -> None:
    """A sweep that was interrupted is repeated."""
    gone, there = bucket.put("gone"), bucket.put("there")
    delete(bucket, gone)
    assert [] == delete(bucket, gone, there)
    assert set() == bucket.left()


def test_nothing_to_delete_asks_nothing() -> None:
    """S3 would refuse an empty list."""
    s3: Any = None
    assert [] == S3RawFiles(s3).delete([])


def test_more_than_one_call_takes_all(ministack: Endpoint) -> None:
    """S3 takes 1,000 versions at a time, and of one bucket."""
    first, second = Bucket(ministack), Bucket(ministack)
    keys = [f"{index}" for index in range(AT_ONCE + 5)]
    with ThreadPoolExecutor(8) as pool:
        versions = [*pool.map(first.put, keys), second.put("k")]
    assert [] == delete(first, *versions)
    assert (set(), set()) == (first.left(), second.left())


@pytest.mark.parametrize(("bucket", "key"), PLACES, indirect=["bucket"])
def test_odd_keys_are_deleted_and_no_other(bucket: Bucket, key: str) -> None:
    """Whatever the uploader called its files, and none keeps its neighbours from being deleted."""
    odd = bucket.put(key)
    plain, kept = bucket.put("plain"), bucket.put("kept")
    assert bucket.holds(odd)
    assert [] == delete(bucket, odd, plain)
    assert (False, False, True) == (bucket.holds(odd), bucket.holds(plain), bucket.holds(kept))


def test_what_is_refused_is_told_and_the_rest_goes(bucket: Bucket) -> None:
    """By version, with S3's own code."""
    refused, fine, gone = bucket.put("refused"), bucket.put("fine"), bucket.put("gone")
    real = bucket.s3.delete_objects

    class PartlyRefused:
        @staticmethod
        def delete_objects(**call: Any) -> Any:
            wanted = call["Delete"]["Objects"]
            call["Delete"]["Objects"] = [each for each in wanted if each["Key"] == "fine"]
            errors = [
                {"Key": each["Key"], "VersionId": each["VersionId"], "Code": code}
                for each in wanted
                for key, code in (("refused", "AccessDenied"), ("gone", "NoSuchVersion"))
                if each["Key"] == key
            ]
            return {**real(**call), "Errors": errors}

    s3: Any = PartlyRefused()
    assert [(refused, "AccessDenied")] == S3RawFiles(s3).delete([refused, fine, gone])
    assert {("refused", refused.version_id), ("gone", gone.version_id)} == bucket.left()


def test_a_call_that_fails_fails_for_its_versions_only(bucket: Bucket) -> None:
    """A bucket that is not there leaves another's files deleted, and is reported."""
    there = bucket.put("k")
    nowhere = new_name("absent")
    absent = [RawVersion(nowhere, key, there.version_id) for key in ("k", "a\x01b")]
    assert [(version, "NoSuchBucket") for version in absent] == delete(bucket, *absent, there)
    assert set() == bucket.left()


def test_a_server_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every version."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3 = boto3.session.Session().client("s3", endpoint_url="http://127.0.0.1:1")
    versions = [RawVersion("bucket", key, "v1") for key in ("k", "a\x01b")]
    failed = S3RawFiles(s3).delete(versions)
    assert versions == [version for version, _ in failed]
    assert all("EndpointConnectionError" in reason for _, reason in failed)
