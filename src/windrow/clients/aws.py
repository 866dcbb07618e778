"""The session that builds all AWS clients."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.configprovider import ConstantProvider
from botocore.exceptions import BotoCoreError, NoRegionError
from botocore.utils import get_environ_proxies

from windrow.clients.answers import strict_session
from windrow.core.endpoints import is_loopback, parsed
from windrow.core.errors import SettingsError

if TYPE_CHECKING:
    import boto3.session
    import botocore.session
    from botocore.credentials import Credentials

PATH_STYLE: Any = {"addressing_style": "path", "use_accelerate_endpoint": False}
"""Options of an S3 client. Both are set, because the profile may set either: S3 Accelerate does not support paths, and
botocore refuses to build a client with both."""


def session(environ: Mapping[str, str], profile: str | None = None) -> boto3.session.Session:
    """Return a session whose credentials, region and endpoint follow the standard ``AWS_*`` variables, or a profile.

    ``AWS_REGION`` is read too, as by all AWS SDKs but boto3. No proxy is used for an endpoint on this machine.

    Raises:
        SettingsError: also by the session's ``client``: the profile, the region or an endpoint is missing or invalid.
    """
    try:
        inner = strict_session()
        for name, value in (("profile", profile), ("region", environ.get("AWS_REGION"))):
            if value:
                inner.set_config_variable(name, value)
        inner.get_scoped_config()  # fails for a profile that does not exist
        return _as_boto3(_Session(inner))
    except BotoCoreError as error:
        raise SettingsError(
            f"AWS can't be used: {_sentence(error)} Correct AWS_PROFILE, or name a profile that exists."
        ) from error


def session_apart() -> boto3.session.Session:
    """Return a session that ignores AWS's configuration files, for a server that is not AWS's."""
    apart = strict_session()
    apart.get_component("config_store").set_config_provider("profile", ConstantProvider(None))
    for name in ("config_file", "credentials_file"):
        apart.set_config_variable(name, os.devnull)
    return _as_boto3(_AnySession(apart))


def proxies_for(endpoint: str) -> dict[str, str]:
    """Return the proxies that the environment names for an endpoint; none for an endpoint on this machine."""
    return {} if is_loopback(endpoint) else get_environ_proxies(endpoint)


class _AnySession:
    """What Windrow uses of boto3's session; importing boto3 takes a fifth longer than importing botocore."""

    def __init__(self, inner: botocore.session.Session) -> None:
        self._inner = inner

    @property
    def region_name(self) -> str | None:
        """The region, None if none is set."""
        return cast("str | None", self._inner.get_config_variable("region"))

    def get_credentials(self) -> Credentials | None:
        """Return the credentials, which renew themselves; None if there are none."""
        return self._inner.get_credentials()

    def client(self, service: str, **options: Any) -> Any:  # noqa: ANN401 - as boto3's
        """Return a client with botocore's options."""
        connect: Any = self._inner.create_client  # the stubs know each service by its name only
        return connect(service, **options)


class _Session(_AnySession):
    def client(self, service: str, **options: Any) -> Any:  # noqa: ANN401 - as boto3's
        """Return a client; see `session`."""
        try:
            if self.region_name is None:  # without this check, S3's client would use us-east-1
                raise NoRegionError
            built = super().client(service, **options)
            endpoint = built.meta.endpoint_url
            if parsed(endpoint) is None:
                raise ValueError(f"Invalid endpoint: {endpoint}")
            if is_loopback(endpoint) and get_environ_proxies(endpoint):
                direct = Config(proxies={})
                config = options.get("config")
                options["config"] = config.merge(direct) if config else direct
                built = super().client(service, **options)
        except (BotoCoreError, ValueError) as error:
            raise SettingsError(f"AWS can't be used: {_sentence(error)} {_advice(error)}") from error
        return built


def _as_boto3(session: _AnySession) -> boto3.session.Session:
    """Return a session as boto3's, whose stubs know the type of each service's client."""
    return cast("boto3.session.Session", session)


def _sentence(error: Exception) -> str:
    """Return botocore's text with exactly one full stop at its end."""
    return f"{error}".rstrip(".") + "."


def _advice(error: Exception) -> str:
    if isinstance(error, ValueError):  # botocore raises it for an invalid endpoint
        return "Correct AWS_ENDPOINT_URL."
    return "Set AWS_REGION to the region, as eu-west-2." if "region" in str(error) else "Correct the AWS settings."
