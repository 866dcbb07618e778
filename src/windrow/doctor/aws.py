"""Checks of AWS that change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from windrow import bootstrap
from windrow.clients.awslambda.mapping import LambdaMapping
from windrow.core.mapping import CONCURRENCY_MOST, Overrides, in_flight_fault, visibility_fault
from windrow.core.windows import DAY_S
from windrow.core.words import measured
from windrow.doctor.check import Check, fail, guarded, ok, warn
from windrow.settings import DLQ_RETENTION_DAYS, QUEUE_RETENTION_DAYS, Settings, misplaced

if TYPE_CHECKING:
    import boto3.session

QUEUE_RETENTION_S = QUEUE_RETENTION_DAYS * DAY_S
DLQ_RETENTION_S = DLQ_RETENTION_DAYS * DAY_S
"""A message that SQS moves to the dead-letter queue keeps its first enqueue time."""
MAX_RECEIVES = 100
KEY = "object_id"
TTL = "expires_at"


class AwsChecks:
    """Checks the AWS resources that the settings name; missing settings are left to the check of the settings."""

    def __init__(self, settings: Settings, session: boto3.session.Session) -> None:
        self._settings = settings
        self._session = session

    def run(self) -> Iterator[Check]:
        """Yield every check."""
        settings = self._settings
        yield from guarded("identity", self._identity, "Set AWS_PROFILE or AWS_ACCESS_KEY_ID, and AWS_REGION.")
        if settings.queue_url:
            yield from guarded("queue", self._queue, "Check WINDROW_QUEUE_URL and the region.")
        if settings.dlq_url:
            yield from guarded("dead-letter queue", self._dlq, "Check WINDROW_DLQ_URL and the region.")
        if settings.event_source_mapping_id:
            yield from guarded("mapping", self._mapping, "Check WINDROW_EVENT_SOURCE_MAPPING_ID and the region.")
        elif settings.ledger_table:
            yield from guarded("workers", self._workers, "Check WINDROW_LEDGER_TABLE and the region.")
        if settings.ledger_table:
            advice = "Check WINDROW_LEDGER_TABLE; if the table is lost, see docs/operations.md#ledger-lost."
            yield from guarded("ledger", self._ledger, advice)
        if settings.destination_bucket:
            yield from guarded("destination bucket", self._destination, "Set AWS_REGION, and endpoints that are URLs.")
        for bucket in sorted(settings.landing_buckets):
            advice = "Check WINDROW_LANDING_BUCKETS; if it is lost, see docs/operations.md#landing-bucket-lost."
            yield from guarded(f"landing {bucket}", partial(self._landing, bucket), advice)
        if settings.copies_bucket:
            yield from guarded(f"copies {settings.copies_bucket}", self._copies, "Check WINDROW_COPIES_BUCKET.")

    def _identity(self) -> Iterator[Check]:
        yield ok("identity", self._client("sts").get_caller_identity()["Arn"])

    def _queue(self) -> Iterator[Check]:
        attributes = self._attributes(self._settings.queue_url)
        yield from _retention("queue", attributes, QUEUE_RETENTION_S, "A longer outage loses messages")
        yield from _encryption("queue", attributes)
        policy = json.loads(attributes.get("RedrivePolicy", "{}"))
        advice = f"Set its redrive policy: the queue at WINDROW_DLQ_URL, maxReceiveCount {MAX_RECEIVES}."
        if not policy:
            yield warn("queue redrive", "there is no redrive policy", advice)
        elif self._settings.dlq_url and policy["deadLetterTargetArn"] != self._arn(self._settings.dlq_url):
            yield warn("queue redrive", f"it leads to {policy['deadLetterTargetArn']}", advice)
        elif int(policy["maxReceiveCount"]) < MAX_RECEIVES:
            yield warn("queue redrive", f"after {policy['maxReceiveCount']} receives already", advice)
        else:
            yield ok("queue redrive", f"after {policy['maxReceiveCount']} receives")

    def _dlq(self) -> Iterator[Check]:
        attributes = self._attributes(self._settings.dlq_url)
        yield from _retention(
            "dead-letter queue", attributes, DLQ_RETENTION_S, "Messages keep their first enqueue time"
        )
        yield from _encryption("dead-letter queue", attributes)

    def _mapping(self) -> Iterator[Check]:
        # Not limited by this machine's processors: the check is about Lambda.
        source = LambdaMapping(
            self._client("lambda"),
            self._client("sqs"),
            self._settings.event_source_mapping_id,
            Overrides(processes_most=CONCURRENCY_MOST),
        )
        config = source.read()
        if config.enabled:
            yield ok("mapping", f"enabled, batches of {config.batch_size:,} within {config.window_s} s")
        else:
            yield warn("mapping", "disabled: messages wait in the queue", "See windrow circuit status.")
        if not config.partial_responses:
            advice = "Set its function response types to ReportBatchItemFailures."
            yield fail("mapping responses", "one failed message would return its whole batch to the queue", advice)
        seen = int(self._attributes(config.queue_url)["VisibilityTimeout"])
        fault = visibility_fault(seen, config.timeout_s, config.window_s)
        if fault:
            yield fail("visibility timeout", fault, "Raise the queue's visibility timeout.")
        else:
            yield ok("visibility timeout", f"{seen} s")
        crowded = in_flight_fault(config)
        if crowded:
            yield warn("mapping concurrency", crowded, "Lower the mapping's maximum concurrency or batch size.")

    def _workers(self) -> Iterator[Check]:
        circuit = bootstrap.circuits(self._settings).load()
        if not circuit.revision:
            advice = "Start windrow run; or, if a function does the work, set WINDROW_EVENT_SOURCE_MAPPING_ID."
            yield warn("workers", "no mapping is named, and no worker has run without one", advice)
        elif circuit.opened:
            yield warn("workers", "they are paused: messages wait in the queue", "See windrow circuit status.")
        else:
            yield ok("workers", "running, without a mapping")

    def _ledger(self) -> Iterator[Check]:
        dynamodb = self._client("dynamodb")
        name = self._settings.ledger_table
        table = dynamodb.describe_table(TableName=name)["Table"]
        if table["KeySchema"] != [{"AttributeName": KEY, "KeyType": "HASH"}]:
            yield fail("ledger", f"its key is not the string {KEY} alone", "Create the table again as infra/ does.")
        elif table["TableStatus"] not in ("ACTIVE", "UPDATING"):
            yield fail("ledger", f"the table is {table['TableStatus']}", "Wait until it is ACTIVE.")
        else:
            yield ok("ledger", f"table {name}")
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if ttl.get("AttributeName") == TTL and ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
            yield ok("ledger expiry", f"by {TTL}")
        else:
            yield warn("ledger expiry", "items are kept for ever", f"Enable time to live on {TTL}.")

    def _landing(self, bucket: str) -> Iterator[Check]:
        name = f"landing {bucket}"
        s3 = self._client("s3")
        s3.list_object_versions(Bucket=bucket, MaxKeys=1)
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled":
            yield ok(name, "can be listed, keeps versions")
        else:
            advice = "Enable versioning: a file that is overwritten before it is fetched is lost without it."
            yield warn(name, "keeps no versions", advice)
        if not self._settings.queue_url:
            return
        yield events_check(f"{name} events", s3, bucket, self._arn(self._settings.queue_url))

    def _destination(self) -> Iterator[Check]:
        for fault in misplaced(self._settings, lambda: self._client("s3").meta.endpoint_url):
            yield fail("destination bucket", fault, "Name another bucket, or another endpoint.")

    def _copies(self) -> Iterator[Check]:
        bucket = self._settings.copies_bucket
        self._client("s3").list_objects_v2(Bucket=bucket, MaxKeys=1)
        yield ok(f"copies {bucket}", "can be listed")

    def _attributes(self, url: str) -> Mapping[str, str]:
        reply = self._client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: Mapping[str, str] = reply["Attributes"]
        return attributes

    def _arn(self, url: str) -> str:
        return self._attributes(url)["QueueArn"]

    def _client(self, service: Any) -> Any:  # noqa: ANN401 - one of many clients
        return self._session.client(service)


def _retention(name: str, attributes: Mapping[str, str], wanted_s: int, why: str) -> Iterator[Check]:
    kept_s = int(attributes["MessageRetentionPeriod"])
    if kept_s >= wanted_s:
        yield ok(name, f"keeps messages for {measured(kept_s / DAY_S, 'day')}")
    else:
        yield warn(
            name,
            f"keeps messages for {measured(kept_s / DAY_S, 'day')} only",
            f"{why}: set {measured(wanted_s / DAY_S, 'day')} or more.",
        )


def _encryption(name: str, attributes: Mapping[str, str]) -> Iterator[Check]:
    encrypted = attributes.get("KmsMasterKeyId") or attributes.get("SqsManagedSseEnabled") == "true"
    if not encrypted:
        yield warn(f"{name} encryption", "messages are not encrypted at rest", "Set SqsManagedSseEnabled or a KMS key.")


def events_check(name: str, s3: Any, bucket: str, queue_arn: str) -> Check:  # noqa: ANN401 - boto3's client
    """Return whether new objects are announced to the queue, by S3 itself or through SNS or EventBridge."""
    found: Mapping[str, Any] = s3.get_bucket_notification_configuration(Bucket=bucket)
    if any(each["QueueArn"] == queue_arn and _of_creation(each) for each in found.get("QueueConfigurations", [])):
        return ok(name, "reach the queue")
    if "EventBridgeConfiguration" in found or any(map(_of_creation, found.get("TopicConfigurations", []))):
        advice = f"Check that the topic, or EventBridge's rule, sends them to {queue_arn}."
        return warn(name, "go to SNS or EventBridge; whether they reach the queue can't be checked here", advice)
    return fail(name, "do not reach the queue", f"Have the bucket announce s3:ObjectCreated:* to {queue_arn}.")


def _of_creation(notification: Mapping[str, Any]) -> bool:
    return "s3:ObjectCreated:*" in notification["Events"]
