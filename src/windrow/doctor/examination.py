"""All checks in order: settings, AWS, destination."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from uuid import uuid4

from windrow import bootstrap, settings
from windrow.clients import aws
from windrow.clients.clock import SystemClock
from windrow.core.errors import SettingsError
from windrow.doctor.aws import AwsChecks
from windrow.doctor.check import Check, fail, ok
from windrow.doctor.destination import DestinationChecks
from windrow.doctor.lock import RETENTION


def checks(environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield every check of an environment; checks that need a missing setting are left out."""
    try:
        settings.load(environ)
        yield ok("settings", "complete")
    except SettingsError as error:
        for fault in re.split("; (?=WINDROW_)", str(error)):
            yield fail("settings", fault, "Correct it in the environment; README.md lists every setting.")
    try:
        usable = settings.load(environ, needs=())
    except SettingsError:
        return
    try:
        session = aws.session(environ)
    except SettingsError as error:
        yield fail("AWS", str(error), "Set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID.")
        return
    yield from AwsChecks(usable, session).run()
    if usable.destination_endpoint and usable.destination_bucket and usable.destination_secret_id:
        yield from DestinationChecks(
            usable,
            bootstrap.destination(usable),
            bootstrap.destination_secrets(usable),
            SystemClock(),
            lambda: uuid4().hex,
            bootstrap.held_requests(usable),
            bootstrap.locked_destination(usable, RETENTION),
        ).run()
