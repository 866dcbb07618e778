"""Figures of the load tests' servers: bytes of a message, time of a GET while 16 are under way, speed of a PUT.

Files are those of `windrow load`. Their messages are received and encoded as `windrow run` does it, which counts those
bytes against the 6 MB of a batch. Then the files are fetched, and bytes are put to the destination, by the handler's
own clients; the fastest round counts, since what else runs on the machine only slows it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import boto3
import msgspec

from windrow import bootstrap, settings
from windrow.clients.s3.landing import S3Landing
from windrow.clients.sqs.records import receive_record
from windrow.core.events import SourceObject
from windrow.core.notifications import parse
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.lab.load.bodies import Bodies
from windrow.lab.load.generator import landing_put
from windrow.lab.stack.provision import Shape, StackOutputs
from windrow.lab.stack.stack import Stack
from windrow.ports import Destination

FILES = 600
FILE_BYTES = 100_000
ROUNDS = 10
PUT_BYTES = 32 * 1024**2


class Figures(msgspec.Struct, frozen=True):
    """Bytes of a message, the comma behind it included; median time of a GET; speed of a PUT."""

    message_bytes: float
    get_ms: float
    put_bytes_per_s: float


def measure(files: int) -> Figures:
    """Measure on a stack without a worker. Raises `LocalStackError` if it does not start."""
    with (
        tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder,
        Stack(Path(folder), Shape(sentinel_s=0), worker=False) as stack,
    ):
        asyncio.run(_upload(stack.outputs, files))
        received = _received(stack.outputs, files)
        landing, destination = S3Landing(boto3.session.Session()), bootstrap.destination(settings.load(os.environ))
        get_s = min(_get_s(landing, list(received)) for _ in range(ROUNDS))
        put_s = min(_put_s(destination, f"measured/{number}") for number in range(ROUNDS))
    return Figures(
        message_bytes=round(statistics.mean(len(record) + 1 for record in received.values()), 1),
        get_ms=round(1000 * get_s, 1),
        put_bytes_per_s=round(PUT_BYTES / put_s),
    )


async def _upload(outputs: StackOutputs, files: int) -> None:
    put, bodies = landing_put(outputs), Bodies("12345678", FILE_BYTES)
    for number in range(files):
        await put(bodies.key(number), bodies.make(number)[0])


def _received(outputs: StackOutputs, files: int) -> dict[SourceObject, bytes]:
    """Return the files, and the record of a batch that the message of each becomes; S3's test event is none."""
    sqs = boto3.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=outputs.queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    found: dict[SourceObject, bytes] = {}
    while len(found) < files:
        reply = sqs.receive_message(
            QueueUrl=outputs.queue_url,
            MaxNumberOfMessages=MESSAGES_A_CALL,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        for message in reply.get("Messages", ()):
            for source in parse(message["Body"], {outputs.landing_bucket}):
                if isinstance(source, SourceObject):
                    found[source] = receive_record(message, arn).record
    return found


def _get_s(landing: S3Landing, sources: Sequence[SourceObject]) -> float:
    """Fetch all on as many threads as a batch has; return the median of their times."""

    def fetch(source: SourceObject) -> float:
        begun = time.perf_counter()
        landing.get(source)
        return time.perf_counter() - begun

    with ThreadPoolExecutor(settings.Settings().fetch_concurrency) as pool:
        return statistics.median(pool.map(fetch, sources))


def _put_s(destination: Destination, key: str) -> float:
    data = os.urandom(PUT_BYTES)
    digest = sha256(data).digest()
    begun = time.perf_counter()
    destination.put(key, [data], digest, {})
    return time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurement and print its figures, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.emulator", description=__doc__)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    figures = measure(options.files)
    if options.json:
        print(msgspec.json.encode(figures).decode())
    else:
        print(
            f"{figures.message_bytes:,} bytes a message, a GET {figures.get_ms} ms, "
            f"a PUT {figures.put_bytes_per_s / 1e6:.0f} MB/s"
        )


if __name__ == "__main__":
    main()
