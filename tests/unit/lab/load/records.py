"""Made-up load tests for the tests of summary and report."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import cast

from windrow.core.manifest import FORMAT, Manifest, ManifestFile
from windrow.lab.load.batches import BatchRun
from windrow.lab.load.generator import Sent
from windrow.lab.load.outage import SentinelRun
from windrow.lab.load.plan import Interval, Plan
from windrow.lab.load.processes import Machine, Usage
from windrow.lab.load.run import Record
from windrow.lab.load.samples import Measurement
from windrow.lab.stack.upload import Uploaded
from windrow.lab.stack.verification import Deliveries, Delivery, Verification, report
from windrow.ports import QueueDepth

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MACHINE = Machine(system="Linux x86_64", processor="Test <processor>", cores=2, memory_gb=8.0, python="3.13.0")


def at(seconds: float) -> datetime:
    """Return a time so long after the start."""
    return START + timedelta(seconds=seconds)


def sent(number: int, begun_s: float) -> Sent:
    """Return an upload that began 2 ms late and took 10 ms."""
    return Sent(Uploaded(f"key {number}", "v", 1000, "0" * 64), begun_s - 0.002, begun_s, begun_s + 0.01)


def member(number: int, arrived_s: float) -> ManifestFile:
    """Return the entry of an upload in a manifest."""
    return ManifestFile(
        name=f"data/{number}",
        bucket="landing",
        key=f"key {number}",
        version_id="v",
        etag="e",
        size=1000,
        sha256="0" * 64,
        event_time=at(arrived_s),
        frame=0,
        offset=0,
    )


def delivery(key: str, committed_s: float, files: list[ManifestFile]) -> Delivery:
    """Return an archive."""
    manifest = Manifest(format=FORMAT, window_start=START, window_end=at(60), files=files, frames=[])
    return Delivery(key, 100, at(committed_s), manifest)


class Archives:
    """Stands in for `Deliveries`."""

    def __init__(self, archives: list[Delivery]) -> None:
        self.archives = archives


def sample(second: int, uploaded: int, delivered: int, *, machine_cores: float = 1.0, queued: int = 0) -> Measurement:
    """Return the sample of a second, in which handlers use half a core and the generator a tenth."""
    return Measurement(
        at_s=float(second),
        uploaded=uploaded,
        delivered=delivered,
        archives=1,
        queued=QueueDepth(visible=queued, in_flight=0, delayed=0),
        oldest_s=float(second % 7),
        usage={"handlers": Usage(0.5, 100.0 + second), "generator": Usage(0.1, 50.0)},
        machine_cores=machine_cores,
        load=1.5,
    )


def record(
    latencies_s: list[float],
    *,
    outage: Interval | None = None,
    probes: list[SentinelRun] | None = None,
    seconds: int = 0,
    twice: bool = False,
    machine_cores: float = 1.0,
    failed: list[str] | None = None,
) -> Record:
    """Return a load test of an upload a second, the n-th of which took ``latencies_s[n]`` (whole seconds, over 1)."""
    count = len(latencies_s)
    uploads = [sent(number, float(number)) for number in range(count)]
    archives = [
        # Time stamps name the second that they end; a latency counts to its end.
        delivery(f"archive {number}", number + latency_s - 1, [member(number, float(number))])
        for number, latency_s in enumerate(latencies_s)
    ]
    deliveries = cast("Deliveries", Archives(archives))
    seen: Counter[tuple[str, str | None]] = Counter({(f"key {number}", "v"): 1 for number in range(count)})
    if twice:
        seen["key 0", "v"] += 1
    found = report(
        [upload.file for upload in uploads],
        deliveries,
        Verification(seen, set(), []),
        kind="minio",
        window_s=60,
        dead_lettered=[],
    )
    return Record(
        started_at=START,
        plan=Plan(rate=1, seconds=count, outage=outage),
        sent=uploads,
        failed=failed or [],
        deliveries=deliveries,
        samples=[
            sample(second, min(second, count), min(second // 2, count), machine_cores=machine_cores)
            for second in range(1, (seconds or count) + 1)
        ],
        batches=[BatchRun(0.5, 1.52, 1, 0, "ok")],
        switches=[],
        events=[],
        probes=probes or [],
        outage=outage,
        proof=found,
    )
