"""``windrow doctor`` and ``windrow status`` on the local stack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.stack.command import windrow
from windrow import bootstrap, settings
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import wait_until


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack with a worker and no sentinel."""
    with Stack(tmp_path, Shape(window_s=1, sentinel_s=0)) as stack:
        yield stack


def states(report: dict[str, Any], *wanted: str) -> list[tuple[str, str]]:
    """Return name and detail of the checks that ended so."""
    return [(check["name"], check["detail"]) for check in report["checks"] if check["state"] in wanted]


@pytest.mark.slow
def test_doctor_finds_the_stack_fit_and_leaves_nothing_behind(stack: Stack) -> None:
    """Everything that Terraform provides is right; only the missing TLS of a local server is pointed out."""
    boto3.client("s3").create_bucket(Bucket="the-copies", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    code, report = windrow("doctor", WINDROW_COPIES_BUCKET="the-copies")
    names = [check["name"] for check in report["checks"]]

    assert [] == states(report, "fail")
    assert ["TLS"] == [name for name, _ in states(report, "warn")]
    assert (0, True) == (code, report["ok"])
    assert {"identity", "copies the-copies", "queue redrive", "visibility timeout", "ledger expiry"} <= set(names)
    assert {"conditional write", "conditional completion", "copy in parts", "abort"} <= set(names)
    # The stack's sentinel may be at work: its canaries go as well.
    destination = bootstrap.destination(settings.load(os.environ))
    wait_until("an empty destination", lambda: not list(destination.list("")))


def test_doctor_names_each_thing_that_is_wrong(stack: Stack) -> None:
    """One look finds all of it: visibility, notification, versions, expiry, redrive, mapping, bucket."""
    out = stack.outputs
    sqs: Any = boto3.client("sqs")
    short = {"VisibilityTimeout": "30", "MessageRetentionPeriod": "3600", "RedrivePolicy": ""}
    sqs.set_queue_attributes(QueueUrl=out.queue_url, Attributes=short)
    s3: Any = boto3.client("s3")
    s3.put_bucket_notification_configuration(Bucket=out.landing_bucket, NotificationConfiguration={})
    s3.put_bucket_versioning(Bucket=out.landing_bucket, VersioningConfiguration={"Status": "Suspended"})
    boto3.client("dynamodb").update_time_to_live(
        TableName=out.ledger_table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"}
    )
    boto3.client("lambda").update_event_source_mapping(UUID=out.event_source_mapping_id, Enabled=False)
    away = {"WINDROW_DESTINATION_BUCKET": "no-such-bucket", "WINDROW_COPIES_BUCKET": "gone"}
    code, report = windrow("doctor", **away)
    landing = f"landing {out.landing_bucket}"

    assert (1, False) == (code, report["ok"])
    assert {"visibility timeout", f"{landing} events", "copies gone", "destination"} == {
        n for n, _ in states(report, "fail")
    }
    assert {"queue", "queue redrive", "mapping", "ledger expiry", landing, "TLS"} == {
        name for name, _ in states(report, "warn")
    }
    assert all(check["advice"] for check in report["checks"] if check["state"] != "ok")


def test_doctor_names_wrong_settings(stack: Stack) -> None:
    """A misspelt, a wrong and a missing setting are one finding each, and the rest is checked all the same."""
    code, report = windrow("doctor", WINDROW_QUEUE_URL="", WINDROW_LEDGER_TABLE="no-such-table")
    wrong = windrow("doctor", WINDROW_QUEUE_URI="x", WINDROW_FRAME_BYTES="1")[1]

    assert 1 == code
    assert [("settings", "WINDROW_QUEUE_URL is needed and not set")] == [
        found for found in states(report, "fail") if found[0] == "settings"
    ]
    assert "ledger" in [name for name, _ in states(report, "fail")]
    assert [
        "WINDROW_QUEUE_URI is an unknown setting; did you mean WINDROW_QUEUE_URL?",
        "WINDROW_FRAME_BYTES must be from 65536 to 67108864, not 1",
    ] == sorted((detail for _, detail in states(wrong, "fail")), reverse=True)


def test_status_shows_how_things_stand(stack: Stack) -> None:
    """The last delivery, an empty queue and a closed circuit; then a disabled mapping and a waiting file."""
    s3: Any = boto3.client("s3")
    for number in range(5):
        s3.put_object(Bucket=stack.outputs.landing_bucket, Key=f"k{number}", Body=b"x")
    deliveries = Deliveries(bootstrap.destination(settings.load(os.environ)))

    def settled() -> bool:
        deliveries.refresh()
        return deliveries.count == 5 and not bootstrap.queue_statistics(stack.outputs.queue_url).depth().total

    wait_until("five files to be delivered", settled, cause=stack.worker.log_tail)
    code, well = windrow("status")
    windrow("circuit", "open")
    stack.worker.stop()
    s3.put_object(Bucket=stack.outputs.landing_bucket, Key="later", Body=b"x")
    queue = bootstrap.queue_statistics(stack.outputs.queue_url)
    wait_until("the message", lambda: queue.depth().total == 1, cause=stack.worker.log_tail)
    held_code, held = windrow("status")
    stack.destination.kill()
    _, away = windrow("status")

    assert (0, True, {}) == (code, well["ok"], well["problems"])
    assert ({"visible": 0, "in_flight": 0, "delayed": 0}, 0) == (well["queue"], well["dead_letters"])
    last = max(delivery.committed_at for delivery in deliveries.archives)
    assert well["last_archive"]["key"] in {found.key for found in deliveries.archives if found.committed_at == last}
    assert ("auto", False, True) == (well["circuit"]["mode"], well["circuit"]["opened"], well["mapping_enabled"])
    # Visible or in flight: the worker's last poll, which the emulator goes on with, may take the message at any time.
    assert (1, 1, False) == (held_code, sum(held["queue"].values()), held["mapping_enabled"])
    assert ["last_archive"] == list(away["problems"])
    assert 1 == sum(away["queue"].values())
