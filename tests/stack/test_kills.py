"""A worker killed at every step, on real servers."""

from __future__ import annotations

from random import Random

import pytest

from bench.faults.environment import Environment, no_trace, private_key_names
from bench.faults.handler import steps
from bench.faults.inject import Injector
from bench.faults.preconditions import precondition
from bench.faults.traffic import Traffic
from bench.faults.verification import verify
from windrow.lab.load.batches import BatchLog
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import LIMIT_S, wait_for, wait_until
from windrow.worker.progress import InvocationOutcome

pytestmark = [pytest.mark.needs("minio", "toxiproxy"), pytest.mark.timeout(900)]

NUDGE_S = 5.0
SEED = 1


def test_a_worker_killed_at_each_step(environment: Environment) -> None:
    """Before and after every operation in `STEPS` a process dies once; every file arrives once and whole."""
    rng = Random(SEED)
    traffic = Traffic(environment, SEED, files_per_s=2)
    sprung = []
    traffic.start()
    try:
        for step in steps():
            if spring(environment, step, traffic, rng):
                sprung.append(step)
            await_good_batch(environment)
    finally:
        traffic.stop()
    assert 0 == environment.await_empty(LIMIT_S)

    assert steps() == sprung
    found = verify(environment, traffic, Deliveries(environment.destination()))
    assert found.ok, str(found)
    assert found.files > len(sprung)
    assert [] == no_trace(environment.folder, environment.secrets | private_key_names(environment.folder))


def spring(environment: Environment, step: str, traffic: Traffic, rng: Random) -> bool:
    """Set a trap for a step; return whether a worker died in it."""
    trap = environment.traps / step
    trap.touch()
    injector = Injector(environment, traffic)

    def sprung() -> bool:
        injector.revive_engine()
        return not trap.exists()

    def nudged() -> bool:
        with precondition(step, environment, traffic, rng):
            return wait_for(sprung, NUDGE_S)

    return wait_for(nudged)


def await_good_batch(environment: Environment) -> None:
    """Wait until a batch ends well: the engine pauses the longer the more of them crash in a row."""
    before = good_batches(environment)
    wait_until("a good batch", lambda: good_batches(environment) > before, cause=environment.stack.worker.log_tail)


def good_batches(environment: Environment) -> int:
    """Return how many batches have ended well so far, by the worker's log."""
    log = BatchLog(environment.stack.worker.log)
    log.follow(0)
    return sum(batch.outcome == InvocationOutcome.OK for batch in log.batches)
