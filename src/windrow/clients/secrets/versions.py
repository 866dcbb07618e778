"""Versions of the destination secret, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.clients.secrets.credentials import Value, decode
from windrow.core.errors import RotationError, SecretError
from windrow.ports import NEWEST_STAGE, Credentials

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerVersions:
    """Implements `SecretVersions` on one secret."""

    def __init__(self, secret_id: str, client: SecretsManagerClient) -> None:
        self._secret_id = secret_id
        self._client = client

    def staged(self, stage: str) -> tuple[str, Credentials] | None:
        """Return the version with a stage; see the port's contract."""
        return self._read(VersionStage=stage)

    def pending(self, token: str) -> Credentials | None:
        """Return a version's value; see the port's contract."""
        found = self._read(VersionId=token)
        return found[1] if found else None

    def put_pending(self, token: str, credentials: Credentials) -> None:
        """Write the new version; see the port's contract."""
        value = {"access_key": credentials.access_key, "secret_key": credentials.secret_key}
        if credentials.ca_pem is not None:
            value["ca_pem"] = credentials.ca_pem
        self._do(
            "written",
            lambda: self._client.put_secret_value(
                SecretId=self._secret_id,
                ClientRequestToken=token,
                SecretString=msgspec.json.encode(value).decode(),
                VersionStages=["AWSPENDING", NEWEST_STAGE],
            ),
        )

    def promote(self, token: str, *, from_version: str) -> None:
        """Make a version the current one; see the port's contract."""
        self._do(
            "promoted",
            lambda: self._client.update_secret_version_stage(
                SecretId=self._secret_id,
                VersionStage="AWSCURRENT",
                MoveToVersionId=token,
                RemoveFromVersionId=from_version,
            ),
        )

    def _read(self, **which: str) -> tuple[str, Credentials] | None:
        try:
            value = answers.read(self._client.get_secret_value(SecretId=self._secret_id, **which), Value)
        except (ClientError, BotoCoreError) as error:
            if answers.code(error) == "ResourceNotFoundException":
                return None
            raise RotationError(f"the secret could not be read: {error}") from error
        try:
            return value.version_id, decode(value.secret_string, self._secret_id)
        except SecretError as error:
            raise RotationError(str(error)) from error

    def _do(self, what: str, call: Callable[[], Any]) -> None:
        with failing_as(RotationError, f"the secret's new version could not be {what}"):
            call()
