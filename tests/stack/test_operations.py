"""Audit, replay, dead dead_letters and rebuild on the local stack, with a worker at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.stack.command import windrow
from tests.unit.operations.audit.inventories import inventory, row
from windrow import bootstrap, settings
from windrow.clients.s3.landing_index import S3LandingIndex
from windrow.core.keys import QUARANTINE_FOLDER, window_of
from windrow.functions import audit
from windrow.lab.stack.provision import LEDGER_TABLE, Shape
from windrow.lab.stack.samples import ODD_KEYS
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import LIMIT_S, wait_until
from windrow.ports import Destination

LISTINGS = "windrow-listings"


class Site:
    """A running stack and what an operator does with it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.out = stack.outputs
        self.s3: Any = boto3.client("s3")
        self.sqs: Any = boto3.client("sqs")
        self.destination: Destination = bootstrap.destination(settings.load(os.environ))
        self.uploaded = 0

    def upload(self, *keys: str) -> list[str]:
        """Upload a small file a key; return the version ids."""
        self.uploaded += len(keys)
        put = self.s3.put_object
        return [put(Bucket=self.out.landing_bucket, Key=key, Body=key.encode()).get("VersionId", "") for key in keys]

    def await_listed(self, files: int) -> None:
        """Wait until the archives list so many files, and the queue is empty."""
        wait_until(
            f"{files} files",
            lambda: files_listed(self) == files and self.queued() == 0,
            cause=self.stack.worker.log_tail,
        )

    def await_delivery(self) -> None:
        """Wait until as many different versions are delivered as were uploaded, and the queue is empty."""

        def there() -> bool:
            deliveries = Deliveries(self.destination)
            deliveries.refresh()
            return deliveries.count >= self.uploaded and self.queued() == 0

        wait_until("the delivery", there, cause=self.stack.worker.log_tail)

    def queued(self) -> int:
        """Return how many messages the queue holds."""
        return bootstrap.queue_statistics(self.out.queue_url).depth().total

    def archives(self) -> list[str]:
        """Return the keys of archives with files."""
        deliveries = Deliveries(self.destination)
        deliveries.refresh()
        return [delivery.key for delivery in deliveries.archives if delivery.manifest.files]

    def deliver_inventory(self) -> str:
        """Do what S3 does once a day: list the landing bucket's versions; return the manifest's URL.

        It is begun in two hours, so that what arrived now counts as settled.
        """
        versions = S3LandingIndex(self.s3).versions(self.out.landing_bucket, "")
        begun = datetime.now(UTC) + timedelta(hours=2)
        folder = f"daily/{self.out.landing_bucket}/windrow/{begun:%Y-%m-%dT%H-%MZ}/"
        objects = inventory([map(row, versions)], begun, bucket=self.out.landing_bucket, folder=folder)
        self.s3.create_bucket(
            Bucket=LISTINGS, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]}
        )
        for key, body in objects.items():
            self.s3.put_object(Bucket=LISTINGS, Key=key, Body=body)
        return f"s3://{LISTINGS}/{folder}manifest.json"

    def audit(self, *options: str, grace: str = "0s") -> tuple[int, dict[str, int]]:
        """Audit the last hour; return the exit code and the findings that are not zero."""
        code, report = windrow("audit", "--since", "1h", "--grace", grace, *options)
        names = ("pending", "missing", "duplicated", "orphaned", "expired", "replaced", "broken", "unrecorded")
        return code, {name: report[name] for name in names if report[name]}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A stack with a worker, on MinIO where there is one."""
    with Stack(tmp_path, Shape(window_s=1, timeout_s=20, sentinel_s=0)) as stack:
        yield Site(stack)


def test_audits_by_inventory_find_what_listings_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, and the daily one, which leaves its statement and page at a real destination."""
    site.upload("twice", *ODD_KEYS, "twice")
    site.await_delivery()
    manifest = site.deliver_inventory()
    monkeypatch.setenv("WINDROW_INVENTORY", f"s3://{LISTINGS}/daily")
    audit._daily.cache_clear()
    told = audit.handler({}, None)
    page = site.destination.head(told["statement"].removesuffix("json") + "html")

    assert (0, {}) == site.audit("--inventory", manifest)
    assert (len(ODD_KEYS) + 2, 0, True) == (told["judged"], told["missing"], told["ok"])
    assert page is not None
    assert {"format": "windrow-statement/1"} == page.metadata
    audit._daily.cache_clear()


@pytest.mark.slow
def test_audit_finds_what_is_wrong_and_nothing_else(site: Site) -> None:
    """On real servers: odd keys and versions are matched, and each kind of finding is found once it is caused."""
    site.upload("twice", *ODD_KEYS, "twice", *(f"plain/{number}" for number in range(20)))
    site.await_delivery()
    clean = site.audit()
    key = max(site.archives(), key=lambda each: (site.destination.head(each) or pytest.fail(each)).size)
    stored = site.destination.head(key)
    assert stored is not None
    body = site.destination.read(key, 0, stored.size)
    digest = bytes.fromhex(stored.metadata["sha256_checksum"])
    copy = key.replace(key[-23:-7], "0123456789abcdef")
    assert window_of(copy) is not None
    site.destination.put(copy, [body], digest, stored.metadata)
    copied = site.audit()
    # Windrow's own keys may not delete archives.
    admin = boto3.client(
        "s3",
        endpoint_url=site.stack.destination.url,
        region_name=site.out.destination_region,
        aws_access_key_id=site.stack.access_key,
        aws_secret_access_key=site.stack.secret_key,
    )
    admin.delete_object(Bucket=site.out.destination_bucket, Key=copy)
    admin.delete_object(Bucket=site.out.destination_bucket, Key=key)
    gone = site.audit()
    admin.put_object(Bucket=site.out.destination_bucket, Key=key, Body=body[:-1] + b"x", Metadata=dict(stored.metadata))
    broken = site.audit()
    files = int(stored.metadata["file-count"])

    assert (0, {}) == clean
    # A copy has no record; that by itself is no finding.
    assert (1, {"duplicated": files, "unrecorded": 1}) == copied
    assert (1, {"missing": files}) == gone
    assert (1, {"missing": files, "broken": 1}) == broken

    code, replayed = windrow("replay", "--missing", "--grace", "0s")
    site.await_delivery()
    # Delivered anew, under another key; what was broken is kept.
    wait_until("no finding", lambda: site.audit() == (0, {}), cause=site.audit)
    ((quarantined, _),) = site.destination.list(f"{QUARANTINE_FOLDER}/{key}")
    kept = site.destination.read(quarantined, 0, stored.size)
    assert (0, files, body[:-1] + b"x") == (code, replayed["queued"], kept)


def test_replay_ends_an_outage_longer_than_the_queue_remembers(site: Site) -> None:
    """The queue has lost its messages: what no archive holds is found and queued again, once."""
    site.upload(*(f"before/{number}" for number in range(10)))
    site.await_delivery()
    site.stack.worker.stop()
    site.upload(*(f"outage/{number}" for number in range(15)))
    wait_until("15 messages in the queue", lambda: site.queued() == 15, cause=site.queued)
    pending = site.audit(grace="5m")
    site.sqs.purge_queue(QueueUrl=site.out.queue_url)
    wait_until("0 messages in the queue", lambda: site.queued() == 0, cause=site.queued)
    missing = site.audit()
    _, dry = windrow("replay", "--missing", "--grace", "0s", "--dry-run")
    _, part = windrow("replay", "--missing", "--grace", "0s", "--dry-run", "--prefix", "outage/1")
    still_empty = site.queued()
    _, queued = windrow("replay", "--missing", "--grace", "0s")
    _, everything = windrow("replay", "--all", "--since", "1h", "--rate", "1000")
    site.stack.start_worker()
    site.await_delivery()

    assert (0, {"pending": 15}) == pending
    assert (1, {"missing": 15}) == missing
    assert (15, 6, 0) == (dry["would_queue"], part["would_queue"], still_empty)
    assert (15, 25) == (queued["queued"], everything["queued"])
    assert (0, {}) == site.audit()


@pytest.mark.slow
def test_objects_without_versions(site: Site) -> None:
    """They are delivered and audited; a replay leaves them out where it could deliver them twice."""
    site.s3.put_bucket_versioning(Bucket=site.out.landing_bucket, VersioningConfiguration={"Status": "Suspended"})
    site.upload("a", "b", "c")
    site.await_listed(3)
    clean = site.audit()
    _, everything = windrow("replay", "--all")
    site.s3.put_object(Bucket=site.out.landing_bucket, Key="a", Body=b"another")
    site.await_listed(4)

    replaced = site.audit()
    site.stack.worker.stop(LIMIT_S)
    site.upload("d")
    wait_until("1 messages in the queue", lambda: site.queued() == 1, cause=site.queued)
    waiting = windrow("replay", "--missing", "--grace", "0s")
    (message,) = site.sqs.receive_message(QueueUrl=site.out.queue_url)["Messages"]
    site.sqs.send_message(QueueUrl=site.out.dlq_url, MessageBody=message["Body"])
    site.sqs.delete_message(QueueUrl=site.out.queue_url, ReceiptHandle=message["ReceiptHandle"])
    rejected = windrow("replay", "--missing", "--grace", "0s")
    windrow("dlq", "drop", "--yes")
    queued = windrow("replay", "--missing", "--grace", "0s")
    site.stack.start_worker()
    site.await_listed(5)
    delivered = site.audit()
    site.sqs.send_message(QueueUrl=site.out.queue_url, MessageBody=message["Body"])
    site.await_listed(6)

    assert (0, {}) == clean
    assert (0, 3) == (everything["queued"], everything["left_out"])
    assert (0, {"replaced": 1}) == replaced == delivered
    assert [(1, 0, 1)] * 2 == [(code, r["queued"], r["left_out"]) for code, r in (waiting, rejected)]
    assert (0, 1, 0) == (queued[0], queued[1]["queued"], queued[1]["left_out"])
    # What the check of both queues is there to prevent: the event itself, after the replay.
    assert (1, {"replaced": 1, "duplicated": 1}) == site.audit()


def files_listed(site: Site) -> int:
    """Return how many files the archives list."""
    deliveries = Deliveries(site.destination)
    deliveries.refresh()
    return sum(len(delivery.manifest.files) for delivery in deliveries.archives)


def test_dead_letters_come_back_with_their_history(site: Site) -> None:
    """Listed by reason, sent back, rejected again with a higher count, and dropped."""
    for body in ("no event", '{"Records": 5}'):
        site.sqs.send_message(QueueUrl=site.out.queue_url, MessageBody=body)
    dead_letters = bootstrap.dead_letter_queue(settings.load(os.environ))
    wait_until("2 dead dead_letters", lambda: dead_letters.depth() == 2, cause=dead_letters.depth)
    _, listed = windrow("dlq", "ls")
    _, moved = windrow("dlq", "redrive")
    assert moved.get("redriven", moved.get("about")) == 2

    def counts() -> list[int]:
        found = list(dead_letters.walk(10))
        dead_letters.release(found)
        return [message.rejections for message in found]

    wait_until("both dead dead_letters to be rejected twice", lambda: counts() == [2, 2], cause=counts)
    other = windrow("dlq", "redrive", "--reason", "missing")[1]
    refused = windrow("dlq", "drop")
    dropped = windrow("dlq", "drop", "--reason", "malformed", "--limit", "1", "--yes")[1]
    left = windrow("dlq", "ls")[1]

    assert [("malformed", 2)] == [(group["reason"], group["count"]) for group in listed["groups"]]
    assert 0 == other["redriven"]
    assert (2, False) == (refused[0], refused[1]["ok"])
    assert (1, 1) == (dropped["dropped"], left["looked_at"])


def test_ledger_lost_in_mid_run_is_rebuilt(site: Site) -> None:
    """The table is deleted while files arrive; after the rebuild none is lost and none is delivered twice."""
    site.upload(*(f"before/{number}" for number in range(20)))
    site.await_delivery()
    dynamodb: Any = boto3.client("dynamodb")
    dynamodb.delete_table(TableName=LEDGER_TABLE)
    site.upload(*(f"during/{number}" for number in range(20)))
    refused = windrow("ledger", "rebuild")
    stopped = windrow("circuit", "open")
    create_table(dynamodb)
    early = windrow("ledger", "rebuild")
    again = windrow("circuit", "open")
    site.stack.worker.stop(LIMIT_S)  # lets the batches that run end
    rebuilt = windrow("ledger", "rebuild")
    _, replayed = windrow("replay", "--all", "--since", "1h")
    windrow("circuit", "auto")
    site.stack.start_worker()
    site.upload(*(f"after/{number}" for number in range(20)))
    site.await_delivery()

    assert (1, False) == (refused[0], refused[1]["ok"])
    assert (1, False) == (stopped[0], stopped[1]["ok"])
    assert 2 == early[0]
    assert (0, True) == (again[0], again[1]["opened"])
    assert 0 == rebuilt[0]
    assert 20 <= rebuilt[1]["files"]
    assert 40 == replayed["queued"]
    assert (0, {}) == site.audit()


def create_table(dynamodb: Any) -> None:
    """Create the ledger's table anew."""
    dynamodb.create_table(
        TableName=LEDGER_TABLE,
        AttributeDefinitions=[{"AttributeName": "object_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "object_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
