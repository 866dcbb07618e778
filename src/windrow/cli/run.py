"""``windrow run``: the worker, with the semantics of an event source mapping."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from windrow import settings
from windrow.cli import logged
from windrow.cli.output import PROBLEM, err, print_json
from windrow.clients.clock import SystemClock
from windrow.clients.cloudwatch.metrics import SCRAPED
from windrow.core.errors import SettingsError
from windrow.core.mapping import FixedMapping, MappingConfig, Overrides
from windrow.core.words import counted
from windrow.ports import ConfigSource
from windrow.worker import memory
from windrow.worker.batcher import QUIET_WAIT_S, RECEIVERS
from windrow.worker.circuit import PROBE_EVERY_S, CircuitSource, Turns, keep_probing
from windrow.worker.engine import REQUESTERS, Engine
from windrow.worker.poller import Poller, unready
from windrow.worker.pool import Pool
from windrow.worker.progress import BatchFinished, Counters, InvocationOutcome, Progress, Switched, Totals

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_sqs import SQSClient

    from windrow.settings import Settings

HANDLER = "windrow.functions.aggregate.handler"
BATCH_SIZE = 10_000
WINDOW_S = 60
TIMEOUT_S = 120
"""Defaults of a worker without a mapping: those of the local stack's mapping and function."""

_log = logging.getLogger(__name__)

REFRESH_S = 0.2
REPLY_LIMIT_S = 10
"""Longest wait for a response, in addition to a long poll's wait for messages."""


def run(
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, help="Worker processes. Default: the mapping's, at most one per processor."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help=f"Messages per batch. Default: the mapping's, or {BATCH_SIZE}."),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(min=0, max=300, help=f"Seconds to gather a batch. Default: the mapping's, or {WINDOW_S}."),
    ] = None,
    timeout: Annotated[
        int | None,
        typer.Option(
            min=1, max=900, help=f"Seconds until a worker is killed. Default: the function's, or {TIMEOUT_S}."
        ),
    ] = None,
    pollers: Annotated[
        int, typer.Option(min=1, max=100, help="Batches gathered at a time; AWS starts with 5, 1 fills them best.")
    ] = 1,
    quiet_wait: Annotated[
        int,
        typer.Option(
            min=1,
            max=QUIET_WAIT_S,
            help="Seconds that a poll of an empty queue waits; an idle worker takes as long to stop.",
        ),
    ] = QUIET_WAIT_S,
    probe_every: Annotated[
        int,
        typer.Option(min=1, max=3600, help="Without a mapping: seconds between two probes of the destination."),
    ] = PROBE_EVERY_S,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Serve /metrics for Prometheus, /livez and /readyz there; needs windrow[server]."
        ),
    ] = None,
    handler: Annotated[str, typer.Option(help="The handler to call, as package.module.function.")] = HANDLER,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per batch, and a summary.")] = False,
) -> None:
    """Poll the queue and process its batches until SIGTERM or SIGINT.

    The event source mapping that WINDROW_EVENT_SOURCE_MAPPING_ID names is followed, its enabled flag included; options
    override it. Without one, the options alone say what to do with the queue at WINDROW_QUEUE_URL, and workers are
    their own circuit breaker: one of them probes the destination, and while it is down none receives. The first signal
    stops receiving, returns gathered messages to the queue and lets running batches end; the second kills them.

    Without a terminal the log, the worker processes' lines included, goes to standard output as JSON lines at level
    INFO; with --json to standard error. On a terminal the lines are formatted for people, with times in UTC.
    """
    memory.share_arena()
    overrides = Overrides(
        max_concurrency=concurrency,
        batch_size=batch_size,
        window_s=window,
        timeout_s=timeout,
        processes_most=os.cpu_count() or 1,
    )
    display = _Display(as_json)
    from windrow.clients import aws
    from windrow.clients.sqs import source_queue

    session = aws.session(os.environ)
    clock = SystemClock()
    config = _settings(handler, session)
    sqs = _sqs(pollers, session)
    source = _source(config, sqs, session, overrides)
    probing = _probing(config, probe_every) if isinstance(source, CircuitSource) else nullcontext()
    pages = _pages(config, listen, display.counters) if listen else nullcontext()
    # The pages first: they set the environment variable by which the workers and the probing choose their metrics.
    with display.shown() as output:
        with pages, Pool(handler, output=output) as pool, probing:
            engine = Engine(
                source,
                source_queue.opener(sqs, clock),
                pool,
                clock,
                observer=display.counters,
                pollers=pollers,
                quiet_wait_s=quiet_wait,
            )
            _until_stopped(engine, pool, display)
        display.summarize()


def _settings(handler: str, session: boto3.session.Session) -> Settings:
    """Return the settings; a handler other than Windrow's own needs only the queue. Raises `SettingsError`."""
    with_queue = () if os.environ.get("WINDROW_EVENT_SOURCE_MAPPING_ID") else ("queue_url",)
    config = settings.load(os.environ, settings.AGGREGATE if handler == HANDLER else with_queue)
    if faults := settings.misplaced(config, lambda: session.client("s3").meta.endpoint_url):
        raise SettingsError("; ".join(faults))
    return config


def _sqs(pollers: int, session: boto3.session.Session) -> SQSClient:
    """Return a client with enough connections for the pollers."""
    from windrow.clients.sqs import source_queue

    return source_queue.connect(
        session,
        connect_timeout_s=REPLY_LIMIT_S,
        read_timeout_s=QUIET_WAIT_S + REPLY_LIMIT_S,
        connections=RECEIVERS * pollers + REQUESTERS,
    )


def _source(config: Settings, sqs: SQSClient, session: boto3.session.Session, overrides: Overrides) -> ConfigSource:
    """Return where the engine's configuration comes from. Raises `SettingsError`, `QueueError`."""
    from windrow import bootstrap
    from windrow.clients.awslambda import mapping
    from windrow.clients.sqs import source_queue

    if config.event_source_mapping_id:
        functions = mapping.connect(session)
        return mapping.LambdaMapping(functions, sqs, config.event_source_mapping_id, overrides)
    chosen = overrides.apply(
        MappingConfig(
            queue_url=config.queue_url,
            queue_arn=source_queue.queue_arn(sqs, config.queue_url),
            batch_size=BATCH_SIZE,
            window_s=WINDOW_S,
            timeout_s=TIMEOUT_S,
            max_concurrency=overrides.processes_most,
        )
    )
    if all(getattr(config, name) for name in settings.AGGREGATE):
        return CircuitSource(chosen, bootstrap.circuits(config))
    return FixedMapping(chosen)


@contextmanager
def _pages(config: Settings, listen: str, counters: Counters) -> Iterator[None]:
    """Serve the pages inside the block; they show what all processes count. Raises `SettingsError`."""
    from windrow import bootstrap

    with TemporaryDirectory(prefix="windrow-metrics-") as folder:
        os.environ[SCRAPED] = folder
        try:
            from windrow.worker import exporter, web
        except ImportError as error:
            raise SettingsError(f"--listen needs more packages: pip install 'windrow[cli,server]' ({error})") from error
        queue, dead_letters = bootstrap.queue_statistics(config.queue_url), bootstrap.dead_letter_queue(config)
        poller = Poller(queue, dead_letters, bootstrap.circuits(config), SystemClock())
        stop = threading.Event()
        threading.Thread(target=poller.poll_until, args=(stop,), name="windrow-poll", daemon=True).start()
        pages = {
            "/metrics": web.metrics_page(exporter.registry(counters.totals, poller.latest)),
            "/livez": web.health_page(dict),
            "/readyz": web.health_page(lambda: unready(counters.totals(), poller.latest())),
        }
        try:
            with web.serving(web.address(listen), pages):
                yield
        finally:
            stop.set()


@contextmanager
def _probing(config: Settings, every_s: int) -> Iterator[None]:
    """Take turns in probing the destination inside the block; nothing waits for a probe under way at its end."""
    from windrow import bootstrap

    stop = threading.Event()
    turns = Turns(bootstrap.sentinel(config, min_interval_s=every_s * 2 // 3), bootstrap.circuits(config))
    threading.Thread(target=keep_probing, args=(turns, stop.wait, every_s), name="windrow-probe", daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _until_stopped(engine: Engine, pool: Pool, display: _Display) -> None:
    """Run the engine; the first signal stops it, the second kills the workers and ends this process."""
    stop = threading.Event()
    signals: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        # The main thread never waits on `stop` itself: setting it here could then deadlock.
        signals.append(number)
        stop.set()

    with _handlers(on_signal), ThreadPoolExecutor(1, "windrow-engine") as thread:
        running: Future[None] = thread.submit(engine.run, stop)
        while not running.done():
            wait([running], timeout=REFRESH_S)
            display.refresh(stopping=stop.is_set())
            if len(signals) > 1:
                pool.kill()
                # A running long poll would delay an ordinary exit.
                os._exit(PROBLEM)
        running.result()


@contextmanager
def _handlers(handler: Callable[[int, object], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


class _Display:
    """Shows progress: for people on a terminal, else as JSON in the log, or with ``--json`` on standard output."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._for_people = err.is_terminal and not as_json
        self._lock = threading.Lock()
        self.counters = Counters(self._observe)
        self._status = err.status(_line(Totals(), "starting"))

    @contextmanager
    def shown(self) -> Iterator[int | None]:
        """Show progress inside the block; yield the file descriptor for the workers' output, None for this one's."""
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger("botocore").setLevel(logging.WARNING)
        if self._for_people:
            with self._status, _pumped(logged.show) as output:
                yield output
        else:
            from windrow.clients import logs

            stream = sys.stderr if self._as_json else sys.stdout
            with logs.as_lines(stream):
                yield stream.fileno()

    def refresh(self, *, stopping: bool) -> None:
        """Show the totals so far."""
        if self._for_people:
            self._status.update(_line(self.counters.totals(), "stopping" if stopping else ""))

    def summarize(self) -> None:
        """Print the totals of the whole run."""
        totals = self.counters.totals()
        if self._as_json:
            self._print_json({"event": "summary", "ok": True, **msgspec.to_builtins(totals)})
        else:
            self._print_line(_line(totals, "stopped"))

    def _observe(self, progress: Progress) -> None:
        if self._as_json:
            if isinstance(progress, BatchFinished | Switched):
                self._print_json(msgspec.to_builtins(progress))
        elif isinstance(progress, BatchFinished):
            self._print_line(_batch_line(progress))

    def _print_line(self, line: str) -> None:
        if self._for_people:
            err.print(line, soft_wrap=True)
        else:
            _log.info("%s", line)

    def _print_json(self, fields: dict[str, Any]) -> None:
        with self._lock:
            print_json(fields)


@contextmanager
def _pumped(show: Callable[[str], None]) -> Iterator[int]:
    """Yield a file descriptor whose lines are shown one by one, above the status line."""
    reader, writer = os.pipe()

    def pump() -> None:
        with open(reader, errors="replace") as lines:  # noqa: PTH123 - a file descriptor
            for line in lines:
                show(line.rstrip("\n"))

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        os.close(writer)
        thread.join(REFRESH_S)


def _batch_line(ended: BatchFinished) -> str:
    """Return how a batch ended. A run without an error in which every message failed must not look like a success."""
    parts = [f"{ended.deleted:,} done"] if ended.deleted or not ended.failed else []
    if ended.failed:
        parts.append(f"{'' if ended.deleted else 'none done, '}{ended.failed:,} returned to the queue")
    if kept := ended.messages - ended.deleted - ended.failed:
        parts.append(f"{kept:,} done, but not deleted by SQS")
    failed = "" if ended.outcome is InvocationOutcome.OK else f"FAILED ({ended.outcome}), "
    why = "; the log line 'batch settled' has the causes" if ended.failed and not failed else ""
    return f"batch of {counted(ended.messages, 'message')}: {failed}{', '.join(parts)}, {ended.seconds:.1f} s{why}"


def _line(totals: Totals, state: str = "") -> str:
    state = state or ("running" if totals.enabled else "disabled")
    return (
        f"{state}; batches: {totals.batches_finished} done, {totals.batches_running} running, "
        f"{totals.batches_failed} failed; messages: {totals.messages_deleted:,} done, "
        f"{totals.messages_in_flight:,} in flight"
    )
