"""The fault campaign in its short form, on real servers behind real proxies."""

from __future__ import annotations

import socket
from pathlib import Path
from random import Random

import psutil
import pytest

from bench.faults import environment as staging
from bench.faults import inject
from bench.faults.campaign import SHORT, campaign
from bench.faults.catalogue import KINDS, Fault, Lane, schedule
from bench.faults.environment import QUIET_BUCKET, Environment
from bench.faults.traffic import Traffic
from bench.faults.verification import verify
from windrow.lab.stack.process import HOST
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import LIMIT_S

pytestmark = [pytest.mark.needs("minio", "toxiproxy"), pytest.mark.timeout(600)]

SEED = 1
FAULTS = 50


def test_the_schedule_follows_from_the_seed() -> None:
    """The same seed calls for the same faults, another for others, and every kind is there."""
    assert schedule(SEED, FAULTS) == schedule(SEED, FAULTS) != schedule(SEED + 1, FAULTS)
    assert set(KINDS) == {fault.kind for fault in schedule(SEED, FAULTS)}


def test_a_short_campaign(tmp_path: Path, toxiproxy: Path) -> None:
    """Every kind of fault takes effect; every file arrives once and whole, poison about or not; no secret is shown."""
    result = campaign(tmp_path, toxiproxy, seed=SEED, count=FAULTS, pace=SHORT, on_progress=lambda _: None)

    found = result.verification
    assert found.files > 0
    assert (0, 0, 0) == (found.lost, found.duplicated, found.corrupt)
    assert ([], 0, 0, 0) == (found.unsound, found.unexpected, found.misplaced, found.waiting)
    assert ([], []) == (found.vanished, found.unexplained)
    assert {"malformed", "foreign-bucket", "missing"} == set(found.dead_letters)
    assert ({}, FAULTS, set(KINDS)) == (result.without_occasion, result.faults_injected, set(result.faults))
    assert result.poison_kills > 0
    assert 0 == result.left_by_poison
    assert [] == result.shows_secret
    assert result.ok


def test_a_port_that_somebody_took_is_replaced_by_another(
    tmp_path: Path, toxiproxy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ports are chosen before anything listens on them, and other processes choose as well."""
    choose = staging._different_ports
    taken: list[socket.socket] = []

    def too_late(count: int) -> list[int]:
        ports = choose(count)
        if not taken:
            taken.append(socket.create_server((HOST, ports[0])))
        return ports

    monkeypatch.setattr(staging, "_different_ports", too_late)
    with Environment(tmp_path, toxiproxy, SHORT.shape, visibility_s=SHORT.visibility_s) as environment:
        environment.destination().probe()
    taken[0].close()


@pytest.mark.timeout(300)
def test_a_fault_that_nothing_meets_does_not_count(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no worker about, none does but those that need nobody: events, and the engine that is started again."""
    monkeypatch.setattr(inject, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(inject, "LONG_S", 0.4)
    traffic = Traffic(environment, SEED, files_per_s=1)
    traffic.upload(QUIET_BUCKET, Random(SEED))
    injector = inject.Injector(environment, traffic)
    orphans = psutil.Process(environment.stack.worker.pid).children(recursive=True)
    environment.stack.worker.kill()
    assert [] == psutil.wait_procs(orphans, LIMIT_S)[1]
    kinds = [kind for kind, (lane, _) in KINDS.items() if lane is not Lane.EVENTS and not kind.startswith("engine")]

    assert [] == [kind for kind in kinds if injector.inject(Fault(kind, SEED))]


def test_an_older_version_is_fetched_although_the_object_was_overwritten_and_deleted(environment: Environment) -> None:
    """Versioning keeps it, and its event names it: both versions are delivered, the delete marker changes nothing."""
    s3 = environment.client("s3")
    traffic = Traffic(environment, SEED, files_per_s=1)
    older, newer = (traffic.upload_as(QUIET_BUCKET, "the/same.json", content) for content in (b"older", b"newer"))
    s3.delete_object(Bucket=QUIET_BUCKET, Key=older.file.key)
    traffic.announce([newer, older])
    assert 0 == environment.await_empty(LIMIT_S)

    found = verify(environment, traffic, Deliveries(environment.destination()))
    assert (2, 0, 0, 0) == (found.files, found.lost, found.duplicated, found.corrupt)
    assert {} == found.dead_letters
