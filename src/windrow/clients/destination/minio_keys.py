"""Creates and removes MinIO access keys (service accounts), authorised by one of them.

A service account may create and remove others of its own parent user, so rotation needs no administrator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from windrow.clients.destination.tls import context_for
from windrow.core.errors import DestinationError, RotationError
from windrow.ports import Credentials

RETRIES = Retry(2, redirect=0, backoff_factor=0.2)
"""Redirects are not followed: a request signed for one server is not valid at another."""
TIMEOUT = Timeout(connect=3, read=10)
KEY_NAME = "windrow-rotated"

T = TypeVar("T")

_TAKEN = "already taken"
_CODE = re.compile(r'"Code":\s*"(\w{1,100})"')
_NOT_FOUND = ("XMinioInvalidIAMCredentials", "XMinioAdminServiceAccountNotFound", "XMinioAdminNoSuchUser")


class _Account(msgspec.Struct, frozen=True, rename="camel"):
    """MinIO's description of a key; ``policy`` is JSON."""

    implied_policy: bool = False
    policy: str = ""


class MinioKeys:
    """Implements `KeyAdmin` with MinIO's admin API."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def create(self, acting: Credentials, new: Credentials) -> None:
        """Create a key with the permissions of the acting one; see the port's contract."""
        admin = self._admin(acting)
        policy = self._policy(admin, acting.access_key)
        _request(
            "create the new key",
            lambda: admin.add_service_account(
                access_key=new.access_key, secret_key=new.secret_key, name=KEY_NAME, policy=policy
            ),
            fine=(_TAKEN,),  # by an earlier attempt of this step; testSecret fails if it is another's
        )

    def remove(self, acting: Credentials, access_key: str) -> None:
        """Remove a key; see the port's contract."""
        _request("remove the old key", lambda: self._admin(acting).delete_service_account(access_key), fine=_NOT_FOUND)

    def _policy(self, admin: MinioAdmin, access_key: str) -> dict[str, Any] | None:
        """Return the policy that restricts a key's permissions, None if it has all of its user's.

        Without it, the successor of a restricted key would have all permissions of its parent user. If the account is
        not found, there is no policy: the first credentials may be those of a user.
        """
        return _request(
            "describe the current key",
            lambda: _policy_in(msgspec.json.decode(admin.get_service_account(access_key), type=_Account)),
            fine=_NOT_FOUND,
        )

    def _admin(self, acting: Credentials) -> MinioAdmin:
        url = urlsplit(self._endpoint)
        secure = url.scheme == "https"
        try:
            context = context_for(acting.ca_pem) if secure else None
        except DestinationError as error:
            raise RotationError(str(error)) from error
        return MinioAdmin(
            endpoint=url.netloc,
            credentials=StaticProvider(acting.access_key, acting.secret_key),
            secure=secure,
            http_client=PoolManager(timeout=TIMEOUT, retries=RETRIES, ssl_context=context),
        )


def _policy_in(account: _Account) -> dict[str, Any] | None:
    return None if account.implied_policy else msgspec.json.decode(account.policy, type=dict[str, Any])


def _request(what: str, request: Callable[[], T], *, fine: Sequence[str]) -> T | None:
    """Make a request; None if MinIO refuses it for a reason that is ``fine``. Raises `RotationError`."""
    try:
        return request()
    except MinioAdminException as error:
        if any(reason in str(error) for reason in fine):
            return None
        raise RotationError(f"MinIO did not {what}: {_cause(error)}") from error
    except HTTPError as error:
        raise RotationError(f"MinIO could not be reached: {type(error).__name__}") from error
    except RotationError:
        raise
    except Exception as error:
        # The library decrypts the answer, and may raise any error for an unexpected one.
        raise RotationError(f"MinIO did not {what}: its answer can't be read ({type(error).__name__})") from error


def _cause(error: MinioAdminException) -> str:
    """Return the code in MinIO's answer; the rest of it, hosts and request ids, is of no use."""
    found = _CODE.search(str(error))
    return found[1] if found else "no code given"
