"""Parsing of S3 event notifications."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.archive.reader import parse_manifest
from windrow.core.archive.writer import seal
from windrow.core.errors import ForeignBucket, MalformedEvent, Permanent, UnknownEvent
from windrow.core.events import SourceObject
from windrow.core.notifications import IgnoredEvent, Parsed, parse
from windrow.core.planning import plan


def record(**changes: Any) -> dict[str, Any]:
    """Return an S3 event record; ``changes`` replace fields of its object, or of the record itself."""
    whole: dict[str, Any] = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-2",
        "eventTime": "2026-11-23T10:07:31.250Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": "landing", "arn": "arn:aws:s3:::landing"},
            "object": {"key": "a.txt", "size": 3, "eTag": "e1", "versionId": "v1", "sequencer": "05"},
        },
    }
    for name, value in changes.items():
        if name in whole:
            whole[name] = value
        elif name == "bucket":
            whole["s3"]["bucket"]["name"] = value
        elif value is None:
            del whole["s3"]["object"][name]
        else:
            whole["s3"]["object"][name] = value
    return whole


def parsed(*records: Any) -> list[Parsed]:
    """Parse a body with these records."""
    return list(parse(json.dumps({"Records": list(records)}), {"landing"}))


def test_a_put_event_names_its_object() -> None:
    """All that identifies the object is taken from the record."""
    assert parsed(record()) == [
        SourceObject("landing", "a.txt", "v1", "e1", "05", 3, datetime(2026, 11, 23, 10, 7, 31, 250000, tzinfo=UTC))
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_every_key_survives_the_event_encoding(key: str) -> None:
    """A key encoded as S3 does (a space as plus) comes back as it was."""
    (source,) = parsed(record(key=quote_plus(key)))

    assert isinstance(source, SourceObject)
    assert source.key == key


@pytest.mark.parametrize(
    ("encoded", "raw"),
    [
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%252Fb", "a%2Fb"),
        ("%F0%9F%8C%BE", "🌾"),
        ("a%0Ab", "a\nb"),
        ("%2Fa%2F", "/a/"),
    ],
)
def test_known_encodings(encoded: str, raw: str) -> None:
    """The encodings that hand-written handlers get wrong."""
    (source,) = parsed(record(key=encoded))

    assert isinstance(source, SourceObject)
    assert source.key == raw


def test_the_test_event_is_nothing_to_do() -> None:
    """S3 sends it once when a notification is configured."""
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing"})

    assert list(parse(body, {"landing"})) == [IgnoredEvent("s3:TestEvent")]


OTHERS = [
    "IntelligentTiering",
    "LifecycleExpiration:DeleteMarkerCreated",
    "LifecycleTransition",
    "ObjectAcl:Put",
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Completed",
    "ObjectTagging:Delete",
    "ReducedRedundancyLostObject",
    "Replication:OperationFailedReplication",
]


@pytest.mark.parametrize("prefix", ["", "s3:"])
@pytest.mark.parametrize("name", OTHERS)
def test_other_events_of_s3_are_ignored_by_name(name: str, prefix: str) -> None:
    """Only object creation is Windrow's business; a count tells what else comes."""
    assert parsed(record(eventName=prefix + name)) == [IgnoredEvent(name)]


@pytest.mark.parametrize("change", [{"eventTime": None}, {"s3": None}, {"eventVersion": None}, {"size": None}])
def test_an_ignored_event_may_lack_what_only_a_creation_needs(change: dict[str, Any]) -> None:
    """A removal has no size, and nobody looks at its time."""
    assert parsed(record(eventName="ObjectRemoved:Delete", **change)) == [IgnoredEvent("ObjectRemoved:Delete")]


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload", "NotYetInvented"])
@pytest.mark.parametrize("prefix", ["", "s3:"])
def test_every_creation_counts_however_it_came_about(name: str, prefix: str) -> None:
    """With ``s3:`` before the name, as in a bucket's configuration, or without, as S3 sends it."""
    assert parsed(record()) == parsed(record(eventName=f"{prefix}ObjectCreated:{name}"))


@pytest.mark.parametrize("name", ["ObjectMelted:Slowly", "s3:", "", "objectcreated:Put", "ObjectCreatedX:Put"])
def test_an_unknown_event_is_rejected_by_name(name: str) -> None:
    """It may be about a file: acknowledged, that would be lost without a trace."""
    (error,) = parsed(record(eventName=name))

    assert isinstance(error, UnknownEvent)
    assert str(error) == f"record 0: S3 has no event {name!r}"


def test_what_is_told_of_an_unknown_event_is_bounded_and_printable() -> None:
    """Its sender has the word, but not the terminal."""
    ((error,), (ignored,)) = (parsed(record(eventName=name + "x" * 10_000)) for name in ("\x1b[2J\u202e", "ObjectAcl:"))

    assert isinstance(ignored, IgnoredEvent)
    assert (True, 64) == (str(error).isprintable(), len(ignored.name))
    assert len(str(error)) < 200


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2", "2.3", "2.9"])
def test_any_version_2_is_read(version: str) -> None:
    """Minor versions only add fields."""
    assert len(parsed(record(eventVersion=version))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "17",
        "null",
        '"x"',
        "{}",
        '{"Records": 5}',
        '{"Records": null}',
        '{"Records": []}',
        '{"Event": "other"}',
        "[" * 100_000,
        r'{"Records": [{"s3": "\ud800"}]}',
    ],
)
def test_a_body_that_is_no_event_is_malformed(body: str) -> None:
    """The error is the one that sends the message to the dead-letter queue."""
    with pytest.raises(MalformedEvent, match="not an S3 event notification"):
        list(parse(body, {"landing"}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"eventSource": "aws:sns"}, "eventSource"),
        ({"eventVersion": "3.0"}, "not 2.x"),
        ({"eventTime": "2026-11-23T10:07:31"}, "no time zone"),
        ({"eventTime": "yesterday"}, "not an S3 event"),
        ({"eventTime": "0001-01-01T00:00:00Z"}, "0001-01-01"),
        ({"eventTime": "1969-12-31T23:59:59.999Z"}, "1969-12-31"),
        ({"eventTime": None}, "eventTime"),
        ({"eventName": 5}, "eventName"),
        ({"eventTime": "9999-12-31T23:59:59Z"}, "9999-12-31"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "0001-01-01"),
        ({"eventTime": "9999-12-31T23:59:59-14:00"}, "9999-12-31"),
        ({"eventTime": "2242-01-01T00:00:00Z"}, "2242-01-01"),
        ({"s3": {}}, "bucket"),
        ({"s3": {"bucket": {"name": 5}, "object": {"key": "a"}}}, "name"),
        ({"size": None}, "size"),
        ({"size": -1}, "size"),
        ({"size": 2**63}, "size"),
        ({"size": "3"}, "size"),
        ({"size": 3.5}, "size"),
        ({"key": None}, "key"),
        ({"key": ""}, "0 bytes long"),
        ({"key": "k" * 1025}, "1025 bytes long"),
        ({"key": "%FF"}, "UTF-8"),
        ({"versionId": None, "eTag": None}, "neither"),
        ({"versionId": ["v"]}, "versionId"),
        ({"versionId": "v" * 1025}, "versionId"),
        ({"eTag": "e" * 1025}, "eTag"),
        ({"sequencer": "0" * 1025}, "sequencer"),
    ],
)
def test_a_wrong_record_is_malformed_and_says_why(change: dict[str, Any], says: str) -> None:
    """The reason names what is wrong, and where."""
    (error,) = parsed(record(**change))

    assert isinstance(error, MalformedEvent)
    assert says in str(error)
    assert str(error).startswith("record 0: ")


def test_a_sample_events_time_is_a_time() -> None:
    """The console's sample is of 1970: an ordinary event, of an object that is not there."""
    (source,) = parsed(record(eventTime="1970-01-01T00:00:00.000Z"))

    assert isinstance(source, SourceObject)
    assert datetime(1970, 1, 1, tzinfo=UTC) == source.event_time


@pytest.mark.parametrize("field", ["eTag", "sequencer"])
def test_a_version_needs_neither_etag_nor_sequencer(field: str) -> None:
    """Null or absent: the version id is identity enough."""
    absent, null = record(**{field: None}), record()
    null["s3"]["object"][field] = None

    assert ["landing/a.txt@v1"] * 2 == [
        source.object_id for source in parsed(absent, null) if isinstance(source, SourceObject)
    ]


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("", "it is empty"),
        ("no json", "it is not JSON, it begins with 'no json'"),
        ("17", "it is a number"),
        ("null", "it is null"),
        ("[1, 2]", "it is a list of 2"),
        ("{}", "it is an empty object"),
        ('{"a": 1, "b\x1b": [{"c": 2}]}', 'it is not JSON, it begins with \'{"a": 1, "b\\x1b": [{"c": 2}]}\''),
        ('{"a": 1, "b\\u001b": 2}', "it is an object with 'a', 'b\\x1b'"),
        (json.dumps({f"f{n}": n for n in range(11)}), "'f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7' and 3 more"),
        (json.dumps({"x" * 100: 1}), "it is an object with '" + "x" * 40 + "'..."),
        ('{"Records": {"a": 1}}', "its 'Records' is an object with 'a'"),
        ('{"Records": []}', "its list 'Records' is empty"),
        ('{"Event": "other"}', "it is an object with 'Event'"),
        ('{"Type": "SubscriptionConfirmation", "Token": "t"}', "it is an object with 'Type', 'Token'"),
        ('{"Type": "Notification", "Message": 5}', "it is an object with 'Type', 'Message'"),
        ('{"Type": "Notification", "Message": "hello"}', "the message of an SNS notification is not an S3 event"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_a_malformed_body_is_told_by_its_shape(body: str, seen: str) -> None:
    """Who sends it is found out by what it looks like; nothing in it reaches a terminal as it is."""
    with pytest.raises(MalformedEvent) as caught:
        list(parse(body, {"landing"}))
    assert seen in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_malformed_record_is_told_by_its_shape() -> None:
    """The Lambda form of an SNS event is a list of records too, of another kind."""
    (error,) = parsed({"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": "m"}})

    assert isinstance(error, MalformedEvent)
    assert "an object with 'EventSource', 'EventVersion', 'Sns'" in str(error)


def wrapped(message: str) -> str:
    """Return an SNS notification as it comes to a queue without raw delivery."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:eu-west-2:123456789012:landing",
            "Subject": "Amazon S3 Notification",
            "Message": message,
            "Timestamp": "2026-11-23T10:07:32.100Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "UnsubscribeURL": "https://sns.eu-west-2.amazonaws.com/?Action=Unsubscribe",
        }
    )


def bridged(detail_type: Any = "Object Created", **changes: Any) -> dict[str, Any]:
    """Return an event in EventBridge's form; ``changes`` replace fields of its object, or of the event itself."""
    whole: dict[str, Any] = {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-23T10:07:31Z",
        "region": "eu-west-2",
        "resources": ["arn:aws:s3:::landing"],
        "detail": {
            "version": "0",
            "bucket": {"name": "landing"},
            "object": {"key": "a.txt", "size": 3, "etag": "e1", "version-id": "v1", "sequencer": "05"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "reason": "PutObject",
        },
    }
    for name, value in changes.items():
        field = name.replace("_", "-")
        target = whole if field in whole else whole["detail"]["object"]
        target[field] = value
    return whole


def test_an_event_is_the_same_by_whatever_way_it_comes() -> None:
    """By SQS, by SNS with and without raw delivery, by EventBridge, and by EventBridge and SNS."""
    plain = json.dumps({"Records": [record(eventTime="2026-11-23T10:07:31Z")]})
    bridge = json.dumps(bridged())

    ways = [list(parse(body, {"landing"})) for body in (plain, wrapped(plain), bridge, wrapped(bridge))]

    assert [
        [SourceObject("landing", "a.txt", "v1", "e1", "05", 3, datetime(2026, 11, 23, 10, 7, 31, tzinfo=UTC))]
    ] * 4 == ways


def test_the_test_event_is_ignored_by_way_of_sns_too() -> None:
    """S3 tests topics as it tests queues."""
    body = wrapped(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "landing"}))

    assert [IgnoredEvent("s3:TestEvent")] == list(parse(body, {"landing"}))


def test_sns_is_unwrapped_once() -> None:
    """No service wraps twice, and each level would be another copy in memory."""
    with pytest.raises(MalformedEvent, match=r"message of an SNS notification is not an S3 event .* 'Type'"):
        list(parse(wrapped(wrapped(json.dumps({"Records": [record()]}))), {"landing"}))


@pytest.mark.parametrize("key", ["a b", "a+b", "a%2Bb", "%", "ü/🌾", "%FF"])
def test_eventbridge_does_not_encode_keys(key: str) -> None:
    """They are taken as they are."""
    (source,) = parse(json.dumps(bridged(key=key)), {"landing"})

    assert isinstance(source, SourceObject)
    assert key == source.key


@pytest.mark.parametrize(
    "detail_type",
    [
        "Object ACL Updated",
        "Object Access Tier Changed",
        "Object Deleted",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Restore Initiated",
        "Object Storage Class Changed",
        "Object Tags Added",
        "Object Tags Deleted",
    ],
)
def test_other_events_of_eventbridge_are_ignored_by_name(detail_type: str) -> None:
    """Whatever their details hold."""
    assert [IgnoredEvent(detail_type)] == list(parse(json.dumps(bridged(detail_type, detail=None)), {"landing"}))


@pytest.mark.parametrize(
    ("event", "kind", "says"),
    [
        (bridged("AWS API Call via CloudTrail"), UnknownEvent, "'AWS API Call via CloudTrail'"),
        (bridged(source="aws.ec2"), MalformedEvent, "source is 'aws.ec2'"),
        (bridged(detail=None), MalformedEvent, "detail"),
        (bridged(size=None), MalformedEvent, "size"),
        (bridged(key=""), MalformedEvent, "0 bytes long"),
        (bridged(time="2026-11-23T10:07:31"), MalformedEvent, "no time zone"),
        (bridged(time=None), MalformedEvent, "time"),
        (bridged(version_id=None, etag=None), MalformedEvent, "neither"),
        (bridged(detail_type=5), MalformedEvent, "detail-type"),
    ],
)
def test_a_wrong_event_of_eventbridge_is_rejected_and_says_why(
    event: dict[str, Any], kind: type[Permanent], says: str
) -> None:
    """As a wrong record is."""
    (error,) = parse(json.dumps(event), {"landing"})

    assert isinstance(error, kind)
    assert says in str(error)


def test_any_time_that_is_read_fits_the_header_of_an_archive_that_can_be_read() -> None:
    """A reader takes the manifest's header as one plain block; a later time would need a second one."""
    (source,) = parsed(record(eventTime="2242-01-01T13:59:59.999+14:00"))

    assert isinstance(source, SourceObject)
    assert datetime(2241, 12, 31, 23, 59, 59, 999000, tzinfo=UTC) == source.event_time
    (archive,) = plan([source], prefix="", max_archive_bytes=1000)
    sealed = seal(archive.window, [], 6)
    first = b"".join(sealed.chunks)[: int(sealed.metadata["manifest-bytes"])]
    assert archive.window == parse_manifest(first).window


def test_a_foreign_bucket_is_named() -> None:
    """The operator must see which bucket sends here."""
    (error,) = parsed(record(bucket="elsewhere"))

    assert isinstance(error, ForeignBucket)
    assert "'elsewhere'" in str(error)


def test_one_bad_record_does_not_cost_the_others() -> None:
    """Records of one message are judged one by one."""
    results = parsed(record(key="a"), record(size=-1), record(bucket="other"), record(key="b"))

    assert [type(result) for result in results] == [SourceObject, MalformedEvent, ForeignBucket, SourceObject]


def test_identity_is_the_version() -> None:
    """Two events of one version are one object, two versions of one key are two."""
    first, again, other = parsed(record(), record(eventTime="2026-11-23T10:09:00Z"), record(versionId="v2"))

    assert isinstance(first, SourceObject)
    assert isinstance(again, SourceObject)
    assert isinstance(other, SourceObject)
    assert first.object_id == "landing/a.txt@v1"
    assert again.object_id == first.object_id
    assert other.object_id == "landing/a.txt@v2"


@pytest.mark.parametrize("version_id", [None, "null", ""])
def test_identity_without_versioning_is_etag_and_sequencer(version_id: str | None) -> None:
    """A suspended bucket's version ``null`` is overwritten in place, so it is no identity."""
    (source,) = parsed(record(versionId=version_id))

    assert isinstance(source, SourceObject)
    assert source.version_id is None
    assert source.object_id == "landing/a.txt@e1.05"


NAMES = [
    *("Records", "Event", "s3", "object", "bucket", "key", "eventName", "eventSource"),
    *("Type", "Message", "detail-type", "source", "detail", "time"),
]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*NAMES]), inner),
    )
)
def test_any_json_is_either_read_or_rejected(value: Any) -> None:
    """Whatever arrives, the answer is a list of results or a permanent error, never a crash."""
    try:
        results: list[Parsed] = list(parse(json.dumps(value), {"landing"}))
    except Permanent as error:
        results = [error]

    assert all(isinstance(result, SourceObject | IgnoredEvent | Permanent) for result in results)


def test_what_eventbridge_leaves_out_is_not_there() -> None:
    """Of a version neither ETag nor sequencer is needed; without either there is no identity."""
    lean, bare = bridged(), bridged()
    for name in ("etag", "sequencer"):
        del lean["detail"]["object"][name], bare["detail"]["object"][name]
    del bare["detail"]["object"]["version-id"]
    (source,), (error,) = (list(parse(json.dumps(body), {"landing"})) for body in (lean, bare))

    assert isinstance(source, SourceObject)
    assert ("", "", "v1") == (source.etag, source.sequencer, source.version_id)
    assert isinstance(error, MalformedEvent)
    assert "neither" in str(error)
