"""The worker's engine in this process, its handlers in theirs, run until a backlog is gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

from windrow.clients.clock import SystemClock
from windrow.clients.json_requests import light
from windrow.clients.sqs.source_queue import LIGHT, RETRIES, opener, queue_arn
from windrow.core.mapping import FixedMapping, MappingConfig
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.waiting import polls
from windrow.worker.engine import Engine
from windrow.worker.pool import Pool
from windrow.worker.progress import Counters, Totals

HANDLER = "windrow.functions.aggregate.handler"
QUIET_WAIT_S = 1
WINDOW_S = 5
POLL_S = 0.05
"""Between two checks whether the backlog is gone; its end may be noticed so much too late."""


class BackgroundEngine:
    """A context manager; leaving it stops the engine, which takes as long as a receive that is under way."""

    def __init__(self, sqs: Any, pool: Pool, queue_url: str, *, batch_size: int, workers: int) -> None:  # noqa: ANN401
        mapping = MappingConfig(
            queue_url=queue_url,
            queue_arn=queue_arn(sqs, queue_url),
            batch_size=batch_size,
            window_s=WINDOW_S,
            timeout_s=Shape().timeout_s,
            max_concurrency=workers,
        )
        self._counters = Counters()
        clock = SystemClock()
        self._engine = Engine(
            FixedMapping(mapping),
            opener(light(sqs, LIGHT, RETRIES), clock),
            pool,
            clock,
            observer=self._counters,
            quiet_wait_s=QUIET_WAIT_S,
        )
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.shutdown()

    def deliver(self, over: Callable[[Totals], bool], limit_s: float) -> None:
        """Start, and return when ``over`` returns true; it is called 20 times a second.

        Raises:
            SystemExit: it took too long, or a message failed.
        """
        running = self._thread.submit(self._engine.run, self._stop)
        for _ in polls(limit_s, POLL_S):
            totals = self._counters.totals()
            if over(totals):
                return
            if running.done():
                running.result()
            if totals.messages_failed:
                break
        raise SystemExit(f"the backlog was not delivered: {self._counters.totals()}")


@contextmanager
def handlers(environment: Mapping[str, str], queue_url: str, handler: str = HANDLER) -> Iterator[Pool]:
    """Yield a pool of worker processes that run a handler, by default Windrow's; the metrics it prints are dropped."""
    with (
        open(os.devnull, "wb") as nowhere,  # noqa: PTH123 - a file descriptor
        Pool(handler, env={**environment, "WINDROW_QUEUE_URL": queue_url}, output=nowhere.fileno()) as pool,
    ):
        yield pool
