"""What Prometheus scrapes of a worker: the pipeline's metrics of all its processes, the engine's, and the queues'.

It needs the package's extra ``server``. `SCRAPED` must be set before this is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from windrow.clients.prometheus import PrometheusMetrics
from windrow.worker.poller import FIELDS, Snapshot
from windrow.worker.progress import Totals

COUNTED = {
    "messages_received": "Messages received, those received again counted again.",
    "messages_deleted": "Messages deleted, since what they announce is done.",
    "messages_failed": "Messages that a batch gave back to the queue.",
    "messages_given_back": "Messages given back that were in no batch yet.",
    "batches_started": "Invocations begun.",
    "batches_finished": "Invocations ended.",
    "batches_failed": "Invocations that failed as a whole.",
}
PRESENT = {
    "messages_in_flight": "Messages in hand.",
    "batches_running": "Invocations under way.",
}


class WorkerCollector:
    """The engine's sums, and what is seen of queues and circuit, as they are when they are asked for."""

    def __init__(self, totals: Callable[[], Totals], snapshot: Callable[[], Snapshot]) -> None:
        self._totals = totals
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; of what can't be read there is none."""
        totals, snapshot = self._totals(), self._snapshot()
        for name, tells in COUNTED.items():
            yield CounterMetricFamily(f"windrow_{name}", tells, value=getattr(totals, name))
        for name, tells in PRESENT.items():
            yield GaugeMetricFamily(f"windrow_{name}", tells, value=getattr(totals, name))
        yield GaugeMetricFamily("windrow_receiving", "1 while messages are received.", value=int(totals.enabled))
        if snapshot.queue is not None:
            queue = GaugeMetricFamily("windrow_queue_messages", "Messages in the queue, about.", labels=["state"])
            for state in ("visible", "in_flight", "delayed"):
                queue.add_metric([state], getattr(snapshot.queue, state))
            yield queue
        if snapshot.dead_letters is not None:
            yield GaugeMetricFamily("windrow_dead_letters", "Dead letters, about.", value=snapshot.dead_letters)
        if snapshot.circuit is not None:
            opened = int(snapshot.circuit.opened)
            yield GaugeMetricFamily("windrow_circuit_open", "1 while the circuit breaker is open.", value=opened)
        unread = GaugeMetricFamily("windrow_unreadable", "1 for what could not be asked.", labels=["what"])
        for what in FIELDS:
            unread.add_metric([what], int(what in snapshot.problems))
        yield unread


def registry(totals: Callable[[], Totals], snapshot: Callable[[], Snapshot]) -> CollectorRegistry:
    """Return all that is scraped, of this process and of the workers' that share `SCRAPED`."""
    PrometheusMetrics()
    everything = CollectorRegistry()
    MultiProcessCollector(everything)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=everything)
    PlatformCollector(registry=everything)
    everything.register(WorkerCollector(totals, snapshot))
    return everything
