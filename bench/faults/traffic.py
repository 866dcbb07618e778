"""What arrives during the campaign: a steady load of files, and the worst events that SQS and S3 may deliver."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any
from urllib.parse import quote_plus

import msgspec

from bench.faults.environment import QUIET_BUCKET, Environment
from bench.faults.handler import PART_BYTES, POISON
from windrow.core.events import utc_text
from windrow.lab.stack.upload import Uploaded

SMALLEST_BYTES, LARGEST_BYTES = 2_000, 20_000
LARGE_BYTES = (PART_BYTES + 512 * 1024, PART_BYTES + 4 * 1024 * 1024)
"""A large object has two parts at least: it does not compress."""
LARGE_SHARE = 1 / 300
LONGEST_DELAY_S = 20
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz,;:{}\n" * 8
_KEYS = ("in/{}.json", "in/space {}.txt", "in/plus+{}%2F.csv", "in//{}.bin", "Über/発票 {}.txt", "in/{}/")
"""Most keys are plain; the odd ones go through boto3, not obstore."""


class Sent(msgspec.Struct, frozen=True):
    """An upload with what its event says."""

    bucket: str
    file: Uploaded
    etag: str
    event_time: datetime

    def record(self) -> dict[str, Any]:
        """Return its event record."""
        item = {
            "key": quote_plus(self.file.key),
            "size": self.file.size,
            "eTag": self.etag,
            "versionId": self.file.version_id,
            "sequencer": "00",
        }
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": utc_text(self.event_time),
            "s3": {"bucket": {"name": self.bucket}, "object": item},
        }


class Traffic:
    """Uploads in the background from `start` to `stop`, and sends events by hand."""

    def __init__(self, environment: Environment, seed: int, files_per_s: float) -> None:
        self._environment = environment
        self._s3 = environment.client("s3")
        self._sqs = environment.client("sqs")
        self._rng = Random(f"{seed} uploads")
        self._rate = files_per_s
        self._lock = threading.Lock()
        self._sent: list[Sent] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
        self._error: Exception | None = None
        self.bad_bodies: set[str] = set()
        """Bodies of the messages that are no S3 events of ours."""
        self.deleted: set[tuple[str, str | None]] = set()
        """Keys and version ids of objects that were deleted before their event."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Upload nothing more. Raises what an upload raised."""
        self._stop.set()
        self._thread.join()
        if self._error:
            raise self._error

    @property
    def sent(self) -> list[Sent]:
        """What was uploaded so far, but for what was deleted on purpose."""
        with self._lock:
            return list(self._sent)

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                if self._rng.random() < LARGE_SHARE:
                    self.enlarge(self._rng)
                else:
                    self.upload(self._environment.stack.outputs.landing_bucket, self._rng)
                due = max(due + 1 / self._rate, time.monotonic() - 5)
        except Exception as error:  # noqa: BLE001 - raised again by `stop`
            self._error = error

    def upload(self, bucket: str, rng: Random, prefix: str = "") -> Sent:
        """Upload one file; now and then a new version of an earlier key, an empty one, or one with its SHA-256."""
        sent = self._put(bucket, rng, prefix)
        with self._lock:
            self._sent.append(sent)
        return sent

    def _put(self, bucket: str, rng: Random, prefix: str = "") -> Sent:
        size = 0 if rng.random() < 0.01 else rng.randint(SMALLEST_BYTES, LARGEST_BYTES)
        content = rng.randbytes(size).translate(_ALPHABET)
        number = rng.randrange(100_000) if rng.random() < 0.9 else rng.randrange(20)
        pattern = _KEYS[0] if prefix or rng.random() < 0.8 else rng.choice(_KEYS)
        metadata = {"sha256": sha256(content).hexdigest()} if rng.random() < 0.3 else {}
        return self._store(bucket, prefix + pattern.format(number), content, metadata)

    def _store(self, bucket: str, key: str, content: bytes, metadata: Mapping[str, str]) -> Sent:
        now = datetime.now(UTC)
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=content, Metadata=metadata)
        uploaded = Uploaded(key, answer["VersionId"], len(content), sha256(content).hexdigest())
        return Sent(bucket, uploaded, answer["ETag"].strip('"'), now)

    def upload_as(self, bucket: str, key: str, content: bytes) -> Sent:
        """Upload one file with given key and content."""
        sent = self._store(bucket, key, content, {})
        with self._lock:
            self._sent.append(sent)
        return sent

    def announce(self, sent: Sequence[Sent]) -> None:
        """Send the events of uploads, a message each, in this order."""
        for one in sent:
            self._send([one.record()])

    def poison(self, rng: Random) -> Sent:
        """Upload an object that kills whoever reads it."""
        return self.upload(self._environment.stack.outputs.landing_bucket, rng, POISON)

    def enlarge(self, rng: Random) -> Sent:
        """Upload an object that is streamed, staged in parts and copied."""
        content = rng.randbytes(rng.randint(*LARGE_BYTES))
        return self.upload_as(
            self._environment.stack.outputs.landing_bucket, f"large/{rng.getrandbits(32):08x}", content
        )

    def duplicate(self, rng: Random) -> None:
        """Send the event of an earlier upload again, up to three times, at once or later."""
        for sent in rng.choices(self.sent, k=rng.randint(1, 3)):
            self._send([sent.record()], rng.choice((0, 0, rng.randint(1, LONGEST_DELAY_S))))

    def delay(self, rng: Random) -> None:
        """Upload a file whose event comes late."""
        sent = self.upload(QUIET_BUCKET, rng)
        self._send([sent.record()], rng.randint(5, LONGEST_DELAY_S))

    def reorder(self, rng: Random) -> None:
        """Upload several files whose events come in another order."""
        sent = [self.upload(QUIET_BUCKET, rng) for _ in range(rng.randint(2, 5))]
        rng.shuffle(sent)
        for late, one in enumerate(sent):
            self._send([one.record()], late)

    def gather(self, rng: Random) -> None:
        """Upload several files whose events come in one message, one of them twice in it."""
        sent = [self.upload(QUIET_BUCKET, rng) for _ in range(rng.randint(2, 4))]
        self._send([one.record() for one in [*sent, rng.choice(sent)]])

    def lose_object(self, rng: Random) -> None:
        """Upload a file and delete that version before its event comes: it can't be delivered any more."""
        sent = self._put(QUIET_BUCKET, rng)
        self._s3.delete_object(Bucket=QUIET_BUCKET, Key=sent.file.key, VersionId=sent.file.version_id)
        with self._lock:
            self.deleted.add((sent.file.key, sent.file.version_id))
        self._send([sent.record()])

    def misinform(self, rng: Random) -> None:
        """Send a message that is no S3 event and one that names a bucket that is none of ours; no two are alike."""
        mark = f"{rng.getrandbits(64):016x}"
        foreign = msgspec.structs.replace(self.sent[0], bucket="other").record()
        body = rng.choice(("no event {}", '{{"no": "{}"}}', '{{"Records": 7, "no": "{}"}}')).format(mark)
        for bad in (body, json.dumps({"Records": [foreign], "no": mark})):
            with self._lock:
                self.bad_bodies.add(bad)
            self._sqs.send_message(QueueUrl=self._environment.stack.outputs.queue_url, MessageBody=bad)

    def _send(self, records: Sequence[dict[str, Any]], delay_s: int = 0) -> None:
        self._sqs.send_message(
            QueueUrl=self._environment.stack.outputs.queue_url,
            MessageBody=json.dumps({"Records": list(records)}),
            DelaySeconds=delay_s,
        )
