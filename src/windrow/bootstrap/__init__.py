"""The only place that wires ports to clients, except `windrow.archives`. Nothing here connects before it is used.

Rotation is wired in a separate module, `windrow.bootstrap.rotation`, because it needs a package that the others do not.

Modules that the aggregator does not need are imported where they are wired: otherwise its cold start would be a tenth
longer.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from windrow.clients import aws
from windrow.clients.clock import SystemClock
from windrow.clients.cloudwatch.metrics import SCRAPED, EmfMetrics, SeveralMetrics, running_version
from windrow.clients.deferred import deferred
from windrow.clients.destination.bucket import DELIVERING, PROBING, RequestPolicy
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.destination.object_lock import ObjectLock
from windrow.clients.destination.pace import Pace
from windrow.clients.dynamodb import ledger as ledger_client
from windrow.clients.dynamodb.delivery_health import DynamoDeliveryHealth
from windrow.clients.dynamodb.ledger import DynamoLedger
from windrow.clients.s3.landing import S3Landing
from windrow.clients.secrets.sources import DatedSecrets, secrets_from
from windrow.clients.sqs import queue as queue_client
from windrow.clients.sqs.queue import SqsQueue
from windrow.core.circuit import MIN_INTERVAL_S
from windrow.pipeline.aggregator import Aggregator
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.inspector import Inspector
from windrow.ports import Clock, Destination, EventSourceMapping, LandingIndex, Metrics, Secrets
from windrow.settings import Emf, Settings, uses_parts

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_dynamodb import DynamoDBClient

    from windrow.clients.destination.held import HeldRequests
    from windrow.clients.dynamodb.circuits import DynamoCircuits
    from windrow.clients.s3.inventory import InventoryStore
    from windrow.clients.sqs.dead_letters import DeadLetterQueue
    from windrow.clients.sqs.statistics import SqsStatistics
    from windrow.operations.audit import ArchiveReader, Auditor, Inventory, Marker
    from windrow.operations.audit.daily import DailyAudit
    from windrow.operations.deployment import Deployer, Event, Progress
    from windrow.operations.quarantine import Quarantine
    from windrow.operations.rebuild import Rebuilder
    from windrow.operations.replay import LedgerCorrector, Replayer
    from windrow.operations.retention import Sweeper
    from windrow.operations.sentinel import Sentinel, Switch
    from windrow.operations.status import Watcher

WORKERS = "workers"
"""The name of the circuit of workers that follow no mapping; a mapping's id is a UUID."""

_clock = SystemClock()
_jitter = random.random


@cache
def _session() -> boto3.session.Session:
    """Return the AWS session that all clients share."""
    return aws.session(os.environ)


def aggregator(settings: Settings) -> Aggregator:
    """Return the aggregator on AWS and the destination."""
    dynamodb = deferred(lambda: ledger_client.connect(_session()))
    return Aggregator(
        settings,
        landing=S3Landing(_session()),
        ledger=ledger(settings, dynamodb),
        destination=destination(settings),
        queue=SqsQueue(
            settings.queue_url, settings.dlq_url, deferred(lambda: queue_client.connect(_session())), _clock
        ),
        metrics=metrics(settings),
        clock=_clock,
        jitter=_jitter,
        health=delivery_health(settings, dynamodb),
    )


def metrics(settings: Settings) -> Metrics:
    """Return the metrics: CloudWatch's on standard output, Prometheus's if it scrapes this process, both, or none."""
    on_lambda = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    emf = on_lambda if settings.emf is Emf.AUTO else settings.emf is Emf.ON
    kinds: list[Metrics] = []
    if emf:
        kinds.append(EmfMetrics(stack=settings.stack, version=running_version(os.environ)))
    if SCRAPED in os.environ:
        from windrow.clients.prometheus import PrometheusMetrics

        kinds.append(PrometheusMetrics())
    return kinds[0] if len(kinds) == 1 else SeveralMetrics(kinds)


def sentinel(settings: Settings, *, min_interval_s: int = MIN_INTERVAL_S) -> Sentinel:
    """Return the sentinel of the event source mapping that the settings name, or of workers without one."""
    from windrow.clients.dynamodb import circuits as circuits_client
    from windrow.operations.sentinel import Sentinel
    from windrow.pipeline.probe import Probe

    secrets = destination_secrets(settings)
    return Sentinel(
        probe=Probe(
            destination(settings, PROBING, secrets),
            _clock,
            settings.destination_prefix,
            lambda: uuid4().hex,
            parts=uses_parts(settings),
        ),
        mapping=mapping(settings),
        circuits=circuits(settings),
        deliveries=delivery_health(settings, circuits_client.connect(_session())),
        written=secrets.created,
        metrics=metrics(settings),
        clock=_clock,
        min_interval_s=min_interval_s,
    )


def switch(settings: Settings) -> Switch:
    """Return the operator's switch for the circuit."""
    from windrow.operations.sentinel import Switch

    return Switch(mapping=mapping(settings), circuits=circuits(settings), clock=_clock)


def destination(
    settings: Settings,
    policy: RequestPolicy = DELIVERING,
    secrets: Secrets | None = None,
    locked: ObjectLock | None = None,
) -> S3MultipartDestination:
    """Return the destination, with the credentials of the settings or of ``secrets``.

    Objects are locked as ``locked`` or else the settings say.
    """
    return S3MultipartDestination(
        settings.destination_endpoint,
        settings.destination_bucket,
        settings.destination_region,
        secrets or destination_secrets(settings),
        _clock,
        policy,
        pace=_pace(settings.max_bytes_per_s) if settings.max_bytes_per_s else None,
        object_lock=locked or object_lock(settings),
    )


@cache
def _pace(bytes_per_s: int) -> Pace:
    """Return the rate limit that everything in this process shares."""
    return Pace(bytes_per_s, _clock)


def object_lock(settings: Settings) -> ObjectLock | None:
    """Return the lock for archives, None if they are not locked."""
    if not settings.object_lock_mode:
        return None
    return ObjectLock(settings.object_lock_mode.upper(), timedelta(days=settings.object_lock_days))


def locked_destination(settings: Settings, retention: timedelta) -> S3MultipartDestination | None:
    """Return a destination that locks all objects for ``retention``; None if the settings do not lock archives."""
    lock = object_lock(settings)
    if lock is None:
        return None
    return destination(settings, locked=ObjectLock(lock.mode, retention, applies=lambda _key: True))


def held_requests(settings: Settings) -> HeldRequests:
    """Return requests to the destination that are sent in two steps."""
    from windrow.clients.destination.held import HeldRequests

    return HeldRequests(
        settings.destination_endpoint,
        settings.destination_bucket,
        settings.destination_region,
        destination_secrets(settings),
    )


def destination_secrets(settings: Settings) -> DatedSecrets:
    """Return the source of the destination's credentials."""
    return secrets_from(settings.destination_secret_id, os.environ, _session, _clock)


def ledger(settings: Settings, client: DynamoDBClient | None = None) -> DynamoLedger:
    """Return the ledger, on a client of its own unless one is given."""
    client = client or deferred(lambda: ledger_client.connect(_session()))
    return DynamoLedger(settings.ledger_table, client, _clock, _jitter)


def delivery_health(settings: Settings, client: DynamoDBClient) -> DynamoDeliveryHealth:
    """Return the store of the results of deliveries."""
    return DynamoDeliveryHealth(settings.ledger_table, client)


def mapping(settings: Settings) -> EventSourceMapping:
    """Return the switch of the event source mapping, or its replacement for workers without one."""
    from windrow.clients.awslambda import mapping as mapping_client
    from windrow.operations.sentinel import WithoutMapping

    if not settings.event_source_mapping_id:
        return WithoutMapping(circuits(settings))
    return mapping_client.LambdaMappingSwitch(settings.event_source_mapping_id, mapping_client.connect(_session()))


def circuits(settings: Settings) -> DynamoCircuits:
    """Return the store of the circuit breaker's state."""
    from windrow.clients.dynamodb import circuits as circuits_client

    client = circuits_client.connect(_session())
    return circuits_client.DynamoCircuits(settings.ledger_table, settings.event_source_mapping_id or WORKERS, client)


def commit_point(settings: Settings, target: Destination, metrics: Metrics, clock: Clock = _clock) -> CommitPoint:
    """Return the commit point of a destination."""
    return CommitPoint(target, ledger(settings), metrics, clock, ttl=timedelta(days=settings.ledger_ttl_days))


def archive_reader(settings: Settings) -> ArchiveReader:
    """Return the reader of archives for audits."""
    from windrow.operations.audit import ArchiveReader

    return ArchiveReader(destination(settings), settings.destination_prefix)


def quarantine(settings: Settings) -> Quarantine:
    """Return the quarantine of broken archives."""
    from windrow.operations.quarantine import Quarantine

    target = destination(settings)
    return Quarantine(target, commit_point(settings, target, metrics(settings)), prefix=settings.destination_prefix)


def auditor(settings: Settings) -> Auditor:
    """Return the auditor."""
    from windrow.clients.s3.landing_index import S3LandingIndex

    return _auditor(settings, S3LandingIndex(_session().client("s3")))


def inventories(settings: Settings, manifests: Iterable[str]) -> list[Inventory]:
    """Return the inventories of these manifests, one for each landing bucket. Raises `InventoryError`."""
    return _opened(settings, _inventory_store(), manifests)


def newest_inventories(settings: Settings) -> list[Inventory]:
    """Return the newest inventory of each landing bucket. Raises `InventoryError`."""
    store = _inventory_store()
    return _opened(settings, store, (store.newest(settings.inventory, bucket) for bucket in settings.landing_buckets))


def _inventory_store() -> InventoryStore:
    from windrow.clients.s3 import bounded as bounded_s3
    from windrow.clients.s3 import inventory

    return inventory.InventoryStore(bounded_s3.connect(_session()))


def _opened(settings: Settings, store: InventoryStore, manifests: Iterable[str]) -> list[Inventory]:
    from windrow.operations.audit.inventory import check_buckets

    opened = [store.open(manifest) for manifest in manifests]
    check_buckets(settings.landing_buckets, opened)
    return opened


def inventory_auditor(settings: Settings, opened: Sequence[Inventory]) -> Auditor:
    """Return an auditor that uses inventories instead of listings."""
    from windrow.clients.s3 import bounded as bounded_s3
    from windrow.clients.s3 import inventory

    index = inventory.InventoryIndex(bounded_s3.connect(_session()), opened)
    return _auditor(settings, index, listed_at=min(each.created_at for each in opened))


def _auditor(settings: Settings, index: LandingIndex, listed_at: datetime | None = None) -> Auditor:
    from windrow.operations.audit import Auditor

    return Auditor(
        index=index,
        ledger=ledger(settings),
        archives=archive_reader(settings),
        buckets=settings.landing_buckets,
        clock=_clock,
        listed_at=listed_at,
    )


def daily_audit(settings: Settings) -> DailyAudit:
    """Return the daily audit; it uses the newest inventories if the settings say where they are."""
    from windrow.operations.audit import ArchiveReader, Marker
    from windrow.operations.audit.daily import DailyAudit
    from windrow.operations.audit.late import LateFiles
    from windrow.operations.audit.statement import Statements

    target = destination(settings)

    def opened() -> tuple[Auditor, list[Inventory]]:
        if not settings.inventory:
            return auditor(settings), []
        newest = newest_inventories(settings)
        return inventory_auditor(settings, newest), newest

    return DailyAudit(
        opened,
        Statements(target, settings.destination_prefix),
        Marker(target, settings.destination_prefix),
        LateFiles(target, ArchiveReader(target, settings.destination_prefix), settings.landing_buckets),
        EmfMetrics(stack=settings.stack),
        _clock,
        timedelta(days=settings.retention_hot_days),
    )


def marker(settings: Settings) -> Marker:
    """Return the writer of completeness marks."""
    from windrow.operations.audit import Marker

    return Marker(destination(settings), settings.destination_prefix)


def sweeper(settings: Settings, metrics: Metrics, clock: Clock = _clock) -> Sweeper:
    """Return the retention sweeper; a test may pass another ``clock``."""
    from windrow.clients.s3 import bounded as bounded_s3
    from windrow.clients.s3.copies import S3Copies
    from windrow.clients.s3.raw_files import S3RawFiles
    from windrow.operations.audit import ArchiveReader
    from windrow.operations.retention import Sweeper

    target = destination(settings)
    s3 = bounded_s3.connect(_session())
    return Sweeper(
        destination=target,
        archives=ArchiveReader(target, settings.destination_prefix),
        commit_point=commit_point(settings, target, metrics, clock),
        copies=S3Copies(settings.copies_bucket, s3),
        raw_files=S3RawFiles(s3),
        buckets=settings.landing_buckets,
        metrics=metrics,
        clock=clock,
    )


def rebuilder(settings: Settings) -> Rebuilder:
    """Return the rebuilder of the ledger."""
    from windrow.operations.audit import ArchiveReader
    from windrow.operations.rebuild import Rebuilder

    target = destination(settings)
    return Rebuilder(
        ArchiveReader(target, settings.destination_prefix),
        ledger(settings),
        commit_point(settings, target, metrics(settings)),
        _clock,
        ttl=timedelta(days=settings.ledger_ttl_days),
    )


def replayer(settings: Settings, *, rate_per_s: float) -> Replayer:
    """Return the replayer, limited to ``rate_per_s`` messages a second."""
    from windrow.clients.sqs.sender import SqsSender
    from windrow.operations.replay import Replayer

    return Replayer(SqsSender(settings.queue_url, _session().client("sqs")), _clock, rate_per_s=rate_per_s)


def ledger_corrector(settings: Settings) -> LedgerCorrector:
    """Return the ledger corrector."""
    from windrow.operations.replay import LedgerCorrector

    return LedgerCorrector(ledger(settings), Inspector(destination(settings)), quarantine(settings).quarantine)


def queue_statistics(queue_url: str) -> SqsStatistics:
    """Return the statistics of a queue."""
    from windrow.clients.sqs.statistics import SqsStatistics

    return SqsStatistics(queue_url, _session().client("sqs"), _session().client("cloudwatch"), _clock)


def watcher(settings: Settings) -> Watcher:
    """Return the watcher, which polls the status."""
    from windrow.clients.cloudwatch.punctuality import CloudWatchPunctuality
    from windrow.operations.status import Watcher

    return Watcher(
        punctuality=CloudWatchPunctuality(_session().client("cloudwatch"), _clock, stack=settings.stack),
        queue=queue_statistics(settings.queue_url),
        dead_letters=dead_letter_queue(settings),
        circuits=circuits(settings),
        mapping=mapping(settings),
        mapped=bool(settings.event_source_mapping_id),
        destination=destination(settings),
        prefix=settings.destination_prefix,
        clock=_clock,
    )


def dead_letter_queue(settings: Settings) -> DeadLetterQueue:
    """Return the dead-letter queue for operators."""
    from windrow.clients.sqs.dead_letters import DeadLetterQueue

    return DeadLetterQueue(settings.dlq_url, settings.queue_url, _session().client("sqs"))


def deployer(
    function: str,
    alias: str,
    wait: Callable[[float], bool],
    on_event: Callable[[Event], object],
    on_progress: Callable[[Progress], object],
    *,
    alarms: Sequence[str],
    prefixes: Sequence[str],
) -> Deployer:
    """Return the deployer of versions behind a function's alias, with the callbacks of `Deployer`.

    It watches the ``alarms`` with these names, and those whose names begin with one of the ``prefixes``.
    """
    from windrow.clients.awslambda.versions import LambdaVersions
    from windrow.clients.cloudwatch.alarms import CloudWatchMonitor
    from windrow.operations.deployment import Deployer

    versions = LambdaVersions(function, alias, _session().client("lambda"), _clock)
    cloudwatch = _session().client("cloudwatch")
    watch = CloudWatchMonitor(function, alias, cloudwatch, _clock, alarms=alarms, prefixes=prefixes)
    return Deployer(versions, watch, _clock, wait, on_event, on_progress)
