"""What each role needs for its work: all of it must be allowed."""

from __future__ import annotations

from scripts.aws_verify.acts import (
    Attempt,
    circuit,
    delete_landed_version,
    function_of_the_mapping,
    insert,
    mapping,
    records,
    staged,
    switch,
)
from scripts.aws_verify.stack import (
    AGGREGATOR,
    AUDITOR,
    OPERATOR,
    PARTNER,
    RETENTION,
    ROTATION,
    SENTINEL,
    SWEEPER,
    WORKER,
)

ALLOWED: list[Attempt] = [
    (PARTNER, "s3", "put", lambda c, s: c.put_object(Bucket=s.landing_bucket, Key="partner/a", Body=b"")),
    (
        PARTNER,
        "s3",
        "put with the owner's ACL",
        lambda c, s: c.put_object(Bucket=s.landing_bucket, Key="partner/a", Body=b"", ACL="bucket-owner-full-control"),
    ),
    (AGGREGATOR, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=s.landing_bucket)),
    (AGGREGATOR, "dynamodb", "claim", insert),
    (WORKER, "lambda", "mapping", mapping),
    (
        WORKER,
        "lambda",
        "limits",
        lambda c, s: c.get_function_configuration(FunctionName=function_of_the_mapping(s)),
    ),
    (
        AGGREGATOR,
        "dynamodb",
        "read",
        lambda c, s: c.batch_get_item(RequestItems={s.outputs["ledger_table"]: {"Keys": [{"object_id": {"S": "a"}}]}}),
    ),
    (
        RETENTION,
        "s3",
        "copy",
        lambda c, s: c.put_object(Bucket=s.copies_bucket, Key="a", Body=b"", StorageClass="DEEP_ARCHIVE"),
    ),
    (RETENTION, "s3", "list copies", lambda c, s: c.list_objects_v2(Bucket=s.copies_bucket)),
    (RETENTION, "s3", "delete landed version", delete_landed_version),
    (WORKER, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=s.landing_bucket)),
    (WORKER, "dynamodb", "claim", insert),
    (SWEEPER, "s3", "delete landed version", delete_landed_version),
    (OPERATOR, "s3", "list versions", lambda c, s: c.list_object_versions(Bucket=s.landing_bucket)),
    (OPERATOR, "s3", "delete landed version", delete_landed_version),
    (OPERATOR, "secretsmanager", "stages", staged),
    (AGGREGATOR, "sqs", "dead-letter", lambda c, s: c.send_message(QueueUrl=s.outputs["dlq_url"], MessageBody="x")),
    (AUDITOR, "s3", "list versions", lambda c, s: c.list_object_versions(Bucket=s.landing_bucket)),
    (AUDITOR, "dynamodb", "records of archives", lambda c, s: c.batch_get_item(**records(s))),
    (
        AUDITOR,
        "secretsmanager",
        "secret",
        lambda c, s: c.get_secret_value(SecretId=s.outputs["destination_secret_id"]),
    ),
    (SENTINEL, "dynamodb", "state", lambda c, s: c.get_item(**circuit(s))),
    (SENTINEL, "lambda", "mapping", mapping),
    (SENTINEL, "lambda", "switch", switch),
    (
        SENTINEL,
        "secretsmanager",
        "secret",
        lambda c, s: c.get_secret_value(SecretId=s.outputs["destination_secret_id"]),
    ),
    (ROTATION, "secretsmanager", "stages", staged),
    (
        ROTATION,
        "secretsmanager",
        "secret",
        lambda c, s: c.get_secret_value(SecretId=s.outputs["destination_secret_id"]),
    ),
]
