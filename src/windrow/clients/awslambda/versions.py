"""Versions and the alias of a Lambda function, through boto3: implements `windrow.ports.Functions`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from windrow.clients import answers
from windrow.core.errors import AliasChanged, DeploymentError
from windrow.ports import Alias, Clock

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

READY_S = 300.0
"""Longest wait for an upload or a version to become ready; with a VPC, Lambda first creates network interfaces."""
POLL_S = 1.0

_REPLACES = re.compile(r"^windrow deploy: replaces (\d+)$")
_NOTE = re.compile(r"^windrow deploy: (?P<version>\d+) (?P<how>replaced|restored after) (?P<before>\d+)$")
"""The alias's description. It is needed where a version's own description names no other version: that of a version
which Terraform published, and which Lambda returns to a deployment of the same code. It names both versions, so that it
is not applied to another one."""
_CONFLICT = "PreconditionFailedException"
_NOT_FOUND = "ResourceNotFoundException"

FAILED = "Failed"

_State = tuple[str, str]
"""A state, empty if the answer has none, and its reason."""

NOTHING_FAILED: dict[str, list[object]] = {"batchItemFailures": []}


_Number = Annotated[str, msgspec.Meta(pattern=r"^(\$LATEST|[0-9]+)$")]


class _Weights(msgspec.Struct, frozen=True, rename="pascal"):
    """How much of the traffic goes to another version than the alias's."""

    additional_version_weights: dict[str, float] = {}


class _Alias(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetAlias and UpdateAlias."""

    function_version: _Number
    revision_id: str
    description: str = ""
    routing_config: _Weights = _Weights()


class _Configuration(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetFunctionConfiguration; an emulator may leave the states out."""

    code_sha256: str
    description: str = ""
    last_update_status: str = ""
    last_update_status_reason: str = ""
    state: str = ""
    state_reason: str = ""


class _Published(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to PublishVersion."""

    version: _Number


class _Version(msgspec.Struct, frozen=True, rename="pascal"):
    """One version of the answer to ListVersionsByFunction."""

    version: _Number


class _Versions(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ListVersionsByFunction."""

    versions: list[_Version]


class _Aliases(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to ListAliases."""

    aliases: list[_Alias]


class _Invoked(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to Invoke, its payload left out."""

    function_error: str = ""


class LambdaVersions:
    """One function and one alias of it."""

    def __init__(self, function: str, alias: str, client: LambdaClient, clock: Clock) -> None:
        self._function = function
        self._alias = alias
        self._client = client
        self._clock = clock

    def alias(self) -> Alias:
        """Read the alias; see the contract."""
        try:
            with _translated(f"alias {self._alias} could not be read"):
                return _alias(self._client.get_alias(FunctionName=self._function, Name=self._alias))
        except DeploymentError as error:
            if answers.code(error.__cause__) != _NOT_FOUND:
                raise
            region = self._client.meta.region_name
            raise DeploymentError(
                f"there is no function {self._function} with an alias {self._alias} in {region}: "
                "check --function, --alias and the region (AWS_REGION)"
            ) from error

    def route(self, alias: Alias, version: str, candidate: str | None = None, weight: float = 0.0) -> Alias:
        """Change where the alias points; see the contract."""
        return self._update(alias, version, candidate, weight)

    def replace(self, alias: Alias, version: str) -> Alias:
        """Point the alias to the version and record what it replaced; see the contract."""
        return self._update(alias, version, note=f"windrow deploy: {version} replaced {alias.version}")

    def restore(self, alias: Alias, version: str) -> Alias:
        """Point the alias to the version and record which version was withdrawn; see the contract."""
        withdrawn = alias.candidate or alias.version
        return self._update(alias, version, note=f"windrow deploy: {version} restored after {withdrawn}")

    def _update(
        self, alias: Alias, version: str, candidate: str | None = None, weight: float = 0.0, *, note: str | None = None
    ) -> Alias:
        described: dict[str, Any] = {"Description": note} if note else {}  # else Lambda keeps the present one
        weights = {candidate: weight} if candidate else {}
        try:
            with _translated(f"alias {self._alias} could not be changed"):
                return _alias(
                    self._client.update_alias(
                        FunctionName=self._function,
                        Name=self._alias,
                        FunctionVersion=version,
                        RoutingConfig={"AdditionalVersionWeights": weights},
                        RevisionId=alias.revision,
                        **described,
                    )
                )
        except AliasChanged:
            # If a response was lost, botocore repeated the request, and the first one had changed the revision.
            found = self.alias()
            if (found.version, found.candidate, found.weight) != (version, candidate, weight):
                raise
            return found

    def publish(self, package: bytes, replaces: str) -> str:
        """Upload and publish; see the contract. Nothing is published but the code of ``package``."""
        digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
        with _translated(f"the code of {self._function} could not be updated"):
            # Uploading the same code again would count as a change, and be published as a new version.
            if self._configuration().code_sha256 != digest:
                self._client.update_function_code(FunctionName=self._function, ZipFile=package)
        self._await("the upload", _upload_state, "Successful")
        with _translated(f"{self._function} could not be published"):
            answer = self._client.publish_version(
                FunctionName=self._function, CodeSha256=digest, Description=f"windrow deploy: replaces {replaces}"
            )
            version = answers.read(answer, _Published).version
        self._await(f"version {version}", _state, "Active", version)
        return version

    def smoke(self, version: str) -> None:
        """Invoke the version with the test event that S3 sends when a notification is configured; see the contract."""
        with _translated(f"version {version} could not be invoked"):
            answer = self._client.invoke(
                FunctionName=self._function, Qualifier=version, Payload=json.dumps(smoke_event(self._clock.now()))
            )
            # Reading it may fail like a request, with an error of urllib3's or Python's.
            payload = answer["Payload"].read()
            failed = answers.read(answer, _Invoked).function_error
        if failed:
            raise DeploymentError(f"the smoke test of version {version} failed: {payload.decode(errors='replace')}")
        if _decoded(payload) != NOTHING_FAILED:
            raise DeploymentError(f"the smoke test of version {version} answered {payload[:500]!r}")

    def replaced_by(self, version: str) -> str | None:
        """Read the version's description; see the contract."""
        with _translated(f"version {version} could not be read"):
            match = _REPLACES.match(self._configuration(version).description)
        return match[1] if match else None

    def unused(self) -> list[str]:
        """List versions and aliases; see the contract."""
        with _translated(f"the versions of {self._function} could not be listed"):
            pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=self._function)
            published = {found.version for page in pages for found in answers.read(page, _Versions).versions}
            named = self._client.get_paginator("list_aliases").paginate(FunctionName=self._function)
            aliases = [alias for page in named for alias in answers.read(page, _Aliases).aliases]
        used = {alias.function_version for alias in aliases}
        used |= {version for alias in aliases for version in alias.routing_config.additional_version_weights}
        return sorted((version for version in published - used if version.isdecimal()), key=int)

    def delete(self, version: str) -> None:
        """Delete the version, which Lambda refuses while an alias points to it; see the contract."""
        with _translated(f"version {version} could not be deleted"):
            self._client.delete_function(FunctionName=self._function, Qualifier=version)

    def _configuration(self, version: str | None = None) -> _Configuration:
        qualifier: dict[str, Any] = {"Qualifier": version} if version else {}
        answer = self._client.get_function_configuration(FunctionName=self._function, **qualifier)
        return answers.read(answer, _Configuration)

    def _await(
        self, what: str, state_of: Callable[[_Configuration], _State], good: str, version: str | None = None
    ) -> None:
        end = self._clock.monotonic() + READY_S
        while True:
            with _translated(f"the state of {what} could not be read"):
                state, reason = state_of(self._configuration(version))
            if state in ("", good):
                return
            if state == FAILED or self._clock.monotonic() >= end:
                raise DeploymentError(f"{what} did not become ready ({state}: {reason or 'no reason given'})")
            self._clock.sleep(POLL_S)


def smoke_event(now: datetime) -> dict[str, Any]:
    """Return a batch of one ``s3:TestEvent``, which names no file and which every version acknowledges."""
    moment = str(int(now.timestamp() * 1000))
    return {
        "Records": [
            {
                "messageId": str(uuid.uuid4()),
                "receiptHandle": "smoke",
                "body": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "smoke"}),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": moment,
                    "ApproximateFirstReceiveTimestamp": moment,
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
            }
        ]
    }


def _upload_state(found: _Configuration) -> _State:
    return found.last_update_status, found.last_update_status_reason


def _state(found: _Configuration) -> _State:
    return found.state, found.state_reason


def _alias(answer: object) -> Alias:
    found = answers.read(answer, _Alias)
    candidate, weight = next(iter(found.routing_config.additional_version_weights.items()), (None, 0.0))
    note = _NOTE.match(found.description)
    noted = {note["how"]: note["before"]} if note and note["version"] == found.function_version else {}
    return Alias(
        found.function_version,
        found.revision_id,
        candidate,
        weight,
        replaced=noted.get("replaced"),
        withdrawn=noted.get("restored after"),
    )


def _decoded(payload: bytes) -> object:
    try:
        decoded: object = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return decoded


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, HTTPError, OSError) as error:
        if answers.code(error) == _CONFLICT:
            raise AliasChanged(f"{what}: someone else changed it meanwhile") from error
        raise DeploymentError(f"{what}: {error}") from error
