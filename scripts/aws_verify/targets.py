"""Where archives go: a MinIO that is reachable, or else a second bucket, for which S3's own conditional PUT stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from scripts.aws_verify.account import Caller
from scripts.aws_verify.bystanders import make_bucket
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.users import make_user
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import S3Destination
from windrow.ports import Credentials
from windrow.testing import FakeSecrets


@dataclass(frozen=True)
class Target:
    """A bucket at an S3 server, and keys for it. ``rotates`` says whether the server makes new keys as MinIO does."""

    endpoint: str
    bucket: str
    region: str
    credentials: Credentials = field(repr=False)
    rotates: bool

    def open(self, credentials: Credentials | None = None) -> S3Destination:
        """Return a client of it, with other credentials if they are given."""
        secrets = FakeSecrets(credentials or self.credentials)
        return S3Destination(self.endpoint, self.bucket, self.region, secrets, SystemClock())

    def give(self, root: Caller, secret_id: str) -> None:
        """Put the credentials into a secret."""
        secret = {"access_key": self.credentials.access_key, "secret_key": self.credentials.secret_key}
        root.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=json.dumps(secret))


def minio(url: str, access_key: str, secret_key: str, bucket: str) -> Target:
    """Return a bucket at MinIO, made there by its root user."""
    region = "us-east-1"
    root = Caller(region, url).with_keys(access_key, secret_key)
    root.client("s3").create_bucket(Bucket=bucket)
    return Target(url, bucket, region, Credentials(access_key, secret_key), rotates=True)


def second_bucket(root: Caller, bucket: str, cleanup: Cleanup) -> Target:
    """Return a bucket of the account itself, and keys of a user who may do there what docs/deploy.md lists."""
    make_bucket(root, bucket, cleanup)
    objects = f"arn:{root.partition()}:s3:::{bucket}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:ListBucket"], "Resource": objects},
        {
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            "Resource": f"{objects}/*",
        },
        {
            "Effect": "Allow",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": f"{objects}/*.windrow-*",
        },
    ]
    credentials = make_user(root, bucket, statements, cleanup)
    endpoint = root.url or f"https://s3.{root.region}.amazonaws.com"
    return Target(endpoint, bucket, root.region, credentials, rotates=False)
