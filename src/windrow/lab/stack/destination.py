"""The destination bucket, and keys to it that may do no more than the aggregator needs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec

from windrow.core.keys import INTERNAL
from windrow.ports import Credentials

if TYPE_CHECKING:
    from minio import MinioAdmin

DestinationKind = Literal["minio", "ministack"]

DESTINATION_BUCKET = "windrow-archives"
DESTINATION_REGION = "us-east-1"
USER_NAME = "windrow-aggregator"

DESTINATION_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{DESTINATION_BUCKET}"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            "Resource": [f"arn:aws:s3:::{DESTINATION_BUCKET}/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": [f"arn:aws:s3:::{DESTINATION_BUCKET}/*{INTERNAL}*"],
        },
    ],
}
"""What the aggregator may do at the destination. ``docs/deploy.md`` gives operators the same, and the reasons."""


class DestinationAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where the destination is, the administrator's keys, and the private CA (PEM), if one signed for it."""

    kind: DestinationKind
    endpoint: str
    access_key: str
    secret_key: str
    ca_file: Path | None = None

    def __repr__(self) -> str:
        return f"DestinationAccess({self.kind}, {self.endpoint}, ***)"


def create_destination(destination: DestinationAccess) -> Credentials:
    """Create the bucket, and on MinIO an access key that may do no more than the aggregator needs."""
    import boto3

    s3 = boto3.client(
        "s3",
        endpoint_url=destination.endpoint,
        region_name=DESTINATION_REGION,
        aws_access_key_id=destination.access_key,
        aws_secret_access_key=destination.secret_key,
        verify=str(destination.ca_file) if destination.ca_file else None,
        config=client_config(),
    )
    s3.create_bucket(Bucket=DESTINATION_BUCKET)
    keys = Credentials(
        destination.access_key,
        destination.secret_key,
        destination.ca_file.read_text() if destination.ca_file else None,
    )
    return _create_access_key(destination, keys) if destination.kind == "minio" else keys


def _create_access_key(destination: DestinationAccess, administrator: Credentials) -> Credentials:
    """Create a user with the policy, and an access key (service account) of that user.

    The key carries no policy of its own: only such a key may create its successor when credentials are rotated.
    """
    user = Credentials(USER_NAME, secrets.token_urlsafe(30))
    keys = Credentials(secrets.token_hex(10), secrets.token_urlsafe(30), administrator.ca_pem)
    admin = admin_client(destination, administrator)
    # A MinIO that has just started answers before it has read its users and policies from its disk, and drops what it
    # was given until then when it has read them. Only this request is not answered before.
    admin.user_list()
    admin.policy_add(policy_name=USER_NAME, policy=DESTINATION_POLICY)
    admin.user_add(user.access_key, user.secret_key)
    admin.policy_set(policy_name=USER_NAME, user=user.access_key)
    admin_client(destination, user).add_service_account(
        access_key=keys.access_key, secret_key=keys.secret_key, name=USER_NAME
    )
    return keys


def admin_client(destination: DestinationAccess, acting: Credentials) -> MinioAdmin:
    """Return a client of MinIO's admin API that acts with the given keys."""
    import urllib3
    from minio import MinioAdmin
    from minio.credentials.providers import StaticProvider

    endpoint = urlsplit(destination.endpoint)
    return MinioAdmin(
        endpoint=endpoint.netloc,
        credentials=StaticProvider(acting.access_key, acting.secret_key),
        secure=endpoint.scheme == "https",
        http_client=urllib3.PoolManager(ca_certs=str(destination.ca_file) if destination.ca_file else None),
    )


def client_config() -> Any:  # noqa: ANN401 - botocore ships no types for it
    """Return what every client of the local servers needs: no proxy on the way, and few retries."""
    from botocore.config import Config

    return Config(proxies={}, retries={"total_max_attempts": 3, "mode": "standard"})
