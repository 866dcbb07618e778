"""Messages of the queue, and the objects that they name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec

MAX_KEY_BYTES = 1024
"""Longest S3 key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

MAX_TEXT = 1024
"""Longest version id, in characters; ETags and sequencers are far shorter:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html"""

MAX_LEDGER_ID_BYTES = 2048
"""Longest DynamoDB partition key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""


REPLAYED = "replayed"
"""The sequencer of an object that a replay queued: a listing has none, and S3's are hexadecimal. Without versioning,
where it is part of the identity, a replay leaves it empty."""


REJECTIONS = "windrow-rejections"
"""The message attribute that counts how often a message was rejected; a redriven message still has it."""

SENT_LATE = timedelta(minutes=15)
"""S3 announces an object within seconds, at times a minute or more. A message that SQS redrives gets a new time of
sending, and no attribute:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""


class Message(msgspec.Struct, frozen=True):
    """One SQS message as Lambda passes it to the function.

    ``receive_count`` counts receives including this one. ``sent_at`` is when the message was first queued.
    ``attributes`` are its message attributes of type String.
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    attributes: dict[str, str] = {}

    def redriven(self, event_time: datetime) -> bool:
        """Return whether it came back from the dead-letter queue: it was rejected, or sent long after its event."""
        return REJECTIONS in self.attributes or self.sent_at - event_time > SENT_LATE


class SourceObject(msgspec.Struct, frozen=True):
    """One version of one object in a landing bucket, as its creation event names it.

    ``key`` is the raw key (already URL-decoded), ``size`` is in bytes, ``event_time`` is aware UTC.
    ``version_id`` is None when the bucket is not versioned. ``redriven`` says that its message was sent back from the
    dead-letter queue.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    sequencer: str
    size: int
    event_time: datetime
    redriven: bool = False

    @property
    def object_id(self) -> str:
        """The ledger's id: ``bucket/key@version_id``, or ``bucket/key@etag.sequencer`` without versioning.

        An id that is too long for a DynamoDB key is cut and ends in the SHA-256 of the whole id.
        """
        version = self.version_id or f"{self.etag}.{self.sequencer}"
        return ledger_id(f"{self.bucket}/{self.key}@{version}")

    @property
    def replayed(self) -> bool:
        """Whether a replay queued it; without versioning, whether it was queued by anything but an S3 event."""
        return self.sequencer == (REPLAYED if self.version_id else "")


def ledger_id(plain: str) -> str:
    """Return ``plain``, or if its UTF-8 form is over 2,048 bytes, its beginning and its SHA-256."""
    raw = plain.encode()
    if len(raw) <= MAX_LEDGER_ID_BYTES:
        return plain
    digest = sha256(raw).hexdigest()
    return f"{raw[: MAX_LEDGER_ID_BYTES - len(digest) - 1].decode(errors='ignore')}#{digest}"


def utc_text(moment: datetime) -> str:
    """Return an aware time as S3 writes it in events: ``2026-11-23T10:07:31.250Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
