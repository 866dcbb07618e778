"""Objects that a real MinIO refuses to give: under a key of their uploader's, a KMS key that is gone, or by policy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3.session
import pytest
import trustme

from windrow.clients.s3 import landing as module
from windrow.clients.s3.landing import S3Landing
from windrow.core.errors import ObjectRefused
from windrow.core.events import SourceObject
from windrow.lab.stack import servers
from windrow.lab.stack.destination import DestinationAccess, admin_client
from windrow.ports import Credentials

pytestmark = pytest.mark.needs("minio")

ROOT = Credentials("windrow-test", "windrow-test-secret")
BUCKET = "landing"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": [f"arn:aws:s3:::{BUCKET}/allowed"]}],
}


class Scene:
    """A MinIO that speaks TLS, as it wants for SSE-C, and encrypts with the KMS key of a name."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._certs = folder / "certs"
        self._certs.mkdir()
        authority = trustme.CA()
        cert = authority.issue_cert("127.0.0.1")
        cert.private_key_pem.write_to_path(self._certs / "private.key")
        cert.cert_chain_pems[0].write_to_path(self._certs / "public.crt")
        authority.cert_pem.write_to_path(self.ca_file)
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("AWS_CA_BUNDLE", str(self.ca_file))
        monkeypatch.setattr(module, "RETRIES", 0)

    @contextmanager
    def running(self, kms_key: str) -> Iterator[str]:
        """Run the server, on the same data each time; give its URL."""
        server = servers.minio(self.folder, access_key=ROOT.access_key, secret_key=ROOT.secret_key, certs=self._certs)
        secret = b64encode(kms_key.encode().ljust(32)).decode()
        server._environ = {**server._environ, "MINIO_KMS_SECRET_KEY": f"{kms_key}:{secret}"}
        with server:
            self.use(ROOT, server.url)
            yield server.url

    def use(self, keys: Credentials, url: str) -> None:
        """Have clients made from now on use these keys."""
        self._monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        self._monkeypatch.setenv("AWS_REGION", "us-east-1")
        self._monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        self._monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        self._monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret_key)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene of this test alone."""
    return Scene(tmp_path, monkeypatch)


def put(key: str, **encryption: Any) -> SourceObject:
    """Upload four bytes; return what the event would name."""
    s3 = boto3.session.Session().client("s3")
    if not s3.list_buckets()["Buckets"]:
        s3.create_bucket(Bucket=BUCKET)
    answer = s3.put_object(Bucket=BUCKET, Key=key, Body=b"four", **encryption)
    moment = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)
    return SourceObject(BUCKET, key, None, answer["ETag"].strip('"'), "01", 4, moment)


def got(source: SourceObject) -> str:
    """Return the object's bytes, or the reason it would be rejected with after a few refusals."""
    try:
        return bytes(S3Landing(boto3.session.Session()).get(source).data).decode()
    except ObjectRefused as error:
        return error.rejection.reason


def test_an_object_under_a_key_of_its_uploaders_is_refused(scene: Scene) -> None:
    """Its neighbour is read."""
    with scene.running("one"):
        plain = put("plain")
        encrypted = put("encrypted", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)

        assert ("four", "sse-c") == (got(plain), got(encrypted))


def test_an_object_whose_kms_key_is_gone_is_refused(scene: Scene) -> None:
    """As long as the key is gone: with the key it is read again."""
    with scene.running("one"):
        source = put("encrypted", ServerSideEncryption="aws:kms", SSEKMSKeyId="one")
        before = got(source)
    with scene.running("two"):
        without = got(source)
    with scene.running("one"):
        after = got(source)

    assert ("four", "kms-key", "four") == (before, without, after)


def test_an_object_that_a_policy_forbids_is_refused(scene: Scene) -> None:
    """To the keys that it forbids it to, which read others."""
    reader = Credentials("windrow-reader", "windrow-reader-secret")
    with scene.running("one") as url:
        allowed, forbidden = put("allowed"), put("forbidden")
        admin = admin_client(
            DestinationAccess(
                kind="minio",
                endpoint=url,
                access_key=ROOT.access_key,
                secret_key=ROOT.secret_key,
                ca_file=scene.ca_file,
            ),
            ROOT,
        )
        admin.policy_add(policy_name="reader", policy=POLICY)
        admin.user_add(reader.access_key, reader.secret_key)
        admin.policy_set(policy_name="reader", user=reader.access_key)
        scene.use(reader, url)

        assert ("four", "access-denied") == (got(allowed), got(forbidden))
