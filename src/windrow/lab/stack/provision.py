"""Creates in the emulator what Terraform creates on AWS, under the same settings, and the destination bucket.

Written against API clients of any S3-compatible destination and any AWS endpoint; `windrow.lab.stack.stack` starts
those.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from windrow.lab.stack.destination import (
    DESTINATION_BUCKET,
    DESTINATION_REGION,
    DestinationAccess,
    DestinationKind,
    client_config,
    create_destination,
)
from windrow.lab.stack.servers import ACCESS_KEY, ACCOUNT, LANDING_SECRET_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from boto3.session import Session

LANDING_BUCKET = "windrow-landing"
QUEUE = "windrow-uploads"
DLQ = "windrow-uploads-dlq"
LEDGER_TABLE = "windrow-ledger"
FUNCTION = "windrow-aggregator"
ALIAS = "live"
SECRET = "windrow/destination"  # noqa: S105 - the secret's name

BATCH_SIZE = 10_000
"""Lambda's largest SQS batch; its 6 MB payload limit closes batches earlier."""
MAX_RECEIVES = 100
DAY_S = 86_400
QUEUE_RETENTION_S = 5 * DAY_S
"""An outage of 4 days (NFR-04), the minutes until it is noticed and over, and the drain: 4 days would drop messages."""
DLQ_RETENTION_S = 14 * DAY_S
"""SQS's longest: a message keeps its first enqueue time in the dead-letter queue."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a stack. ``window_s`` is the mapping's batching window, ``timeout_s`` one run's limit.

    ``sentinel_s`` is the time from one probe of the sentinel to the next; 0 for no sentinel.
    """

    window_s: int = 60
    timeout_s: int = 120
    concurrency: int = 2
    """Batches processed at a time; 2 is the lowest that Lambda accepts."""
    batch_size: int = BATCH_SIZE
    sentinel_s: int = 60

    @property
    def visibility_timeout_s(self) -> int:
        """AWS advises six times the function's timeout plus the batching window."""
        return 6 * self.timeout_s + self.window_s


class FastEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where a queue and a landing bucket are that are not the emulator's."""

    queue_endpoint: str
    landing_endpoint: str

    def environment(self) -> dict[str, str]:
        """Return the variables that lead boto3 and Windrow there; the emulator accepts these keys too."""
        return {
            "AWS_ENDPOINT_URL_SQS": self.queue_endpoint,
            "AWS_ENDPOINT_URL_S3": self.landing_endpoint,
            "AWS_SECRET_ACCESS_KEY": LANDING_SECRET_KEY,
        }


class StackOutputs(msgspec.Struct, frozen=True, kw_only=True):
    """What was created, as Terraform's outputs name it."""

    aws_endpoint: str
    region: str
    landing_bucket: str
    queue_url: str
    dlq_url: str
    ledger_table: str
    function_name: str
    event_source_mapping_id: str
    destination_kind: DestinationKind
    destination_endpoint: str
    destination_bucket: str
    destination_region: str
    destination_secret_id: str
    fast: FastEndpoints | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that this stack's workers, functions and commands need: WINDROW_* and AWS_*."""
        fast = self.fast.environment() if self.fast else {}
        return {
            "WINDROW_LANDING_BUCKETS": self.landing_bucket,
            "WINDROW_QUEUE_URL": self.queue_url,
            "WINDROW_DLQ_URL": self.dlq_url,
            "WINDROW_LEDGER_TABLE": self.ledger_table,
            "WINDROW_DESTINATION_ENDPOINT": self.destination_endpoint,
            "WINDROW_DESTINATION_BUCKET": self.destination_bucket,
            "WINDROW_DESTINATION_REGION": self.destination_region,
            "WINDROW_DESTINATION_SECRET_ID": self.destination_secret_id,
            "WINDROW_EVENT_SOURCE_MAPPING_ID": self.event_source_mapping_id,
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            **fast,
        }


_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY")


def isolated(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what could lead AWS clients elsewhere: credentials, profiles, proxies."""
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(("AWS_", "WINDROW_")) and name.upper() not in _PROXIES
    }
    no_profile = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**kept, **no_profile, "AWS_EC2_METADATA_DISABLED": "true"}


def worker_environment(outputs: StackOutputs, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return a whole environment for a process that uses the stack."""
    return {**isolated(inherited), **outputs.environment()}


def provision(
    aws_endpoint: str, destination: DestinationAccess, shape: Shape, fast: FastEndpoints | None = None
) -> StackOutputs:
    """Create everything in an empty emulator and an empty destination. Not repeatable: each stack starts empty.

    With ``fast`` the landing bucket notifies no queue: who uploads there sends the events too.
    """
    session = _session(fast)
    aws = {"endpoint_url": aws_endpoint, "config": client_config()}
    sqs_at = {**aws, "endpoint_url": fast.queue_endpoint} if fast else aws
    s3_at = {**aws, "endpoint_url": fast.landing_endpoint} if fast else aws
    credentials = create_destination(destination)
    queue_url, queue_arn, dlq_url = _create_queues(session.client("sqs", **sqs_at), shape)
    s3 = session.client("s3", **s3_at)
    _create_landing(s3)
    if fast is None:
        _notify(s3, queue_arn)
    _create_ledger(session.client("dynamodb", **aws))
    secret = {name: value for name, value in msgspec.structs.asdict(credentials).items() if value is not None}
    session.client("secretsmanager", **aws).create_secret(Name=SECRET, SecretString=json.dumps(secret))
    outputs = StackOutputs(
        aws_endpoint=aws_endpoint,
        region=REGION,
        landing_bucket=LANDING_BUCKET,
        queue_url=queue_url,
        dlq_url=dlq_url,
        ledger_table=LEDGER_TABLE,
        function_name=f"{FUNCTION}:{ALIAS}",
        event_source_mapping_id="",
        destination_kind=destination.kind,
        destination_endpoint=destination.endpoint,
        destination_bucket=DESTINATION_BUCKET,
        destination_region=DESTINATION_REGION,
        destination_secret_id=SECRET,
        fast=fast,
    )
    mapping_id = _create_function(session.client("lambda", **aws), outputs, queue_arn, shape)
    return msgspec.structs.replace(outputs, event_source_mapping_id=mapping_id)


def _session(fast: FastEndpoints | None) -> Session:
    import boto3

    secret_key = LANDING_SECRET_KEY if fast else SECRET_KEY
    return boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=secret_key, region_name=REGION)


def _create_queues(sqs: Any, shape: Shape) -> tuple[str, str, str]:  # noqa: ANN401
    """Create the queue and its dead-letter queue; return (queue URL, queue ARN, dead-letter queue URL)."""
    encrypted = {"SqsManagedSseEnabled": "true"}
    dlq_url = sqs.create_queue(QueueName=DLQ, Attributes={**encrypted, "MessageRetentionPeriod": str(DLQ_RETENTION_S)})[
        "QueueUrl"
    ]
    dlq_arn = sqs.get_queue_attributes(QueueUrl=dlq_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = {
        **encrypted,
        "MessageRetentionPeriod": str(QUEUE_RETENTION_S),
        "VisibilityTimeout": str(shape.visibility_timeout_s),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": MAX_RECEIVES}),
    }
    queue_url = sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return queue_url, queue_arn, dlq_url


def _create_landing(s3: Any) -> None:  # noqa: ANN401
    s3.create_bucket(Bucket=LANDING_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=LANDING_BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _notify(s3: Any, queue_arn: str) -> None:  # noqa: ANN401
    s3.put_bucket_notification_configuration(
        Bucket=LANDING_BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "uploads", "QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )


def _create_ledger(dynamodb: Any) -> None:  # noqa: ANN401
    dynamodb.create_table(
        TableName=LEDGER_TABLE,
        AttributeDefinitions=[{"AttributeName": "object_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "object_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(
        TableName=LEDGER_TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    )


def _create_function(lambda_: Any, outputs: StackOutputs, queue_arn: str, shape: Shape) -> str:  # noqa: ANN401
    """Create the function's record, its alias and the event source mapping; return the mapping's id.

    ``windrow run`` does the work, from this package, by the mapping's configuration. A reserved concurrency of 0
    keeps the emulator's own poller, which has no batching window, from taking messages. The emulator applies that to
    the function itself only, not to published versions: hence the alias names ``$LATEST`` here.
    """
    settings = {name: value for name, value in outputs.environment().items() if name.startswith("WINDROW_") and value}
    lambda_.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Architectures=["arm64"],
        Handler="windrow.functions.aggregate.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}",
        Timeout=shape.timeout_s,
        MemorySize=1769,  # one vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
        Environment={"Variables": settings},
        Code={"ZipFile": _empty_zip()},
    )
    lambda_.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    alias_arn = lambda_.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="$LATEST")["AliasArn"]
    mapping = lambda_.create_event_source_mapping(
        EventSourceArn=queue_arn,
        FunctionName=alias_arn,
        BatchSize=shape.batch_size,
        MaximumBatchingWindowInSeconds=shape.window_s,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": shape.concurrency},
    )
    return str(mapping["UUID"])


def _empty_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("README", "`windrow run` runs the handler from the installed package.\n")
    return buffer.getvalue()
