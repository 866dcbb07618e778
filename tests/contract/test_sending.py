"""What is said with a write: a lock of archives; and how fast it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.servers.endpoint import Endpoint, new_name
from windrow.clients.clock import SystemClock
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.destination.object_lock import ObjectLock
from windrow.clients.destination.pace import BURST_S, Pace
from windrow.core.errors import DestinationError
from windrow.core.keys import canary_key
from windrow.doctor.lock import lock_trial
from windrow.pipeline.commit_point import tombstone
from windrow.ports import Credentials
from windrow.testing import FakeClock, FakeSecrets

ARCHIVE = "2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar.gz"
DAYS = 3
LOCK = ObjectLock("GOVERNANCE", timedelta(days=DAYS))
BODY = b"x" * 3_000_000
RATE = 1_000_000


def connect(server: Endpoint, bucket: str, **options: Any) -> S3MultipartDestination:
    """Return a destination on a bucket."""
    secrets = FakeSecrets(Credentials(server.access_key, server.secret_key))
    return S3MultipartDestination(server.url, bucket, server.region, secrets, SystemClock(), **options)


def put(destination: S3MultipartDestination, key: str) -> None:
    """Store an object under a free key."""
    assert destination.put(key, [BODY], sha256(BODY).digest(), {})


def test_bodies_are_sent_at_the_pace_that_is_set(ministack: Endpoint) -> None:
    """PUTs and parts, each byte counted once, although it is also read to be signed; questions cost nothing."""
    clock = FakeClock()
    destination = connect(ministack, ministack.new_bucket(), pace=Pace(RATE, clock))
    put(destination, "k")
    destination.head("k")
    destination.read("k", 0, len(BODY))
    upload_id = destination.begin("parts", {}, verified=True)
    destination.send_part("parts", upload_id, 1, [BODY], sha256(BODY).digest())
    destination.abort("parts", upload_id)

    assert pytest.approx(2 * len(BODY) / RATE, abs=2 * BURST_S) == clock.monotonic()


@pytest.fixture
def lockable(minio: Endpoint) -> str:
    """Return a bucket with object lock."""
    bucket = new_name("locked")
    minio.client("s3").create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    return bucket


@pytest.mark.needs("minio")
def test_archives_are_locked_and_nothing_else(minio: Endpoint, lockable: str) -> None:
    """Whether they come whole or in parts; what is there for a moment can be deleted."""
    destination = connect(minio, lockable, object_lock=LOCK)
    large, canary = ARCHIVE.replace("0123", "3210"), canary_key("", "c", datetime.now(UTC))
    put(destination, ARCHIVE)
    upload_id = destination.begin(large, {}, verified=True)
    part = destination.send_part(large, upload_id, 1, [BODY], sha256(BODY).digest())
    assert destination.complete(large, upload_id, [part])
    put(destination, canary)
    locked = [destination.locked_until(key) for key in (ARCHIVE, large, canary)]
    destination.delete(canary)

    days = [until and round((until - datetime.now(UTC)) / timedelta(days=1)) for until in locked]
    assert [DAYS, DAYS, None] == days
    assert destination.head(canary) is None
    for key in (ARCHIVE, large):
        with pytest.raises(DestinationError, match="InvalidRequest"):
            destination.delete(key)


@pytest.mark.needs("minio")
def test_a_condemned_archive_that_is_locked_gets_its_tombstone(minio: Endpoint, lockable: str) -> None:
    """As a new version, over the one that its lock keeps; and the key stays taken."""
    destination = connect(minio, lockable, object_lock=LOCK)
    put(destination, ARCHIVE)
    broken = destination.head(ARCHIVE)
    closing = tombstone(ARCHIVE)
    destination.overwrite(ARCHIVE, closing.chunks, closing.sha256, closing.metadata)
    seen = destination.head(ARCHIVE)

    assert seen is not None
    assert broken is not None
    assert "0" == seen.metadata["file-count"]
    assert not destination.put(ARCHIVE, [BODY], sha256(BODY).digest(), {})
    with pytest.raises(ClientError, match="WORM"):
        minio.client("s3").delete_object(Bucket=lockable, Key=ARCHIVE, VersionId=broken.version_id)


@pytest.mark.needs("minio")
def test_doctor_tells_a_bucket_with_object_lock_from_one_without(minio: Endpoint, lockable: str) -> None:
    """By locking an object."""
    everything = ObjectLock("GOVERNANCE", timedelta(minutes=1), applies=lambda _key: True)
    buckets = (lockable, minio.new_bucket())
    found = [lock_trial(connect(minio, bucket, object_lock=everything), "trial").state for bucket in buckets]

    assert ["ok", "fail"] == found
