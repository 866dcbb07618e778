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
from windrow.core.errors import ForeignBucket, MalformedEvent, Permanent
from windrow.core.events import MAX_LEDGER_ID_BYTES, SourceObject, ledger_id, parse
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


def parsed(*records: Any) -> list[SourceObject | Permanent]:
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

    assert list(parse(body, {"landing"})) == []


@pytest.mark.parametrize("name", ["ObjectRemoved:Delete", "ObjectRestore:Completed", "LifecycleTransition"])
def test_other_events_are_nothing_to_do(name: str) -> None:
    """Only object creation is Windrow's business."""
    assert parsed(record(eventName=name)) == []


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
        ({"key": None}, "key"),
        ({"key": ""}, "0 bytes long"),
        ({"key": "k" * 1025}, "1025 bytes long"),
        ({"key": "%FF"}, "UTF-8"),
        ({"versionId": None, "eTag": None}, "neither"),
        ({"versionId": ["v"]}, "versionId"),
    ],
)
def test_a_wrong_record_is_malformed_and_says_why(change: dict[str, Any], says: str) -> None:
    """The reason names what is wrong, and where."""
    (error,) = parsed(record(**change))

    assert isinstance(error, MalformedEvent)
    assert says in str(error)
    assert str(error).startswith("record 0: ")


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


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=3000))
def test_a_ledger_id_fits_a_partition_key_and_stays_distinct(plain: str) -> None:
    """Long ids are cut, closed by a digest, and differ where the originals differ at their very end."""
    first, second = ledger_id(plain + "1"), ledger_id(plain + "2")

    assert len(first.encode()) <= MAX_LEDGER_ID_BYTES
    assert first != second


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["Records", "Event", "s3", "object", "bucket", "key", "eventName"]), inner
            )
        ),
    )
)
def test_any_json_is_either_read_or_rejected(value: Any) -> None:
    """Whatever arrives, the answer is a list of results or a permanent error, never a crash."""
    try:
        results = list(parse(json.dumps(value), {"landing"}))
    except Permanent as error:
        results = [error]

    assert all(isinstance(result, SourceObject | Permanent) for result in results)
