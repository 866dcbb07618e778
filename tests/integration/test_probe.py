"""The probe on a real MinIO: bare, versioned, with a quota, and behind nginx."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider

from tests.conftest import ACCESS_KEY, SECRET_KEY
from tests.servers.endpoint import Endpoint, new_name
from tests.servers.nginx import nginx
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import PROBING
from windrow.clients.destination.held import HeldRequests
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.core.errors import DestinationError, DestinationFault
from windrow.doctor.check import Check
from windrow.doctor.destination import DestinationChecks
from windrow.lab.stack.destination import DESTINATION_BUCKET, DESTINATION_POLICY
from windrow.operations.sentinel import Sentinel
from windrow.pipeline.probe import Probe
from windrow.ports import Credentials
from windrow.settings import MIB, Settings
from windrow.testing import FakeCircuits, FakeClock, FakeDeliveryHealth, FakeMapping, FakeMetrics

pytestmark = pytest.mark.needs("minio")

Proxied = Callable[[str], AbstractContextManager[str]]


def destination(server: Endpoint, bucket: str, url: str = "") -> S3MultipartDestination:
    """Return the destination, reached at another address where one is given."""
    secrets = FixedSecrets(Credentials(server.access_key, server.secret_key))
    return S3MultipartDestination(url or server.url, bucket, server.region, secrets, SystemClock(), PROBING)


def probe(target: S3MultipartDestination, *, strong: bool) -> None:
    """Probe it once."""
    numbers = count()
    for _ in Probe(target, SystemClock(), "in", lambda: f"{next(numbers)}", parts=True).steps(strong=strong):
        pass


def fault(target: S3MultipartDestination, *, strong: bool) -> DestinationError:
    """Return what a probe finds."""
    with pytest.raises(DestinationError) as caught:
        probe(target, strong=strong)
    return caught.value


def doctor(target: S3MultipartDestination, bucket: str, url: str) -> dict[str, Check]:
    """Return what the doctor finds, by name, if archives have 4 MiB at most."""
    settings = Settings(
        destination_endpoint=url, destination_bucket=bucket, destination_prefix="in", max_archive_bytes=4 * MIB
    )
    secrets = FixedSecrets(Credentials(ACCESS_KEY, SECRET_KEY))
    held = HeldRequests(url, bucket, "us-east-1", secrets)
    checks = DestinationChecks(settings, target, secrets, SystemClock(), lambda: "trial", held)
    return {check.name: check for check in checks.run()}


def admin(server: Endpoint) -> MinioAdmin:
    """Return a client of MinIO's admin API."""
    keys = StaticProvider(server.access_key, server.secret_key)
    return MinioAdmin(endpoint=urlsplit(server.url).netloc, credentials=keys, secure=False)


def versions(server: Endpoint, bucket: str) -> list[Any]:
    """Return every version and delete marker in a bucket."""
    listed = server.client("s3").list_object_versions(Bucket=bucket)
    return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]


@pytest.mark.parametrize("versioned", [False, True])
def test_a_good_probe_leaves_nothing_behind(minio: Endpoint, versioned: bool) -> None:
    """No version and no delete marker either, of what it wrote at once, staged and copied."""
    bucket = minio.new_bucket(versioned=versioned)
    target = destination(minio, bucket)
    probe(target, strong=False)
    probe(target, strong=True)

    assert [] == versions(minio, bucket)
    assert [] == minio.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def test_the_doctor_leaves_no_versions_behind(minio: Endpoint) -> None:
    """Of none of its trials."""
    bucket = minio.new_bucket(versioned=True)
    found = doctor(destination(minio, bucket), bucket, minio.url)

    assert {"TLS"} == {check.name for check in found.values() if check.state != "ok"}
    assert [] == versions(minio, bucket)


def test_a_quota_that_spares_small_objects_is_found(minio: Endpoint) -> None:
    """By the strong probe; a small canary still fits."""
    bucket = minio.new_bucket()
    target = destination(minio, bucket)
    admin(minio).bucket_quota_set(bucket, MIB)
    probe(target, strong=False)

    assert DestinationFault.REFUSED == fault(target, strong=True).kind


@pytest.mark.parametrize("versioned", [False, True])
def test_the_documented_policy_is_enough(minio: Endpoint, versioned: bool) -> None:
    """Of a user who may do what docs/deploy.md lists and no more: probes leave nothing, versions included."""
    bucket, user = minio.new_bucket(versioned=versioned), new_name("user")
    policy = json.loads(json.dumps(DESTINATION_POLICY).replace(DESTINATION_BUCKET, bucket))
    made = admin(minio)
    made.policy_add(user, policy=policy)
    made.user_add(user, minio.secret_key)
    made.policy_set(user, user=user)
    probe(destination(replace(minio, access_key=user), bucket), strong=True)

    assert [] == versions(minio, bucket)


@pytest.fixture
def proxied(minio: Endpoint, tmp_path: Path) -> Proxied:
    """Return a function that puts an nginx with some options before MinIO, and gives its address."""

    @contextmanager
    def run(options: str) -> Iterator[str]:
        with nginx(tmp_path / "nginx", minio.url, options) as server:
            yield server.url

    return run


@pytest.mark.needs("nginx")
def test_nginx_as_it_comes_opens_the_circuit_and_is_named(minio: Endpoint, proxied: Proxied) -> None:
    """It drops the header of the archive's digest: no archive would be taken, though the bucket answers."""
    bucket = minio.new_bucket()
    mapping, circuits, clock = FakeMapping(), FakeCircuits(), FakeClock()
    with proxied("client_max_body_size 0;") as url:
        target = destination(minio, bucket, url)
        target.probe()
        found = doctor(target, bucket, url)
        for _ in range(2):
            Sentinel(
                probe=Probe(target, SystemClock(), "in", lambda: "canary", parts=True),
                mapping=mapping,
                circuits=circuits,
                deliveries=FakeDeliveryHealth(),
                metrics=FakeMetrics(),
                clock=clock,
            ).run()
            clock.advance(60)

    assert ("fail", True) == (found["write"].state, "underscores_in_headers on" in found["write"].advice)
    assert not mapping.on
    # The refusal comes before the body is read: now and then the connection is closed under it instead.
    assert circuits.circuit.fault in (DestinationFault.CREDENTIALS, DestinationFault.CONNECT)


@pytest.mark.needs("nginx")
def test_nginx_that_limits_bodies_is_found_and_named(minio: Endpoint, proxied: Proxied) -> None:
    """Its own limit of 1 MiB lets small archives pass, and a strong probe finds it."""
    bucket = minio.new_bucket()
    with proxied("underscores_in_headers on;") as url:
        target = destination(minio, bucket, url)
        probe(target, strong=False)
        refused = fault(target, strong=True)
        found = doctor(target, bucket, url)

    assert DestinationFault.REFUSED == refused.kind
    assert ("ok", "fail") == (found["write"].state, found["large body"].state)
    assert "client_max_body_size" in found["large body"].advice


@pytest.mark.needs("nginx")
def test_nginx_set_up_as_documented_is_good(minio: Endpoint, proxied: Proxied) -> None:
    """Both settings, and a strong probe passes."""
    bucket = minio.new_bucket()
    with proxied("underscores_in_headers on; client_max_body_size 0;") as url:
        probe(destination(minio, bucket, url), strong=True)
        found = doctor(destination(minio, bucket, url), bucket, url)

    assert {"TLS"} == {check.name for check in found.values() if check.state != "ok"}
