"""Rotation of the destination's credentials on a real MinIO, while files keep being delivered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from windrow import bootstrap, settings
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import S3Destination
from windrow.clients.destination.minio_keys import MinioKeys
from windrow.clients.secrets.credentials import FixedSecrets, decode
from windrow.core.errors import DestinationError, RotationError
from windrow.core.events import Message
from windrow.functions import rotate
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import polls
from windrow.operations.rotation import Step
from windrow.ports import Credentials

pytestmark = pytest.mark.needs("minio")

ROTATIONS = 20


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack on MinIO without a worker, this process's environment pointing at it."""
    with Stack(tmp_path, destination="minio", worker=False) as running:
        for name, value in running.environment().items():
            if name.startswith(("AWS_", "WINDROW_")):
                monkeypatch.setenv(name, value)
        bootstrap._session.cache_clear()
        rotate._rotation.cache_clear()
        yield running


class Worker(threading.Thread):
    """Uploads and delivers small batches without a pause, on one aggregator that caches its credentials."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="worker")
        self.stop = threading.Event()
        self.uploaded: list[str] = []
        self.kept: list[str] = []
        self._announced = 0
        self._outputs = stack.outputs
        self._aggregator = bootstrap.aggregator(settings.load(stack.environment()))
        self._s3, self._sqs = boto3.client("s3"), boto3.client("sqs")

    def run(self) -> None:
        """Deliver until told to stop."""
        while not self.stop.is_set():
            for _ in range(3):
                key = uuid4().hex
                self._s3.put_object(Bucket=self._outputs.landing_bucket, Key=key, Body=key.encode())
                self.uploaded.append(key)
            self._deliver()
        # Events come a moment after their objects.
        for _ in polls():
            if self._announced >= len(self.uploaded):
                break
            self._deliver()

    def _deliver(self) -> None:
        found = self._sqs.receive_message(
            QueueUrl=self._outputs.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages", [])
        now = datetime.now(UTC)
        messages = [Message(m["MessageId"], m["ReceiptHandle"], m["Body"], 1, now) for m in found]
        self._announced += sum(m["Body"].count('"s3":') for m in found)
        self.kept += self._aggregator.process(messages, owner=uuid4().hex, remaining_s=60)


def test_20_rotations_under_load_fail_no_delivery(stack: Stack) -> None:
    """Workers hold credentials for 300 s: the key before the current one stays valid, then they read anew.

    In the first rotation Secrets Manager repeats every step.
    """
    worker = Worker(stack)
    worker.start()
    try:
        for number in range(ROTATIONS):
            before, token = len(worker.uploaded), uuid4().hex
            for step in Step:
                for _ in range(2 if number == 0 else 1):
                    rotate.handler({"Step": step, "ClientRequestToken": token}, None)
            while len(worker.uploaded) < before + 6:
                worker.stop.wait(0.01)
                assert worker.is_alive()
    finally:
        worker.stop.set()
        worker.join()
    destination = bootstrap.destination(settings.load(stack.environment()))
    deliveries = Deliveries(destination)
    deliveries.refresh()
    delivered = sorted(file.key for delivery in deliveries.archives for file in delivery.manifest.files)

    assert worker.kept == []
    assert delivered == sorted(worker.uploaded)


def test_a_new_key_has_no_more_rights_than_the_one_before_and_old_ones_are_gone(stack: Stack) -> None:
    """Rights come from the user behind the keys; what a rotation that was given up created is gone too."""
    config = settings.load(stack.environment())
    secrets = boto3.client("secretsmanager")

    def current() -> Credentials:
        return decode(secrets.get_secret_value(SecretId=config.destination_secret_id)["SecretString"], "secret")

    def probe(credentials: Credentials, bucket: str) -> None:
        S3Destination(
            config.destination_endpoint, bucket, "us-east-1", FixedSecrets(credentials), SystemClock()
        ).probe()

    root = boto3.client(
        "s3",
        endpoint_url=config.destination_endpoint,
        aws_access_key_id=stack.access_key,
        aws_secret_access_key=stack.secret_key,
    )
    root.create_bucket(Bucket="others")
    keys = [current()]
    token = uuid4().hex
    for step in (Step.CREATE, Step.SET, Step.TEST):
        rotate.handler({"Step": step, "ClientRequestToken": token}, None)
    pending = secrets.get_secret_value(SecretId=config.destination_secret_id, VersionId=token)["SecretString"]
    given_up = decode(pending, "secret")
    probe(given_up, config.destination_bucket)
    for _ in range(3):
        token = uuid4().hex
        for step in Step:
            rotate.handler({"Step": step, "ClientRequestToken": token}, None)
        keys.append(current())

    for valid in keys[-2:]:
        probe(valid, config.destination_bucket)
        with pytest.raises(DestinationError):
            probe(valid, "others")
    for gone in [*keys[:-2], given_up]:
        with pytest.raises(DestinationError):
            probe(gone, config.destination_bucket)


def test_minio_that_is_away_or_refuses_fails_the_step(stack: Stack) -> None:
    """The error names the cause and no secret."""
    wrong = Credentials("AAAAAAAAAAAAAAAAAAAA", "hunter2-hunter2")
    new = Credentials("BBBBBBBBBBBBBBBBBBBB", "hunter3-hunter3")

    with pytest.raises(RotationError) as refused:
        MinioKeys(stack.outputs.destination_endpoint).create(wrong, new)
    with pytest.raises(RotationError) as away:
        MinioKeys("http://127.0.0.1:9").remove(wrong, "CCCCCCCCCCCCCCCCCCCC")

    assert "hunter" not in f"{refused.value}{away.value}"
    assert "could not be reached" in str(away.value)
