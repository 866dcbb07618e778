"""Object lock: how long an archive can't be deleted or changed at the destination, told with the write itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from windrow.core.keys import window_of


def _is_archive(key: str) -> bool:
    return window_of(key) is not None


class ObjectLock(msgspec.Struct, frozen=True):
    """Locks what is written under a key of those that it ``applies`` to, archives unless told otherwise.

    What workers write for a moment (canaries, staged parts) must stay deletable. A tombstone over a condemned archive
    is a new version, which the lock of the old one does not hinder:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """

    mode: str
    """GOVERNANCE or COMPLIANCE."""
    retention: timedelta
    applies: Callable[[str], bool] = _is_archive

    def options(self, key: str, now: datetime) -> dict[str, Any]:
        """Return boto3's parameters of a PutObject or CreateMultipartUpload."""
        if not self.applies(key):
            return {}
        return {"ObjectLockMode": self.mode, "ObjectLockRetainUntilDate": now + self.retention}
