"""Versions of the destination secret, on moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from windrow.clients.secrets.versions import SecretsManagerVersions
from windrow.ports import NEWEST_STAGE, Credentials

TOKENS = [f"{number:032d}" for number in range(3)]


@pytest.fixture
def client() -> Iterator[Any]:
    """A client of a Secrets Manager that holds the first version of a secret."""
    with mock_aws():
        client: Any = boto3.client("secretsmanager")
        client.create_secret(Name="s", SecretString=json.dumps({"access_key": "FIRST", "secret_key": "x"}))
        yield client


def test_the_newest_version_keeps_its_stage_when_another_is_pending(client: Any) -> None:
    """A rotation was given up, its stage taken away by hand: what it wrote is found until the next one writes."""
    versions = SecretsManagerVersions("s", client)
    before = versions.staged(NEWEST_STAGE)
    versions.put_pending(TOKENS[0], Credentials("A", "x"))
    client.update_secret_version_stage(SecretId="s", VersionStage="AWSPENDING", RemoveFromVersionId=TOKENS[0])
    given_up = versions.staged(NEWEST_STAGE)
    versions.put_pending(TOKENS[1], Credentials("B", "x", "ca"))
    newest = versions.staged(NEWEST_STAGE)

    assert None is before
    assert None is not given_up
    assert (TOKENS[0], "A") == (given_up[0], given_up[1].access_key)
    assert (TOKENS[1], Credentials("B", "x", "ca")) == newest


def test_a_promoted_version_keeps_its_stage(client: Any) -> None:
    """It is current, and the newest as well."""
    versions = SecretsManagerVersions("s", client)
    first = versions.staged("AWSCURRENT")
    assert first is not None
    versions.put_pending(TOKENS[0], Credentials("A", "x"))
    versions.promote(TOKENS[0], from_version=first[0])

    assert versions.staged("AWSCURRENT") == versions.staged(NEWEST_STAGE) == (TOKENS[0], Credentials("A", "x"))
    assert first == versions.staged("AWSPREVIOUS")
