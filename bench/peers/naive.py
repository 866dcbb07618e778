"""The handler that is usually written by hand: one file after the other, boto3, `tarfile`, minio-py.

It does what the requirements say on a good day: claims each file, archives all, stores the archive's SHA-256 beside it
and compares it afterwards. What it does on a bad day is in `docs/performance.md`.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

import boto3
from minio import Minio

from bench.meter import Figures, Meter
from bench.stand import ACCESS_KEY, SECRET_KEY, Upload, client
from bench.task import Task


class NaiveHandler:
    """Its clients are made once, as in any Lambda function."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._s3 = client("s3", task.s3_endpoint, task.region)
        self._table = boto3.resource(
            "dynamodb",
            endpoint_url=task.aws_endpoint,
            region_name=task.region,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        ).Table(task.table)
        self._minio = Minio(urlsplit(task.s3_endpoint).netloc, ACCESS_KEY, SECRET_KEY, secure=False)

    def handle(self, uploads: Sequence[Upload]) -> None:
        """Claim, fetch and archive each file, then deliver the archive and check it."""
        run = uuid.uuid4().hex
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=self._task.level) as tar:
            for upload in uploads:
                self._table.put_item(
                    Item={"object_id": f"{run}/{upload.key}", "owner": run},
                    ConditionExpression="attribute_not_exists(object_id)",
                )
                body = self._s3.get_object(Bucket=self._task.landing, Key=upload.key)["Body"].read()
                member = tarfile.TarInfo(upload.key)
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
        self._deliver(f"{self._task.prefix}/{run}.tar.gz", buffer.getvalue())

    def _deliver(self, name: str, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        metadata = {"sha256_checksum": digest}
        self._minio.put_object(self._task.destination, name, io.BytesIO(data), len(data), metadata=metadata)
        stored = self._minio.stat_object(self._task.destination, name).metadata or {}
        if stored["x-amz-meta-sha256_checksum"] != digest:
            raise SystemExit("the stored checksum is another")


def contend(task: Task) -> Figures:
    """Aggregate the task's files after a small batch that opens the connections."""
    handler = NaiveHandler(task)
    handler.handle(task.warm)
    with Meter(task.s3_endpoint) as meter:
        handler.handle(task.files)
    return meter.figures
