"""How ``s3://`` is reached: endpoint and keys, from the environment, a profile, or the destination secret."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from windrow.clients import aws
from windrow.clients.clock import SystemClock
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.secrets.credentials import FixedSecrets, SessionSecrets
from windrow.clients.secrets.sources import secrets_from
from windrow.core.errors import SettingsError
from windrow.ports import Credentials, Secrets
from windrow.settings import Settings, load, parse_endpoint

if TYPE_CHECKING:
    import boto3.session

REGION = "us-east-1"
"""The default region for servers other than AWS's; most of them accept any."""


@dataclass(frozen=True)
class Connection:
    """An S3 server, and keys for it.

    A field that is None comes from the environment:

    - ``endpoint``: ``WINDROW_DESTINATION_ENDPOINT``, else AWS's own settings (``AWS_ENDPOINT_URL_S3``,
      ``AWS_ENDPOINT_URL``, a profile's), else AWS's S3. It must be ``https://``, except on this machine.
    - ``access_key`` and ``secret_key``: if ``WINDROW_DESTINATION_SECRET_ID`` is set, that secret; else AWS's own
      settings (``AWS_ACCESS_KEY_ID``, ``AWS_PROFILE``, a role, ...).
    - ``ca_pem``, the certificates of a private CA: the secret's, else those of the file in ``AWS_CA_BUNDLE``.
    - ``region``: ``WINDROW_DESTINATION_REGION`` if the endpoint is Windrow's, else AWS's own setting.

    With a ``profile``, only AWS's own settings count. As usual for AWS, environment variables for region and endpoint
    take precedence over the profile, and the profile's keys over those in variables. Buckets are addressed by path, TLS
    is 1.2 or newer. The keys need ``s3:GetObject`` and ``s3:ListBucket``.
    """

    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    ca_pem: str | None = field(default=None, repr=False)
    region: str | None = None
    profile: str | None = None


class Buckets:
    """The buckets of one connection. The client of each is built once, and shared by all threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = Lock()
        self._built: dict[str, S3MultipartDestination] = {}

    def bucket(self, name: str) -> S3MultipartDestination:
        """Return a bucket, without a request. Raises `SettingsError` if the settings do not say how to reach it."""
        with self._lock:
            if name not in self._built:
                self._built[name] = _build(name, self._connection)
            return self._built[name]


def buckets(connection: Connection | None) -> Buckets:
    """Return the buckets of a connection; without one, of the current environment."""
    if connection is not None:
        return _of(connection, ())
    names = sorted(name for name in os.environ if name.startswith(("AWS_", "WINDROW_")))
    return _of(Connection(), tuple((name, os.environ[name]) for name in names))


@lru_cache(maxsize=8)
def _of(connection: Connection, _environ: tuple[tuple[str, str], ...]) -> Buckets:
    return Buckets(connection)


def _build(name: str, connection: Connection) -> S3MultipartDestination:
    settings = load(os.environ, needs=())
    session = aws.session(os.environ, connection.profile)
    own = connection.endpoint or (settings.destination_endpoint if connection.profile is None else "")
    region = settings.destination_region if own and not connection.profile else session.region_name or REGION
    return S3MultipartDestination(
        _checked(own) if own else _endpoint_of(session),
        name,
        connection.region or region,
        _secrets(connection, settings, session),
        SystemClock(),
    )


def _endpoint_of(session: boto3.session.Session) -> str:
    endpoint: str = session.client("s3").meta.endpoint_url
    return _checked(endpoint)


def _checked(endpoint: str) -> str:
    try:
        return parse_endpoint("", endpoint)
    except ValueError as error:
        raise SettingsError(f"the endpoint to read archives from {error}") from error


def _secrets(connection: Connection, settings: Settings, session: boto3.session.Session) -> Secrets:
    if connection.access_key is not None and connection.secret_key is not None:
        return FixedSecrets(
            Credentials(connection.access_key, connection.secret_key, connection.ca_pem, connection.session_token)
        )
    if settings.destination_secret_id and connection.profile is None:
        return secrets_from(settings.destination_secret_id, os.environ, lambda: session, SystemClock())
    return SessionSecrets(session, connection.ca_pem)
