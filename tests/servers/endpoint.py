"""A server that speaks one of AWS's protocols, and how to reach it."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from typing import Any

import boto3.session
import pytest
from botocore.config import Config

from scripts.aws_verify.contract import PREFIX


@dataclass(frozen=True)
class Endpoint:
    """Address and credentials of a server; ``of_aws``: S3's, and the other services are at addresses of their own.

    ``role_arn`` is a role that functions may have which take messages from the queues that tests make.
    """

    name: str
    url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "eu-west-2"
    of_aws: bool = False
    role_arn: str = "arn:aws:iam::000000000000:role/function"

    def client(self, service: str) -> Any:
        """Return a boto3 client of this server."""
        session: Any = boto3.session.Session()  # the stubs know each service by its name only
        return session.client(
            service,
            endpoint_url=None if self.of_aws else self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}, max_pool_connections=32),
        )

    def introduce(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let boto3's own sessions find this server, with these credentials."""
        if not self.of_aws:
            monkeypatch.setenv("AWS_ENDPOINT_URL", self.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", self.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", self.secret_key)
        monkeypatch.setenv("AWS_REGION", self.region)
        monkeypatch.setenv("AWS_DEFAULT_REGION", self.region)

    def new_bucket(self, *, versioned: bool = False) -> str:
        """Create a bucket with a name of its own and return that."""
        s3 = self.client("s3")
        bucket = new_name("bucket")
        where = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        s3.create_bucket(Bucket=bucket, **where)
        if versioned:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    def new_table(self) -> str:
        """Create a ledger table with a name of its own and return that."""
        table = new_name("ledger")
        dynamodb = self.client("dynamodb")
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "object_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "object_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
        return table


def new_name(kind: str) -> str:
    """Return a name that no other test uses; on a real account, where more than tests is, its beginning is given."""
    return f"{os.environ.get(PREFIX, '')}{kind}-{uuid.uuid4().hex[:12]}"
