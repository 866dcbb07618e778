"""The pipeline on an AWS emulator and a real MinIO: odd keys, hostile messages, duplicates, memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest

from windrow import bootstrap, settings
from windrow.archives.sources import StoredArchive
from windrow.core.archive.reader import Archive
from windrow.core.archive.verify import verify
from windrow.core.events import Message
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import LIMIT_S, polls

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs.type_defs import MessageTypeDef

pytestmark = pytest.mark.needs("minio")

ODD_KEYS = [
    "plain.json",
    "with space and + plus",
    "percent%2Fescape%20",
    "ünïcödé/Straße.txt",
    "emoji/🌾.jsonl",
    "new\nline",
    "tab\tand\x01control",
    "/leading",
    "trailing/",
    "double//slash",
    "..",
    "../up/../../out",
    "./dot/.",
    "a/b",
    "a",
    "case",
    "CASE",
    "back\\slash",
    "quote'\"<>&",
    "k" * 1024,
    "é" * 512,
    "~report~0123456789ab.csv",
    "MANIFEST.json",
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without a worker, on a real MinIO."""
    with Stack(tmp_path_factory.mktemp("stack"), destination="minio", worker=False) as running:
        yield running


class Real:
    """Real services, and a worker in this process."""

    def __init__(self, stack: Stack) -> None:
        outputs = stack.outputs
        self.settings = settings.load(stack.environment())
        self.bucket = outputs.landing_bucket
        self.queue_url, self.dlq_url = outputs.queue_url, outputs.dlq_url
        self.s3: S3Client = boto3.client("s3")
        self.sqs = boto3.client("sqs")
        self.destination = bootstrap.destination(self.settings)
        self.before = set(self.archives())
        self.runs = 0
        self.unannounced: set[str] = set()
        # Also what a test before gave back and is not visible yet.
        self.sqs.purge_queue(QueueUrl=self.queue_url)

    def upload(self, key: str, data: bytes) -> str:
        """Put an object; return its version id."""
        version = self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)["VersionId"]
        self.unannounced.add(version)
        return version

    def receive(self) -> list[Message]:
        """Take all messages that wait, those among them that tell of the uploads, which may come a moment later."""
        messages: list[Message] = []
        for _ in polls(pause_s=0):
            found = self._receive()
            if not found and not self.unannounced:
                break
            for message in found:
                self.unannounced -= set(re.findall(r'"versionId": ?"([^"]+)"', message["Body"]))
            messages += [
                Message(
                    message["MessageId"],
                    message["ReceiptHandle"],
                    message["Body"],
                    int(message["Attributes"]["ApproximateReceiveCount"]),
                    datetime.now(UTC),
                )
                for message in found
            ]
        assert set() == self.unannounced
        return messages

    def _receive(self) -> list[MessageTypeDef]:
        return self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            VisibilityTimeout=600,
            WaitTimeSeconds=1 if self.unannounced else 0,
        ).get("Messages", [])

    def process(self, messages: list[Message]) -> list[str]:
        """Run one batch in a fresh worker."""
        self.runs += 1
        owner = f"{id(self)}-{self.runs}"
        return bootstrap.aggregator(self.settings).process(messages, owner=owner, remaining_s=100)

    def delivered(self) -> dict[tuple[str, str | None], list[bytes]]:
        """Return the bytes of every file in archives made since the start, by key and version; all are verified."""
        found: dict[tuple[str, str | None], list[bytes]] = {}
        for key in self.archives():
            if key in self.before:
                continue
            source = StoredArchive(self.destination, key)
            verify(source, source.expected_sha256)
            archive = Archive.open(source)
            for file in archive.manifest.files:
                found.setdefault((file.key, file.version_id), []).append(b"".join(archive.read(file)))
        return found

    def archives(self) -> list[str]:
        """Return the keys of all archives; the stack's sentinel may be at work beside them."""
        deliveries = Deliveries(self.destination)
        deliveries.refresh()
        return [delivery.key for delivery in deliveries.archives]

    def dead_letters(self) -> Counter[str]:
        """Take the dead letters; return how many there are of each reason."""
        reasons: Counter[str] = Counter()
        while found := self.sqs.receive_message(
            QueueUrl=self.dlq_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            for message in found:
                reasons[message["MessageAttributes"]["windrow-reason"]["StringValue"]] += 1
                self.sqs.delete_message(QueueUrl=self.dlq_url, ReceiptHandle=message["ReceiptHandle"])
        return reasons


@pytest.fixture
def real(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Real:
    """Clients of the stack, in this process's environment."""
    for name, value in stack.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    bootstrap._session.cache_clear()
    return Real(stack)


def test_every_legal_key_arrives_byte_for_byte(real: Real) -> None:
    """Odd keys, two versions of one key in one minute, and zero bytes, through real notifications."""
    uploads = {(key, real.upload(key, key.encode() * 3)): key.encode() * 3 for key in ODD_KEYS}
    for content in (b"first", b"second", b""):
        uploads["twice", real.upload("twice", content)] = content

    failed = real.process(real.receive())

    assert failed == []
    assert real.delivered() == {version: [content] for version, content in uploads.items()}
    assert real.dead_letters() == Counter()


def test_hostile_messages_end_in_the_dead_letter_queue_and_the_rest_is_delivered(real: Real) -> None:
    """Each with its reason, even 256 KB of noise."""
    version = real.upload("good", b"good")
    foreign = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-11-23T10:00:00Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "elsewhere"}, "object": {"key": "k", "size": 1, "eTag": "e", "versionId": "v"}},
    }
    bodies = ["no json", "[]", '{"Records": [{}]}', '{"Records": "x"}', "n" * 262_144]
    bodies.append(json.dumps({"Records": [foreign]}))
    for body in bodies:
        real.sqs.send_message(QueueUrl=real.queue_url, MessageBody=body)
    real.sqs.send_message(QueueUrl=real.queue_url, MessageBody='{"Service":"Amazon S3","Event":"s3:TestEvent"}')

    failed = real.process(real.receive())

    assert failed == []
    assert real.delivered() == {("good", version): [b"good"]}
    assert real.dead_letters() == Counter({"malformed": 5, "foreign-bucket": 1})


def test_a_deleted_version_is_missing_and_a_kept_one_is_still_fetched(real: Real) -> None:
    """A delete marker on top of a version does not take the version away."""
    kept = real.upload("kept", b"kept")
    gone = real.upload("gone", b"gone")
    real.s3.delete_object(Bucket=real.bucket, Key="kept")
    real.s3.delete_object(Bucket=real.bucket, Key="gone", VersionId=gone)

    failed = real.process(real.receive())

    assert failed == []
    assert real.delivered() == {("kept", kept): [b"kept"]}
    assert real.dead_letters() == Counter({"missing": 1})


def test_duplicates_in_two_concurrent_batches_and_after_delivery_are_one_delivery(real: Real) -> None:
    """Four workers get the same events at once; later everybody gets them again."""
    uploads = {(f"d{n}", real.upload(f"d{n}", f"{n}".encode() * 1000)): f"{n}".encode() * 1000 for n in range(40)}
    messages = real.receive()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(real.process, [messages, messages[::-1], messages[::2], messages[1::2]]))
    again = real.process(messages)

    assert real.delivered() == {version: [content] for version, content in uploads.items()}
    assert again == []


MEASURE = """
import json, os, resource, sys
from datetime import UTC, datetime
import msgspec
from windrow import bootstrap, settings
from windrow.core.events import Message
messages = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Message])
failed = bootstrap.aggregator(settings.load(os.environ)).process(messages, owner="memory", remaining_s=110)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"failed": len(failed), "peak_mb": int(peak.split()[1]) / 1024}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_3000_files_of_100_kb_stay_under_400_mb(real: Real, stack: Stack) -> None:
    """Memory holds compressed frames and what is in flight, not the raw batch of 300 MB."""
    line = (
        json.dumps({"id": 1, "text": "a line as loggers write it", "hash": sha256(b"x").hexdigest()}).encode() + b"\n"
    )
    body = (line * (100_000 // len(line) + 1))[:100_000]

    def upload(number: int) -> None:
        real.upload(f"m/{number:05}", Random(number).randbytes(20_000) + body[20_000:])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(3000)))
    messages = real.receive()

    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=msgspec.json.encode(messages),
        env=stack.environment(),
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])

    assert len(messages) == 3000
    assert result["failed"] == 0
    assert result["peak_mb"] < 400
