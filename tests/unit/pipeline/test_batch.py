"""A batch under way: which messages share whose result."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from windrow.core.errors import LandingError, ObjectForbidden, ObjectMissing, ObjectRefused, Permanent
from windrow.core.events import REJECTIONS, REPLAYED, Message
from windrow.pipeline.batch import DELIVERED, DUPLICATE, Batch, ObjectResult, Outcome

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def message(message_id: str, *keys: str, bucket: str = "landing", receives: int = 1) -> Message:
    """Return a message with one record a key."""
    records = [
        {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventTime": "2026-11-23T10:00:00Z",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "eTag": "e", "versionId": "v"}},
        }
        for key in keys
    ]
    return Message(message_id, f"r-{message_id}", json.dumps({"Records": records}), receives, NOW)


def batch(*messages: Message) -> Batch:
    """Return a parsed batch of these messages."""
    whole = Batch("owner", messages)
    whole.parse({"landing"})
    return whole


def test_the_same_object_twice_is_one_object_whose_messages_share_its_fate() -> None:
    """A duplicate event inside a batch must not be built twice."""
    first, second = message("1", "a"), message("2", "a", receives=5)
    whole = batch(first, second)

    whole.record(whole.objects, DELIVERED)

    assert list(whole.objects) == ["landing/a@v"]
    assert whole.receives("landing/a@v") == 5
    assert whole.repeats() == 1
    assert whole.message_result(first) == whole.message_result(second) == DELIVERED


def test_a_message_is_as_bad_as_its_worst_object() -> None:
    """Retry beats rejection, rejection beats delivery."""
    mixed = message("1", "a", "b", "c")
    whole = batch(mixed)
    whole.record(["landing/a@v"], DELIVERED)
    whole.record(["landing/b@v"], ObjectResult(Outcome.REJECTED, ObjectMissing("gone")))
    whole.record(["landing/c@v"], DUPLICATE)

    rejected = whole.message_result(mixed)
    whole.record(["landing/c@v"], ObjectResult(Outcome.RETRY, LandingError("500")))
    retried = whole.message_result(mixed)

    assert (rejected.outcome, str(rejected.error)) == (Outcome.REJECTED, "gone")
    assert (retried.outcome, str(retried.error)) == (Outcome.RETRY, "500")


def test_the_longest_known_delay_counts_unless_one_asks_for_backoff() -> None:
    """Coming back before the longest lease is over would be in vain."""
    both = message("1", "a", "b")
    whole = batch(both)
    whole.record(["landing/a@v"], ObjectResult(Outcome.RETRY, delay_s=30))
    whole.record(["landing/b@v"], ObjectResult(Outcome.RETRY, delay_s=50))
    known = whole.message_result(both)
    whole.record(["landing/b@v"], ObjectResult(Outcome.RETRY, LandingError("500")))
    backoff = whole.message_result(both)

    assert (known.delay_s, backoff.delay_s) == (50, None)


def test_a_malformed_message_is_rejected_and_leaves_the_others_alone() -> None:
    """Hostile bodies cost nobody else anything."""
    bad, good, foreign = Message("1", "r", "noise", 1, NOW), message("2", "a"), message("3", "x", bucket="other")
    whole = batch(bad, good, foreign)
    whole.record(whole.objects, DELIVERED)

    results = [whole.message_result(each) for each in (bad, good, foreign)]

    assert [result.outcome for result in results] == [Outcome.REJECTED, Outcome.DELIVERED, Outcome.REJECTED]
    assert [result.error.reason for result in results if isinstance(result.error, Permanent)] == [
        "malformed",
        "foreign-bucket",
    ]


REFUSED = ObjectResult(Outcome.RETRY, ObjectRefused(ObjectForbidden("no")))


@pytest.mark.parametrize(
    ("receives", "outcome"), [(1, Outcome.RETRY), (4, Outcome.RETRY), (5, Outcome.REJECTED), (6, Outcome.REJECTED)]
)
def test_what_s3_refuses_is_rejected_after_a_few_receives(receives: int, outcome: Outcome) -> None:
    """Where its bucket serves another object to the same batch, so that the fault is the object's own."""
    refused, good = message("1", "a", receives=receives), message("2", "b", receives=receives)
    whole = batch(refused, good)
    whole.record(["landing/a@v"], REFUSED)
    whole.record(["landing/b@v"], DELIVERED)

    results = [whole.message_result(each) for each in (refused, good)]

    assert [outcome, Outcome.DELIVERED] == [result.outcome for result in results]
    assert "no" == str(results[0].error)


@pytest.mark.parametrize(("receives", "outcome"), [(5, Outcome.RETRY), (11, Outcome.RETRY), (12, Outcome.REJECTED)])
@pytest.mark.parametrize("also", [None, DUPLICATE, ObjectResult(Outcome.RETRY, LandingError("500"))])
def test_a_bucket_that_serves_nothing_gets_longer(receives: int, outcome: Outcome, also: ObjectResult | None) -> None:
    """A lost permission refuses every object: that is mended while the messages wait, not redriven by hand."""
    refused, other, elsewhere = message("1", "a", receives=receives), message("2", "b"), message("3", "c", bucket="two")
    whole = Batch("owner", [refused, other, elsewhere])
    whole.parse({"landing", "two"})
    whole.record(["landing/a@v"], REFUSED)
    whole.record(["landing/b@v"], also or REFUSED)
    whole.record(["two/c@v"], DELIVERED)

    assert outcome is whole.message_result(refused).outcome


def test_a_refusal_that_became_a_rejection_carries_its_reason() -> None:
    """The dead letter tells it; before, the error is one that may pass."""
    refused = message("1", "a", receives=12)
    whole = batch(refused)
    whole.record(whole.objects, REFUSED)

    error = whole.message_result(refused).error

    assert isinstance(error, ObjectForbidden)
    assert "access-denied" == error.reason


def test_a_message_keeps_waiting_for_its_other_objects() -> None:
    """One object is refused for good, another is still to be delivered: the message stays for that one."""
    both = message("1", "a", "b", receives=12)
    whole = batch(both)
    whole.record(["landing/a@v"], REFUSED)
    whole.record(["landing/b@v"], ObjectResult(Outcome.RETRY, LandingError("500")))

    result = whole.message_result(both)

    assert (Outcome.RETRY, "500") == (result.outcome, str(result.error))


def test_ignored_events_are_counted_by_name() -> None:
    """Their messages are done with, and leave that trace."""
    test = Message("1", "r", '{"Service": "Amazon S3", "Event": "s3:TestEvent"}', 1, NOW)
    removal = message("2", "a", "b")
    removal = Message("2", "r", removal.body.replace("ObjectCreated:Put", "ObjectRemoved:Delete"), 1, NOW)
    whole = batch(test, removal)

    assert {"s3:TestEvent": 1, "ObjectRemoved:Delete": 2} == whole.ignored
    assert [DELIVERED, DELIVERED] == [whole.message_result(each) for each in (test, removal)]


def test_only_messages_that_are_done_count_as_finished() -> None:
    """What is acknowledged early must not be open, rejected or due for a retry."""
    done, open_, bad, retry = (
        message("1", "a"),
        message("2", "b"),
        Message("3", "r", "noise", 1, NOW),
        message("4", "c"),
    )
    whole = batch(done, open_, bad, retry)
    whole.record(["landing/a@v"], DUPLICATE)
    whole.record(["landing/c@v"], ObjectResult(Outcome.RETRY))

    assert [whole.finished(each) for each in (done, open_, bad, retry)] == [True, False, False, False]
    assert [source.key for source in whole.open_objects()] == ["b"]


@pytest.mark.parametrize(
    ("attributes", "sent_after", "expected"),
    [
        ({REJECTIONS: "1"}, timedelta(0), True),
        ({}, timedelta(minutes=15, seconds=1), True),
        ({}, timedelta(minutes=15), False),
        ({"theirs": "1"}, timedelta(0), False),
    ],
)
def test_a_message_that_was_sent_back_marks_its_objects(
    attributes: dict[str, str], sent_after: timedelta, expected: bool
) -> None:
    """By the count of its rejections, or, where SQS moved it both ways, by the time of its sending."""
    sent_back = msgspec.structs.replace(message("1", "a"), attributes=attributes, sent_at=NOW + sent_after)

    assert [expected] == [source.redriven for source in batch(sent_back).open_objects()]


def test_a_replays_message_is_sent_late_and_no_redrive() -> None:
    """Each kind has one mark."""
    body = message("1", "a").body.replace('"eTag"', f'"sequencer": "{REPLAYED}", "eTag"')
    (source,) = batch(Message("1", "r", body, 1, NOW + timedelta(days=1))).open_objects()

    assert (True, False) == (source.replayed, source.redriven)
