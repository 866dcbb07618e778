"""The metrics of a worker for Prometheus: those of the pipeline in all its processes, of the engine, and of the queues.

This module needs the extra ``server``. `SCRAPED` must be set before it is imported.
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
    "messages_received": "Messages received, including those received again.",
    "messages_deleted": "Messages deleted because their files are done.",
    "messages_failed": "Messages that a batch returned to the queue.",
    "messages_given_back": "Messages returned to the queue that were in no batch yet.",
    "batches_started": "Invocations started.",
    "batches_finished": "Invocations ended.",
    "batches_failed": "Invocations that failed as a whole.",
}
PRESENT = {
    "messages_in_flight": "Messages received and not settled yet.",
    "batches_running": "Invocations under way.",
}


class WorkerCollector:
    """The engine's totals, and the last snapshot of queues and circuit."""

    def __init__(self, totals: Callable[[], Totals], snapshot: Callable[[], Snapshot]) -> None:
        self._totals = totals
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, without those whose values can't be read."""
        totals, snapshot = self._totals(), self._snapshot()
        for name, text in COUNTED.items():
            yield CounterMetricFamily(f"windrow_{name}", text, value=getattr(totals, name))
        for name, text in PRESENT.items():
            yield GaugeMetricFamily(f"windrow_{name}", text, value=getattr(totals, name))
        yield GaugeMetricFamily("windrow_receiving", "1 while messages are received.", value=int(totals.enabled))
        if snapshot.queue is not None:
            queue = GaugeMetricFamily(
                "windrow_queue_messages", "Approximate number of messages in the queue.", labels=["state"]
            )
            for state in ("visible", "in_flight", "delayed"):
                queue.add_metric([state], getattr(snapshot.queue, state))
            yield queue
        if snapshot.dead_letters is not None:
            text = "Approximate number of messages in the dead-letter queue."
            yield GaugeMetricFamily("windrow_dead_letters", text, value=snapshot.dead_letters)
        if snapshot.circuit is not None:
            opened = int(snapshot.circuit.opened)
            yield GaugeMetricFamily("windrow_circuit_open", "1 while the circuit breaker is open.", value=opened)
        unread = GaugeMetricFamily("windrow_unreadable", "1 for what could not be read.", labels=["what"])
        for what in FIELDS:
            unread.add_metric([what], int(what in snapshot.problems))
        yield unread


def registry(totals: Callable[[], Totals], snapshot: Callable[[], Snapshot]) -> CollectorRegistry:
    """Return all metrics, of this process and of the workers that share the folder of `SCRAPED`."""
    PrometheusMetrics()
    everything = CollectorRegistry()
    MultiProcessCollector(everything)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=everything)
    PlatformCollector(registry=everything)
    everything.register(WorkerCollector(totals, snapshot))
    return everything
