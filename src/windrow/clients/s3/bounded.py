"""The S3 client for work outside batches: the retention sweep's copies and raw files, and inventories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.config import Config

from windrow.clients import aws

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_s3 import S3Client

CONNECT_S = 3.0
READ_S = 30.0
"""Longest silence of S3; it answers a PUT once it has verified and stored the whole body."""
ATTEMPTS = 3


def connect(session: boto3.session.Session) -> S3Client:
    """Return a client with timeouts, which retries failures that may pass."""
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        s3=aws.PATH_STYLE,
    )
    return session.client("s3", config=config)
