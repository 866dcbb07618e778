"""Counts and latencies in CloudWatch's embedded metric format (EMF) on standard output, without requests."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from windrow.core.metric import Metric
from windrow.ports import Metrics

SCRAPED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder of `windrow.clients.prometheus`; if set, Prometheus scrapes this process or its
parent."""

NAMESPACE = "Windrow"
SERVICE = "windrow"

MAX_VALUES = 100
"""Most values of one metric in one EMF object:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

OF_EACH_VERSION = (Metric.FILES_PROCESSED, Metric.FILES_RETRIED)
"""Metrics that are published for each version too: a deployment compares the new version with the old one by them.
CloudWatch bills each of these, for the hours in which the version runs."""

_log = logging.getLogger(__name__)


def version_dimensions(function: str, version: str) -> dict[str, str]:
    """Return the dimensions of a version's metrics; the function's name distinguishes stacks."""
    return {"service": SERVICE, "function_name": function, "version": version}


def running_version(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the dimensions of the version that runs this process; none outside Lambda, or for ``$LATEST``.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    version = environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
    return version_dimensions(environ["AWS_LAMBDA_FUNCTION_NAME"], version) if version.isdecimal() else {}


class EmfMetrics:
    """`windrow.ports.DailyMetrics` through Powertools, in namespace ``Windrow`` with the dimension ``service``.

    ``stack``, if given, is another dimension, so that two stacks in one account have separate metrics. The metrics that
    deployments compare (`OF_EACH_VERSION`) are also published with the dimensions of a ``version``.

    One call of `latency` publishes at most 100 values: of more, evenly spaced order statistics with the least and
    the greatest, so that percentiles do not change.
    """

    def __init__(
        self,
        namespace: str = NAMESPACE,
        service: str = SERVICE,
        *,
        stack: str = "",
        version: Mapping[str, str] | None = None,
    ) -> None:
        self._namespace = namespace
        self._service = service
        self._stack = stack
        self._version = version or {}
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._latencies: list[tuple[str, list[float]]] = []
        self._shares: list[tuple[str, float]] = []

    def count(self, name: Metric, value: int = 1) -> None:
        """Add to a counter. Zero is published too, because an alarm needs to see that nothing happened."""
        with self._lock:
            self._counts[name] += value

    def latency(self, name: Metric, values_ms: Sequence[float]) -> None:
        """Add measurements in milliseconds."""
        if values_ms:
            with self._lock:
                self._latencies.append((name, thin(values_ms)))

    def share(self, name: Metric, share: float) -> None:
        """Add a share of 0 to 1."""
        with self._lock:
            self._shares.append((name, 100 * share))

    def flush(self) -> None:
        """Print everything gathered since the last flush. Never raises."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            latencies, self._latencies = self._latencies, []
            shares, self._shares = self._shares, []
        if not counts and not latencies and not shares:
            return
        try:
            self._print(counts, latencies, shares)
        except Exception:  # noqa: BLE001 - a batch must not fail because of its metrics
            _log.exception("metrics were not published")

    def _print(
        self, counts: Counter[str], latencies: list[tuple[str, list[float]]], shares: list[tuple[str, float]]
    ) -> None:
        emf = AmazonCloudWatchEMFProvider(namespace=self._namespace, service=self._service)
        if self._stack:
            # As a default, because only that stays when Powertools prints a full object and begins the next.
            emf.set_default_dimensions(stack=self._stack)
        for name, value in counts.items():
            emf.add_metric(name=name, unit=MetricUnit.Count, value=value)
        for name, values_ms in latencies:
            for value_ms in values_ms:
                emf.add_metric(name=name, unit=MetricUnit.Milliseconds, value=value_ms)
        for name, per_cent in shares:
            emf.add_metric(name=name, unit=MetricUnit.Percent, value=per_cent)
        # It is empty if the last value filled an object: Powertools has printed that already.
        if emf.metric_set:
            emf.flush_metrics()
        if self._version:
            self._print_version(counts)

    def _print_version(self, counts: Counter[str]) -> None:
        emf = AmazonCloudWatchEMFProvider(namespace=self._namespace, service=self._service)
        for name, value in self._version.items():
            emf.add_dimension(name, value)
        for name in OF_EACH_VERSION:
            if name in counts:
                emf.add_metric(name=name, unit=MetricUnit.Count, value=counts[name])
        if emf.metric_set:
            emf.flush_metrics()


class SeveralMetrics:
    """`windrow.ports.Metrics` that passes all to several others, or to none: for commands, which print a report."""

    def __init__(self, kinds: Sequence[Metrics] = ()) -> None:
        self._kinds = kinds

    def count(self, name: Metric, value: int = 1) -> None:
        """Count with each."""
        for kind in self._kinds:
            kind.count(name, value)

    def latency(self, name: Metric, values_ms: Sequence[float]) -> None:
        """Add to each."""
        for kind in self._kinds:
            kind.latency(name, values_ms)

    def flush(self) -> None:
        """Publish each."""
        for kind in self._kinds:
            kind.flush()


def thin(values: Sequence[float]) -> list[float]:
    """Return the values sorted, or 100 evenly spaced ones of them if there are more."""
    ordered = sorted(values)
    if len(ordered) <= MAX_VALUES:
        return ordered
    step = (len(ordered) - 1) / (MAX_VALUES - 1)
    return [ordered[round(index * step)] for index in range(MAX_VALUES)]
