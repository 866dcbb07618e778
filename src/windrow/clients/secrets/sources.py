"""The sources of the destination's credentials: Secrets Manager, a file, or an environment variable."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import msgspec

from windrow.clients.deferred import deferred
from windrow.clients.secrets.credentials import SecretsManagerSecrets, connect, decode
from windrow.core.errors import SecretError
from windrow.ports import Clock, Credentials, Secrets

if TYPE_CHECKING:
    import boto3.session

FILE, VARIABLE = "file:", "env:"
"""Prefixes of settings that do not name a secret in Secrets Manager. No id there has a colon, except ARNs."""

FIELDS = ("access_key", "secret_key", "ca_pem")
"""Files in a folder, as Kubernetes mounts a secret's fields."""

MOST_BYTES = 64 * 1024
"""The limit of Secrets Manager."""

_log = logging.getLogger(__name__)


def secrets_from(
    secret_id: str, environ: Mapping[str, str], session: Callable[[], boto3.session.Session], clock: Clock
) -> DatedSecrets:
    """Return the source that the setting names: ``file:PATH``, ``env:NAME``, or the id of a secret."""
    if secret_id.startswith(FILE):
        return FileSecrets(Path(secret_id.removeprefix(FILE)))
    if secret_id.startswith(VARIABLE):
        return VariableSecrets(secret_id, environ)
    return SecretsManagerSecrets(secret_id, deferred(lambda: connect(session())), clock)


class DatedSecrets(Secrets, Protocol):
    """Secrets that may know when they were written."""

    def created(self) -> datetime | None:
        """Return when the credentials read last were written, None if that is not known."""


class VariableSecrets:
    """Implements `Secrets` with a variable that holds the JSON object."""

    def __init__(self, secret_id: str, environ: Mapping[str, str]) -> None:
        self._secret_id = secret_id
        self._environ = environ

    def credentials(self) -> Credentials:
        """Return the credentials. Raises `SecretError`."""
        return decode(self._environ.get(self._secret_id.removeprefix(VARIABLE), ""), self._secret_id)

    refresh = credentials

    def created(self) -> None:
        """Return None: a variable has no date."""


class FileSecrets:
    """Implements `Secrets` with a file that holds the JSON object, or with a folder that has a file for each field.

    It is read again when it has changed. If it can't be read then, the credentials read before stay in use: an editor
    may be writing the file, and Kubernetes replaces a folder by a link.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._cached: Credentials | None = None
        self._state: object = None

    def credentials(self) -> Credentials:
        """Return the current credentials. Raises `SecretError` if they could never be read."""
        with self._lock:
            state = self._present()
            if self._cached is not None and state == self._state:
                return self._cached
            self._state = state
            try:
                self._cached = self._read()
            except SecretError as error:
                if self._cached is None:
                    raise
                _log.warning("keeping the cached destination credentials", extra={"error": str(error)})
            return self._cached

    def refresh(self) -> Credentials:
        """Read the credentials again. Raises `SecretError`."""
        with self._lock:
            self._state, self._cached = self._present(), self._read()
            return self._cached

    def created(self) -> datetime | None:
        """Return when the newest file was written; see the contract."""
        with self._lock:
            return max(filter(None, map(_written, self._paths())), default=None) if self._cached else None

    def _paths(self) -> list[Path]:
        return [self._path / name for name in FIELDS] if self._path.is_dir() else [self._path]

    def _present(self) -> object:
        """Return a value that changes when the file, or one in the folder, changes."""
        return [self._status(path) for path in self._paths()]

    @staticmethod
    def _status(path: Path) -> tuple[int, ...]:
        try:
            found = path.stat()
        except OSError:
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> Credentials:
        named = f"{FILE}{self._path}"
        try:
            if not self._path.is_dir():
                return decode(_text(self._path), named)
            there = {name: _text(self._path / name) for name in FIELDS if (self._path / name).exists()}
        except (OSError, UnicodeError, ValueError) as error:
            why = (
                os.strerror(error.errno)
                if isinstance(error, OSError) and error.errno
                else "it is not UTF-8 text of up to 64 KiB"
            )
            raise SecretError(f"secret {named!r} could not be read: {why}") from None
        return decode(msgspec.json.encode(there).decode(), named)


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError("too long")
    return data.decode()
