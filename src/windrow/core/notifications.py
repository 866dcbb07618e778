"""Parses message bodies into source objects: S3's event notifications, in every form in which they reach the queue.

- From S3 itself, or from an SNS topic with raw delivery: a JSON object with a list ``Records``, of event version 2.x,
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
- The same as the ``Message`` of an SNS notification,
  https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
- From EventBridge, by a rule or a pipe, or through SNS: a JSON object with a ``detail-type``. Keys are not encoded
  there, https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import unquote_plus

import msgspec

from windrow.core.errors import ForeignBucket, MalformedEvent, Permanent, UnknownEvent
from windrow.core.events import MAX_KEY_BYTES, MAX_TEXT, SourceObject
from windrow.core.shapes import shape, shown

MAX_OBJECT_BYTES = 5 * 1024**4 * 10
"""Largest S3 object, 50 TiB; an event with a larger size is not S3's."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""A tar header can't hold an earlier time. AWS's own sample events have this date."""

LATEST = datetime(2242, 1, 1, tzinfo=UTC)
"""A plain tar header can't hold a time after March of that year, and a manifest's entry must have a plain header."""

TEST_EVENT = "s3:TestEvent"
"""S3 sends one when a notification is configured."""

CREATED, CREATED_DETAIL = "ObjectCreated", "Object Created"

OTHER_FAMILIES = frozenset(
    {
        "IntelligentTiering",
        "LifecycleExpiration",
        "LifecycleTransition",
        "ObjectAcl",
        "ObjectRemoved",
        "ObjectRestore",
        "ObjectTagging",
        "ReducedRedundancyLostObject",
        "Replication",
    }
)
"""S3's other events: their names up to the colon,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html"""

OTHER_DETAILS = frozenset(
    {
        "Object ACL Updated",
        "Object Access Tier Changed",
        "Object Deleted",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Restore Initiated",
        "Object Storage Class Changed",
        "Object Tags Added",
        "Object Tags Deleted",
    }
)
"""S3's other events as EventBridge names them: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"""

MAX_NAME_CHARS = 64
"""Longest name of an ignored event that is kept."""

T = TypeVar("T")


class IgnoredEvent(msgspec.Struct, frozen=True):
    """An S3 event that is not about a new object; ``name`` is S3's name for its kind."""

    name: str


_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct, rename={"version_id": "versionId", "etag": "eTag"}):
    key: str
    size: int
    etag: _Text | None = None
    version_id: _Text | None = None
    sequencer: _Text | None = None


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Kind(msgspec.Struct, rename="camel"):
    """The fields that every record must have."""

    event_source: str
    event_name: str


class _Creation(msgspec.Struct, rename="camel"):
    """The fields that a record of a new object must have."""

    event_version: str
    event_time: datetime
    s3: _S3


class _DetailObject(msgspec.Struct, rename={"version_id": "version-id"}):
    key: str
    size: int
    etag: _Text | None = None
    version_id: _Text | None = None
    sequencer: _Text | None = None


class _Detail(msgspec.Struct):
    bucket: _Bucket
    object: _DetailObject


class _BridgeKind(msgspec.Struct, rename={"detail_type": "detail-type"}):
    source: str
    detail_type: str


class _BridgeCreation(msgspec.Struct):
    time: datetime
    detail: _Detail


Parsed = SourceObject | IgnoredEvent | Permanent
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_records_of = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text_of = msgspec.json.Decoder(str).decode
_kind_of = msgspec.json.Decoder(_Kind)
_creation_of = msgspec.json.Decoder(_Creation)
_bridge_kind_of = msgspec.json.Decoder(_BridgeKind)
_bridge_creation_of = msgspec.json.Decoder(_BridgeCreation)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
_NOT_S3 = "is not an S3 event notification"


def parse(body: str, allowed_buckets: Container[str]) -> Iterator[Parsed]:
    """Yield the object, the ignored event, or the error of each record of a message body, in order.

    A record that cannot be used yields its error instead of raising it, so that the other records are delivered.

    Raises:
        MalformedEvent: the body as a whole is not an S3 event notification; the message says what it is instead.
    """
    for item in _events(body, "the body", may_wrap=True):
        if isinstance(item, SourceObject) and item.bucket not in allowed_buckets:
            yield ForeignBucket(f"bucket {shown(item.bucket)} is not one of WINDROW_LANDING_BUCKETS")
        else:
            yield item


def _events(text: str | msgspec.Raw, what: str, *, may_wrap: bool) -> Iterator[Parsed]:
    """Yield the events of a body, or of the message in an SNS notification; ``what`` names it in errors."""
    try:
        fields = _fields_of(text)
    except _UNREADABLE as error:
        raise MalformedEvent(f"{what} {_NOT_S3}, it is {shape(text)}") from error
    message = _text(fields, "Message") if may_wrap and _text(fields, "Type") == "Notification" else None
    if message is not None:
        yield from _events(message, "the message of an SNS notification", may_wrap=False)
    elif "detail-type" in fields:
        yield _bridge_event(text, what)
    elif _text(fields, "Event") == TEST_EVENT:
        yield IgnoredEvent(TEST_EVENT)
    elif "Records" in fields:
        yield from _records(fields["Records"], what)
    else:
        raise MalformedEvent(f"{what} {_NOT_S3}, it is {shape(text)}")


def _text(fields: dict[str, msgspec.Raw], name: str) -> str | None:
    """Return a field's text, None if it is absent or not a string."""
    try:
        return _text_of(fields[name])
    except (*_UNREADABLE, KeyError):
        return None


def _records(raw: msgspec.Raw, what: str) -> Iterator[Parsed]:
    try:
        records = _records_of(raw)
    except _UNREADABLE as error:
        raise MalformedEvent(f"{what} {_NOT_S3}: its 'Records' is {shape(raw)}") from error
    if not records:
        raise MalformedEvent(f"{what} {_NOT_S3}: its list 'Records' is empty")
    for position, record in enumerate(records):
        try:
            yield _record(record)
        except Permanent as error:
            yield type(error)(f"record {position}: {error}")


def _record(raw: msgspec.Raw) -> SourceObject | IgnoredEvent:
    """Return the object that a record creates, or the ignored event."""
    kind = _decoded(_kind_of, raw, "it")
    if kind.event_source != "aws:s3":
        raise MalformedEvent(f"it {_NOT_S3}: its eventSource is {shown(kind.event_source)}")
    name = kind.event_name.removeprefix("s3:")
    family = name.partition(":")[0]
    if family in OTHER_FAMILIES:
        return IgnoredEvent(name[:MAX_NAME_CHARS])
    if family != CREATED:
        raise UnknownEvent(f"S3 has no event {shown(kind.event_name)}")
    creation = _decoded(_creation_of, raw, "it")
    if not creation.event_version.startswith("2."):
        raise MalformedEvent(f"event version {shown(creation.event_version)} is not 2.x")
    item = creation.s3.object
    return _source(creation.s3.bucket, item, _decode_key(item.key), creation.event_time)


def _bridge_event(text: str | msgspec.Raw, what: str) -> SourceObject | IgnoredEvent | Permanent:
    """Return the same for an event in EventBridge's form, or the error that says why it cannot be used."""
    try:
        kind = _decoded(_bridge_kind_of, text, what)
        if kind.source != "aws.s3":
            raise MalformedEvent(f"{what} {_NOT_S3}: its source is {shown(kind.source)}")
        if kind.detail_type in OTHER_DETAILS:
            return IgnoredEvent(kind.detail_type)
        if kind.detail_type != CREATED_DETAIL:
            raise UnknownEvent(f"S3 has no event {shown(kind.detail_type)} in EventBridge")
        creation = _decoded(_bridge_creation_of, text, what)
        item = creation.detail.object
        return _source(creation.detail.bucket, item, item.key, creation.time)
    except Permanent as error:
        return error


def _decoded(decoder: msgspec.json.Decoder[T], text: str | msgspec.Raw, what: str) -> T:
    try:
        return decoder.decode(text)
    except _UNREADABLE as error:
        raise MalformedEvent(f"{what} {_NOT_S3}: {error}; it is {shape(text)}") from error


def _source(bucket: _Bucket, item: _Object | _DetailObject, key: str, moment: datetime) -> SourceObject:
    """Return the object of a creation event, with its values checked."""
    if moment.tzinfo is None:
        raise MalformedEvent("its time has no time zone")
    # Compared without conversion: near the ends of the calendar `astimezone` fails.
    if not EARLIEST <= moment < LATEST:
        raise MalformedEvent(f"its time {moment.date()} is not in the years 1970 to 2241")
    if not 0 <= item.size <= MAX_OBJECT_BYTES:
        raise MalformedEvent("its object has no valid size")
    length = len(key.encode())
    if not 0 < length <= MAX_KEY_BYTES:
        raise MalformedEvent(f"its key is {length} bytes long, not 1 to {MAX_KEY_BYTES}")
    version_id = item.version_id if item.version_id not in ("", "null") else None
    etag = (item.etag or "").strip('"')
    if version_id is None and not etag:
        raise MalformedEvent("its object has neither a version id nor an ETag")
    return SourceObject(
        bucket=bucket.name,
        key=key,
        version_id=version_id,
        etag=etag,
        sequencer=item.sequencer or "",
        size=item.size,
        event_time=moment.astimezone(UTC),
    )


def _decode_key(encoded: str) -> str:
    """Return the raw key: S3 encodes keys in notifications as HTML forms do, a space as ``+``."""
    try:
        return unquote_plus(encoded, errors="strict")
    except UnicodeError as error:
        raise MalformedEvent("its key is not URL-encoded UTF-8") from error
