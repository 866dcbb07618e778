"""From SQS messages to source objects.

An S3 notification is a JSON object with a list ``Records``; its layout is described at
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (event version 2.x).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated
from urllib.parse import unquote_plus

import msgspec

from windrow.core.errors import ForeignBucket, MalformedEvent, Permanent

MAX_KEY_BYTES = 1024
"""Longest S3 key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

MAX_TEXT = 1024
"""Longest version id, in characters; ETags and sequencers are far shorter:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html"""

MAX_LEDGER_ID_BYTES = 2048
"""Longest DynamoDB partition key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

MAX_OBJECT_BYTES = 5 * 1024**4 * 10
"""Largest S3 object there is, 50 TiB; an event that names more is not S3's."""

EARLIEST = datetime(2006, 3, 14, tzinfo=UTC)
"""The day S3 opened: an earlier event time is not S3's."""

LATEST = datetime(2242, 1, 1, tzinfo=UTC)
"""From March of that year on a plain tar header can't hold the time, and a manifest must have one (archive format)."""


class Message(msgspec.Struct, frozen=True):
    """One SQS message as Lambda hands it over.

    ``receive_count`` counts receives including this one. ``sent_at`` is when the message was first queued.
    ``attributes`` are its message attributes of type String.
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime
    attributes: dict[str, str] = {}


class SourceObject(msgspec.Struct, frozen=True):
    """One version of one object in a landing bucket, as its creation event names it.

    ``key`` is the raw key (already URL-decoded), ``size`` is in bytes, ``event_time`` is aware UTC.
    ``version_id`` is None when the bucket is not versioned.
    """

    bucket: str
    key: str
    version_id: str | None
    etag: str
    sequencer: str
    size: int
    event_time: datetime

    @property
    def object_id(self) -> str:
        """The ledger's id: ``bucket/key@version_id``, or ``bucket/key@etag.sequencer`` without versioning.

        An id that DynamoDB could not hold as a key is cut and closed with the SHA-256 of the whole.
        """
        version = self.version_id or f"{self.etag}.{self.sequencer}"
        return ledger_id(f"{self.bucket}/{self.key}@{version}")


def ledger_id(plain: str) -> str:
    """Return ``plain``, or when its UTF-8 form is over 2,048 bytes, its head and its SHA-256."""
    raw = plain.encode()
    if len(raw) <= MAX_LEDGER_ID_BYTES:
        return plain
    digest = sha256(raw).hexdigest()
    return f"{raw[: MAX_LEDGER_ID_BYTES - len(digest) - 1].decode(errors='ignore')}#{digest}"


def utc_text(moment: datetime) -> str:
    """Return an aware time as S3 writes it in events: ``2026-11-23T10:07:31.250Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct, rename={"version_id": "versionId", "etag": "eTag"}):
    key: str
    size: int = -1
    etag: _Text = ""
    version_id: _Text | None = None
    sequencer: _Text = ""


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct, rename="camel"):
    event_version: str
    event_source: str
    event_name: str
    event_time: datetime
    s3: _S3


class _Body(msgspec.Struct):
    records: list[msgspec.Raw] | None = msgspec.field(name="Records", default=None)
    event: str | None = msgspec.field(name="Event", default=None)


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_record = msgspec.json.Decoder(_Record).decode
_NOT_S3 = "is not an S3 event notification"


def parse(body: str, allowed_buckets: Container[str]) -> Iterator[SourceObject | Permanent]:
    """Yield what each record of a message body names, in order.

    A record that cannot be used yields the error that says why, so that one bad record does not cost the
    others their delivery. Nothing is yielded for ``s3:TestEvent`` and for events other than object creation.

    Raises:
        MalformedEvent: the body as a whole is no S3 event notification.
    """
    try:
        decoded = _decode_body(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedEvent(f"the body {_NOT_S3}: {error}") from error
    if decoded.records is None:
        if decoded.event == "s3:TestEvent":
            return
        raise MalformedEvent(f"the body {_NOT_S3}: it has no list 'Records'")
    for position, raw in enumerate(decoded.records):
        try:
            source = _source_object(raw)
        except Permanent as error:
            yield type(error)(f"record {position}: {error}")
            continue
        if source is None:
            continue
        if source.bucket not in allowed_buckets:
            yield ForeignBucket(f"record {position}: bucket {source.bucket!r} is not one of WINDROW_LANDING_BUCKETS")
            continue
        yield source


def _source_object(raw: msgspec.Raw) -> SourceObject | None:
    """Return the object that a record creates, or None when the record is about something else."""
    try:
        record = _decode_record(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedEvent(f"it {_NOT_S3}: {error}") from error
    if record.event_source != "aws:s3":
        raise MalformedEvent(f"it {_NOT_S3}: its eventSource is {record.event_source[:64]!r}")
    if not record.event_version.startswith("2."):
        raise MalformedEvent(f"event version {record.event_version[:16]!r} is not 2.x")
    if not record.event_name.startswith("ObjectCreated:"):
        return None
    item = record.s3.object
    if record.event_time.tzinfo is None:
        raise MalformedEvent("its eventTime has no time zone")
    # Compared as it is: near the ends of the calendar `astimezone` fails.
    if not EARLIEST <= record.event_time < LATEST:
        raise MalformedEvent(f"its eventTime {record.event_time.date()} is not a time at which S3 made events")
    if not 0 <= item.size <= MAX_OBJECT_BYTES:
        raise MalformedEvent("its object has no valid size")
    key = _decode_key(item.key)
    version_id = item.version_id if item.version_id not in ("", "null") else None
    if version_id is None and not item.etag:
        raise MalformedEvent("its object has neither a versionId nor an eTag")
    return SourceObject(
        bucket=record.s3.bucket.name,
        key=key,
        version_id=version_id,
        etag=item.etag.strip('"'),
        sequencer=item.sequencer,
        size=item.size,
        event_time=record.event_time.astimezone(UTC),
    )


def _decode_key(encoded: str) -> str:
    """Return the raw key: S3 encodes keys in events as HTML forms do, a space as ``+``."""
    try:
        key = unquote_plus(encoded, errors="strict")
        length = len(key.encode())
    except UnicodeError as error:
        raise MalformedEvent("its key is not URL-encoded UTF-8") from error
    if not 0 < length <= MAX_KEY_BYTES:
        raise MalformedEvent(f"its key is {length} bytes long, not 1 to {MAX_KEY_BYTES}")
    return key
