"""The sample events that AWS publishes: each is a file, ignored or rejected, as its kind asks."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.tools import locate
from tests.unit.world import World
from windrow.core.errors import Permanent
from windrow.core.events import Message, SourceObject
from windrow.core.notifications import IgnoredEvent, Parsed, parse

BUCKETS = {"example-bucket", "sourcebucket"}


def items(body: str) -> list[Parsed]:
    """Return what a body is about; a body that is rejected as a whole is about that."""
    try:
        return list(parse(body, BUCKETS))
    except Permanent as error:
        return [error]


def verdict(item: Parsed) -> str:
    """Return what becomes of an item, in a word."""
    if isinstance(item, SourceObject):
        return "file"
    return "ignored" if isinstance(item, IgnoredEvent) else item.reason


def wrapped(body: str) -> str:
    """Return the body as SNS would send it on."""
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-2:1:t", "Message": body})


def odd_ones(bodies: dict[str, str]) -> dict[str, list[str]]:
    """Return what becomes of those samples that are not simply malformed, by name; the way by SNS changes nothing."""
    found = {name: [verdict(item) for item in items(body)] for name, body in bodies.items()}
    assert found == {name: [verdict(item) for item in items(wrapped(body))] for name, body in bodies.items()}
    return {name: verdicts for name, verdicts in found.items() if set(verdicts) != {"malformed"}}


@pytest.mark.needs("aws-lambda-go-events")
def test_samples_of_aws_lambda_go_are_judged_by_their_kind() -> None:
    """Two are new objects, the same object; all others are of other services, or answers."""
    bodies = {path.name: path.read_text() for path in Path(locate("aws-lambda-go-events")).glob("*.json")}

    assert len(bodies) > 90
    assert {"s3-event.json": ["file"], "s3-event-with-decoded.json": ["file"]} == odd_ones(bodies)
    for name in ("s3-event.json", "s3-event-with-decoded.json"):
        sample: dict[str, Any] = json.loads(bodies[name])["Records"][0]["s3"]["object"]
        (source,) = items(bodies[name])
        assert isinstance(source, SourceObject)
        assert ("Happy Face.jpg", "version", 1024) == (source.key, source.version_id, source.size)
        assert source.key == sample.get("urlDecodedKey", source.key)


@pytest.fixture
def sam() -> dict[str, str]:
    """The SAM CLI's samples, filled in with its defaults as `sam local generate-event` does, by file."""
    folder = Path(locate("sam-events"))
    mapping = json.loads((folder / "event-mapping.json").read_text())
    return {
        f"{service}/{kind['filename']}": filled(folder / "events" / service / f"{kind['filename']}.json", kind["tags"])
        for service, kinds in mapping.items()
        for kind in kinds.values()
    }


def filled(template: Path, tags: dict[str, dict[str, str]]) -> str:
    """Return a template with the defaults of its tags in it."""

    def default(tag: re.Match[str]) -> str:
        value = tags.get(tag[1], {}).get("default", "")
        return quote(value, safe="") if tags.get(tag[1], {}).get("encoding") == "url" else value

    return re.sub(r"\{\{\{?([\w-]+)\}?\}\}", default, template.read_text())


@pytest.mark.needs("sam-events")
def test_samples_of_the_sam_cli_are_judged_by_their_kind(sam: dict[str, str]) -> None:
    """Two are new objects (Rekognition's begins with one), one a deletion; all others are of other services."""
    assert len(sam) > 60
    assert {
        "rekognition/RekognitionS3Request": ["file"],
        "s3/S3Delete": ["ignored"],
        "s3/S3Put": ["file"],
    } == odd_ones(sam)
    assert [IgnoredEvent("ObjectRemoved:Delete")] == items(sam["s3/S3Delete"])
    etag, moment = "0123456789abcdef0123456789abcdef", datetime(1970, 1, 1, tzinfo=UTC)
    assert items(sam["s3/S3Put"]) == [
        SourceObject("example-bucket", "test/key", None, etag, "0A1B2C3D4E5F678901", 1024, moment)
    ]


@pytest.mark.needs("sam-events")
@pytest.mark.parametrize(("buckets", "reason"), [({"example-bucket"}, "missing"), ({"landing"}, "foreign-bucket")])
def test_a_sample_sent_to_the_queue_is_an_event_of_a_missing_object(
    sam: dict[str, str], buckets: set[str], reason: str
) -> None:
    """Its time of 1970 harms nothing: a file of today in the same batch is delivered."""
    world = World()
    world.settings = type(world.settings)(landing_buckets=frozenset({*buckets, "landing"}), fetch_concurrency=2)
    good = world.upload("good")
    sample = Message("sample", "r", sam["s3/S3Put"], 1, world.clock.now())

    failed = world.process(sample, world.message(good))

    assert ([], {"sample": reason}) == (failed, {name: error.reason for name, (_, error) in world.queue.dead.items()})
    world.assert_each_once()
