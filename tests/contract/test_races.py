"""The doctor's races: sound servers pass them, and servers that let two writers win are caught, every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

import pytest

from tests.contract.test_destination_contract import REAL
from tests.servers.endpoint import Endpoint
from tests.servers.java import s3mock
from tests.servers.racing import Kind, racing
from windrow.clients.clock import SystemClock
from windrow.clients.destination.held import HeldRequests
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.doctor.check import Check, State
from windrow.doctor.destination import PROMISE, DestinationChecks
from windrow.doctor.races import RaceTrial
from windrow.ports import Credentials
from windrow.settings import MIB, Settings
from windrow.testing import FakeSecrets

SECRETS = FakeSecrets(Credentials("key", "secret"))
TIMES = 100
NAMES = ["race of writes", "overtaken write", "cut write", "race of completions", "race of copies"]


def trials(
    url: str, bucket: str = "bucket", region: str = "us-east-1", secrets: FakeSecrets = SECRETS
) -> Iterator[RaceTrial]:
    """Yield trials of a server, on keys of their own."""
    clock, requests = SystemClock(), HeldRequests(url, bucket, region, secrets)
    destination = S3MultipartDestination(url, bucket, region, secrets, clock)
    return (RaceTrial(destination, requests, f"trial-{number}", clock) for number in count())


def doctor(server: Endpoint, bucket: str) -> list[Check]:
    """Return what doctor finds out of a real server, uploads in parts included."""
    settings = Settings(
        destination_endpoint=server.url,
        destination_bucket=bucket,
        max_archive_bytes=MIB,  # which the trial of a large body sends
    )
    secrets, clock = FakeSecrets(Credentials(server.access_key, server.secret_key)), SystemClock()
    destination = S3MultipartDestination(server.url, bucket, server.region, secrets, clock)
    requests = HeldRequests(server.url, bucket, server.region, secrets)
    return list(DestinationChecks(settings, destination, secrets, clock, lambda: "trial", requests).run())


def states(found: Iterable[Check]) -> dict[str, State]:
    """Return how each check ended."""
    return {check.name: check.state for check in found}


@pytest.mark.parametrize("name", REAL)
def test_sound_servers_hold(name: str, request: pytest.FixtureRequest) -> None:
    """All that doctor tries is as the promise needs it, and nothing of the trial stays behind."""
    server: Endpoint = request.getfixturevalue(name)
    bucket = server.new_bucket()
    found = doctor(server, bucket)
    s3 = server.client("s3")

    amiss = {check: state for check, state in states(found).items() if state != State.OK}
    assert {"TLS": State.WARN} == amiss, str(found)
    assert {*NAMES, *PROMISE} <= states(found).keys()
    assert "exactly once: held" in f"{found[-1].name}: {found[-1].detail}"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.needs("s3mock")
def test_a_real_server_that_lets_two_win_is_refused(tmp_path: Path) -> None:
    """S3Mock's answers look right one by one."""
    with s3mock(tmp_path) as running:
        server = Endpoint("s3mock", running.url, "any", "any", region="us-east-1")
        found = doctor(server, server.new_bucket())

    assert State.OK == states(found)["conditional write"]
    assert State.FAIL == states(found)["race of writes"], str(found)
    assert ("exactly once", State.FAIL) == (found[-1].name, found[-1].state)
    assert found[-1].detail.startswith("not held: ")


def test_a_scripted_server_that_keeps_writers_apart_holds() -> None:
    """So what follows is due to how the others do it."""
    with racing(Kind.SOUND) as url:
        found = list(next(trials(url)).run(parts=True))
    assert dict.fromkeys(NAMES, State.OK) == states(found), str(found)


def test_looking_and_storing_without_a_lock_is_caught_every_time() -> None:
    """Two writers who end at once both win, within twenty keys."""
    with racing(Kind.RACY) as url:
        found = [next(races.run(parts=False)) for races in islice(trials(url), TIMES)]

    assert [("race of writes", State.FAIL)] * TIMES == [(check.name, check.state) for check in found]
    assert "of two concurrent writers" in found[0].detail


def test_looking_before_the_body_is_caught_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow writer and one that overtakes it both win. Twenty trials share a busy machine, so each gets longer."""
    monkeypatch.setattr("windrow.doctor.races.HEAD_START_S", 2.0)
    with racing(Kind.EARLY) as url, ThreadPoolExecutor(20) as threads:
        found = list(threads.map(RaceTrial._overtake, islice(trials(url), TIMES)))

    assert [("overtaken write", State.FAIL)] * TIMES == [(check.name, check.state) for check in found]


def test_completions_that_race_are_caught_every_time() -> None:
    """Though PUTs are sound; with parts that were sent, and with parts that were copied."""
    with racing(Kind.RACY_COMPLETIONS) as url:
        found = []
        for races in islice(trials(url), TIMES // 2):
            found += [races._race("sent", races._completions), races._race("copied", races._copies)]

    assert [("sent", State.FAIL), ("copied", State.FAIL)] * (TIMES // 2) == [(c.name, c.state) for c in found]
    with racing(Kind.RACY_COMPLETIONS) as url:
        puts = dict.fromkeys(NAMES[:3], State.OK)
        assert puts == states(next(trials(url)).run(parts=False))
