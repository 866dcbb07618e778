"""What keeps the files safe and readable: the buckets' settings, the keys, the ledger, the secret."""

from __future__ import annotations

from typing import Any

from scripts.aws_verify.stack import Stack


def data_tier(stack: Stack) -> dict[str, Any]:
    """Return all of it, to be compared with what it was."""
    kms, dynamodb = stack.root.client("kms"), stack.root.client("dynamodb")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    table = dynamodb.describe_table(TableName=stack.outputs["ledger_table"])["Table"]
    return {
        "keys": {key["KeyId"]: key["KeyState"] for key in keys},
        "aliases": {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]},
        "ledger": (table["TableStatus"], table["DeletionProtectionEnabled"]),
        "secrets": {entry["Name"] for entry in stack.root.client("secretsmanager").list_secrets()["SecretList"]},
        "buckets": {bucket: _bucket(stack, bucket) for bucket in (stack.landing_bucket, stack.copies_bucket)},
    }


def _bucket(stack: Stack, bucket: str) -> dict[str, Any]:
    s3 = stack.root.client("s3")
    return {
        "policy": s3.get_bucket_policy(Bucket=bucket)["Policy"],
        "public access block": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        "versioning": s3.get_bucket_versioning(Bucket=bucket)["Status"],
        "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
        "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        "files": [version["Key"] for version in s3.list_object_versions(Bucket=bucket).get("Versions", [])],
    }
