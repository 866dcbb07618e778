"""CPU time of the requests that bypass boto3, beside the same requests by boto3: ``python -m bench.requests``.

Receives of ten messages, reads of 25 items (a claim writes as many) and PUTs over plain HTTP, one after the other on
one thread. The CPU time is that of this process, without the servers'.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from bench import machine
from bench.testbed import ACCESS_KEY, SECRET_KEY, Testbed, open_testbed
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import S3Destination
from windrow.clients.json_requests import light
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.lab.stack.provision import LANDING_BUCKET
from windrow.ports import Credentials

BODIES = {"PUT of 1 KB": 1_000, "PUT of 10 MB": 10_000_000}
RECEIVED, CLAIMED = 10, 25
REQUESTS_OF_A_ROUND = 100
LARGE_BYTES_OF_A_ROUND = 200_000_000

Ask = Callable[[], object]


class Line(msgspec.Struct, frozen=True):
    """One kind of request: CPU ms of one, medians of the rounds, and the median of the rounds' ratios."""

    request: str
    boto3_ms: float
    light_ms: float
    ratio: float


def pairs(testbed: Testbed) -> Mapping[str, tuple[int, Ask, Ask]]:
    """Return for each kind of request how many make a round, and the request by boto3 and without it."""
    sqs, dynamodb, s3 = (testbed.client(service) for service in ("sqs", "dynamodb", "s3"))
    queue: dict[str, Any] = {"QueueUrl": sqs.create_queue(QueueName="requests")["QueueUrl"]}
    for _ in range(RECEIVED):
        sqs.send_message(**queue, MessageBody="x" * 1_000)
    receive = {**queue, "MaxNumberOfMessages": RECEIVED, "VisibilityTimeout": 0}
    statement = f'SELECT * FROM "{testbed.fresh_ledger()}" WHERE object_id = ?'  # noqa: S608 - the table's own name
    read = {"Statement": statement, "Parameters": [{"S": "k"}]}
    light_sqs = light(sqs, {"receive_message"})
    light_dynamodb = light(dynamodb, {"batch_execute_statement"})
    secrets = FixedSecrets(Credentials(ACCESS_KEY, SECRET_KEY))
    destination = S3Destination(testbed.s3_endpoint, LANDING_BUCKET, testbed.outputs.region, secrets, SystemClock())

    def put(size: int) -> tuple[int, Ask, Ask]:
        body = bytes(size)
        digest = sha256(body).digest()
        checksum = base64.b64encode(digest).decode()
        return (
            min(REQUESTS_OF_A_ROUND, LARGE_BYTES_OF_A_ROUND // size),
            lambda: s3.put_object(Bucket=LANDING_BUCKET, Key="by-boto3", Body=body, ChecksumSHA256=checksum),
            lambda: destination.overwrite("without", [body], digest, {}),
        )

    return {
        "receive of 10": (
            REQUESTS_OF_A_ROUND,
            lambda: sqs.receive_message(**receive),
            lambda: light_sqs.receive_message(**receive),
        ),
        "read of 25 items": (
            REQUESTS_OF_A_ROUND,
            lambda: dynamodb.batch_execute_statement(Statements=[read] * CLAIMED),
            lambda: light_dynamodb.batch_execute_statement(Statements=[read] * CLAIMED),
        ),
        **{name: put(size) for name, size in BODIES.items()},
    }


def measure(name: str, count: int, by_boto3: Ask, lightly: Ask, rounds: int) -> Line:
    """Return a kind's line; the first request of each, which connects, is not in it."""
    by_boto3(), lightly()
    times = [(_cpu_ms(by_boto3, count), _cpu_ms(lightly, count)) for _ in range(rounds)]
    ratio = statistics.median(light_ms / boto3_ms for boto3_ms, light_ms in times)
    boto3_ms, light_ms = (statistics.median(each) for each in zip(*times, strict=True))
    return Line(name, round(boto3_ms, 3), round(light_ms, 3), round(ratio, 2))


def _cpu_ms(ask: Ask, count: int) -> float:
    begun_s = time.process_time()
    for _ in range(count):
        ask()
    return (time.process_time() - begun_s) / count * 1e3


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of up to 100 requests of each kind (default 7)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    options = parser.parse_args(arguments)
    with open_testbed() as testbed:
        lines = [measure(name, *pair, options.rounds) for name, pair in pairs(testbed).items()]
    if options.json:
        print(msgspec.json.encode({"machine": machine.describe(), "lines": lines}).decode())
        return
    print(machine.describe())
    print(f"{'CPU ms of a request':20}{'boto3':>10}{'light':>10}{'ratio':>10}")
    for line in lines:
        print(f"{line.request:20}{line.boto3_ms:10.3f}{line.light_ms:10.3f}{line.ratio:10.2f}")


if __name__ == "__main__":
    main()
