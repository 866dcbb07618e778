"""Object lock: for how long an archive can't be deleted or changed at the destination; set by the write itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from windrow.core.keys import window_of


def _is_archive(key: str) -> bool:
    return window_of(key) is not None


class ObjectLock(msgspec.Struct, frozen=True):
    """Locks objects under the keys that it ``applies`` to, by default those of archives.

    Temporary objects (canaries, staged parts) must stay deletable. A tombstone over a condemned archive is a new
    version, which the old one's lock allows: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """

    mode: str
    """GOVERNANCE or COMPLIANCE."""
    retention: timedelta
    applies: Callable[[str], bool] = _is_archive

    def options(self, key: str, now: datetime) -> dict[str, Any]:
        """Return the parameters for boto3's CreateMultipartUpload."""
        if not self.applies(key):
            return {}
        return {"ObjectLockMode": self.mode, "ObjectLockRetainUntilDate": now + self.retention}

    def headers(self, key: str, now: datetime) -> dict[str, str]:
        """Return the headers for PutObject."""
        if not self.applies(key):
            return {}
        until = (now + self.retention).astimezone(UTC)
        return {
            "X-Amz-Object-Lock-Mode": self.mode,
            "X-Amz-Object-Lock-Retain-Until-Date": f"{until:%Y-%m-%dT%H:%M:%S}Z",
        }
