"""The destination's credentials, from Secrets Manager."""

from __future__ import annotations

import logging
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.core.errors import SecretError
from windrow.ports import Clock, Credentials

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_S = 300.0
"""How old credentials may be. A rotation keeps the previous ones valid for longer than this."""

RETRY_S = 30.0
"""Pause before the next request after Secrets Manager did not answer."""

_log = logging.getLogger(__name__)


class Value(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetSecretValue; one whose value is binary has no ``SecretString``."""

    version_id: str
    secret_string: str = ""
    created_date: datetime | None = None


class _Secret(msgspec.Struct, frozen=True):
    """The secret's JSON object. Other fields are ignored."""

    access_key: str
    secret_key: str
    ca_pem: str | None = None


def connect(session: boto3.session.Session) -> SecretsManagerClient:
    """Return a client with timeouts that fit into a batch's run time (9 s at most for all attempts)."""
    config = Config(connect_timeout=1.5, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return session.client("secretsmanager", config=config)


class SecretsManagerSecrets:
    """`windrow.ports.Secrets` on one Secrets Manager secret, a JSON object ``{"access_key", "secret_key", "ca_pem"?}``.

    If Secrets Manager is down when the cached value expires, that value stays in use: deliveries must not depend on a
    service that is needed once in 300 s.
    """

    def __init__(self, secret_id: str, client: SecretsManagerClient, clock: Clock) -> None:
        self._secret_id = secret_id
        self._client = client
        self._clock = clock
        self._lock = Lock()
        self._cached: Credentials | None = None
        self._created: datetime | None = None
        self._read_at = 0.0

    def credentials(self) -> Credentials:
        """Return the credentials, at most 300 s old while Secrets Manager answers. Raises `SecretError`."""
        with self._lock:
            if self._cached is not None and self._clock.monotonic() - self._read_at < CACHE_S:
                return self._cached
            try:
                return self._read()
            except SecretError as error:
                if self._cached is None:
                    raise
                _log.warning("keeping the cached destination credentials", extra={"error": str(error)})
                self._read_at = self._clock.monotonic() - CACHE_S + RETRY_S
                return self._cached

    def refresh(self) -> Credentials:
        """Read the credentials again. Raises `SecretError`."""
        with self._lock:
            return self._read()

    def created(self) -> datetime | None:
        """Return when the version last read was written; None before the first read, or if it is not known."""
        return self._created

    def _read(self) -> Credentials:
        try:
            value = answers.read(self._client.get_secret_value(SecretId=self._secret_id), Value)
        except (ClientError, BotoCoreError) as error:
            cause = answers.code(error) or error
            raise SecretError(f"secret {self._secret_id!r} could not be read: {cause}") from error
        self._cached = decode(value.secret_string, self._secret_id)
        self._created = value.created_date
        self._read_at = self._clock.monotonic()
        return self._cached


class FixedSecrets:
    """Implements `Secrets` with given credentials, such as new ones that are tested."""

    def __init__(self, value: Credentials) -> None:
        self._value = value

    def credentials(self) -> Credentials:
        """Return them."""
        return self._value

    def refresh(self) -> Credentials:
        """Return them."""
        return self._value


class SessionSecrets:
    """Implements `Secrets` with AWS's standard credentials: variables, a profile, a role. botocore renews them."""

    def __init__(self, session: boto3.session.Session, ca_pem: str | None = None) -> None:
        self._session = session
        self._ca_pem = ca_pem

    def credentials(self) -> Credentials:
        """Return the keys that are valid now. Raises `SecretError`."""
        try:
            found = self._session.get_credentials()
            keys = found.get_frozen_credentials() if found else None
        except (BotoCoreError, ValueError) as error:
            raise SecretError(f"AWS's settings have no keys: {error}") from error
        if keys is None or not keys.access_key or not keys.secret_key:
            raise SecretError("there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
        return Credentials(keys.access_key, keys.secret_key, self._ca_pem, keys.token)

    def refresh(self) -> Credentials:
        """Return the keys that are valid now: botocore renews them itself."""
        return self.credentials()


def decode(text: str, secret_id: str) -> Credentials:
    """Return the credentials in a secret's value, stripped. Raises `SecretError`, which never quotes it."""
    try:
        secret = msgspec.json.decode(text, type=_Secret)
    except (msgspec.DecodeError, UnicodeError):
        secret = None
    # Raised outside the handler: a decoding error may quote the secret, and a traceback would show it.
    if secret is None or not secret.access_key.strip() or not secret.secret_key.strip():
        raise SecretError(
            f"secret {secret_id!r} is not a JSON object with the strings access_key, secret_key and,"
            " if the destination has a private CA, ca_pem"
        )
    access_key, secret_key = secret.access_key.strip(), secret.secret_key.strip()
    # Checked here, because an HTTP client quotes a header that it refuses, with access key and signature. The secret
    # key is in no header, and may be a passphrase with spaces.
    if not access_key.isascii() or not access_key.isprintable() or " " in access_key:
        raise SecretError(f"secret {secret_id!r} has an access_key with a space or a character not allowed in headers")
    if not secret_key.isprintable():
        raise SecretError(f"secret {secret_id!r} has a secret_key with a line break or another control character")
    return Credentials(access_key, secret_key, secret.ca_pem or None)
