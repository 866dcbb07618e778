"""The handler that is usually written by hand: one file after the other, boto3, `tarfile`, minio-py.

It does what the requirements say while nothing fails: claims each file, archives all, stores the archive's SHA-256
beside it and compares it afterwards. `bench.peers.faults` shows what it does when something fails, in both of its usual
orders.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import boto3
import msgspec
from minio import Minio

from bench.meter import Figures, Meter
from bench.task import Task
from bench.testbed import ACCESS_KEY, SECRET_KEY, client

TASK, ORDER = "NAIVE_TASK", "NAIVE_ORDER"
"""Environment variables of `function`: a `Task` as JSON, and an `Order`."""


class Order(StrEnum):
    """When a file is entered in the table."""

    CLAIM_FIRST = "claim, then deliver"
    MARK_AFTER = "deliver, then mark"


class NaiveHandler:
    """Its clients are made once, as in any Lambda function."""

    def __init__(self, task: Task, order: Order = Order.CLAIM_FIRST) -> None:
        self._task = task
        self._order = order
        self._s3 = client("s3", task.s3_endpoint, task.region)
        self._table = boto3.resource(
            "dynamodb",
            endpoint_url=task.aws_endpoint,
            region_name=task.region,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        ).Table(task.table)
        endpoint = task.destination_endpoint or task.s3_endpoint
        self._minio = Minio(urlsplit(endpoint).netloc, ACCESS_KEY, SECRET_KEY, secure=False)

    def handle(self, keys: Sequence[str]) -> None:
        """Fetch and archive each file that the table does not know yet, deliver the archive and check it."""
        buffer = io.BytesIO()
        taken = []
        with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=self._task.level) as tar:
            for key in keys:
                if not self._is_new(key):
                    continue
                body = self._s3.get_object(Bucket=self._task.landing, Key=key)["Body"].read()
                member = tarfile.TarInfo(key)
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
                taken.append(key)
        if taken:
            self._deliver(f"{self._task.prefix}/{uuid.uuid4().hex}.tar.gz", buffer.getvalue())
        if self._order is Order.MARK_AFTER:
            for key in taken:
                self._table.put_item(Item=self._item(key))

    def _is_new(self, key: str) -> bool:
        """Return whether a file is not in the table; where claims come first, it is from now on."""
        if self._order is Order.MARK_AFTER:
            return "Item" not in self._table.get_item(Key=self._item(key))
        try:
            self._table.put_item(Item=self._item(key), ConditionExpression="attribute_not_exists(object_id)")
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _item(self, key: str) -> dict[str, str]:
        return {"object_id": f"{self._task.landing}/{key}"}

    def _deliver(self, name: str, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        metadata: dict[str, str | list[str] | tuple[str]] = {"sha256_checksum": digest}
        self._minio.put_object(self._task.destination, name, io.BytesIO(data), len(data), metadata=metadata)
        stored = self._minio.stat_object(self._task.destination, name).metadata or {}
        if stored["x-amz-meta-sha256_checksum"] != digest:
            raise SystemExit("the stored checksum is different")


def contend(task: Task) -> Figures:
    """Aggregate the task's files after a small batch that opens the connections."""
    handler = NaiveHandler(task)
    handler.handle([upload.key for upload in task.warm])
    with Meter(task.s3_endpoint) as meter:
        handler.handle([upload.key for upload in task.files])
    return meter.figures


def function(event: Mapping[str, Any], _context: object) -> None:
    """Handle one SQS batch as a Lambda function: an error returns the whole batch to the queue."""
    events = [json.loads(record["body"]) for record in event["Records"]]
    _handler().handle([unquote_plus(record["s3"]["object"]["key"]) for each in events for record in each["Records"]])


@cache
def _handler() -> NaiveHandler:
    return NaiveHandler(msgspec.json.decode(os.environ[TASK], type=Task), Order(os.environ[ORDER]))
