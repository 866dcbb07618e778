"""Lambda entry point of credential rotation, called by Secrets Manager for each step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from windrow import settings
from windrow.bootstrap.rotation import rotation
from windrow.clients import logs
from windrow.core.errors import RotationError
from windrow.operations.rotation import Rotation, Step

NEEDS = ("destination_endpoint", "destination_bucket", "destination_secret_id")


def handler(event: Mapping[str, str], _context: object) -> None:
    """Do the step that the event names; ``ClientRequestToken`` is the new version's id.

    Raises:
        RotationError: the event is not one of Secrets Manager's, or the step failed and will be repeated.
        SettingsError: the environment is wrong.
    """
    logs.set_up()
    try:
        step, token = Step(event["Step"]), event["ClientRequestToken"]
    except (KeyError, ValueError) as error:
        raise RotationError("the event is not one of Secrets Manager's rotation steps") from error
    _rotation().run(step, token)


@cache
def _rotation() -> Rotation:
    return rotation(settings.load(os.environ, needs=NEEDS))
