"""Credentials from files and variables."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from windrow.clients.secrets.credentials import SecretsManagerSecrets
from windrow.clients.secrets.sources import MOST_BYTES, DatedSecrets, FileSecrets, secrets_from
from windrow.core.errors import SecretError
from windrow.ports import Credentials
from windrow.testing import FakeClock

FIRST = {"access_key": "first", "secret_key": "hidden-1"}
SECOND = {"access_key": "second", "secret_key": "hidden-2", "ca_pem": "a certificate"}


def source(secret_id: str, **environ: str) -> DatedSecrets:
    """Return where a setting leads."""

    def session() -> None:
        raise AssertionError("AWS was asked")

    return secrets_from(secret_id, environ, session, FakeClock())  # type: ignore[arg-type]


def test_a_variable_holds_the_object() -> None:
    """It is read at each use, so that it is wrong where it is used and not where the program starts."""
    assert Credentials("first", "hidden-1") == source("env:MINIO", MINIO=json.dumps(FIRST)).credentials()


@pytest.mark.parametrize("environ", [{}, {"MINIO": ""}, {"MINIO": "hidden-3"}, {"MINIO": '{"access_key": "hidden-3"}'}])
def test_a_variable_that_holds_none_is_named(environ: dict[str, str]) -> None:
    """Its value is not."""
    with pytest.raises(SecretError, match="'env:MINIO' is not a JSON object") as caught:
        source("env:MINIO", **environ).credentials()
    assert "hidden-3" not in str(caught.value)


def test_anything_else_is_a_secret_of_secrets_manager() -> None:
    """An ARN too; AWS is asked when it is used."""
    for secret_id in ("windrow/destination", "arn:aws:secretsmanager:eu-west-2:000000000000:secret:windrow-AbCdEf"):
        assert isinstance(source(secret_id), SecretsManagerSecrets)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Also when another takes its place."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps(FIRST))
    secrets = source(f"file:{path}")
    first = secrets.credentials()
    other = tmp_path / "other"
    other.write_text(json.dumps(SECOND))
    other.replace(path)

    assert Credentials("first", "hidden-1") == first
    assert Credentials("second", "hidden-2", "a certificate") == secrets.credentials()


def test_a_file_tells_when_it_was_written(tmp_path: Path) -> None:
    """So that it is noticed when keys get old; of a variable nobody knows."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps(FIRST))
    os.utime(path, (0, 86_400))
    secrets = FileSecrets(path)
    before = secrets.created()
    secrets.credentials()

    assert (None, datetime(1970, 1, 2, tzinfo=UTC)) == (before, secrets.created())
    assert source("env:MINIO", MINIO=json.dumps(FIRST)).created() is None


def test_a_file_that_did_not_change_is_not_read(tmp_path: Path) -> None:
    """A batch asks often."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps(FIRST))
    secrets = FileSecrets(path)

    assert secrets.credentials() is secrets.credentials()
    assert secrets.credentials() is not secrets.refresh()


def test_a_folder_has_a_file_for_each_field(tmp_path: Path) -> None:
    """As Kubernetes mounts a secret: files lead through a link to a folder, which is replaced as a whole."""
    for name, fields in (("one", FIRST), ("two", SECOND)):
        (tmp_path / name).mkdir()
        for field, value in fields.items():
            (tmp_path / name / field).write_text(f"{value}\n")
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "..data").symlink_to(tmp_path / "one")
    for field in SECOND:
        (mount / field).symlink_to(f"..data/{field}")
    secrets = FileSecrets(mount)
    first = secrets.credentials()
    (mount / "..new").symlink_to(tmp_path / "two")
    (mount / "..new").replace(mount / "..data")

    assert Credentials("first", "hidden-1") == first
    second = secrets.credentials()
    assert ("second", "hidden-2", "a certificate\n") == (second.access_key, second.secret_key, second.ca_pem)


@pytest.mark.parametrize("text", ["", "{", "x" * (MOST_BYTES + 1), "\udcff"])
def test_what_was_read_before_stays_in_use(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """While a file can't be read; it is looked at again each time, and told once for each change."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps(FIRST))
    secrets = FileSecrets(path)
    first = secrets.credentials()
    path.write_bytes(text.encode(errors="surrogateescape"))

    assert [first] * 3 == [secrets.credentials() for _ in range(3)]
    assert 1 == len(caplog.records)
    path.unlink()
    assert first == secrets.credentials()
    path.write_text(json.dumps(SECOND))
    assert "second" == secrets.credentials().access_key


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file or directory"),
        ("x" * (MOST_BYTES + 1), "it is not UTF-8 text of up to 64 KiB"),
        ("\udcff", "it is not UTF-8 text of up to 64 KiB"),
        ("hidden-3", "is not a JSON object"),
        ('{"access_key": "a b", "secret_key": "hidden-3"}', "has an access_key with a space"),
    ],
)
def test_a_file_that_holds_none_is_named(tmp_path: Path, text: str | None, why: str) -> None:
    """With what is wrong, never with what it holds."""
    path = tmp_path / "secret.json"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SecretError, match=f"secret 'file:{path}' .*{why}") as caught:
        source(f"file:{path}").credentials()
    assert "hidden-3" not in str(caught.value)


def test_a_refresh_fails_where_nothing_can_be_read(tmp_path: Path) -> None:
    """It is asked for when the keys at hand were refused."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps(FIRST))
    secrets = FileSecrets(path)
    secrets.credentials()
    path.unlink()
    with pytest.raises(SecretError, match=os.strerror(2)):
        secrets.refresh()
