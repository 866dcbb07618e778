"""The contract of `windrow.ports.Secrets`, on the fake and MiniStack."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import boto3.session
import pytest

from tests.servers.endpoint import Endpoint, new_name
from windrow.clients.secrets.credentials import CACHE_S, RETRY_S, SecretsManagerSecrets, connect
from windrow.core.errors import SecretError
from windrow.lab.stack.process import HOST, free_port
from windrow.ports import Credentials, Secrets
from windrow.testing import FakeClock, FakeSecrets

FIRST = {"access_key": "first-access", "secret_key": "first-secret"}
SECOND = {"access_key": "second-access", "secret_key": "second-secret", "ca_pem": "-----BEGIN CERTIFICATE-----"}

Write = Callable[[str], None]


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def client(ministack: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of MiniStack's Secrets Manager."""
    ministack.introduce(monkeypatch)
    return connect(boto3.session.Session())


@pytest.fixture
def stored(client: Any, clock: FakeClock) -> tuple[SecretsManagerSecrets, Write]:
    """Return secrets on MiniStack, and a function that changes the secret's text."""
    name = new_name("secret")
    client.create_secret(Name=name, SecretString=json.dumps(FIRST))
    write: Write = lambda text: client.put_secret_value(SecretId=name, SecretString=text)  # noqa: E731
    return SecretsManagerSecrets(name, client, clock), write


@pytest.fixture(params=["fake", "ministack"])
def secrets(request: pytest.FixtureRequest) -> tuple[Secrets, Write]:
    """Return secrets, and a function that changes the secret's text."""
    if request.param == "ministack":
        return request.getfixturevalue("stored")
    fake = FakeSecrets(Credentials(**FIRST))

    def write(text: str) -> None:
        fake.value = Credentials(**json.loads(text))

    return fake, write


def test_credentials_are_the_secrets(secrets: tuple[Secrets, Write]) -> None:
    """Without a private CA."""
    assert Credentials("first-access", "first-secret", None) == secrets[0].credentials()


def test_refresh_reads_anew_and_stays(secrets: tuple[Secrets, Write]) -> None:
    """Later calls give what was read."""
    port, write = secrets
    port.credentials()
    write(json.dumps(SECOND))
    assert Credentials(**SECOND) == port.refresh() == port.credentials()


def test_nothing_shows_credentials(secrets: tuple[Secrets, Write]) -> None:
    """Neither the credentials' representation nor that of their source."""
    port, _ = secrets
    shown = f"{port.credentials()!r} {port.credentials()} {port!r}"
    assert ("secret" in shown.lower().replace("secrets", ""), "first" in shown) == (False, False)


def test_credentials_are_read_again_after_300_s(stored: tuple[SecretsManagerSecrets, Write], clock: FakeClock) -> None:
    """And not before."""
    port, write = stored
    port.credentials()
    write(json.dumps(SECOND))
    clock.advance(CACHE_S - 1)
    assert "first-access" == port.credentials().access_key
    clock.advance(1)
    assert "second-access" == port.credentials().access_key


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        '"hunter2"',
        '["hunter2"]',
        '{"access_key": "hunter2"}',
        '{"access_key": "hunter2',
        '{"access_key": "a", "secret_key": 2, "x": "hunter2"}',
        '{"access_key": "", "secret_key": "hunter2"}',
    ],
)
def test_a_malformed_secret_is_an_error_that_does_not_show_it(
    stored: tuple[SecretsManagerSecrets, Write], text: str
) -> None:
    """Neither in the message nor anywhere in the traceback."""
    port, write = stored
    write(text)
    with pytest.raises(SecretError) as caught:
        port.credentials()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert "access_key" in str(caught.value)


def test_more_fields_are_no_error(stored: tuple[SecretsManagerSecrets, Write]) -> None:
    """The rotation may keep notes of its own."""
    port, write = stored
    write(json.dumps(FIRST | {"rotated_at": "2026-11-23", "ca_pem": ""}))
    assert Credentials(**FIRST) == port.credentials()


def test_secrets_tell_when_they_were_written(client: Any, clock: FakeClock) -> None:
    """As Secrets Manager says of the version in use, which is another after each rotation."""
    name = new_name("secret")
    client.create_secret(Name=name, SecretString=json.dumps(FIRST))
    version = client.put_secret_value(SecretId=name, SecretString=json.dumps(SECOND))["VersionId"]
    told = client.get_secret_value(SecretId=name, VersionId=version)["CreatedDate"]
    secrets = SecretsManagerSecrets(name, client, clock)
    before = secrets.created()
    secrets.credentials()

    assert (None, told) == (before, secrets.created())


def test_an_absent_secret_is_an_error(client: Any, clock: FakeClock) -> None:
    """With its name and Secrets Manager's code."""
    name = new_name("absent")
    with pytest.raises(SecretError, match=f"'{name}' could not be read: ResourceNotFoundException"):
        SecretsManagerSecrets(name, client, clock).credentials()


def test_credentials_at_hand_outlast_an_outage(
    stored: tuple[SecretsManagerSecrets, Write], clock: FakeClock, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """They are used on, Secrets Manager is asked again after a while, and an explicit refresh fails."""
    port, write = stored
    port.credentials()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:{free_port()}")
    alive, port._client = port._client, connect(boto3.session.Session())
    clock.advance(CACHE_S)
    with caplog.at_level(logging.WARNING, logger="windrow"):
        assert "first-access" == port.credentials().access_key
    assert ["keeping the cached destination credentials"] == [record.message for record in caplog.records]
    with pytest.raises(SecretError):
        port.refresh()
    port._client = alive
    write(json.dumps(SECOND))
    assert "first-access" == port.credentials().access_key
    clock.advance(RETRY_S)
    assert "second-access" == port.credentials().access_key
