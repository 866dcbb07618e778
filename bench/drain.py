"""A backlog through the whole worker (engine, processes, real handler), against what the emulator alone can serve.

The emulator serves every message's share of receives, deletes and claims (1/10, 1/10 and 1/25 of a request), one
Python process for all of it. How fast it does so with no Windrow around it is measured first, by the same number of
threads; that is the limit of any worker here. Files are small, so that the files themselves are not the limit.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec

from bench import machine
from bench.events import body
from bench.stand import Stand, Upload, stand
from windrow.local.provision import Shape
from windrow.worker.batcher import RECEIVERS
from windrow.worker.engine import Engine
from windrow.worker.mapping import FixedMapping, MappingConfig, queue_arn
from windrow.worker.pool import Pool
from windrow.worker.progress import Counters

MESSAGES = 100_000
FILE_BYTES = 1_000
SENDERS = 4
LIMIT_S = 1_800
_CLAIM = "INSERT INTO \"{}\" VALUE {{'object_id': ?, 'owner': ?}}"


def fill(place: Stand, uploads: Sequence[Upload]) -> None:
    """Queue one message for each upload, ten a request."""
    sqs = place.client("sqs")
    moment = datetime.now(UTC)

    def send(group: Sequence[Upload]) -> None:
        entries = [
            {"Id": str(number), "MessageBody": body(upload, place.outputs.landing_bucket, moment)}
            for number, upload in enumerate(group)
        ]
        sqs.send_message_batch(QueueUrl=place.outputs.queue_url, Entries=entries)

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, _groups(uploads, 10)))


def emulator_alone(place: Stand, messages: int) -> float:
    """Return messages a second when the queue is only received, claimed and deleted."""
    left = threading.Semaphore(messages // 10)
    begun = time.perf_counter()
    with ThreadPoolExecutor(RECEIVERS) as pool:
        list(pool.map(lambda _: _serve(place, left), range(RECEIVERS)))
    return messages / (time.perf_counter() - begun)


def _serve(place: Stand, left: threading.Semaphore) -> None:
    sqs, dynamodb, url = place.client("sqs"), place.client("dynamodb"), place.outputs.queue_url
    statement = _CLAIM.format(place.outputs.ledger_table)
    claims: list[dict[str, object]] = []
    while left.acquire(blocking=False):
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        claims += [
            {"Statement": statement, "Parameters": [{"S": "alone/" + m["MessageId"]}, {"S": "alone"}]} for m in messages
        ]
        if len(claims) >= 25:
            dynamodb.batch_execute_statement(Statements=claims[:25])
            del claims[:25]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def drain(place: Stand, messages: int, workers: int) -> float:
    """Return messages a second from the engine's start until all are delivered and deleted.

    Raises:
        SystemExit: it took too long, or a batch failed.
    """
    sqs, url = place.client("sqs"), place.outputs.queue_url
    mapping = MappingConfig(
        queue_url=url, queue_arn=queue_arn(sqs, url), batch_size=10_000, window_s=5, max_concurrency=workers
    )
    counters, stop = Counters(), threading.Event()
    begun = time.perf_counter()
    with (
        open(os.devnull, "wb") as nowhere,  # noqa: PTH123 - a descriptor for the workers' metrics
        Pool("windrow.functions.aggregate.handler", env=place.environment(), output=nowhere.fileno()) as pool,
        ThreadPoolExecutor(1) as thread,
    ):
        engine = Engine(FixedMapping(mapping), sqs, pool, observer=counters, quiet_wait_s=1)
        running = thread.submit(engine.run, stop)
        try:
            while (totals := counters.totals()).messages_deleted < messages and not running.done():
                if time.perf_counter() - begun > LIMIT_S or totals.messages_failed:
                    raise SystemExit(f"the backlog did not drain: {totals}")
                time.sleep(0.1)
            passed_s = time.perf_counter() - begun
        finally:
            stop.set()
        running.result()
    return messages / passed_s


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    sample = max(10, options.messages // 50 * 10)
    with stand(Shape()) as place:
        print(f"uploading {options.messages} files of {FILE_BYTES} bytes", file=sys.stderr, flush=True)
        uploads = place.upload("backlog", itertools.repeat(FILE_BYTES, options.messages))
        fill(place, uploads[:sample])
        alone = emulator_alone(place, sample)
        print(f"the emulator alone serves {alone:.0f} messages/s; queueing", file=sys.stderr, flush=True)
        fill(place, uploads)
        drained = drain(place, options.messages, options.workers)
    figures = {"emulator_per_s": round(alone, 1), "drained_per_s": round(drained, 1)}
    ratios = {"drain_vs_emulator": round(drained / alone, 3)}
    if options.json:
        answer = {"ratios": ratios, "figures": figures, "messages": options.messages, "machine": this}
        print(msgspec.json.encode(answer).decode())
        return
    print(f"{this}; {options.messages} messages, {options.workers} worker processes")
    print(f"emulator alone {alone:.0f}/s, drained {drained:.0f}/s: {drained / alone:.0%}")


def _groups(uploads: Sequence[Upload], size: int) -> Iterator[Sequence[Upload]]:
    return (uploads[at : at + size] for at in range(0, len(uploads), size))


if __name__ == "__main__":
    main()
