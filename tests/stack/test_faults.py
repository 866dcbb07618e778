"""The fault campaign in its short form, and kills at every step, on real servers behind real proxies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from bench.faults.campaign import SHAPE, VISIBILITY_S, campaign
from bench.faults.catalogue import KINDS, schedule
from bench.faults.handler import steps
from bench.faults.inject import Injector
from bench.faults.links import find_toxiproxy
from bench.faults.proxy import Action, Rule
from bench.faults.reckoning import reckon
from bench.faults.stage import QUIET_BUCKET, Stage, no_trace, private_key_names
from bench.faults.traffic import Traffic
from windrow.local.proof import Deliveries

pytestmark = [pytest.mark.needs("minio", "toxiproxy"), pytest.mark.timeout(600)]

PATIENCE_S = 240.0
SEED = 1
FAULTS = 50


@pytest.fixture
def toxiproxy() -> Path:
    """Return Toxiproxy's server."""
    found = find_toxiproxy()
    assert found is not None
    return found


@pytest.fixture
def stage(tmp_path: Path, toxiproxy: Path) -> Iterator[Stage]:
    """Run servers, proxies and a worker that dies at traps."""
    with Stage(tmp_path, toxiproxy, SHAPE, visibility_s=VISIBILITY_S) as running:
        yield running


def test_the_schedule_follows_from_the_seed() -> None:
    """The same seed calls for the same faults, another for others, and every kind is there."""
    assert schedule(SEED, FAULTS) == schedule(SEED, FAULTS) != schedule(SEED + 1, FAULTS)
    assert set(KINDS) == {fault.kind for fault in schedule(SEED, FAULTS)}


def test_a_short_campaign(tmp_path: Path, toxiproxy: Path) -> None:
    """Every kind of fault takes effect; every file arrives once and whole; no log shows a secret."""
    result = campaign(tmp_path, toxiproxy, seed=SEED, count=FAULTS, note=lambda _: None)

    found = result.reckoning
    assert found.files > 0
    assert (0, 0, 0) == (found.lost, found.duplicated, found.corrupt)
    assert ([], [], 0, 0, 0) == (found.unsound, found.unexplained, found.unexpected, found.misplaced, found.waiting)
    assert ({}, FAULTS, set(KINDS)) == (result.without_occasion, result.faults_injected, set(result.faults))
    assert {"malformed", "foreign-bucket", "missing"} & set(found.dead_letters)
    assert result.poison_kills > 0
    assert [] == result.logs_with_secrets
    assert result.ok


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
    await_empty_queue(stage)

    assert steps() == sprung
    found = reckon(stage, traffic, Deliveries(stage.destination()))
    assert found.ok, found
    assert found.files > len(sprung)
    assert [] == no_trace(stage.folder, stage.secrets | private_key_names(stage.folder))


def test_an_older_version_is_fetched_although_the_object_was_overwritten_and_deleted(stage: Stage) -> None:
    """Versioning keeps it, and its event names it: both versions are delivered, the delete marker changes nothing."""
    s3 = stage.client("s3")
    traffic = Traffic(stage, SEED, files_per_s=1)
    older, newer = (traffic.upload_as(QUIET_BUCKET, "the/same.json", content) for content in (b"older", b"newer"))
    s3.delete_object(Bucket=QUIET_BUCKET, Key=older.file.key)
    traffic.tell([newer, older])
    await_empty_queue(stage)

    found = reckon(stage, traffic, Deliveries(stage.destination()))
    assert (2, 0, 0, 0) == (found.files, found.lost, found.duplicated, found.corrupt)
    assert {} == found.dead_letters


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


def await_empty_queue(stage: Stage) -> None:
    """Wait until every message is done with."""
    deadline = time.monotonic() + PATIENCE_S
    while stage.depth() and time.monotonic() < deadline:
        time.sleep(0.25)
    assert 0 == stage.depth()
