"""Checks whether archives can be locked at the destination, by locking an object for a minute."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from windrow.core.errors import DestinationError
from windrow.doctor.check import Check, fail, ok
from windrow.ports import Lockable

NAME = "object lock"
RETENTION = timedelta(minutes=1)
"""How long the test object is locked; then the sentinel deletes it, because it is named like a canary."""
ADVICE = (
    "Make a bucket with object lock (at MinIO: mc mb --with-lock), allow s3:PutObjectRetention and "
    "s3:GetObjectRetention to the user, or remove WINDROW_OBJECT_LOCK_MODE."
)


def lock_trial(destination: Lockable, key: str) -> Check:
    """Write a locked object, and check that it is locked."""
    body = b"locked"
    try:
        destination.put(key, [body], sha256(body).digest(), {})
        until = destination.locked_until(key)
    except DestinationError as error:
        return fail(NAME, f"a write with a lock failed: {error}", ADVICE)
    if until is None:
        return fail(NAME, "an object written with a lock is not locked, or the server does not say", ADVICE)
    return ok(NAME, "archives can be locked; the sentinel deletes the test object in an hour")
