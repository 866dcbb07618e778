"""One load test on a running stack: load and disturbance by plan, a sample a second, verification at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from windrow import settings
from windrow.bootstrap import dead_letter_queue, destination, queue_statistics
from windrow.core.errors import LocalStackError
from windrow.lab.load.batches import BatchLog, BatchRun
from windrow.lab.load.bodies import Bodies
from windrow.lab.load.course import Course, Disturbance
from windrow.lab.load.generator import Generator, Sent, landing_put
from windrow.lab.load.outage import INTERVAL_S, SENTINEL, Outage, SentinelRun, SentinelRuns
from windrow.lab.load.plan import Interval, Plan
from windrow.lab.load.samples import Measurement, Sampler
from windrow.lab.load.watch import DeliveryMonitor
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries, Report, report, verify
from windrow.lab.stack.warm_up import warm_up
from windrow.worker.pool import Pool

STEP_S = 1.0
SETTLED_S = 5.0
"""An empty queue for so long, with files not delivered, means that nobody will deliver them any more."""
TIMEOUT_S = 90.0
"""Longest wait without any progress, beyond the window: a message that failed comes back after 10 s and more."""
BACKOFF_S = 900.0
"""After an outage a message may be hidden for as long as the longest backoff."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that a load test recorded. Times ``_s`` are seconds from ``started_at``."""

    started_at: datetime
    plan: Plan
    sent: list[Sent]
    failed: list[str]
    deliveries: Deliveries
    samples: list[Measurement]
    batches: list[BatchRun]
    switches: list[tuple[float, bool]]
    events: list[tuple[float, str]]
    probes: list[SentinelRun]
    outage: Interval | None
    proof: Report


class LoadTest:
    """Runs one plan on a stack without worker and sentinel.

    ``disturbances`` happen amid the load, as the plan's outage does. ``on_sample`` is called with each sample, ``say``
    with a text for each stage and event.
    """

    def __init__(
        self,
        stack: Stack,
        plan: Plan,
        *,
        disturbances: Sequence[Disturbance] = (),
        on_sample: Callable[[Measurement], object] = lambda _: None,
        say: Callable[[str], object] = lambda _: None,
        sentinel_interval_s: float = INTERVAL_S,
    ) -> None:
        self._stack = stack
        self._plan = plan
        self._on_sample = on_sample
        self._say = say
        self._sentinel_interval_s = sentinel_interval_s
        self._destination = destination(settings.load(stack.environment()))
        self._deliveries = Deliveries(self._destination)
        self._watch = DeliveryMonitor(self._deliveries)
        self._outage = Outage(stack.destination, plan.outage) if plan.outage else None
        self._disturbances = [*([self._outage] if self._outage else []), *disturbances]
        self._logs: dict[Path, BatchLog] = {}
        self._samples: list[Measurement] = []
        self._events: list[tuple[float, str]] = []

    def run(self) -> Record:
        """Carry out the plan, wait for the last file, and verify what was delivered.

        Raises:
            LocalStackError: a part of the stack ended on the way, other than by plan.
        """
        self._say("preparing")
        if self._stack.fast:
            warm_up(self._plan.count)
        generator = Generator(landing_put(self._stack.outputs), Bodies(uuid4().hex[:8], self._plan.size))
        with self._worker(), self._sentinels() as pool:
            started_at, begun = datetime.now(UTC), time.monotonic()
            sentinel = SentinelRuns(pool, begun, self._sentinel_interval_s)
            sampler = Sampler(self._stack, generator, self._watch, pool)
            self._drive(generator, sentinel, sampler, begun)
        self._watch.poll()
        return Record(
            started_at=started_at,
            plan=self._plan,
            sent=generator.sent,
            failed=generator.failed,
            deliveries=self._deliveries,
            samples=self._samples,
            batches=sorted(batch for log in self._logs.values() for batch in log.batches),
            switches=sorted(switch for log in self._logs.values() for switch in log.switches),
            events=self._events,
            probes=sentinel.probes,
            outage=self._outage.actual if self._outage else None,
            proof=self._verify(generator),
        )

    @contextmanager
    def _worker(self) -> Iterator[None]:
        """Run the worker as ``windrow up`` does, but with its batches as JSON lines in its log."""
        self._stack.start_worker("--json")
        try:
            yield
        finally:
            self._stack.worker.kill()

    @contextmanager
    def _sentinels(self) -> Iterator[Pool]:
        with (
            (self._stack.folder / "sentinel.log").open("ab") as log,
            Pool(SENTINEL, env=self._stack.environment(), output=log.fileno()) as pool,
        ):
            pool.warm()
            yield pool

    def _drive(self, generator: Generator, sentinel: SentinelRuns, sampler: Sampler, begun: float) -> None:
        stop = threading.Event()
        course = Course(begun, stop, lambda event: self._note(event, begun), self._watch.delivered)
        with ExitStack() as threads:
            executor = threads.enter_context(ThreadPoolExecutor(3 + len(self._disturbances), "windrow-load"))
            threads.callback(stop.set)
            uploads = executor.submit(generator.run, self._plan.due(), begun, stop)
            others: list[Future[None]] = [
                executor.submit(self._watch.run, stop),
                executor.submit(sentinel.run, stop),
                *(executor.submit(disturbance.run, course) for disturbance in self._disturbances),
            ]
            self._say("uploading")
            self._sample(sampler, uploads, others, begun)

    def _note(self, event: str, begun: float) -> None:
        self._events.append((time.monotonic() - begun, event))
        self._say(event)

    def _sample(self, sampler: Sampler, uploads: Future[None], others: list[Future[None]], begun: float) -> None:
        """Take a sample each second until all is delivered, or nothing moves any more."""
        end = _End(self._plan)
        due = begun
        while True:
            due += STEP_S
            time.sleep(max(0.0, due - time.monotonic()))
            self._check(uploads, others)
            uploaded_all = uploads.done()  # before the queue is counted, which must then hold all events
            sample = sampler.take(time.monotonic() - begun)
            self._follow_logs(sample.at_s)
            self._samples.append(sample)
            self._on_sample(sample)
            if uploaded_all and all(each.over for each in self._disturbances) and end.reached(sample):
                return

    def _follow_logs(self, at_s: float) -> None:
        """Read on in the logs of the worker and of those that it has replaced."""
        path = self._stack.worker.log
        self._logs.setdefault(path, BatchLog(path))
        for log in self._logs.values():
            log.follow(at_s)

    def _check(self, uploads: Future[None], others: list[Future[None]]) -> None:
        """Raise what a thread raised, and `LocalStackError` if a process is gone."""
        for future in (uploads, *others):
            if future.done():
                future.result()
        down = [self._stack.destination] if self._outage and self._outage.down else []
        for process in (*self._stack.parts(), self._stack.worker):
            if not process.running and process not in down:
                raise LocalStackError(f"{process.name} has ended{process.log_tail()}")

    def _verify(self, generator: Generator) -> Report:
        """Read every archive back whole and compare it with what was uploaded."""
        self._say("verifying")
        uploaded = [sent.file for sent in generator.sent]
        found = verify(uploaded, self._deliveries, self._destination)
        dead = queue_statistics(self._stack.outputs.dlq_url).depth().total
        messages = dead_letter_queue(settings.load(self._stack.environment())).walk(dead) if dead else []
        return report(
            uploaded,
            self._deliveries,
            found,
            kind=self._stack.kind,
            window_s=self._plan.window_s,
            dead_lettered=[f"{message.reason}: {message.detail}" for message in messages],
        )


class _End:
    """Decides when there is nothing more to wait for, once everything is uploaded."""

    def __init__(self, plan: Plan) -> None:
        self._timeout_s = plan.window_s + TIMEOUT_S + (BACKOFF_S if plan.outage else 0.0)
        self._state: tuple[int, int] | None = None
        self._changed_s = 0.0

    def reached(self, sample: Measurement) -> bool:
        state = (sample.delivered, sample.queued.total)
        if state != self._state:
            self._state, self._changed_s = state, sample.at_s
        still_s = sample.at_s - self._changed_s
        complete = sample.delivered >= sample.uploaded
        settled = not sample.queued.total and (complete or still_s > SETTLED_S)
        return settled or still_s > self._timeout_s
