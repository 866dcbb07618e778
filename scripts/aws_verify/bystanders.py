"""What belongs to somebody else in the same account: the stack's roles must be refused all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from scripts.aws_verify.account import Caller
from scripts.aws_verify.cleanup import Cleanup, empty_bucket


@dataclass(frozen=True)
class Bystanders:
    """A bucket with an object in it, and a secret."""

    bucket: str
    key: str
    secret: str


def bystanders(root: Caller, name: str, cleanup: Cleanup) -> Bystanders:
    """Make them, and note how each goes again."""
    made = Bystanders(f"{name}-other", "theirs.txt", f"{name}-other")
    make_bucket(root, made.bucket, cleanup)
    root.client("s3").put_object(Bucket=made.bucket, Key=made.key, Body=b"x")
    secrets = root.client("secretsmanager")
    cleanup.add(
        f"aws secretsmanager delete-secret --secret-id {made.secret} --force-delete-without-recovery",
        lambda: secrets.delete_secret(SecretId=made.secret, ForceDeleteWithoutRecovery=True),
    )
    secrets.create_secret(Name=made.secret, SecretString=json.dumps({}))
    return made


def make_bucket(root: Caller, bucket: str, cleanup: Cleanup) -> None:
    """Make a bucket, noting first how it goes again with all that is in it."""
    cleanup.add(f"aws s3 rb --force s3://{bucket}", lambda: empty_bucket(root, bucket))
    where = {"LocationConstraint": root.region}
    configuration = {} if root.region == "us-east-1" else {"CreateBucketConfiguration": where}
    root.client("s3").create_bucket(Bucket=bucket, **configuration)
