"""The destination is cut off while files arrive: the circuit opens, the queue buffers, everything arrives once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from bench.faults.environment import no_trace
from windrow import bootstrap, settings
from windrow.lab.stack.provision import MAX_RECEIVES, Shape
from windrow.lab.stack.samples import generate
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.upload import Uploader
from windrow.lab.stack.verification import Deliveries, verify
from windrow.lab.stack.waiting import wait_until

pytestmark = [pytest.mark.needs("minio"), pytest.mark.timeout(600)]

ENOUGH_FILES = 3_000
"""More than a busy machine sees until the end of the outage; the rest is not uploaded."""
FILES_PER_S = 10
CUT_AFTER = 40
OUTAGE_FILES = 150
"""The outage lasts for so many files from when the circuit is open: 15 s, and 8 for that, which with the sentinel at
2 s are what 11 minutes are with the real one at 60."""
SHAPE = Shape(window_s=1, timeout_s=30, concurrency=2, sentinel_s=2)
BATCH = re.compile(r'"batch of (\d+) messages?:')


def test_an_outage_under_load(tmp_path: Path) -> None:
    """Few receives a message, none once the circuit is open, no dead letter, and at the end every file once."""
    with Stack(tmp_path, SHAPE, destination="minio") as stack:
        secrets = {stack.secret_key, destination_secret(stack)}
        s3 = boto3.client("s3")
        with Uploader(s3, stack.outputs.landing_bucket, generate(ENOUGH_FILES), FILES_PER_S) as uploader:
            wait_until("the first batches", lambda: uploader.count >= CUT_AFTER and receives(stack) > 0)
            stack.destination.kill()
            wait_until("the mapping to be disabled", lambda: not enabled(stack), cause=stack.sentinel.log_tail)
            wait_until("the worker to notice", lambda: "the mapping was disabled" in stack.worker.log.read_text())
            settled = uploader.count + 3 * FILES_PER_S  # batches that were under way are over
            wait_until("more uploads", lambda: uploader.count >= settled)
            quiet_from = receives(stack)
            wait_until("the end of the outage", lambda: uploader.count >= settled + OUTAGE_FILES)
            buffered, quiet_to = depth(stack.outputs.queue_url), receives(stack)
            counts = receive_counts(stack)
            dead_in_outage = depth(stack.outputs.dlq_url)
            stack.destination.start()
            wait_until("the mapping to be enabled", lambda: enabled(stack), cause=stack.sentinel.log_tail)
        uploaded = uploader.uploaded()
        wait_until("an empty queue", lambda: depth(stack.outputs.queue_url) == 0, cause=stack.worker.log_tail)

        assert quiet_from == quiet_to
        assert buffered > OUTAGE_FILES
        assert counts
        assert max(counts) <= 4 < MAX_RECEIVES
        assert receives(stack) <= len(uploaded) * 5
        assert (0, 0) == (dead_in_outage, depth(stack.outputs.dlq_url))
        destination = bootstrap.destination(settings.load(stack.environment()))
        deliveries = Deliveries(destination)
        deliveries.refresh()
        found = verify(uploaded, deliveries, destination)
    assert {(file.key, file.version_id): 1 for file in uploaded} == found.seen
    assert (set(), []) == (found.wrong, found.problems)
    assert [] == no_trace(tmp_path, secrets)


def destination_secret(stack: Stack) -> str:
    """Return the secret key that the worker has."""
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=stack.outputs.destination_secret_id)
    return str(json.loads(answer["SecretString"])["secret_key"])


def receives(stack: Stack) -> int:
    """Return how many messages the worker has received, those received again counted again."""
    return sum(map(int, BATCH.findall(stack.worker.log.read_text(errors="replace"))))


def enabled(stack: Stack) -> bool:
    """Return whether the mapping is on."""
    mapping = boto3.client("lambda").get_event_source_mapping(UUID=stack.outputs.event_source_mapping_id)
    return str(mapping["State"]) in ("Enabled", "Enabling")


def depth(queue_url: str) -> int:
    """Return how many messages a queue holds, hidden ones included."""
    names: Any = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def receive_counts(stack: Stack) -> list[int]:
    """Look at the visible messages; return how often each was received before this."""
    sqs = boto3.client("sqs")
    url = stack.outputs.queue_url
    found: dict[str, int] = {}
    while True:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=20, AttributeNames=["ApproximateReceiveCount"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            break
        found |= {
            message["MessageId"]: int(message["Attributes"]["ApproximateReceiveCount"]) - 1 for message in messages
        }
    return list(found.values())
