"""A worker killed at every step, on real servers."""

from __future__ import annotations

from random import Random

import pytest

from bench.faults.handler import steps
from bench.faults.inject import Injector
from bench.faults.occasions import occasion
from bench.faults.reckoning import reckon
from bench.faults.stage import Stage, no_trace, private_key_names
from bench.faults.traffic import Traffic
from windrow.load.batches import BatchLog
from windrow.local.proof import Deliveries
from windrow.local.waiting import LIMIT_S, wait_for, wait_until
from windrow.worker.progress import InvocationOutcome

pytestmark = [pytest.mark.needs("minio", "toxiproxy"), pytest.mark.timeout(900)]

NUDGE_S = 5.0
SEED = 1


def test_a_worker_killed_at_each_step(stage: Stage) -> None:
    """Before and after every operation in `STEPS` a process dies once; every file arrives once and whole."""
    rng = Random(SEED)
    traffic = Traffic(stage, SEED, files_per_s=2)
    sprung = []
    traffic.start()
    try:
        for step in steps():
            if spring(stage, step, traffic, rng):
                sprung.append(step)
            await_good_batch(stage)
    finally:
        traffic.stop()
    assert 0 == stage.await_empty(LIMIT_S)

    assert steps() == sprung
    found = reckon(stage, traffic, Deliveries(stage.destination()))
    assert found.ok, found
    assert found.files > len(sprung)
    assert [] == no_trace(stage.folder, stage.secrets | private_key_names(stage.folder))


def spring(stage: Stage, step: str, traffic: Traffic, rng: Random) -> bool:
    """Set a trap for a step; return whether a worker died in it."""
    trap = stage.traps / step
    trap.touch()
    injector = Injector(stage, traffic)

    def sprung() -> bool:
        injector.revive_engine()
        return not trap.exists()

    def nudged() -> bool:
        with occasion(step, stage, traffic, rng):
            return wait_for(sprung, NUDGE_S)

    return wait_for(nudged)


def await_good_batch(stage: Stage) -> None:
    """Wait until a batch ends well: the engine pauses the longer the more of them crash in a row."""
    before = good_batches(stage)
    wait_until("a good batch", lambda: good_batches(stage) > before, cause=stage.stack.worker.last_words)


def good_batches(stage: Stage) -> int:
    """Return how many batches have ended well so far, by the worker's log."""
    log = BatchLog(stage.stack.worker.log)
    log.follow(0)
    return sum(batch.outcome == InvocationOutcome.OK for batch in log.batches)
