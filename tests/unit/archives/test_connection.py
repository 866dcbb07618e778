"""How ``s3://`` is reached: which server, with whose keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from windrow.archives import Connection, SecretError, SettingsError
from windrow.archives.connection import buckets
from windrow.clients.secrets.credentials import SecretsManagerSecrets, SessionSecrets
from windrow.ports import Credentials

MINIO = "https://minio.example:9000"
PROFILE = f"""
[profile reader]
region = eu-central-1
endpoint_url = {MINIO}
aws_access_key_id = of-profile
aws_secret_access_key = secret
aws_session_token = token
"""


def reached(connection: Connection | None = None) -> Any:
    """Return the bucket that archives are read from."""
    return buckets(connection).bucket("archives")


@pytest.mark.parametrize(
    ("environ", "endpoint", "region"),
    [
        ({}, "https://s3.eu-west-2.amazonaws.com", "eu-west-2"),
        ({"AWS_ENDPOINT_URL": MINIO}, MINIO, "eu-west-2"),
        ({"AWS_ENDPOINT_URL": "https://sts.example", "AWS_ENDPOINT_URL_S3": MINIO}, MINIO, "eu-west-2"),
        ({"AWS_ENDPOINT_URL": "https://aws.example", "WINDROW_DESTINATION_ENDPOINT": MINIO}, MINIO, "us-east-1"),
        ({"WINDROW_DESTINATION_ENDPOINT": MINIO, "WINDROW_DESTINATION_REGION": "here"}, MINIO, "here"),
    ],
)
def test_the_environment_names_server_and_region(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], endpoint: str, region: str
) -> None:
    """Windrow's own settings before AWS's; keys are the environment's, Secrets Manager is not asked."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")

    bucket = reached()

    assert (endpoint, region) == (bucket._endpoint, bucket._region)
    assert isinstance(bucket._secrets, SessionSecrets)
    assert "token" == bucket._secrets.credentials().session_token


def test_a_profile_says_what_aws_takes_from_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its keys stand above those of the environment, whose region stands above its own; Windrow's settings are out."""
    (tmp_path / "config").write_text(PROFILE)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("WINDROW_DESTINATION_ENDPOINT", "https://other.example")
    monkeypatch.setenv("WINDROW_DESTINATION_SECRET_ID", "secret")

    bucket = reached(Connection(profile="reader"))

    assert (MINIO, "eu-west-2") == (bucket._endpoint, bucket._region)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert "eu-central-1" == buckets(Connection(profile="reader")).bucket("another")._region
    assert Credentials("of-profile", "secret", None, "token") == bucket._secrets.credentials()


def test_the_secret_is_asked_for_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As operators have it; keys given in code need none."""
    monkeypatch.setenv("WINDROW_DESTINATION_ENDPOINT", MINIO)
    monkeypatch.setenv("WINDROW_DESTINATION_SECRET_ID", "secret")

    asked, given = reached(), reached(Connection(access_key="mine", secret_key="too", ca_pem="CA"))

    assert isinstance(asked._secrets, SecretsManagerSecrets)
    assert Credentials("mine", "too", "CA") == given._secrets.credentials()
    assert (MINIO, MINIO) == (asked._endpoint, given._endpoint)


def test_no_keys_are_told_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to set."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    with pytest.raises(SecretError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"):
        reached()._secrets.credentials()


def test_a_server_in_clear_text_is_refused() -> None:
    """Keys' owners would not know who reads along; this machine is no network."""
    assert "http://127.0.0.1:9000" == reached(Connection(endpoint="http://127.0.0.1:9000"))._endpoint
    with pytest.raises(SettingsError, match="the endpoint to read archives from must use https://"):
        reached(Connection(endpoint="http://minio.example"))


def test_secrets_are_not_shown() -> None:
    """A connection may be logged."""
    shown = repr(Connection(access_key="name", secret_key="hidden-1", session_token="hidden-2"))

    assert ("name" in shown, "hidden" in shown) == (True, False)


def test_a_bucket_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are shared by all who read; another environment has another."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", MINIO)
    first = reached()

    assert reached() is first
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    assert reached() is not first
