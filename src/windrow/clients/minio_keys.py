"""MinIO access keys (service accounts), administered with one of them.

A service account may create and remove others of its own parent user, so rotation needs no administrator's rights.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from minio import MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from windrow.clients.tls import context_for
from windrow.core.errors import DestinationError, RotationError
from windrow.ports import Credentials

TIMEOUT = Timeout(connect=3, read=10)
KEY_NAME = "windrow-rotated"

_TAKEN = "already taken"
_CODE = re.compile(r'"Code":\s*"(\w{1,100})"')
_NOT_FOUND = ("XMinioInvalidIAMCredentials", "XMinioAdminServiceAccountNotFound", "XMinioAdminNoSuchUser")


class MinioKeys:
    """Implements `KeyAdmin` with MinIO's admin API."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def create(self, acting: Credentials, new: Credentials) -> None:
        """Create a key with the rights of the acting one; see the port's contract."""
        admin = self._admin(acting)
        policy = self._policy(admin, acting.access_key)
        try:
            admin.add_service_account(
                access_key=new.access_key, secret_key=new.secret_key, name=KEY_NAME, policy=policy
            )
        except MinioAdminException as error:
            if _TAKEN in str(error):
                return  # by an earlier try of this step; testSecret will tell if it is another's
            raise RotationError(f"MinIO did not create the new key: {_cause(error)}") from error
        except HTTPError as error:
            raise RotationError(f"MinIO could not be reached: {type(error).__name__}") from error

    def remove(self, acting: Credentials, access_key: str) -> None:
        """Remove a key; see the port's contract."""
        try:
            self._admin(acting).delete_service_account(access_key)
        except MinioAdminException as error:
            if not any(code in str(error) for code in _NOT_FOUND):
                raise RotationError(f"MinIO did not remove the old key: {_cause(error)}") from error
        except HTTPError as error:
            raise RotationError(f"MinIO could not be reached: {type(error).__name__}") from error

    def _policy(self, admin: MinioAdmin, access_key: str) -> dict[str, object] | None:
        """Return the policy that narrows a key's rights, None if it has all of its user's.

        Without it the new key of a narrowed one would have all the rights of the user behind it.
        """
        try:
            info = json.loads(admin.get_service_account(access_key))
        except MinioAdminException as error:
            if any(code in str(error) for code in _NOT_FOUND):
                return None  # the first credentials may be a user's own
            raise RotationError(f"MinIO did not describe the current key: {_cause(error)}") from error
        except HTTPError as error:
            raise RotationError(f"MinIO could not be reached: {type(error).__name__}") from error
        return None if info.get("impliedPolicy") else json.loads(info["policy"])

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
            http_client=PoolManager(timeout=TIMEOUT, retries=Retry(2, backoff_factor=0.2), ssl_context=context),
        )


def _cause(error: MinioAdminException) -> str:
    """Return the code of MinIO's answer; the whole of it names hosts and requests that help nobody."""
    found = _CODE.search(str(error))
    return found[1] if found else "no code given"
