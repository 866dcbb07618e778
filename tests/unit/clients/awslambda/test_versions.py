from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from windrow.clients.awslambda.versions import LambdaVersions, smoke_event
from windrow.core.errors import AliasChanged, DeploymentError
from windrow.core.notifications import IgnoredEvent, parse
from windrow.ports import Alias
from windrow.testing import START, FakeClock


class FakeClient:
    """Answers each call with the next of its answers; an exception is raised. ``calls`` lists what was asked."""

    meta = SimpleNamespace(region_name="eu-west-2")

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            answer = self.answers[name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def versions(client: FakeClient) -> LambdaVersions:
    """Return the adapter on a fake client."""
    return LambdaVersions("f", "live", cast("Any", client), FakeClock())


def refusal(code: str) -> ClientError:
    """Return an error as Lambda answers it."""
    return ClientError({"Error": {"Code": code, "Message": code}}, "UpdateAlias")


def led(version: str, revision: str, **weights: float) -> dict[str, Any]:
    """Return an alias as Lambda answers it."""
    named = {name.removeprefix("v"): weight for name, weight in weights.items()}
    return {"FunctionVersion": version, "RevisionId": revision, "RoutingConfig": {"AdditionalVersionWeights": named}}


def test_alias_with_and_without_weights() -> None:
    """Weights name the candidate; without any there is none."""
    client = FakeClient(get_alias=[led("7", "a", v8=0.1), {"FunctionVersion": "7", "RevisionId": "b"}])
    found = versions(client)
    assert Alias("7", "a", "8", 0.1) == found.alias()
    assert Alias("7", "b") == found.alias()


def test_change_names_the_revision_it_was_decided_on() -> None:
    """Lambda is asked to change the alias only if nobody else has."""
    client = FakeClient(update_alias=[led("7", "b", v8=0.5)])
    assert Alias("7", "b", "8", 0.5) == versions(client).route(Alias("7", "a"), "7", "8", 0.5)
    ((_, asked),) = client.calls
    assert ("a", {"AdditionalVersionWeights": {"8": 0.5}}) == (asked["RevisionId"], asked["RoutingConfig"])


def shown(**state: str) -> dict[str, str]:
    """Return what Lambda tells of a function or version."""
    return {"CodeSha256": "other", **state}


def test_lost_reply_is_no_rival() -> None:
    """When a repeated request is refused because the first one was carried out, the change counts as made."""
    client = FakeClient(update_alias=[refusal("PreconditionFailedException")], get_alias=[led("7", "b", v8=0.5)])
    assert Alias("7", "b", "8", 0.5) == versions(client).route(Alias("7", "a"), "7", "8", 0.5)


def test_rival_is_told_apart() -> None:
    """When the alias leads elsewhere, somebody else changed it."""
    client = FakeClient(update_alias=[refusal("PreconditionFailedException")], get_alias=[led("7", "b", v9=0.1)])
    with pytest.raises(AliasChanged):
        versions(client).route(Alias("7", "a"), "7", "8", 0.5)


@pytest.mark.parametrize("error", [refusal("AccessDenied"), EndpointConnectionError(endpoint_url="https://x")])
def test_other_failures_are_deployment_errors(error: Exception) -> None:
    """Refusals and lost connections say what was tried."""
    with pytest.raises(DeploymentError, match="alias live could not be read"):
        versions(FakeClient(get_alias=[error])).alias()


def test_an_unknown_function_is_said_plainly() -> None:
    """With what to check, and nothing of how the library puts it."""
    client = FakeClient(get_alias=[refusal("ResourceNotFoundException")])
    with pytest.raises(
        DeploymentError, match=r"^there is no function \S+ with an alias live in eu-west-2: check --func"
    ):
        versions(client).alias()


def test_publishing_waits_until_code_and_version_are_ready() -> None:
    """Nothing is published before the upload is done, and no traffic can come before the version is active."""
    pending, done = shown(LastUpdateStatus="InProgress"), shown(LastUpdateStatus="Successful")
    client = FakeClient(
        get_function_configuration=[shown(), pending, done, shown(State="Pending"), shown(State="Active")],
        update_function_code=[{}],
        publish_version=[{"Version": "8"}],
    )
    assert "8" == versions(client).publish(b"zip", "7")
    names = [name for name, _ in client.calls]
    assert names.index("publish_version") == names.index("update_function_code") + 3
    (asked,) = [arguments for name, arguments in client.calls if name == "publish_version"]
    assert "windrow deploy: replaces 7" == asked["Description"]


def test_failed_upload_is_told() -> None:
    """When Lambda can't use the code, its reason is reported and nothing is published."""
    failed = shown(LastUpdateStatus="Failed", LastUpdateStatusReason="no route to the image")
    client = FakeClient(get_function_configuration=[shown(), failed], update_function_code=[{}])
    with pytest.raises(DeploymentError, match="no route to the image"):
        versions(client).publish(b"zip", "7")
    assert "publish_version" not in [name for name, _ in client.calls]


def test_waiting_ends() -> None:
    """A version that never becomes ready is an error, not a wait without end."""
    endless = [shown(), *[shown(LastUpdateStatus="InProgress")] * 1000]
    client = FakeClient(get_function_configuration=endless, update_function_code=[{}])
    with pytest.raises(DeploymentError, match="the upload did not become ready"):
        versions(client).publish(b"zip", "7")


@pytest.mark.parametrize(
    "answer",
    [
        {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "x"}')},
        {"Payload": io.BytesIO(b'{"batchItemFailures": [{"itemIdentifier": "1"}]}')},
        {"Payload": io.BytesIO(b"null")},
        {"Payload": io.BytesIO(b"<html>")},
    ],
)
def test_smoke_test_accepts_one_answer_only(answer: dict[str, Any]) -> None:
    """Anything but an empty list of failures fails the smoke test."""
    with pytest.raises(DeploymentError, match="smoke test of version 8"):
        versions(FakeClient(invoke=[answer])).smoke("8")


def test_smoke_test_passes() -> None:
    """An empty list of failures passes, and the version itself is invoked, not the alias."""
    client = FakeClient(invoke=[{"Payload": io.BytesIO(b'{"batchItemFailures": []}')}])
    versions(client).smoke("8")
    assert "8" == client.calls[0][1]["Qualifier"]


def test_smoke_event_names_no_file() -> None:
    """The aggregator finds nothing to deliver in the event, and nothing wrong with it."""
    (record,) = smoke_event(START)["Records"]
    assert [IgnoredEvent("s3:TestEvent")] == list(parse(record["body"], {"landing"}))
    assert json.loads(record["body"])["Event"] == "s3:TestEvent"


def test_alias_notes_what_was_replaced() -> None:
    """The last act of a deployment says at the alias where it led before."""
    client = FakeClient(update_alias=[{**led("8", "b"), "Description": "windrow deploy: 8 replaced 7"}])
    assert Alias("8", "b", replaced="7") == versions(client).replace(Alias("7", "a", "8", 1.0), "8")
    ((_, asked),) = client.calls
    assert ("8", "windrow deploy: 8 replaced 7", "a") == (
        asked["FunctionVersion"],
        asked["Description"],
        asked["RevisionId"],
    )
    assert {"AdditionalVersionWeights": {}} == asked["RoutingConfig"]


@pytest.mark.parametrize(("alias", "withdrawn"), [(Alias("8", "a"), "8"), (Alias("7", "a", "8", 0.1), "8")])
def test_alias_notes_what_was_taken_out_of_service(alias: Alias, withdrawn: str) -> None:
    """A rollback says at the alias which version it took away, wherever that was in the deployment."""
    note = f"windrow deploy: 7 restored after {withdrawn}"
    client = FakeClient(update_alias=[{**led("7", "b"), "Description": note}])
    assert Alias("7", "b", withdrawn=withdrawn) == versions(client).restore(alias, "7")
    ((_, asked),) = client.calls
    assert ("7", note) == (asked["FunctionVersion"], asked["Description"])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "The version in service.",
        "windrow deploy: 9 replaced 8",
        "8 replaced 7",
        "windrow deploy: 7 restored after 8",
    ],
)
def test_note_of_another_version_does_not_count(note: str) -> None:
    """When the alias was moved since, by a rollback or by hand, its note says nothing of the version it leads to."""
    client = FakeClient(get_alias=[{**led("8", "b"), "Description": note}])
    found = versions(client).alias()
    assert (None, None) == (found.replaced, found.withdrawn)


@pytest.mark.parametrize(
    ("description", "expected"),
    [("windrow deploy: replaces 7", "7"), ("", None), ("made by hand, replaces 7", None)],
)
def test_version_remembers_what_it_replaced(description: str, expected: str | None) -> None:
    """Only a description that a deployment wrote counts."""
    client = FakeClient(get_function_configuration=[shown(Description=description)])
    assert expected == versions(client).replaced_by("8")


class Pages(FakeClient):
    """Answers a paginator's request with one page for each of its answers."""

    def get_paginator(self, operation: str) -> Any:
        """Return itself, bound to the operation."""
        self.operation = operation
        return self

    def paginate(self, **arguments: Any) -> Any:
        """Yield the pages."""
        assert arguments == {"FunctionName": "f"}
        yield from self.answers[self.operation]


def test_versions_that_an_alias_leads_to_are_in_use() -> None:
    """Whichever alias, and be it for a share of the traffic; the others are reported in the order of their numbers."""
    client = Pages(
        list_versions_by_function=[
            {"Versions": [{"Version": version} for version in ("$LATEST", "10", "9")]},
            {"Versions": [{"Version": version} for version in ("8", "7", "6", "2")]},
        ],
        list_aliases=[{"Aliases": [led("7", "a", v8=0.1)]}, {"Aliases": [led("6", "b")]}],
    )
    assert ["2", "9", "10"] == versions(client).unused()


def test_a_version_is_deleted_by_its_number() -> None:
    """Without one it would be the function."""
    client = FakeClient(delete_function=[{}])
    versions(client).delete("3")
    assert [("delete_function", {"FunctionName": "f", "Qualifier": "3"})] == client.calls
