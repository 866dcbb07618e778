"""The servers that the benchmarks run against: MinIO with both buckets, MiniStack with queue and ledger.

The landing bucket is in a real S3 server, because the emulator would be the limit; Windrow finds it by the standard
variable ``AWS_ENDPOINT_URL_S3``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
from botocore.config import Config
from obstore.store import S3Store

from bench.samples import json_lines
from windrow.lab.stack.destination import DestinationAccess
from windrow.lab.stack.process import Server
from windrow.lab.stack.provision import (
    LANDING_BUCKET,
    Shape,
    StackOutputs,
    provision,
    worker_environment,
)
from windrow.lab.stack.servers import find_minio, minio, ministack

ACCESS_KEY = "benchmark"
SECRET_KEY = "benchmark-secret"  # noqa: S105 - of a server on loopback that lives as long as the benchmark
UPLOADERS = 4
WARM_FIRST = 5_000_000
"""Number of the first file that only warms up: no measured file has the same bytes, so each is known by its SHA-256."""
_REQUESTS = re.compile(r'^minio_api_requests_total\{name="(\w+)".*\} (\d+)', re.MULTILINE)


class Upload(msgspec.Struct, frozen=True):
    """One file in the landing bucket; ``sha256`` is hex."""

    key: str
    version_id: str | None
    etag: str
    size: int
    sha256: str


class Testbed:
    """The running servers, and what is in them."""

    __test__ = False  # pytest would collect a class with this name as tests

    def __init__(self, aws: Server, store: Server, outputs: StackOutputs) -> None:
        self.aws_endpoint = aws.url
        self.s3_endpoint = store.url
        self.outputs = outputs
        self.pids = {"emulator": aws.pid, "MinIO": store.pid}
        self._numbers = itertools.count()

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the whole environment for Windrow's handler; ``settings`` come on top."""
        own = {
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        return {**worker_environment(self.outputs, os.environ), **own, **settings}

    def upload(self, prefix: str, sizes: Iterable[int], first: int = 0) -> list[Upload]:
        """Put one generated file for each size into the landing bucket, and return them in that order.

        Files are numbered from ``first``; the same number and size are the same bytes.
        """
        store = self.store(LANDING_BUCKET)

        def put(numbered: tuple[int, int]) -> Upload:
            index, size = numbered
            key = f"{prefix}/{index:06d}.jsonl"
            data = json_lines(index, size)
            result = store.put(key, data)
            etag = str(result["e_tag"]).strip('"')
            return Upload(key, result["version"], etag, size, hashlib.sha256(data).hexdigest())

        with ThreadPoolExecutor(UPLOADERS) as pool:
            return list(pool.map(put, enumerate(sizes, first)))

    def delete(self, bucket: str, prefix: str) -> None:
        """Delete everything below a prefix, in all versions, by one request as MinIO's own client sends it."""
        s3 = self.client("s3")
        s3.meta.events.register("before-sign.s3.DeleteObject", _force)
        s3.delete_object(Bucket=bucket, Key=f"{prefix}/")

    def fresh_ledger(self) -> str:
        """Create an empty table like the ledger, and return its name."""
        dynamodb = self.client("dynamodb")
        name = f"ledger-{next(self._numbers)}"
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "object_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "object_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def client(self, service: str) -> Any:  # noqa: ANN401 - any of boto3's clients
        """Return a boto3 client of the S3 server, or of the emulator for every other service."""
        return client(service, self.s3_endpoint if service == "s3" else self.aws_endpoint, self.outputs.region)

    def store(self, bucket: str) -> S3Store:
        """Return obstore's view of a bucket in the S3 server."""
        return store(self.s3_endpoint, bucket)


def client(service: str, endpoint: str, region: str) -> Any:  # noqa: ANN401 - any of boto3's clients
    """Return a boto3 client with the testbed's keys."""
    connect: Any = boto3.client  # the stubs know each service by its name only
    return connect(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(proxies={}, max_pool_connections=32),
    )


def store(endpoint: str, bucket: str) -> S3Store:
    """Return obstore's view of a bucket."""
    return S3Store(
        bucket,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def requests(endpoint: str) -> Counter[str]:
    """Return how many requests of each kind a MinIO has counted since it started."""
    request = urllib.request.Request(  # noqa: S310 - a loopback address
        f"{endpoint}/minio/metrics/v3/api/requests", headers={"Authorization": f"Bearer {_token()}"}
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        return Counter({name: int(count) for name, count in _REQUESTS.findall(reply.read().decode())})


@contextmanager
def open_testbed(shape: Shape | None = None) -> Iterator[Testbed]:
    """Start the servers on free loopback ports, in a temporary folder.

    Raises:
        SystemExit: there is no MinIO.
        LocalStackError: a server did not start.
    """
    if find_minio() is None:
        raise SystemExit("the benchmark needs a real S3 server: make minio")
    with (
        tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder,
        ministack(Path(folder)) as aws,
        minio(Path(folder), access_key=ACCESS_KEY, secret_key=SECRET_KEY) as server,
    ):
        access = DestinationAccess(kind="minio", endpoint=server.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        running = Testbed(aws, server, provision(aws.url, access, shape or Shape()))
        s3 = running.client("s3")
        s3.create_bucket(Bucket=LANDING_BUCKET)
        s3.put_bucket_versioning(Bucket=LANDING_BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield running


def _force(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore ships no types
    """Have MinIO delete all that begins with the key: by a million requests that would take longer than delivering."""
    request.headers["x-minio-force-delete"] = "true"


def _token() -> str:
    """Return the bearer token with which MinIO shows its metrics: a JWT of its own keys."""

    def packed(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"exp": int(time.time()) + 3600, "sub": ACCESS_KEY, "iss": "prometheus"}
    head = packed(b'{"alg":"HS512","typ":"JWT"}') + b"." + packed(json.dumps(claims).encode())
    return (head + b"." + packed(hmac.new(SECRET_KEY.encode(), head, hashlib.sha512).digest())).decode()
