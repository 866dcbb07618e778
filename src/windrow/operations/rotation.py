"""Rotation of the destination's credentials, in the four steps of Secrets Manager.

The protocol: https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-lambda-functions.html

Two keys are valid at any time: the current one and the previous one, which workers may have cached (300 s). A rotation
creates a third key, and deletes the one before the previous *before* it promotes the new one, so that an interruption
never leaves an unknown key behind. The key of an aborted rotation is deleted when the next rotation begins. Each step
may be repeated, and interrupted anywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

from windrow.core.errors import DestinationError, RotationError
from windrow.pipeline.probe import Probe
from windrow.ports import NEWEST_STAGE, Credentials, KeyAdmin, SecretVersions

ACCESS_KEY_CHARACTERS = 20
SECRET_KEY_CHARACTERS = 40
"""MinIO's limits: https://min.io/docs/minio/linux/administration/identity-access-management/minio-user-management.html"""

_log = logging.getLogger(__name__)


class Step(StrEnum):
    """The steps, as Secrets Manager names them."""

    CREATE = "createSecret"
    SET = "setSecret"
    TEST = "testSecret"
    FINISH = "finishSecret"


class Rotation:
    """Rotates the secret.

    ``probe`` returns a probe that uses the given credentials, ``new_key`` the given number of random letters and
    digits.
    """

    def __init__(
        self,
        *,
        secret: SecretVersions,
        keys: KeyAdmin,
        probe: Callable[[Credentials], Probe],
        new_key: Callable[[int], str],
    ) -> None:
        self._secret = secret
        self._keys = keys
        self._probe = probe
        self._new_key = new_key

    def run(self, step: Step, token: str) -> None:
        """Do one step for the version ``token``.

        Raises:
            RotationError: it failed; Secrets Manager repeats it.
        """
        {
            Step.CREATE: self._create,
            Step.SET: self._set,
            Step.TEST: self._test,
            Step.FINISH: self._finish,
        }[step](token)
        _log.info("rotation step done", extra={"step": step.value, "version": token})

    def _create(self, token: str) -> None:
        """Write a new key to the secret, unless an earlier attempt did; remove the key of an aborted rotation."""
        version, current = self._current()
        if version == token or self._secret.pending(token) is not None:
            return
        self._remove_aborted(current)
        new = Credentials(
            self._new_key(ACCESS_KEY_CHARACTERS).upper(), self._new_key(SECRET_KEY_CHARACTERS), current.ca_pem
        )
        self._secret.put_pending(token, new)

    def _remove_aborted(self, current: Credentials) -> None:
        """Remove the key of a version that was written and never became current.

        This must happen before the next version is written, which takes over the stages that mark this one.
        """
        previous = self._secret.staged("AWSPREVIOUS")
        in_use = {current.access_key, previous[1].access_key if previous else current.access_key}
        for stage in (NEWEST_STAGE, "AWSPENDING"):
            found = self._secret.staged(stage)
            if found is not None and found[1].access_key not in in_use:
                self._keys.remove(current, found[1].access_key)

    def _set(self, token: str) -> None:
        """Create the key at the destination."""
        version, current = self._current()
        if version != token:
            self._keys.create(current, self._new(token))

    def _test(self, token: str) -> None:
        """Deliver a canary with the new key, as the aggregator delivers archives.

        When a schedule is set or changed, Secrets Manager calls this step alone, with a temporary version. AWS does not
        document what that version holds; if nothing, the key in use is tested.
        """
        new = self._secret.pending(token) or self._current()[1]
        try:
            for _ in self._probe(new).steps(strong=True):
                pass
        except DestinationError as error:
            raise RotationError(f"the new key does not work at the destination: {error}") from error

    def _finish(self, token: str) -> None:
        """Remove the key before the previous one, then make the new one current."""
        version, current = self._current()
        if version == token:
            return
        new = self._new(token)
        previous = self._secret.staged("AWSPREVIOUS")
        if previous is not None and previous[1].access_key not in (current.access_key, new.access_key):
            self._keys.remove(new, previous[1].access_key)
        self._secret.promote(token, from_version=version)

    def _current(self) -> tuple[str, Credentials]:
        current = self._secret.staged("AWSCURRENT")
        if current is None:
            raise RotationError("the secret has no current version; write the first credentials by hand")
        return current

    def _new(self, token: str) -> Credentials:
        new = self._secret.pending(token)
        if new is None:
            raise RotationError(f"version {token} is not written yet; createSecret comes first")
        return new
