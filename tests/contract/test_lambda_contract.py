"""The contracts of `windrow.ports.Functions`, `EventSourceMapping` and `ConfigSource`.

On the fakes, moto and MiniStack, as far as each of these goes.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.servers.endpoint import Endpoint, new_name
from windrow.clients.answers import code
from windrow.clients.awslambda.mapping import LambdaMapping, LambdaMappingSwitch
from windrow.clients.awslambda.versions import LambdaVersions
from windrow.clients.clock import SystemClock
from windrow.core.errors import AliasChanged, DeploymentError, MappingBusy, MappingError, MappingGone
from windrow.core.mapping import MappingConfig, Overrides
from windrow.lab.stack.waiting import wait_until
from windrow.ports import Alias, EventSourceMapping, Functions
from windrow.testing import FakeFunctions, FakeMapping

T = TypeVar("T")

ALIAS = "live"
TIMEOUT_S = 10
MEMORY_MB = 256
PATIENCE_S = 300.0
"""A new role is known to Lambda after seconds, and a mapping takes about a minute to be switched."""


def zipped(source: str) -> bytes:
    """Return a zip whose code is this, the same each time."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(zipfile.ZipInfo("handler.py"), f"def handler(event, context):\n    {source}\n")
    return content.getvalue()


FIRST, SECOND = zipped('return {"batchItemFailures": []}'), zipped('return {"batchItemFailures": []}  # 2')
RAISING = zipped("raise ValueError('broken')")
REFUSING = zipped('return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}')


def settled(act: Callable[[], T], *codes: str) -> T:
    """Return what ``act`` returns once a mapping is not being changed, and Lambda answers with none of ``codes``."""

    def attempt() -> list[T]:
        try:
            return [act()]
        except MappingBusy:
            return []
        except ClientError as error:
            if code(error) not in codes:
                raise
            return []

    return wait_until("Lambda", attempt, limit_s=PATIENCE_S, pause_s=0.2)[0]


@dataclass(frozen=True)
class Place:
    """Where functions are made, each with a name of its own; what is made goes again at the end."""

    server: Endpoint
    ending: ExitStack

    def function(self) -> str:
        """Make a function of which version 1 is published."""
        client, name = self.server.client("lambda"), new_name("function")
        request: dict[str, Any] = {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Role": self.server.role_arn,
            "Handler": "handler.handler",
            "Code": {"ZipFile": FIRST},
            "Timeout": TIMEOUT_S,
            "MemorySize": MEMORY_MB,
        }
        settled(lambda: client.create_function(**request), "InvalidParameterValueException")
        self.ending.callback(client.delete_function, FunctionName=name)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        client.publish_version(FunctionName=name)
        client.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion="1")
        return name

    def mapping(self) -> tuple[str, MappingConfig]:
        """Make a mapping that is off, from a queue to a function; return its UUID, and how it was made."""
        client, sqs, function = self.server.client("lambda"), self.server.client("sqs"), self.function()
        url = sqs.create_queue(QueueName=new_name("queue"))["QueueUrl"]
        self.ending.callback(sqs.delete_queue, QueueUrl=url)
        config = MappingConfig(
            queue_url=url,
            queue_arn=sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"],
            batch_size=5000,
            window_s=60,
            max_concurrency=3,
            enabled=False,
            timeout_s=TIMEOUT_S,
            memory_mb=MEMORY_MB,
            function_arn=client.get_alias(FunctionName=function, Name=ALIAS)["AliasArn"],
        )
        request: dict[str, Any] = {
            "EventSourceArn": config.queue_arn,
            "FunctionName": config.function_arn,
            "Enabled": config.enabled,
            "BatchSize": config.batch_size,
            "MaximumBatchingWindowInSeconds": config.window_s,
            "ScalingConfig": {"MaximumConcurrency": config.max_concurrency},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        made = settled(lambda: client.create_event_source_mapping(**request), "InvalidParameterValueException")
        delete = lambda: client.delete_event_source_mapping(UUID=made["UUID"])  # noqa: E731
        self.ending.callback(settled, delete, "ResourceInUseException")
        return made["UUID"], config


@pytest.fixture
def moto_place() -> Iterator[Place]:
    """Lambda in this process."""
    with mock_aws(), ExitStack() as ending:
        server = Endpoint("moto", "", "access", "secret", of_aws=True)
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = server.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=trust)["Role"]
        yield Place(Endpoint("moto", "", "access", "secret", of_aws=True, role_arn=role["Arn"]), ending)


@pytest.fixture
def ministack_place(ministack: Endpoint) -> Iterator[Place]:
    """Lambda of MiniStack, or of the account."""
    with ExitStack() as ending:
        yield Place(ministack, ending)


def on(place: Place) -> Functions:
    """Return a function at a server."""
    return LambdaVersions(place.function(), ALIAS, place.server.client("lambda"), SystemClock())


@pytest.fixture(params=["fake", "moto", "ministack"])
def functions(request: pytest.FixtureRequest) -> Functions:
    """Return a function whose alias leads to version 1, the only one."""
    if request.param == "fake":
        return FakeFunctions({"1": FIRST}, Alias("1", "r0"), broken=frozenset({RAISING, REFUSING}))
    return on(request.getfixturevalue(f"{request.param}_place"))


def beyond_moto(fixture: str, reason: str, *others: str) -> pytest.MarkDecorator:
    """Return a mark for tests that moto can't pass, and why; they run at the others."""
    skipped = pytest.param("moto", marks=pytest.mark.skip(reason=reason))
    return pytest.mark.parametrize(fixture, [*others, skipped, "ministack"], indirect=True)


@pytest.fixture(params=["moto", "ministack"])
def place(request: pytest.FixtureRequest) -> Place:
    """Return a server."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture(params=["fake", "moto", "ministack"])
def mapping(request: pytest.FixtureRequest) -> EventSourceMapping:
    """Return a mapping that is off."""
    if request.param == "fake":
        return FakeMapping(on=False)
    place: Place = request.getfixturevalue(f"{request.param}_place")
    return LambdaMappingSwitch(place.mapping()[0], place.server.client("lambda"))


def test_code_that_is_new_is_a_version_of_its_own(functions: Functions) -> None:
    """It remembers what it replaces, and the alias stays where it is."""
    version = functions.publish(SECOND, "1")
    assert ("2", "1", None) == (version, functions.replaced_by("2"), functions.replaced_by("1"))
    assert "1" == functions.alias().version


def test_code_that_was_published_last_is_that_version(functions: Functions) -> None:
    """However often."""
    assert ["2", "2"] == [functions.publish(SECOND, "1") for _ in range(2)]


def test_traffic_is_shared_and_taken_back(functions: Functions) -> None:
    """What a change returns is what is read afterwards."""
    functions.publish(SECOND, "1")
    before = functions.alias()
    shared = functions.route(before, "1", "2", 0.1)
    assert shared == functions.alias()
    alone = functions.route(shared, "1")
    assert alone == functions.alias()
    assert [("1", None, 0.0), ("1", "2", 0.1), ("1", None, 0.0)] == [
        (alias.version, alias.candidate, alias.weight) for alias in (before, shared, alone)
    ]


@beyond_moto("functions", "moto changes an alias whatever revision is named", "fake")
def test_a_change_by_others_is_noticed(functions: Functions) -> None:
    """A change names the revision that it was decided on."""
    functions.publish(SECOND, "1")
    before = functions.alias()
    functions.route(before, "1", "2", 0.1)
    with pytest.raises(AliasChanged):
        functions.replace(before, "2")
    assert "1" == functions.alias().version


def test_the_alias_tells_what_was_replaced_and_what_was_withdrawn(functions: Functions) -> None:
    """Each note in the place of the other; both versions are those of the change."""
    functions.publish(SECOND, "1")
    replaced = functions.replace(functions.alias(), "2")
    assert replaced == functions.alias()
    restored = functions.restore(replaced, "1")
    assert restored == functions.alias()
    assert [("2", "1", None), ("1", None, "2")] == [
        (alias.version, alias.replaced, alias.withdrawn) for alias in (replaced, restored)
    ]


def test_a_note_outlasts_a_deployment_that_is_given_up(functions: Functions) -> None:
    """Sharing traffic changes no note."""
    functions.publish(SECOND, "1")
    replaced = functions.replace(functions.alias(), "2")
    assert "1" == functions.route(replaced, "2", "1", 0.5).replaced


def test_versions_that_no_alias_leads_to_can_be_deleted(functions: Functions) -> None:
    """Oldest first; a version with a share of the traffic is in use."""
    for number in range(2, 5):
        assert str(number) == functions.publish(zipped(f"return {number}"), "1")
    functions.route(functions.alias(), "1", "3", 0.1)
    assert ["2", "4"] == functions.unused()
    functions.delete("2")
    assert ["4"] == functions.unused()


@beyond_moto("functions", "moto deletes whatever version it is told to", "fake")
@pytest.mark.parametrize("version", ["1", "2"])
def test_a_version_in_use_is_not_deleted(functions: Functions, version: str) -> None:
    """Whatever its share of the traffic."""
    functions.publish(SECOND, "1")
    functions.route(functions.alias(), "1", "2", 0.1)
    with pytest.raises(DeploymentError):
        functions.delete(version)
    assert ("1", "2") == (functions.alias().version, functions.alias().candidate)


@beyond_moto("functions", "moto runs functions in Docker only", "fake")
def test_a_version_that_acknowledges_the_event_passes(functions: Functions) -> None:
    """It takes no traffic for that."""
    functions.smoke(functions.publish(SECOND, "1"))
    assert "1" == functions.alias().version


@beyond_moto("functions", "moto runs functions in Docker only", "fake")
@pytest.mark.parametrize("package", [RAISING, REFUSING], ids=["raising", "refusing"])
def test_a_version_that_fails_is_told(functions: Functions, package: bytes) -> None:
    """Whether it raises, or gives messages back."""
    version = functions.publish(package, "1")
    with pytest.raises(DeploymentError, match=f"the smoke test of version {version}"):
        functions.smoke(version)


def test_an_absent_function_is_said_plainly(place: Place) -> None:
    """With its name, and what to check."""
    absent = new_name("function")
    with pytest.raises(DeploymentError, match=f"^there is no function {absent} with an alias live in "):
        LambdaVersions(absent, ALIAS, place.server.client("lambda"), SystemClock()).alias()


def test_a_mapping_is_switched_on_and_off(mapping: EventSourceMapping) -> None:
    """To switch it to what it is already is nothing."""
    seen = [settled(mapping.enabled)]
    for switch in (mapping.enable, mapping.enable, mapping.disable, mapping.disable, mapping.enable):
        settled(switch)
        seen.append(settled(mapping.enabled))
    assert [False, True, True, False, False, True] == seen


@beyond_moto("place", "moto says a version where the mapping names an alias")
def test_a_mapping_is_read_as_it_was_made(place: Place) -> None:
    """With the limits of the function behind its alias, and the queue's URL."""
    mapping_id, made = place.mapping()
    source = LambdaMapping(
        place.server.client("lambda"), place.server.client("sqs"), mapping_id, Overrides(processes_most=64)
    )
    assert made == source.read()
    switch = LambdaMappingSwitch(mapping_id, place.server.client("lambda"))
    settled(switch.enable)
    assert wait_until("the mapping to be on", lambda: source.read().enabled, limit_s=PATIENCE_S)


def test_an_absent_mapping_is_told(place: Place) -> None:
    """By the switch, and to the engine, which ends at once."""
    absent, client, sqs = str(uuid.uuid4()), place.server.client("lambda"), place.server.client("sqs")
    with pytest.raises(MappingGone, match=absent):
        LambdaMapping(client, sqs, absent).read()
    for act in (LambdaMappingSwitch(absent, client).enable, LambdaMappingSwitch(absent, client).disable):
        with pytest.raises(MappingError, match=absent):
            act()
