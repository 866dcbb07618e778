"""A backlog through the whole worker (engine, processes, real handler), against what the emulator alone can serve.

The emulator serves every message's share of receives, deletes and claims (1/10, 1/10 and 1/25 of a request), one
Python process for all of it, and looks through its whole queue at each request. So both start with the same number of
messages and end with none. How fast the emulator is with no Windrow around it is measured first, by as many threads as
the engine has and with the same requests; that is the limit of any worker here. Files are small, so that the files
themselves are not the limit. The last batch waits out its window of 5 s.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import psutil

from bench import backlog, machine
from bench.engine import BackgroundEngine, handlers
from bench.machine_load import MachineLoad
from bench.meter import cpu_s, own_cpu_s
from bench.testbed import Testbed, open_testbed
from windrow.clients.clock import SystemClock
from windrow.clients.dynamodb.ledger import MAX_STATEMENTS, DynamoLedger
from windrow.core.ledger import Claim
from windrow.core.sqs import MESSAGES_A_CALL
from windrow.worker.batcher import RECEIVERS

MESSAGES = 100_000
FILE_BYTES = 1_000
BATCH_SIZE = 10_000
LIMIT_S = 7_200
"""Of one drain: at the full depth one request takes the emulator tens of milliseconds."""


class Drained(msgspec.Struct, frozen=True):
    """How one backlog went: messages a second, and CPU milliseconds a message by process."""

    per_s: float
    cpu_ms: dict[str, float]


class _Use:
    """CPU time by process, from the moment this is made; ``handlers`` are those that are there at the end."""

    def __init__(self, place: Testbed, messages: int) -> None:
        self._servers = {name: psutil.Process(pid) for name, pid in place.pids.items()}
        self._messages = messages
        self._begun, self._before = time.perf_counter(), self._seconds()

    def drained(self, own: str) -> Drained:
        """Return the rate and the use; this process itself is called ``own``."""
        passed_s, after = time.perf_counter() - self._begun, self._seconds()
        used = {name or own: seconds - self._before[name] for name, seconds in after.items()}
        if found := [child for child in psutil.Process().children() if _is_handler(child)]:
            used["handlers"] = sum(cpu_s(child) for child in found)
        cpu_ms = {name: round(seconds * 1000 / self._messages, 3) for name, seconds in used.items()}
        return Drained(round(self._messages / passed_s, 1), cpu_ms)

    def _seconds(self) -> dict[str, float]:
        return {"": own_cpu_s(), **{name: cpu_s(server) for name, server in self._servers.items()}}


def _is_handler(process: psutil.Process) -> bool:
    try:
        return "windrow.worker.child" in process.cmdline()
    except psutil.Error:  # it has ended
        return False


def emulator_alone(place: Testbed, messages: int) -> Drained:
    """Receive, claim and delete the whole queue, and nothing else.

    Raises:
        SystemExit: the queue is not empty afterwards.
    """
    table, use = place.fresh_ledger(), _Use(place, messages)
    left = threading.Semaphore(messages)
    with ThreadPoolExecutor(RECEIVERS) as pool:
        list(pool.map(lambda _: _serve(place, table, left), range(RECEIVERS)))
    drained = use.drained("client")
    if held := backlog.depth(place.client("sqs"), place.outputs.queue_url):
        raise SystemExit(f"the emulator alone left {held} of {messages} messages in its queue")
    return drained


def _serve(place: Testbed, table: str, left: threading.Semaphore) -> None:
    """Do what the worker's requests do until no message is left, claims by the worker's own client."""
    sqs, url = place.client("sqs"), place.outputs.queue_url
    ledger = DynamoLedger(table, place.client("dynamodb"), SystemClock(), lambda: 0.5)
    unclaimed: list[str] = []
    deadline = time.monotonic() + LIMIT_S
    while (wanted := _take(left, MESSAGES_A_CALL)) and time.monotonic() < deadline:
        reply = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=wanted,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = reply.get("Messages", ())
        if len(messages) < wanted:
            left.release(wanted - len(messages))  # a receive may return fewer than there are, or none
        unclaimed += [message["MessageId"] for message in messages]
        while len(unclaimed) >= MAX_STATEMENTS:
            ledger.claim([_claim(name) for name in unclaimed[:MAX_STATEMENTS]])
            del unclaimed[:MAX_STATEMENTS]
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    if unclaimed:
        ledger.claim([_claim(name) for name in unclaimed])


def _take(left: threading.Semaphore, most: int) -> int:
    """Take up to ``most`` of what is left; return how much."""
    return sum(left.acquire(blocking=False) for _ in range(most))


def _claim(name: str) -> Claim:
    archive_key = "2026/11/26/10/07/20261126T1007Z-0123456789abcdef.tar.gz"
    return Claim(f"windrow-landing/{name}", archive_key, name, int(time.time()) + 300, int(time.time()) + 86_400)


def drain(place: Testbed, messages: int, workers: int) -> Drained:
    """Have the worker deliver the whole queue, from the engine's start until all is delivered and deleted.

    Raises:
        SystemExit: it took too long, or a batch failed.
    """
    sqs, url = place.client("sqs"), place.outputs.queue_url
    with (
        handlers(place.environment(), url) as pool,
        BackgroundEngine(sqs, pool, url, batch_size=BATCH_SIZE, workers=workers) as engine,
    ):
        use = _Use(place, messages)
        engine.deliver(lambda totals: totals.messages_deleted >= messages, LIMIT_S)
        return use.drained("engine")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.drain", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    this = machine.describe()
    note = partial(print, file=sys.stderr, flush=True)
    with open_testbed() as place:
        others = MachineLoad()
        note(f"uploading {options.messages} files of {FILE_BYTES} bytes")
        uploads = place.upload("backlog", itertools.repeat(FILE_BYTES, options.messages))
        outputs, sqs = place.outputs, place.client("sqs")
        sqs.purge_queue(QueueUrl=outputs.queue_url)  # of S3's test event
        backlog.fill(sqs, outputs.queue_url, uploads, outputs.landing_bucket)
        note("the emulator alone")
        alone = emulator_alone(place, options.messages)
        note(f"{alone.per_s:.0f} messages/s; queueing again")
        backlog.fill(sqs, outputs.queue_url, uploads, outputs.landing_bucket)
        note("the worker")
        drained = drain(place, options.messages, options.workers)
        busy = others.cores()
    ratios = {"drain_vs_emulator": round(drained.per_s / alone.per_s, 3)}
    if options.json:
        answer = {
            "ratios": ratios,
            "figures": {"emulator_per_s": alone.per_s, "drained_per_s": drained.per_s},
            "cpu_ms_per_message": {"emulator alone": alone.cpu_ms, "drained": drained.cpu_ms},
            "messages": options.messages,
            "workers": options.workers,
            "machine": this,
            "others_cores": busy,
        }
        print(msgspec.json.encode(answer).decode())
        return
    print(f"{this}; other programs kept {busy:.1f} cores busy; {options.messages} messages, {options.workers} handlers")
    for name, result in (("emulator alone", alone), ("drained", drained)):
        shares = ", ".join(f"{who} {cpu_ms:.2f}" for who, cpu_ms in result.cpu_ms.items())
        print(f"{name:16}{result.per_s:7.0f} messages/s; CPU ms a message: {shares}")
    print(f"drained / emulator alone: {ratios['drain_vs_emulator']:.0%}")


if __name__ == "__main__":
    main()
