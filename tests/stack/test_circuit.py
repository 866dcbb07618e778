"""The circuit breaker on the local stack: a real mapping, a real queue, a destination that goes away."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.stack.command import windrow
from windrow import bootstrap, settings
from windrow.core.circuit import Circuit
from windrow.lab.load.batches import BatchLog
from windrow.lab.stack.destination import DESTINATION_POLICY, USER_NAME, DestinationAccess, admin_client
from windrow.lab.stack.process import Process
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import wait_until
from windrow.ports import Credentials, QueueDepth


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack without a worker whose sentinel probes each second."""
    with Stack(tmp_path, Shape(sentinel_s=1), destination="ministack", worker=False) as stack:
        yield stack


def circuit() -> Circuit:
    """Return the circuit's state."""
    return bootstrap.switch(settings.load(os.environ)).state()


def mapping_state(stack: Stack) -> str:
    """Return what Lambda says of the mapping."""
    return str(boto3.client("lambda").get_event_source_mapping(UUID=stack.outputs.event_source_mapping_id)["State"])


def await_mapping(stack: Stack, state: str) -> None:
    """Wait until Lambda says so of the mapping."""
    wait_until(f"a mapping that is {state}", lambda: mapping_state(stack) == state, cause=stack.sentinel.log_tail)


def bring_back(stack: Stack) -> None:
    """Start the destination again; this one forgets its bucket."""
    stack.destination.start()
    boto3.client("s3", endpoint_url=stack.destination.url, region_name="us-east-1").create_bucket(
        Bucket=stack.outputs.destination_bucket
    )


def test_circuit_opens_in_an_outage_and_closes_after_it(stack: Stack) -> None:
    """The mapping is disabled while the destination is down and enabled when it is back, each with its reason."""
    wait_until("the first probe", lambda: circuit().revision > 0)
    before = mapping_state(stack)
    stack.destination.kill()
    await_mapping(stack, "Disabled")
    _, outage = windrow("circuit", "status")
    bring_back(stack)
    await_mapping(stack, "Enabled")
    wait_until("the circuit to close", lambda: not circuit().opened, cause=circuit)

    assert "Enabled" == before
    assert ("auto", True, "connect", False) == tuple(
        outage[name] for name in ("mode", "opened", "fault", "mapping_enabled")
    )
    assert outage["failures"] >= 2


def test_a_mapping_disabled_by_hand_is_left_alone(stack: Stack) -> None:
    """Through an outage and its end, what an operator disabled stays disabled."""
    functions = boto3.client("lambda")
    functions.update_event_source_mapping(UUID=stack.outputs.event_source_mapping_id, Enabled=False)
    stack.destination.kill()
    wait_until("three failed probes", lambda: circuit().failures >= 3, cause=circuit)
    opened = circuit().opened
    bring_back(stack)
    wait_until("a good probe", lambda: circuit().failures == 0, cause=circuit)

    assert not opened
    assert "Disabled" == mapping_state(stack)


def test_operator_holds_and_hands_back(stack: Stack) -> None:
    """``open`` stands against good probes, ``auto`` enables the mapping again."""
    code, held = windrow("circuit", "open")
    revision = held["revision"]
    wait_until("two more probes", lambda: circuit().revision > revision + 1, cause=circuit)
    still = mapping_state(stack)
    closed = windrow("circuit", "auto")[1]

    assert (0, "open", True, False) == (code, held["mode"], held["opened"], held["mapping_enabled"])
    assert "Disabled" == still
    assert ("auto", False, True) == (closed["mode"], closed["opened"], closed["mapping_enabled"])
    assert "Enabled" == mapping_state(stack)


def test_opening_without_the_ledger_stops_the_work(stack: Stack) -> None:
    """The table is lost: the mapping is disabled, and the command says that it must be repeated."""
    boto3.client("dynamodb").delete_table(TableName=stack.outputs.ledger_table)
    code, report = windrow("circuit", "open")

    assert (1, False) == (code, report["ok"])
    assert "repeat this" in report["error"]
    assert "Disabled" == mapping_state(stack)


@pytest.fixture
def delivering(tmp_path: Path) -> Iterator[Stack]:
    """A stack on MinIO with a worker, whose sentinel probes each second."""
    with Stack(tmp_path, Shape(window_s=1, sentinel_s=1), destination="minio") as stack:
        yield stack


@pytest.mark.needs("minio")
def test_deliveries_that_fail_open_the_circuit_while_probes_succeed(delivering: Stack) -> None:
    """A policy allows the canaries' folder and no archive's key; once it is mended, everything is delivered."""
    keys_of_admin = Credentials(delivering.access_key, delivering.secret_key)
    access = DestinationAccess(
        kind="minio",
        endpoint=delivering.destination.url,
        access_key=keys_of_admin.access_key,
        secret_key=keys_of_admin.secret_key,
    )
    admin = admin_client(access, keys_of_admin)
    narrow = json.loads(json.dumps(DESTINATION_POLICY))
    narrow["Statement"][1]["Resource"] = narrow["Statement"][2]["Resource"]
    admin.policy_add(policy_name=USER_NAME, policy=narrow)
    s3: Any = boto3.client("s3")
    keys = [f"{number}.txt" for number in range(12)]
    for key in keys:
        s3.put_object(Bucket=delivering.outputs.landing_bucket, Key=key, Body=key.encode())
    await_mapping(delivering, "Disabled")
    opened = circuit()
    _, shown = windrow("circuit", "status")
    admin.policy_add(policy_name=USER_NAME, policy=DESTINATION_POLICY)
    windrow("circuit", "open")
    windrow("circuit", "auto")
    delivered = Deliveries(bootstrap.destination(settings.load(os.environ)))

    def all_there() -> bool:
        delivered.refresh()
        return delivered.count == len(keys)

    wait_until("all to be delivered", all_there, cause=delivering.worker.log_tail)

    assert ("credentials", 1) == (opened.fault, opened.trips)
    assert ("auto", True, False) == (shown["mode"], shown["opened"], shown["mapping_enabled"])
    assert not circuit().opened


ONE_WAITS = QueueDepth(visible=1, in_flight=0, delayed=0)
RUN = (sys.executable, "-m", "windrow", "run", "--json", "--window", "1", "--quiet-wait", "1", "--probe-every", "1")


@pytest.mark.slow
def test_workers_without_a_mapping_are_their_own_circuit_breaker(tmp_path: Path) -> None:
    """Two on one queue: while the destination is down neither receives, and afterwards each file is there once."""
    with Stack(tmp_path, Shape(sentinel_s=0), destination="ministack", worker=False) as stack, ExitStack() as running:
        environ = {**stack.environment(), "WINDROW_EVENT_SOURCE_MAPPING_ID": ""}
        own = settings.load(environ)
        workers = [Process(f"worker-{number}", tmp_path) for number in range(2)]
        for worker in workers:
            worker.launch(RUN, environ)
            running.callback(worker.stop)
        upload(stack, "early")
        await_delivery(own, "early", workers)
        stack.destination.kill()
        wait_until("both to stop", lambda: not any(map(receives, workers)), cause=workers[0].log_tail)
        opened = bootstrap.circuits(own).load()
        upload(stack, "late")
        probed = opened.revision + 3
        wait_until("three more probes", lambda: bootstrap.circuits(own).load().revision >= probed)
        wait_until(
            "the late file alone in the queue", lambda: bootstrap.queue_statistics(own.queue_url).depth() == ONE_WAITS
        )
        code, shown = windrow("circuit", "status", WINDROW_EVENT_SOURCE_MAPPING_ID="")
        _, status = windrow("status", WINDROW_EVENT_SOURCE_MAPPING_ID="")
        bring_back(stack)
        await_delivery(own, "late", workers)
        dead_letters = bootstrap.dead_letter_queue(own).depth()

    assert "connect" == opened.fault
    assert (0, True, False) == (code, shown["opened"], shown["mapping_enabled"])
    assert (False, False) == (status["mapped"], status["mapping_enabled"])
    assert 0 == dead_letters


def upload(stack: Stack, key: str) -> None:
    """Upload a file."""
    boto3.client("s3").put_object(Bucket=stack.outputs.landing_bucket, Key=key, Body=key.encode())


def await_delivery(own: settings.Settings, key: str, workers: list[Process]) -> None:
    """Wait until an archive holds the file, which is once."""

    def archives() -> list[str]:
        deliveries = Deliveries(bootstrap.destination(own))
        deliveries.refresh()
        return [each.key for each in deliveries.archives if key in (file.key for file in each.manifest.files)]

    found = wait_until(f"{key} to be delivered", archives, cause=lambda: "".join(w.log_tail() for w in workers))
    assert 1 == len(found)


def receives(worker: Process) -> bool:
    """Return whether a worker receives, by its log."""
    log = BatchLog(worker.log)
    log.follow(0)
    return not log.switches or log.switches[-1][1]
