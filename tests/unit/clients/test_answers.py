"""Answers that are not as documented, to every request of every client, made up by rule.

Each client asks a real server over HTTP. It answers as documented once, and then as often as there is something to
change: each field left out or of another type, the body cut, a proxy's page in its place, headers without each of
theirs. Whatever comes, the request ends well or with an error of Windrow's own, of the kind that its port names.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.config import Config
from minio.crypto import encrypt

from tests.servers.scripted import Answer, http_server
from windrow.clients import aws
from windrow.clients.awslambda.mapping import LambdaMapping, LambdaMappingSwitch
from windrow.clients.awslambda.versions import LambdaVersions
from windrow.clients.cloudwatch.alarms import CloudWatchMonitor
from windrow.clients.destination.bucket import RequestPolicy
from windrow.clients.destination.minio_keys import MinioKeys
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.dynamodb import ledger as ledger_client
from windrow.clients.dynamodb.circuits import DynamoCircuits
from windrow.clients.dynamodb.delivery_health import DynamoDeliveryHealth
from windrow.clients.dynamodb.ledger import DynamoLedger
from windrow.clients.json_requests import light
from windrow.clients.s3 import copies as copies_client
from windrow.clients.s3.copies import S3Copies
from windrow.clients.s3.landing import S3Landing
from windrow.clients.s3.landing_index import S3LandingIndex
from windrow.clients.s3.raw_files import S3RawFiles
from windrow.clients.secrets.credentials import FixedSecrets, SecretsManagerSecrets
from windrow.clients.secrets.versions import SecretsManagerVersions
from windrow.clients.sqs import source_queue as source_queue_client
from windrow.clients.sqs.dead_letters import DeadLetter, DeadLetterQueue
from windrow.clients.sqs.queue import SqsQueue, dead_letter
from windrow.clients.sqs.sender import SqsSender
from windrow.clients.sqs.source_queue import SqsSourceQueue
from windrow.clients.sqs.statistics import SqsStatistics
from windrow.core.circuit import Circuit, Streak
from windrow.core.errors import (
    CopyError,
    DeploymentError,
    DestinationError,
    DestinationFault,
    LandingError,
    LedgerError,
    MappingError,
    ObjectMissing,
    Permanent,
    QueueError,
    RotationError,
    SecretError,
    SettingsError,
    WindrowError,
)
from windrow.core.events import Message, SourceObject
from windrow.core.ledger import ArchiveRecord, Claim
from windrow.ports import ByteRange, Credentials, Part, RawVersion, Received
from windrow.testing import FakeClock

PAGE = b"<!DOCTYPE html><html><body>Please log in<br></body></html>"
XHTML = b"<?xml version='1.0'?><html><body>Please log in</body></html>"
DIGEST = sha256(b"body").digest()
DIGEST_BASE64 = base64.b64encode(DIGEST).decode()
WHEN = "Wed, 14 Oct 2026 10:00:00 GMT"
MESSAGE = Message("m", "r", "{}", 1, datetime(2026, 1, 1, tzinfo=UTC))
CLAIM = Claim("landing/a#v", "2026/a.tar.gz", "owner", 5, 10)
CREDENTIALS = Credentials("access", "secret")
ARN = "arn:aws:sqs:eu-west-2:000000000000:uploads"
UUID = "8bd54ff9-5f85-4b9e-b7bd-d2ab3fcb4a2f"
FUNCTION = "arn:aws:lambda:eu-west-2:000000000000:function:windrow"


class Impatient(FakeClock):
    """A clock by which waiting soon is over."""

    def sleep(self, seconds: float) -> None:
        """Move on by more than was asked."""
        super().sleep(100 * seconds)


Ask = Callable[[str], object]
"""Makes a request of a server at an address."""


@dataclass(frozen=True)
class Case:
    """A request, what is documented to be answered, and the errors that may come of anything else."""

    name: str
    ask: Ask
    answer: Answer
    errors: tuple[type[WindrowError], ...]
    needs: Sequence[str] = field(default=())
    """Fields and headers without which there must be an error."""
    head: Answer | None = None
    """What a HEAD that comes before the request is answered."""


@cache
def client(service: Any, url: str) -> Any:
    """Return a client as Windrow builds it, which asks once."""
    config = Config(retries={"total_max_attempts": 1}, s3=aws.PATH_STYLE, read_timeout=5)
    return aws.session(os.environ).client(service, endpoint_url=url, config=config)


@cache
def destination(url: str) -> S3MultipartDestination:
    """Return a destination."""
    once = RequestPolicy(attempts=1, probe_attempts=1)
    return S3MultipartDestination(url, "bucket", "us-east-1", FixedSecrets(CREDENTIALS), FakeClock(), once)


def xml(body: str, **headers: str) -> Answer:
    """Return S3's answer with a body."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return 200, {"Content-Type": "application/xml", **named}, f"<?xml version='1.0'?>{body}".encode()


def as_json(body: object) -> Answer:
    """Return an answer of one of AWS's JSON protocols."""
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


ENTRY = "<Key>k</Key><Size>4</Size><ETag>e</ETag><LastModified>2026-01-01T00:00:00Z</LastModified>"
LISTED = xml(f"<ListBucketResult><IsTruncated>false</IsTruncated><Contents>{ENTRY}</Contents></ListBucketResult>")
VERSIONS = xml(
    f"<ListVersionsResult><IsTruncated>false</IsTruncated><Version>{ENTRY}<VersionId>v</VersionId></Version>"
    "</ListVersionsResult>"
)
BEGUN = xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
COMPLETE = xml("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
COPIED = xml("<CopyPartResult><ETag>e</ETag></CopyPartResult>")
DELETED = xml("<DeleteResult><Deleted><Key>k</Key><VersionId>v</VersionId></Deleted></DeleteResult>")
HEAD = {"Content-Length": "4", "ETag": '"e"', "Last-Modified": WHEN, "x-amz-checksum-sha256": DIGEST_BASE64}
ITEM = {
    "object_id": {"S": CLAIM.object_id},
    "archive_key": {"S": CLAIM.archive_key},
    "owner": {"S": CLAIM.owner},
    "lease_until": {"N": "5"},
    "expires_at": {"N": "10"},
}
STREAK = {
    "failures": {"N": "3"},
    "since": {"N": "5"},
    "failed_at": {"N": "9"},
    "fault": {"S": "refused"},
    "delivered_at": {"N": "2"},
}
DONE = {"Successful": [{"Id": "0"}], "Failed": []}
DEAD = {
    "MessageId": "m",
    "ReceiptHandle": "r",
    "Body": "{}",
    "Attributes": {"SentTimestamp": "1700000000000"},
    "MessageAttributes": {"windrow-rejections": {"DataType": "String", "StringValue": "2"}},
}
SECRET = {"VersionId": "v", "SecretString": json.dumps({"access_key": "a", "secret_key": "s"})}
ALIAS = {"FunctionVersion": "7", "RevisionId": "r", "RoutingConfig": {"AdditionalVersionWeights": {"8": 0.1}}}
MAPPING = {
    "UUID": "u",
    "State": "Enabled",
    "FunctionArn": FUNCTION,
    "EventSourceArn": ARN,
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 60,
    "ScalingConfig": {"MaximumConcurrency": 2},
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "Timeout": 60,
    "MemorySize": 512,
    "QueueUrl": "https://q",
}
ALARM = {"AlarmName": "a", "StateValue": "OK", "AlarmActions": ["arn"]}


def dead_letters(url: str) -> DeadLetterQueue:
    """Return a dead-letter queue."""
    return DeadLetterQueue(f"{url}/1/dlq", f"{url}/1/queue", client("sqs", url))


def ledger(url: str) -> DynamoLedger:
    """Return a ledger that does not repeat for long."""
    dynamodb = light(client("dynamodb", url), ledger_client.LIGHT)
    return DynamoLedger("ledger", dynamodb, FakeClock(), lambda: 0.5, timeout_s=0.1)


def queue(url: str) -> SqsQueue:
    """Return a queue."""
    return SqsQueue(f"{url}/1/queue", f"{url}/1/dlq", client("sqs", url), FakeClock())


def versions(url: str) -> LambdaVersions:
    """Return a function's versions."""
    return LambdaVersions("windrow", "live", client("lambda", url), Impatient())


def copies(url: str) -> S3Copies:
    """Return a bucket for copies."""
    return S3Copies("copies", client("s3", url))


def watch(url: str) -> CloudWatchMonitor:
    """Return a watch of one alarm."""
    return CloudWatchMonitor("windrow", "live", client("cloudwatch", url), FakeClock(), alarms=["a"])


def statistics(url: str) -> SqsStatistics:
    """Return what tells how full a queue is."""
    return SqsStatistics(f"{url}/1/queue", client("sqs", url), client("cloudwatch", url), FakeClock())


def whole(size: int) -> Iterator[bytes]:
    """Yield an archive of so many bytes."""
    yield bytes(size)


@cache
def landing(_url: str) -> S3Landing:
    """Return landing buckets, which are found as the environment says."""
    return S3Landing(aws.session(os.environ))


def source(key: str) -> SourceObject:
    """Return an object of four bytes."""
    return SourceObject("bucket", key, "v", "e", "01", 4, datetime(2026, 1, 1, tzinfo=UTC))


class NoWait:
    """A clock of the engine's by which nobody waits."""

    def wait(self, _event: object, _seconds: float) -> bool:
        """Return at once."""
        return False


@cache
def source_queue(url: str) -> SqsSourceQueue:
    """Return the engine's queue."""
    sqs = light(client("sqs", url), source_queue_client.LIGHT)
    return SqsSourceQueue(sqs, f"{url}/1/queue", ARN, cast("Any", NoWait()), ThreadPoolExecutor(1))


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
MEASURED = {"Id": "errors", "StatusCode": "Complete", "Values": [1.0]}
RECORD = ArchiveRecord.condemned(CLAIM.archive_key, "owner", MOMENT)
LETTER = DeadLetter("m", "r", "{}", "reason", "detail", 1, MOMENT, {})
RECEIVED = Received("m", "r", b"{}")
LARGE = 1500
OF_DESTINATION = (DestinationError,)
OF_LANDING = (LandingError, Permanent)
S3_CASES = [
    Case("landing by obstore", lambda url: landing(url).get(source("k")), (200, HEAD, b"body"), OF_LANDING),
    Case("landing by boto3", lambda url: landing(url).get(source("k/")), (200, HEAD, b"body"), OF_LANDING),
    Case("probe", lambda url: destination(url).probe(), (200, {}, b""), OF_DESTINATION),
    Case("head", lambda url: destination(url).head("k"), (200, HEAD, b"body"), OF_DESTINATION, tuple(HEAD)[:3]),
    Case(
        "put",
        lambda url: destination(url).put("k", [b"body"], DIGEST, {"sha256_checksum": DIGEST.hex()}),
        (200, {"ETag": '"e"'}, b""),
        OF_DESTINATION,
        ("ETag",),
    ),
    Case(
        "read",
        lambda url: destination(url).read("k", 0, 4),
        (206, {"Content-Range": "bytes 0-3/9"}, b"body"),
        OF_DESTINATION,
        ("Content-Range",),
    ),
    Case("list", lambda url: list(destination(url).list("")), LISTED, OF_DESTINATION, ("IsTruncated", "Key", "Size")),
    Case("delete", lambda url: destination(url).delete("k"), (204, {}, b""), OF_DESTINATION, head=(200, HEAD, b"body")),
    Case("begin", lambda url: destination(url).begin("k", {}, verified=True), BEGUN, OF_DESTINATION, ("UploadId",)),
    Case(
        "send_part",
        lambda url: destination(url).send_part("k", "u", 1, [b"body"], DIGEST),
        (200, {"ETag": '"e"'}, b""),
        OF_DESTINATION,
        ("ETag",),
    ),
    Case(
        "copy_part",
        lambda url: destination(url).copy_part("k", "u", 1, ByteRange("s", "e", 0, 4)),
        COPIED,
        OF_DESTINATION,
        ("ETag",),
    ),
    Case(
        "complete", lambda url: destination(url).complete("k", "u", [Part(1, "e")]), COMPLETE, OF_DESTINATION, ("ETag",)
    ),
    Case("abort", lambda url: destination(url).abort("k", "u"), (204, {}, b""), OF_DESTINATION),
    Case("copies list", lambda url: list(copies(url).list("")), LISTED, (CopyError,), ("IsTruncated", "Key", "Size")),
    Case("copies head", lambda url: copies(url).head("k"), (200, HEAD, b"body"), (CopyError,), tuple(HEAD)[:1]),
    Case(
        "copies store",
        lambda url: copies(url).store("k", [b"body"], 4, DIGEST, {}),
        (200, {"ETag": '"e"'}, b""),
        (CopyError,),
    ),
    Case(
        "copies store in parts",
        lambda url: copies(url).store("k", whole(LARGE), LARGE, sha256(bytes(LARGE)).digest(), {}),
        (*BEGUN[:1], {**BEGUN[1], "ETag": '"e"'}, BEGUN[2]),
        (CopyError,),
        ("UploadId", "ETag"),
    ),
    Case(
        "landing index",
        lambda url: list(S3LandingIndex(client("s3", url)).versions("b", "")),
        VERSIONS,
        (LandingError,),
        ("IsTruncated", "Key", "Size", "VersionId", "ETag", "LastModified"),
    ),
    Case("raw files", lambda url: S3RawFiles(client("s3", url)).delete([RawVersion("b", "k", "v")]), DELETED, ()),
]
JSON_CASES = [
    Case("claim", lambda url: ledger(url).claim([CLAIM]), as_json({"Responses": [{}]}), (LedgerError,), ("Responses",)),
    Case("release", lambda url: ledger(url).release([CLAIM]), as_json({"Responses": [{}]}), ()),
    Case(
        "claims",
        lambda url: ledger(url).claims([CLAIM.object_id]),
        as_json({"Responses": {"ledger": [ITEM]}, "UnprocessedKeys": {}}),
        (LedgerError,),
        ("Responses", *ITEM, "S", "N"),
    ),
    Case(
        "records",
        lambda url: ledger(url).records([CLAIM.archive_key]),
        as_json({"Responses": {"ledger": []}, "UnprocessedKeys": {}}),
        (LedgerError,),
        ("Responses",),
    ),
    Case(
        "circuit load",
        lambda url: DynamoCircuits("ledger", "u", client("dynamodb", url)).load(),
        as_json({"Item": {"state": {"S": "{}"}}}),
        (LedgerError,),
        ("state", "S"),
    ),
    Case(
        "streak",
        lambda url: DynamoDeliveryHealth("ledger", client("dynamodb", url)).streak(),
        as_json({"Item": STREAK}),
        (LedgerError,),
        (*STREAK, "N", "S"),
    ),
    Case(
        "note of a failure",
        lambda url: DynamoDeliveryHealth("ledger", client("dynamodb", url)).record_failed(Streak()),
        as_json({}),
        (),
    ),
    Case(
        "circuit save",
        lambda url: DynamoCircuits("ledger", "u", client("dynamodb", url)).save(Circuit(), replacing=Circuit()),
        as_json({}),
        (LedgerError,),
    ),
    Case(
        "secret",
        lambda url: SecretsManagerSecrets("s", client("secretsmanager", url), FakeClock()).credentials(),
        as_json(SECRET),
        (SecretError,),
        tuple(SECRET),
    ),
    Case(
        "secret version",
        lambda url: SecretsManagerVersions("s", client("secretsmanager", url)).staged("AWSCURRENT"),
        as_json(SECRET),
        (RotationError,),
        tuple(SECRET),
    ),
    Case("set visibility", lambda url: queue(url).set_visibility([(MESSAGE, 1)]), as_json(DONE), ()),
    Case("delete messages", lambda url: queue(url).delete([MESSAGE]), as_json(DONE), ()),
    Case("dead letter", lambda url: queue(url).dead_letter([(MESSAGE, ObjectMissing("x"))]), as_json(DONE), ()),
    Case(
        "send",
        lambda url: SqsSender(f"{url}/1/q", client("sqs", url)).send(["{}"]),
        as_json(DONE),
        (QueueError,),
        ("Successful", "Id"),
    ),
    Case(
        "walk",
        lambda url: list(dead_letters(url).walk(1)),
        as_json({"Messages": [DEAD]}),
        (QueueError,),
        ("MessageId", "ReceiptHandle", "Body", "Attributes", "SentTimestamp"),
    ),
    Case(
        "dead letters",
        lambda url: dead_letters(url).depth(),
        as_json({"Attributes": {"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "1"}}),
        (QueueError,),
        ("Attributes", "ApproximateNumberOfMessages"),
    ),
    Case(
        "redrive all",
        lambda url: dead_letters(url).redrive_all(),
        as_json({"Attributes": {"QueueArn": ARN}, "TaskHandle": "t"}),
        (QueueError,),
        ("QueueArn", "TaskHandle"),
    ),
    Case(
        "queue depth",
        lambda url: statistics(url).depth(),
        as_json({"Attributes": {f"ApproximateNumberOfMessages{kind}": "1" for kind in ("", "NotVisible", "Delayed")}}),
        (QueueError,),
        ("Attributes", "ApproximateNumberOfMessagesDelayed"),
    ),
    Case(
        "mapping",
        lambda url: LambdaMappingSwitch(UUID, client("lambda", url)).enabled(),
        as_json(MAPPING),
        (MappingError,),
        ("State",),
    ),
    Case(
        "mapping of the engine",
        lambda url: LambdaMapping(client("lambda", url), client("sqs", url), UUID).read(),
        as_json(MAPPING),
        (MappingError, SettingsError),
        ("FunctionArn", "EventSourceArn", "Timeout", "MemorySize", "QueueUrl"),
    ),
    Case(
        "alias",
        lambda url: versions(url).alias(),
        as_json(ALIAS),
        (DeploymentError,),
        ("FunctionVersion", "RevisionId"),
    ),
    Case(
        "publish",
        lambda url: versions(url).publish(b"zip", "7"),
        as_json({"CodeSha256": "x", "Version": "8", "State": "Active", "LastUpdateStatus": "Successful"}),
        (DeploymentError,),
        ("CodeSha256", "Version"),
    ),
    Case("smoke", lambda url: versions(url).smoke("8"), as_json({"batchItemFailures": []}), (DeploymentError,)),
    Case(
        "alarms",
        lambda url: watch(url).firing(),
        as_json({"MetricAlarms": [ALARM], "CompositeAlarms": []}),
        (DeploymentError,),
        ("MetricAlarms", "AlarmName", "StateValue"),
    ),
    Case(
        "work of versions",
        lambda url: watch(url).read("8", "7", MOMENT),
        as_json({"MetricAlarms": [ALARM], "CompositeAlarms": [], "MetricDataResults": [MEASURED]}),
        (DeploymentError,),
        ("MetricDataResults", "Id", "StatusCode", "Values"),
    ),
    Case(
        "age of the oldest message",
        lambda url: statistics(url).oldest_age_s(),
        as_json({"MetricDataResults": [MEASURED]}),
        (QueueError,),
        ("MetricDataResults", "Values"),
    ),
    Case(
        "take over", lambda url: ledger(url).take_over([(CLAIM, CLAIM)]), as_json({"Responses": [{}]}), (LedgerError,)
    ),
    Case("record", lambda url: ledger(url).record(RECORD), as_json({}), (LedgerError,)),
    Case(
        "new secret version",
        lambda url: SecretsManagerVersions("s", client("secretsmanager", url)).put_pending("t" * 32, CREDENTIALS),
        as_json({}),
        (RotationError,),
    ),
    Case(
        "give back",
        lambda url: dead_letters(url).release([LETTER]),
        as_json(DONE),
        (QueueError,),
        ("Successful", "Id"),
    ),
    Case("drop", lambda url: dead_letters(url).drop([LETTER]), as_json(DONE), (QueueError,), ("Successful", "Id")),
    Case(
        "receive",
        lambda url: source_queue(url).receive(1, 0),
        as_json({"Messages": [DEAD | {"MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b"}]}),
        (QueueError,),
    ),
    Case("delete received", lambda url: source_queue(url).delete([RECEIVED]), as_json(DONE), ()),
    Case("give back received", lambda url: source_queue(url).release([RECEIVED]), as_json(DONE), ()),
    Case(
        "visibility timeout",
        lambda url: source_queue(url).visibility_timeout_s(),
        as_json({"Attributes": {"VisibilityTimeout": "720"}}),
        (QueueError,),
        ("Attributes", "VisibilityTimeout"),
    ),
    Case(
        "new key of MinIO",
        lambda url: MinioKeys(url).create(CREDENTIALS, CREDENTIALS),
        (200, {}, encrypt(b'{"impliedPolicy": true}', CREDENTIALS.secret_key)),
        (RotationError,),
    ),
    Case(
        "key of MinIO",
        lambda url: MinioKeys(url).remove(CREDENTIALS, "old"),
        (204, {}, b""),
        (RotationError,),
    ),
]


def odd_bodies(answer: Answer) -> Iterator[Answer]:
    """Yield the answer with another body altogether, at the same status and at others."""
    status, headers, body = answer
    plain = {name: text for name, text in headers.items() if name != "Content-Length"}
    for other in (PAGE, XHTML, b"", b"null", b"[]", b"5", b'{"a": ' * 5000, b"\xff\xfe", body[: len(body) // 2]):
        yield status, plain, other
    for another, other in itertools.product((200, 204, 302, 400, 429, 500, 501), (PAGE, b"", b"[]")):
        yield another, {"Content-Type": "text/html"}, other


def odd_headers(answer: Answer) -> Iterator[tuple[str, Answer]]:
    """Yield the answer without each of its headers, and with each in another form; name the one left out."""
    status, headers, body = answer
    for name in headers:
        if name != "Content-Length":
            yield name, (status, {n: text for n, text in headers.items() if n != name}, body)
        for text in ("", "x", "-1", "\xfc", "W/x", "9" * 5000) if name != "Content-Length" else ("", "x", "-1"):
            yield "", (status, headers | {name: text}, body)


def odd_xml(answer: Answer) -> Iterator[tuple[str, Answer]]:
    """Yield the answer without each of its elements, and with each in another form; name the one left out."""
    status, headers, body = answer
    text = body.decode()
    for found in re.finditer(r"<(\w+)>[^<]*</\1>", text):
        for instead in ("", f"<{found[1]}>x</{found[1]}>", f"<{found[1]}><a/></{found[1]}>", f"<{found[1]}/>"):
            changed = text[: found.start()] + instead + text[found.end() :]
            yield "" if instead else found[1], (status, headers, changed.encode())


def odd_json(answer: Answer) -> Iterator[tuple[str, Answer]]:
    """Yield the answer without each of its fields, and with each of another type; name the one left out."""
    status, headers, body = answer
    for name, changed in _changed(json.loads(body)):
        yield name, (status, headers, json.dumps(changed).encode())


def _changed(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, {n: each for n, each in value.items() if n != name}
            for other in (None, "x", "\ud800", 5, -1.5, True, [], [None], {}, {"x": {"x": "x"}}, "9" * 5000):
                yield "", value | {name: other}
            for deeper, changed in _changed(inner):
                yield deeper, value | {name: changed}
    if isinstance(value, list):
        for position, inner in enumerate(value):
            for deeper, changed in _changed(inner):
                yield deeper, [*value[:position], changed, *value[position + 1 :]]


def odd(case: Case) -> Iterator[tuple[str, Answer]]:
    """Yield every odd answer to a case, and the name of what it lacks."""
    of_body = odd_xml if case in S3_CASES else odd_json
    yield from (("", answer) for answer in odd_bodies(case.answer))
    yield from odd_headers(case.answer)
    yield from of_body(case.answer) if "Content-Type" in case.answer[1] else ()


CASES = [*S3_CASES, *JSON_CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_odd_answer_is_an_error_of_that_request(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    """As documented it ends well; else it ends well or with an error of the port's, and without what it needs so."""
    current = [case.answer]
    accepted: list[str] = []
    with http_server(lambda method, *_: case.head if case.head and method == "HEAD" else current[0]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setattr(copies_client, "PART_BYTES", LARGE - 1)
        case.ask(url)
        for lacking, current[0] in odd(case):
            try:
                case.ask(url)
            except case.errors:
                continue
            accepted += [lacking] if lacking in case.needs else []
    assert [] == accepted


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, ("e", DIGEST.hex())),
        ({"ETag": 'W/"e"'}, ("e", DIGEST.hex())),
        ({"x-amz-checksum-sha256": f"{DIGEST_BASE64}-2"}, ("e", None)),
    ],
)
def test_an_etag_made_weak_is_read(headers: dict[str, str], told: tuple[str, str | None]) -> None:
    """A proxy that may change encodings marks it so; the server behind knows it without the mark."""
    with http_server(lambda *_: (200, HEAD | headers, b"body")) as url:
        stored = S3MultipartDestination(url, "b", "us-east-1", FixedSecrets(CREDENTIALS), FakeClock()).head("k")
    assert stored is not None
    assert told == (stored.etag, stored.checksum_sha256)


@pytest.mark.parametrize(
    ("answer", "kind", "maybe_stored"),
    [
        ((200, {}, PAGE), DestinationFault.UNAVAILABLE, True),
        ((200, {}, XHTML), DestinationFault.PROTOCOL, True),
        ((429, {}, b""), DestinationFault.UNAVAILABLE, False),
        ((408, {}, b""), DestinationFault.UNAVAILABLE, False),
        ((413, {}, PAGE), DestinationFault.REFUSED, False),
        ((501, {}, b""), DestinationFault.REFUSED, True),
        ((503, {}, PAGE), DestinationFault.UNAVAILABLE, True),
        ((302, {"Location": "https://login.example"}, PAGE), DestinationFault.REFUSED, False),
    ],
)
def test_the_kind_of_an_odd_answer(answer: Answer, kind: DestinationFault, maybe_stored: bool) -> None:
    """It says what to look for, and whether the object may have been stored all the same."""
    asked: list[str] = []

    def count(method: str, _path: str, _body: bytes) -> Answer:
        asked.append(method)
        return answer

    parts = [Part(1, "e")]
    with http_server(count) as url, pytest.raises(DestinationError) as caught:
        S3MultipartDestination(url, "b", "us-east-1", FixedSecrets(CREDENTIALS), FakeClock()).complete("k", "u", parts)
    assert (kind, maybe_stored) == (caught.value.kind, caught.value.maybe_stored)
    assert ["POST"] == asked


def test_what_passes_is_asked_again() -> None:
    """A server that limits the rate of requests, and a page that comes once."""
    script = [(429, {}, b""), (200, {}, PAGE), LISTED]
    with http_server(lambda *_: script.pop(0)) as url:
        found = S3MultipartDestination(url, "b", "us-east-1", FixedSecrets(CREDENTIALS), FakeClock()).list("")
        assert [("k", 4)] == list(found)


PROFILE = """[profile odd]
region = eu-west-1
ca_bundle = /absent
s3 =
  use_accelerate_endpoint = true
  addressing_style = virtual
  payload_signing_enabled = true
  use_dualstack_endpoint = true
request_checksum_calculation = when_supported
defaults_mode = auto
"""


def test_a_profile_has_no_say_in_the_destination(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its options are for AWS; a profile that there is not is of no matter either."""
    (tmp_path / "config").write_text(PROFILE)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)  # it would be found before the profile's
    paths: list[str] = []

    def note(_method: str, path: str, _body: bytes) -> Answer:
        paths.append(path)
        return 200, {}, b""

    with http_server(note) as url:
        for profile in ("odd", "absent"):
            monkeypatch.setenv("AWS_PROFILE", profile)
            S3MultipartDestination(url, "b", "us-east-1", FixedSecrets(CREDENTIALS), FakeClock()).probe()
    assert ["/b", "/b"] == paths


def test_dead_letters_are_dropped_only_when_sqs_says_that_it_took_them() -> None:
    """A proxy's page at 200 is no word of SQS's: what was to be sent stays."""
    asked: list[bytes] = []

    def page(_method: str, _path: str, body: bytes) -> Answer:
        asked.append(body)
        return as_json({"Messages": [DEAD]}) if len(asked) == 1 else (200, {}, PAGE)

    with http_server(page) as url:
        found = dead_letters(url)
        dead = next(found.walk(1))
        with pytest.raises(QueueError, match="SQS's answer lacks it"):
            found.redrive([dead])
    assert not any(b"ReceiptHandle" in body for body in asked[2:])


@pytest.mark.parametrize("text", ["9" * 5000, "-1", "1e3", "٣", ""])
def test_a_count_that_windrow_never_wrote_counts_nothing(text: str) -> None:
    """Anybody may set a message's attributes: a count of 5,000 digits is no reason to fail a batch."""
    message = Message("m", "r", "{}", 1, datetime(2026, 1, 1, tzinfo=UTC), {"windrow-rejections": text})
    assert "1" == dead_letter(message, ObjectMissing("gone"), "now")[1]["windrow-rejections"]
