"""What the design does at 1,000 and 10,000 files a second: a discrete simulation of queue, mapping, batches and limits.

Every batch passes through what it shares with the others (ledger, bucket, VPN), each a server with a rate of its own
that takes batches in order. The limits are AWS's, the times those of `windrow.cost.model`, measured here or marked
there as assumed. Utilisation says which limit comes first; the cost is that of `windrow cost`, for both kinds of
retention.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from windrow.core.windows import MINUTE
from windrow.cost import price_list
from windrow.cost.model import (
    BATCH_WAIT_MS,
    COMPRESSIONS,
    FILE_CPU_MS,
    GET_WAIT_MS,
    LAMBDA_MB_PER_VCPU,
    SWEEP_LONGEST_S,
    UPLINK_BYTES_PER_S,
    Retention,
    Scenario,
    estimate,
)
from windrow.settings import Settings

STEP_S = 0.25
FEW_S = 10
ARCHIVE_S = MINUTE.total_seconds()
ARCHIVE_BYTES = Settings().max_archive_bytes
"""An archive holds files of one minute, and so many raw bytes at most."""
HOUR_S = 3_600
PAYLOAD_BYTES = 6 * 1024**2
MESSAGE_BYTES = 2_100
"""An S3 event in Lambda's SQS record, keys of 60 characters; so 6 MB end a batch at about 2,990 messages."""
IN_FLIGHT = 120_000
FIRST_BATCHES = 5
BATCHES_PER_S = 300 / 60
"""A mapping starts with 5 batches at once and adds up to 300 a minute:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""
GETS_PER_S = 5_500
PUTS_PER_S = 3_500
"""A prefix: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"""
PARTITION_WRITES_PER_S = 1_000
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
TUNNEL_BYTES_PER_S = 1.25e9 / 8
"""https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-limits.html"""
CLAIMS_PER_CALL, CLAIM_CALLS_AT_ONCE, CLAIM_CALL_S = 25, 8, 0.015
"""Windrow's own; the time of a call is assumed."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Load and settings of one run. ``partitions`` are the ledger's, 4 in a new on-demand table.

    ``gatherers`` batches gather at once unless more waits than they can take; ``windrow run`` has one gather.
    ``sweeps`` are runs of ``windrow retain`` at once, on servers and without an end; with 0 the hourly function sweeps.
    """

    files_per_s: float
    gatherers: int = FIRST_BATCHES
    message_bytes: int = MESSAGE_BYTES
    concurrency: int = 10
    window_s: float = 60
    memory_mb: int = 1024
    level: str = Scenario().level
    batch_size: int = 10_000
    prefixes: int = 1
    partitions: int = 4
    tunnels: int = 1
    sweeps: int = 0
    file_bytes: int = 100_000
    backlog: int = 0
    get_wait_ms: float = GET_WAIT_MS
    put_bytes_per_s: float = UPLINK_BYTES_PER_S

    @property
    def vpn_connections(self) -> int:
        """Each has two tunnels."""
        return math.ceil(self.tunnels / 2)


class Result(msgspec.Struct, frozen=True):
    """What came out. Latency is from arrival to commit, in seconds; ``drained_s`` when the backlog was gone.

    ``utilisation`` is what the load needs as a share of the limit; of batches at once, the most that there were, or
    what the load's work would take if that is more; of the sweep, the time that an hour's archives and files take it.
    ``first_limit`` is the one with the highest share in use. ``usd_per_month`` is by retention; only `archives` has the
    sweep.
    """

    setup: Setup
    latency_s: dict[str, float]
    files_per_batch: int
    archives_per_batch: float
    archive_bytes_per_s: float
    batches_at_once: int
    in_flight: int
    waiting_at_end: int
    drained_s: float | None
    utilisation: dict[str, float]
    first_limit: str
    usd_per_month: dict[str, float]

    @property
    def falls_behind(self) -> bool:
        """Whether more than a few seconds' arrivals wait, although there was no backlog."""
        return not self.setup.backlog and self.waiting_at_end > FEW_S * self.setup.files_per_s

    @property
    def limit(self) -> str:
        """The most used limit, and its share in use; after the sweep, which no file waits for, the next one too."""
        ordered = sorted(self.utilisation, key=lambda name: -self.utilisation[name])
        told = ordered[: 1 + (ordered[0] == "sweep")]
        return "; ".join(f"{name}, {100 * self.utilisation[name]:,.0f} %" for name in told)


@dataclass
class Server:
    """A shared resource that does ``rate`` units a second, in the order of the requests."""

    rate: float
    _free_at: float = 0.0

    def end(self, start: float, amount: float) -> float:
        """Return when ``amount`` units requested at ``start`` are done."""
        self._free_at = max(start, self._free_at) + amount / self.rate
        return self._free_at


@dataclass
class SimulatedBatch:
    """Messages that are being gathered: (arrival, count) pairs."""

    opened: float
    parts: list[tuple[float, float]] = field(default_factory=list)
    count: float = 0.0


class Simulation:
    """One run. Messages are a fluid: fractions of one are fine."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._most = min(setup.batch_size, PAYLOAD_BYTES / setup.message_bytes)
        self._compression = COMPRESSIONS[setup.level]
        self._archive_bytes_per_file = setup.file_bytes / self._compression.ratio
        self._ledger = Server(PARTITION_WRITES_PER_S * setup.partitions)
        self._bucket = Server(GETS_PER_S * setup.prefixes)
        self._vpn = Server(TUNNEL_BYTES_PER_S * setup.tunnels)
        self._queue: deque[tuple[float, float]] = deque([(0.0, setup.backlog)] if setup.backlog else [])
        self._waiting = float(setup.backlog)
        self._gathering: list[SimulatedBatch] = []
        self._running: list[tuple[float, float]] = []
        self._allowed = float(min(FIRST_BATCHES, setup.concurrency))
        self._latencies: list[tuple[float, float]] = []
        self._files_done: list[float] = []
        self._archives_done = 0
        self._batches_at_once = 0
        self._in_flight = 0.0
        self._drained_s: float | None = None

    def run(self, seconds: float, *, until_drained: bool = False, quiet_s: float = 0) -> Result:
        """Let files arrive evenly for so many seconds, or only until the backlog is gone, and none for ``quiet_s``."""
        now = 0.0
        while now < seconds + quiet_s and not (until_drained and self._drained_s):
            now += STEP_S
            if now <= seconds:
                arrived = self._setup.files_per_s * STEP_S
                self._queue.append((now, arrived))
                self._waiting += arrived
            self._running = [batch for batch in self._running if batch[0] > now]
            self._gather(now)
            if self._drained_s is None and self._waiting < self._setup.files_per_s:
                self._drained_s = now
        return self._result()

    def _gather(self, now: float) -> None:
        self._dispatch(now)
        slots = int(self._allowed) - len(self._gathering) - len(self._running)
        # Further ones are added where messages are left over.
        wanted = self._setup.gatherers - len(self._gathering) if not self._full() else slots
        for _ in range(max(0, min(slots, wanted))):
            if self._waiting > 0:
                self._gathering.append(SimulatedBatch(now))
        for place in self._shares():
            self._take(*place)
        if self._waiting > self._setup.files_per_s * STEP_S:
            self._allowed = min(self._setup.concurrency, self._allowed + BATCHES_PER_S * STEP_S)
        self._dispatch(now)
        self._batches_at_once = max(self._batches_at_once, len(self._gathering) + len(self._running))
        self._in_flight = max(self._in_flight, self._held())

    def _full(self) -> bool:
        """Return whether more waits than those that gather, all gatherers at work, can take."""
        idle = max(0, self._setup.gatherers - len(self._gathering))
        return self._waiting > idle * self._most + sum(self._most - batch.count for batch in self._gathering)

    def _held(self) -> float:
        return sum(batch.count for batch in self._gathering) + sum(count for _, count in self._running)

    def _shares(self) -> Iterator[tuple[SimulatedBatch, float]]:
        """Yield what each gathering batch may take: an equal share, within its own and the queue's limits."""
        room = IN_FLIGHT - self._held()
        share = min(self._waiting, max(0.0, room)) / max(1, len(self._gathering))
        for batch in self._gathering:
            yield batch, min(share, self._most - batch.count)

    def _take(self, batch: SimulatedBatch, amount: float) -> None:
        while amount > 1e-9 and self._queue:
            arrival, count = self._queue.popleft()
            taken = min(count, amount)
            if taken < count:
                self._queue.appendleft((arrival, count - taken))
            batch.parts.append((arrival, taken))
            batch.count += taken
            amount -= taken
            self._waiting -= taken

    def _dispatch(self, now: float) -> None:
        for batch in list(self._gathering):
            if batch.count >= self._most - 1 or now - batch.opened >= self._setup.window_s:
                self._gathering.remove(batch)
                end = self._process(now, batch.count)
                self._running.append((end, batch.count))
                self._commit(now, end, batch)
                self._files_done.append(batch.count)

    def _commit(self, start: float, end: float, batch: SimulatedBatch) -> None:
        """Record when each archive of a batch is committed: one after the other, those of the oldest minute first."""
        minutes: dict[float, list[tuple[float, float]]] = {}
        for arrival, count in batch.parts:
            minutes.setdefault(arrival // ARCHIVE_S, []).append((arrival, count))
        done = 0.0
        for parts in minutes.values():
            files = sum(count for _, count in parts)
            archives = math.ceil(files * self._setup.file_bytes / ARCHIVE_BYTES)
            for _ in range(archives):
                done += files / archives
                committed = start + (end - start) * done / batch.count
                self._latencies += [(committed - arrival, count / archives) for arrival, count in parts]
            self._archives_done += archives

    def _process(self, start: float, files: float) -> float:
        """Return when a batch is committed: claims, then GETs and CPU side by side, then the PUT."""
        claiming, fetching, delivering = self._alone_s(files)
        claimed = max(start + claiming, self._ledger.end(start, files))
        fetched = max(claimed + fetching, self._bucket.end(claimed, files))
        delivered = max(fetched + delivering, self._vpn.end(fetched, files * self._archive_bytes_per_file))
        return delivered + BATCH_WAIT_MS / 1000

    def _alone_s(self, files: float) -> tuple[float, float, float]:
        """Return how long a batch that shares nothing with others takes to claim, fetch and deliver its files."""
        claiming = files / CLAIMS_PER_CALL / CLAIM_CALLS_AT_ONCE * CLAIM_CALL_S
        compression_ms = self._compression.cpu_ms_per_100_kb * self._setup.file_bytes / 1e5
        cpu_s = files * (FILE_CPU_MS + compression_ms) / 1000
        fetching = max(
            cpu_s / min(1.0, self._setup.memory_mb / LAMBDA_MB_PER_VCPU), files * self._setup.get_wait_ms / 1000 / 16
        )
        return claiming, fetching, files * self._archive_bytes_per_file / self._setup.put_bytes_per_s

    def _result(self) -> Result:
        setup = self._setup
        batches = max(1, len(self._files_done))
        per_batch = sum(self._files_done) / batches
        work = setup.files_per_s / max(1.0, per_batch) * (sum(self._alone_s(per_batch)) + BATCH_WAIT_MS / 1000)
        scenario = Scenario(
            files_per_day=setup.files_per_s * 86_400,
            file_bytes=setup.file_bytes,
            memory_mb=setup.memory_mb,
            level=setup.level,
            batches_per_minute=setup.files_per_s * 60 / max(1.0, per_batch),
            archives_per_batch=self._archives_done / batches,
            # Several tunnels carry at once only behind a transit gateway.
            transit_gateway=setup.tunnels > 1,
            vpn_connections=setup.vpn_connections,
        )
        archive_bytes_per_s = setup.files_per_s * self._archive_bytes_per_file
        load = {
            "uploads": setup.files_per_s / (PUTS_PER_S * setup.prefixes),
            "reads": setup.files_per_s / self._bucket.rate,
            "claims": setup.files_per_s / self._ledger.rate,
            "VPN": archive_bytes_per_s / self._vpn.rate,
            "batches at once": max(self._batches_at_once, work) / setup.concurrency,
            "messages in flight": self._in_flight / IN_FLIGHT,
            "sweep": scenario.sweep_s / (setup.sweeps * HOUR_S or SWEEP_LONGEST_S),
        }
        return Result(
            setup=setup,
            latency_s=percentiles(self._latencies),
            files_per_batch=round(per_batch),
            archives_per_batch=round(self._archives_done / batches, 2),
            archive_bytes_per_s=round(archive_bytes_per_s),
            batches_at_once=self._batches_at_once,
            in_flight=round(self._in_flight),
            waiting_at_end=round(self._waiting),
            drained_s=self._drained_s,
            utilisation={name: round(value, 3) for name, value in load.items()},
            first_limit=max(load, key=lambda name: load[name]),
            usd_per_month={
                retention.value: round(
                    estimate(msgspec.structs.replace(scenario, retention=retention), price_list.load()).total_usd, 2
                )
                for retention in (Retention.ARCHIVES, Retention.RAW)
            },
        )


@functools.cache
def simulate(setup: Setup, seconds: float) -> Result:
    """Run a setup for so many seconds; one with a backlog until that is gone, for a day at most."""
    return Simulation(setup).run(86_400 if setup.backlog else seconds, until_drained=bool(setup.backlog))


def percentiles(weighted: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Return p50, p95, p99.9 and the maximum of (value, weight) pairs."""
    ordered = sorted(weighted)
    total = sum(weight for _, weight in ordered)
    result = {}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99.9", 0.999), ("max", 1.0)):
        passed = 0.0
        for value, weight in ordered:
            passed += weight
            if passed >= share * total - 1e-6:
                result[name] = round(value, 1)
                break
    return result


ADVISED = Setup(files_per_s=10_000, concurrency=40, memory_mb=1769, prefixes=8, partitions=20, tunnels=4, sweeps=8)

RUNS = {
    "10/s, defaults": Setup(files_per_s=10),
    "100/s, defaults": Setup(files_per_s=100),
    "1,000/s, defaults": Setup(files_per_s=1_000),
    "1,000/s, 20 batches, 1,769 MB, 1 sweep": Setup(files_per_s=1_000, concurrency=20, memory_mb=1769, sweeps=1),
    "3,000/s, defaults": Setup(files_per_s=3_000),
    "10,000/s, defaults": Setup(files_per_s=10_000),
    "10,000/s, advised": ADVISED,
    "10/s after 4 days' outage, defaults": Setup(files_per_s=10, backlog=4 * 864_000),
    "100/s after 4 days' outage, defaults": Setup(files_per_s=100, backlog=4 * 8_640_000),
    "the same, 40 batches, 4 prefixes, warmed ledger": Setup(
        files_per_s=100, backlog=4 * 8_640_000, concurrency=40, prefixes=4, partitions=20
    ),
}
"""``defaults`` are the Terraform modules', but for retention: theirs is `raw`, and the sweep is that of `archives`. All
that differs from `defaults`, and `archives` too, is what `docs/scaling.md` advises."""

_ALL_BUT_TUNNELS = Setup(files_per_s=10_000, sweeps=8, concurrency=40, prefixes=8, partitions=20)
STEPS = {
    "defaults": Setup(files_per_s=10_000),
    "8 sweeps on servers": Setup(files_per_s=10_000, sweeps=8),
    "`maximum_concurrency` 40": Setup(files_per_s=10_000, sweeps=8, concurrency=40),
    "8 prefixes": Setup(files_per_s=10_000, sweeps=8, concurrency=40, prefixes=8),
    "ledger warmed to 20,000 writes/s": _ALL_BUT_TUNNELS,
    "2 tunnels": msgspec.structs.replace(_ALL_BUT_TUNNELS, tunnels=2),
    "1,769 MB": msgspec.structs.replace(_ALL_BUT_TUNNELS, tunnels=2, memory_mb=1769),
}
"""From the defaults to 10,000 files a second: each has the settings of those before it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulations and print tables, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1_800, help="simulated time of each run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    runs, steps = ({name: simulate(setup, options.seconds) for name, setup in each.items()} for each in (RUNS, STEPS))
    if options.json:
        print(msgspec.json.encode({"seconds": options.seconds, "runs": runs, "steps": steps}).decode())
        return
    _print("load", runs)
    _print("10,000/s", steps)


def _print(title: str, results: Mapping[str, Result]) -> None:
    print(f"{title:48}{'p50':>7}{'p95':>8}{'p99.9':>8}  files/batch  at once  in flight     waiting  first limit")
    for name, result in results.items():
        seconds = result.latency_s
        drained = f", backlog gone after {result.drained_s:.0f} s" if result.setup.backlog and result.drained_s else ""
        costs = " or ".join(f"{usd:,.0f} ({retention})" for retention, usd in result.usd_per_month.items())
        print(
            f"{name:48}{seconds['p50']:7.1f}{seconds['p95']:8.1f}{seconds['p99.9']:8.1f}"
            f"{result.files_per_batch:13,}{result.batches_at_once:9}{result.in_flight:11,}{result.waiting_at_end:12,}"
            f"  {result.limit}, {costs} USD a month{drained}"
        )


if __name__ == "__main__":
    main()
