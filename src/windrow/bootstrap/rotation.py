"""Wires the rotation of the destination's credentials, which needs the extra ``rotation``."""

from __future__ import annotations

import os
import secrets
from string import ascii_letters, digits
from uuid import uuid4

from windrow.clients import aws
from windrow.clients.clock import SystemClock
from windrow.clients.destination.minio_keys import MinioKeys
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.secrets import credentials as secrets_client
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.clients.secrets.versions import SecretsManagerVersions
from windrow.operations.rotation import Rotation
from windrow.pipeline.probe import Probe
from windrow.ports import Credentials
from windrow.settings import Settings, uses_parts


def rotation(settings: Settings) -> Rotation:
    """Return the rotation of the destination's credentials."""
    session = aws.session(os.environ)
    clock = SystemClock()

    def probe(credentials: Credentials) -> Probe:
        target = S3MultipartDestination(
            settings.destination_endpoint,
            settings.destination_bucket,
            settings.destination_region,
            FixedSecrets(credentials),
            clock,
        )
        return Probe(target, clock, settings.destination_prefix, lambda: uuid4().hex, parts=uses_parts(settings))

    return Rotation(
        secret=SecretsManagerVersions(settings.destination_secret_id, secrets_client.connect(session)),
        keys=MinioKeys(settings.destination_endpoint),
        probe=probe,
        new_key=lambda length: "".join(secrets.choice(ascii_letters + digits) for _ in range(length)),
    )
