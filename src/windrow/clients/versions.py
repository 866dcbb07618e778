"""Versions and the alias of a Lambda function by boto3: implements `windrow.deployment.Functions`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from windrow.core.errors import DeploymentError
from windrow.deployment import Alias, AliasChanged
from windrow.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

READY_S = 300.0
"""Longest wait for an upload or a version to become ready; with a VPC, Lambda makes network interfaces meanwhile."""
POLL_S = 1.0

_REPLACES = re.compile(r"^windrow deploy: replaces (\d+)$")
_NOTE = re.compile(r"^windrow deploy: (?P<version>\d+) (?P<how>replaced|restored after) (?P<before>\d+)$")
"""The note at the alias. It survives where a version has no note of its own: one that Terraform published, as any apply
does, is what a deployment of the same code gets from Lambda. It names both versions, so that it counts for no other."""
_CONFLICT = "PreconditionFailedException"

NOTHING_FAILED: dict[str, list[object]] = {"batchItemFailures": []}


class LambdaVersions:
    """One function and one alias of it."""

    def __init__(self, function: str, alias: str, client: LambdaClient, clock: Clock) -> None:
        self._function = function
        self._alias = alias
        self._client = client
        self._clock = clock

    def alias(self) -> Alias:
        """Read the alias; see the contract."""
        with _translated(f"alias {self._alias} could not be read"):
            found = self._client.get_alias(FunctionName=self._function, Name=self._alias)
        return _alias(found)

    def route(self, alias: Alias, version: str, candidate: str | None = None, weight: float = 0.0) -> Alias:
        """Change where the alias leads; see the contract."""
        return self._update(alias, version, candidate, weight)

    def replace(self, alias: Alias, version: str) -> Alias:
        """Point the alias to the version and note what it replaced; see the contract."""
        return self._update(alias, version, note=f"windrow deploy: {version} replaced {alias.version}")

    def restore(self, alias: Alias, version: str) -> Alias:
        """Point the alias to the version and note what this takes out of service; see the contract."""
        withdrawn = alias.candidate or alias.version
        return self._update(alias, version, note=f"windrow deploy: {version} restored after {withdrawn}")

    def _update(
        self, alias: Alias, version: str, candidate: str | None = None, weight: float = 0.0, *, note: str | None = None
    ) -> Alias:
        described: dict[str, Any] = {"Description": note} if note else {}  # else Lambda keeps the one that is there
        weights = {candidate: weight} if candidate else {}
        try:
            with _translated(f"alias {self._alias} could not be changed"):
                changed = self._client.update_alias(
                    FunctionName=self._function,
                    Name=self._alias,
                    FunctionVersion=version,
                    RoutingConfig={"AdditionalVersionWeights": weights},
                    RevisionId=alias.revision,
                    **described,
                )
        except AliasChanged:
            # When a reply was lost, botocore sent the request again, and the first one changed the revision.
            found = self.alias()
            if (found.version, found.candidate, found.weight) != (version, candidate, weight):
                raise
            return found
        return _alias(changed)

    def publish(self, package: bytes, replaces: str) -> str:
        """Upload and publish; see the contract. The published code is that of ``package`` or nothing is published."""
        digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
        with _translated(f"the code of {self._function} could not be updated"):
            # The same code again would count as a change, and be published as one.
            if self._client.get_function_configuration(FunctionName=self._function)["CodeSha256"] != digest:
                self._client.update_function_code(FunctionName=self._function, ZipFile=package)
        self._await("the upload", "LastUpdateStatus", "Successful", "Failed")
        with _translated(f"{self._function} could not be published"):
            version = self._client.publish_version(
                FunctionName=self._function, CodeSha256=digest, Description=f"windrow deploy: replaces {replaces}"
            )["Version"]
        self._await(f"version {version}", "State", "Active", "Failed", version)
        return version

    def smoke(self, version: str) -> None:
        """Invoke the version with the event that S3 sends when a notification is set up: it is acknowledged."""
        with _translated(f"version {version} could not be invoked"):
            answer = self._client.invoke(
                FunctionName=self._function, Qualifier=version, Payload=json.dumps(smoke_event(self._clock.now()))
            )
            payload = answer["Payload"].read()
            failed = answer.get("FunctionError")
        if failed:
            raise DeploymentError(f"the smoke test of version {version} failed: {payload.decode(errors='replace')}")
        if _decoded(payload) != NOTHING_FAILED:
            raise DeploymentError(f"the smoke test of version {version} answered {payload[:500]!r}")

    def replaced_by(self, version: str) -> str | None:
        """Read the version's description; see the contract."""
        with _translated(f"version {version} could not be read"):
            found = self._client.get_function_configuration(FunctionName=self._function, Qualifier=version)
        match = _REPLACES.match(found.get("Description", ""))
        return match[1] if match else None

    def _await(self, what: str, field: str, good: str, bad: str, version: str | None = None) -> None:
        qualifier: dict[str, Any] = {"Qualifier": version} if version else {}
        end = self._clock.monotonic() + READY_S
        while True:
            with _translated(f"{what} could not be looked at"):
                found: Any = self._client.get_function_configuration(FunctionName=self._function, **qualifier)
            if found.get(field, good) == good:
                return
            if found[field] == bad or self._clock.monotonic() >= end:
                reason = found.get(f"{field}Reason", "no reason given")
                raise DeploymentError(f"{what} did not become ready ({field} {found[field]}: {reason})")
            self._clock.sleep(POLL_S)


def smoke_event(now: datetime) -> dict[str, Any]:
    """Return a batch of one ``s3:TestEvent``, which every version acknowledges and which names no file."""
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


def _alias(found: Any) -> Alias:  # noqa: ANN401 - several calls return it, each with a type of its own
    weights: dict[str, float] = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    candidate, weight = next(iter(weights.items()), (None, 0.0))
    note = _NOTE.match(found.get("Description", ""))
    noted = {note["how"]: note["before"]} if note and note["version"] == found["FunctionVersion"] else {}
    return Alias(
        found["FunctionVersion"],
        found["RevisionId"],
        candidate,
        weight,
        replaced=noted.get("replaced"),
        withdrawn=noted.get("restored after"),
    )


def _decoded(payload: bytes) -> object:
    try:
        decoded: object = json.loads(payload)
    except ValueError:
        return None
    return decoded


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == _CONFLICT:
            raise AliasChanged(f"{what}: someone else changed it meanwhile") from error
        raise DeploymentError(f"{what}: {error}") from error
    except BotoCoreError as error:
        raise DeploymentError(f"{what}: {error}") from error
