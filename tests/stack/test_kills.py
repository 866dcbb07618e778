"""A worker killed at every step, on real servers."""

from __future__ import annotations

import time
from contextlib import ExitStack
from random import Random

import pytest

from bench.faults.handler import steps
from bench.faults.inject import Injector
from bench.faults.proxy import Action, Rule
from bench.faults.reckoning import reckon
from bench.faults.stage import Stage, no_trace, private_key_names
from bench.faults.traffic import Traffic
from windrow.local.proof import Deliveries

pytestmark = [pytest.mark.needs("minio", "toxiproxy"), pytest.mark.timeout(600)]

PATIENCE_S = 240.0
SEED = 1


def test_a_worker_killed_at_each_step(stage: Stage) -> None:
    """Before and after every operation of every port a process dies once; every file arrives once and whole."""
    rng = Random(SEED)
    traffic = Traffic(stage, SEED, files_per_s=2)
    sprung = []
    traffic.start()
    try:
        for step in steps():
            with ExitStack() as trouble:
                provoke(step, stage, traffic, trouble, rng)
                if spring(stage, step, traffic, rng):
                    sprung.append(step)
            await_good_batch(stage)
    finally:
        traffic.stop()
    assert 0 == stage.await_empty(PATIENCE_S)

    assert steps() == sprung
    found = reckon(stage, traffic, Deliveries(stage.destination()))
    assert found.ok, found
    assert found.files > len(sprung)
    assert [] == no_trace(stage.folder, stage.secrets | private_key_names(stage.folder))


def provoke(step: str, stage: Stage, traffic: Traffic, trouble: ExitStack, rng: Random) -> None:
    """Make sure that a step is reached: some belong to failures."""
    operation = step.split(" ", maxsplit=1)[0]
    if operation in ("ledger.claims", "ledger.records"):
        traffic.duplicate(rng)
    elif operation == "queue.dead_letter":
        traffic.misinform(rng)
    elif operation in ("ledger.release", "queue.set_visibility"):
        failing = Rule(id="", listener="s3", action=Action.ANSWER, method="GET", status=503, times=12)
        trouble.enter_context(stage.http.rule(failing))
    elif operation == "destination.read":
        lost = Rule(id="", listener="destination", action=Action.LOSE_REPLY, method="PUT", times=1)
        trouble.enter_context(stage.http.rule(lost))


def spring(stage: Stage, step: str, traffic: Traffic, rng: Random) -> bool:
    """Set a trap for a step; return whether a worker died in it."""
    trap = stage.traps / step
    trap.touch()
    deadline = time.monotonic() + PATIENCE_S
    nudge_at = time.monotonic() + 5
    injector = Injector(stage, traffic)
    while trap.exists() and time.monotonic() < deadline:
        injector.revive_engine()
        if time.monotonic() > nudge_at:
            nudge_at = time.monotonic() + 5
            with ExitStack() as trouble:
                provoke(step, stage, traffic, trouble, rng)
                time.sleep(1)
        time.sleep(0.02)
    return not trap.exists()


def await_good_batch(stage: Stage) -> None:
    """Wait until a batch ends well: the engine pauses the longer the more of them crash in a row."""
    before = good_batches(stage)
    deadline = time.monotonic() + PATIENCE_S
    while good_batches(stage) == before and time.monotonic() < deadline:
        time.sleep(0.05)


def good_batches(stage: Stage) -> int:
    """Return how many batches have ended well so far, by the worker's log."""
    return stage.stack.worker.log.read_text(errors="replace").count("messages: ok,")
