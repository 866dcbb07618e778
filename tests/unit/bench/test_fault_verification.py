"""The campaign's verdict: no dead letter that had to be there may be missing, and none may be there unprovoked."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from bench.faults.verification import DeadLettersFound
from windrow.clients.sqs.dead_letters import DeadLetter
from windrow.lab.stack.verification import Version

BUCKET = "landing"
BAD = {"no event 1", "no event 2"}
DELETED: set[Version] = {("a", "v1"), ("b", "v1")}


def event(key: str, version: str = "v1") -> str:
    """Return the event of an upload."""
    item = {"key": key, "size": 1, "eTag": "e", "versionId": version}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-23T10:00:00Z",
        "s3": {"bucket": {"name": BUCKET}, "object": item},
    }
    return json.dumps({"Records": [record]})


def dead_letters(*found: tuple[str, str]) -> DeadLettersFound:
    """Return what becomes of dead letters, each a reason and a body."""
    result = DeadLettersFound(BAD, DELETED, {BUCKET})
    for reason, body in found:
        result.add(DeadLetter("id", "handle", body, reason, "", 1, datetime.now(UTC), {}))
    return result


ALL = (("malformed", "no event 1"), ("malformed", "no event 2"), ("missing", event("a")), ("missing", event("b")))


def test_each_one_provoked_is_there() -> None:
    """Nothing is wrong, although one of them is there twice."""
    found = dead_letters(*ALL, ALL[0])

    assert ([], []) == (found.vanished, found.unexplained)
    assert {"malformed": 3, "missing": 2} == found.reasons


@pytest.mark.parametrize("gone", range(len(ALL)))
def test_each_one_that_vanished_is_noticed(gone: int) -> None:
    """However many others of its kind are there."""
    found = dead_letters(*ALL[:gone], *ALL[gone + 1 :])

    assert (1, []) == (len(found.vanished), found.unexplained)


@pytest.mark.parametrize(
    "dead_letter",
    [("missing", event("kept")), ("malformed", "another"), ("malformed", event("a")), ("too-large", "{}")],
)
def test_what_nobody_provoked_is_noticed(dead_letter: tuple[str, str]) -> None:
    """Another object, another body, or another reason."""
    found = dead_letters(*ALL, dead_letter)

    assert ([], 1) == (found.vanished, len(found.unexplained))


def test_poison_that_waits_there_is_not_lost() -> None:
    """SQS moves a message there by itself after its last receive."""
    found = dead_letters(*ALL, ("received too often", event("poison/1")))

    assert ([], {("poison/1", "v1")}) == (found.unexplained, found.saved)
