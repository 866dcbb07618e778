"""Whether archives can be locked at the destination, where that is set, found out by locking an object for a minute."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from windrow.core.errors import DestinationError
from windrow.doctor.check import Check, fail, ok
from windrow.ports import Lockable

NAME = "object lock"
RETENTION = timedelta(minutes=1)
"""So long the object of the trial can't be deleted; then the sentinel does, since it is named as canaries are."""
ADVICE = (
    "Make a bucket with object lock (at MinIO: mc mb --with-lock), allow s3:PutObjectRetention and "
    "s3:GetObjectRetention to the user, or take WINDROW_OBJECT_LOCK_MODE away."
)


def lock_trial(destination: Lockable, key: str) -> Check:
    """Lock an object, and look whether it is."""
    body = b"locked"
    try:
        destination.put(key, [body], sha256(body).digest(), {})
        until = destination.locked_until(key)
    except DestinationError as error:
        return fail(NAME, f"a write with a lock ended so: {error}", ADVICE)
    if until is None:
        return fail(NAME, "what was written with a lock is not locked, or the server does not tell", ADVICE)
    return ok(NAME, "archives can be locked; what was tried goes with the canaries in an hour")
