"""One campaign from start to verdict."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import msgspec

from bench.faults.catalogue import Fault, Lane, schedule
from bench.faults.environment import Environment, no_trace, private_key_names, shows
from bench.faults.handler import POISON, POISON_KILLS, POISON_MENDED
from bench.faults.inject import Injector
from bench.faults.result import Result, text
from bench.faults.traffic import Traffic
from bench.faults.verification import verify
from bench.machine import describe
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import polls

FILES_PER_S = 5.0
PAUSES_S = {Lane.WORKER: 2.0, Lane.DESTINATION: 3.0, Lane.EVENTS: 1.0}
"""Longest pause between two faults of a lane; of the others 0.5 s. Workers need time without a fault."""
ATTEMPTS = 20
"""Tries to find a precondition for a fault."""
DRAIN_S = 240.0
"""Longest wait without progress for the queue to empty at the end; leases and visibility are over in 30 s."""
POLL_S = 0.5


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long a worker may run, how long a message it had is hidden, how many poison objects there are.

    ``visibility_s`` is longer than a batch may take (its run time after 1 s of gathering); AWS's advice of six times as
    long would be slow. All other files must be delivered ``poison_s`` into the draining, when the poison is mended.
    """

    timeout_s: int
    visibility_s: int
    poison_objects: int
    poison_s: float

    @property
    def shape(self) -> Shape:
        """The stack's shape: no circuit breaker, which would keep the worker from the faults."""
        return Shape(window_s=1, timeout_s=self.timeout_s, concurrency=2, batch_size=250, sentinel_s=0)


LONG = Pace(timeout_s=15, visibility_s=20, poison_objects=2, poison_s=3600.0)
SHORT = Pace(timeout_s=10, visibility_s=12, poison_objects=1, poison_s=240.0)


class Campaign:
    """Runs a schedule of faults against an environment while files arrive; ``on_progress`` is called at each change."""

    def __init__(
        self, environment: Environment, seed: int, count: int, pace: Pace, on_progress: Callable[[str], object]
    ) -> None:
        self._environment = environment
        self._seed = seed
        self._plan = schedule(seed, count)
        self._pace = pace
        self._notes: set[str] = set()
        self._on_progress = on_progress
        self._traffic = Traffic(environment, seed, FILES_PER_S)
        self._injector = Injector(environment, self._traffic)
        self._deliveries = Deliveries(environment.destination())
        self._lock = threading.Lock()
        self._injected: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()

    def run(self) -> Result:
        """Inject everything, let the queue drain, reconcile."""
        begun = time.monotonic()
        rng = Random(f"{self._seed} poison")
        self._traffic.start()
        over = threading.Event()
        keeper = threading.Thread(target=self._injector.keep_engine, args=(over,), daemon=True)
        keeper.start()
        try:
            return self._run(rng, begun)
        finally:
            over.set()
            keeper.join()

    def _run(self, rng: Random, begun: float) -> Result:
        try:
            for _ in range(self._pace.poison_objects):
                self._traffic.poison(rng)
            self._inject_all()
        finally:
            self._traffic.stop()
        stopped = time.monotonic()
        self._note("faults are over; the queue drains")
        left = self._await_files()
        (self._environment.traps / POISON_MENDED).touch()
        self._note("the poison is harmless now")
        self._await_queue()
        self._note("reading every archive back")
        return self._result(begun, stopped, left)

    def _inject_all(self) -> None:
        lanes = [[fault for fault in self._plan if fault.lane is lane] for lane in Lane]
        with ThreadPoolExecutor(len(lanes), "lane") as pool:
            for done in [pool.submit(self._follow, faults) for faults in lanes if faults]:
                done.result()

    def _follow(self, faults: Iterable[Fault]) -> None:
        """Inject one lane's faults one after the other; one without precondition is tried again at the end."""
        waiting = deque((fault, 1) for fault in faults)
        while waiting:
            fault, attempt = waiting.popleft()
            time.sleep(Random(fault.seed).uniform(0, PAUSES_S.get(fault.lane, 0.5)))
            if self._inject(fault):
                continue
            if attempt < ATTEMPTS:
                waiting.append((msgspec.structs.replace(fault, seed=fault.seed + 1), attempt + 1))
                continue
            with self._lock:
                self._missed[fault.kind] += 1

    def _inject(self, fault: Fault) -> bool:
        if not self._injector.inject(fault):
            return False
        with self._lock:
            self._injected[fault.kind] += 1
            total = self._injected.total()
        self._note(f"{total} of {len(self._plan)} faults, {len(self._traffic.sent)} files")
        return True

    def _note(self, text: str) -> None:
        self._notes.add(text)
        self._on_progress(text)

    def _await_files(self) -> int:
        """Wait until all but the poison is delivered; files in a batch with it may fail a few times, too.

        Return how many files are not delivered by then.
        """

        def left() -> int:
            self._deliveries.refresh()
            held = {
                (file.key, file.version_id)
                for delivery in self._deliveries.archives
                for file in delivery.manifest.files
            }
            files = [one.file for one in self._traffic.sent if not one.file.key.startswith(POISON)]
            return sum((file.key, file.version_id) not in held for file in files)

        return self._await_none(left, "files to be delivered", self._pace.poison_s)

    def _await_queue(self) -> None:
        self._await_none(self._environment.depth, "messages in the queue", 3600.0)

    def _await_none(self, count: Callable[[], int], what: str, most_s: float) -> int:
        """Wait until nothing is left, nothing has moved for long, or ``most_s`` are over; return what is left."""
        moved_s, left = 0.0, count()
        for passed_s in polls(most_s, POLL_S):
            before, left = left, count()
            if left != before:
                moved_s = passed_s
            if not left or passed_s > moved_s + DRAIN_S:
                break
            self._note(f"{left} {what}")
        return left

    def _result(self, begun: float, stopped: float, left: int) -> Result:
        drained = time.monotonic()
        kills = self._environment.traps / POISON_KILLS
        result = Result(
            ok=False,
            seed=self._seed,
            faults_injected=self._injected.total(),
            faults=dict(sorted(self._injected.items())),
            without_occasion=dict(self._missed),
            poison_kills=kills.stat().st_size if kills.exists() else 0,
            left_by_poison=left,
            verification=verify(self._environment, self._traffic, self._deliveries),
            shows_secret=[],
            seconds=round(time.monotonic() - begun, 1),
            drain_seconds=round(drained - stopped, 1),
            machine=describe(),
        )
        return result.judged(self._leaks(result))

    def _leaks(self, result: Result) -> list[str]:
        """Return the names of logs and outputs that show a secret that was in use."""
        secrets = self._environment.secrets | private_key_names(self._environment.folder)
        outputs = {
            "the result in JSON": msgspec.json.encode(result),
            "what is printed": "\n".join([text(result), *sorted(self._notes)]).encode(),
        }
        return [
            *no_trace(self._environment.folder, secrets),
            *(name for name, output in outputs.items() if shows(output, secrets)),
        ]


def campaign(
    folder: Path,
    toxiproxy: Path,
    *,
    seed: int,
    count: int,
    pace: Pace,
    on_progress: Callable[[str], object],
    own_breaker: bool = False,
) -> Result:
    """Run a campaign of ``count`` faults in an empty folder, where logs and data stay; see `Environment`.

    Raises:
        LocalStackError: a server did not start.
    """
    with Environment(
        folder, toxiproxy, pace.shape, visibility_s=pace.visibility_s, own_breaker=own_breaker
    ) as environment:
        return Campaign(environment, seed, count, pace, on_progress).run()
