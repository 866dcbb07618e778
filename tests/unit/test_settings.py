"""Settings from the environment."""

from __future__ import annotations

import random

import pytest

from windrow.clients.s3.copies import MOST_PARTS
from windrow.core.archive.segments import compress_pieces
from windrow.core.endpoints import is_loopback
from windrow.core.errors import SettingsError
from windrow.pipeline.large import PART_BYTES, PIECE_BYTES
from windrow.settings import _BOUNDS, AGGREGATE, MIB, Settings, load, sending_s

GOOD = {
    "WINDROW_LANDING_BUCKETS": "landing, second",
    "WINDROW_QUEUE_URL": "https://sqs.eu-west-2.amazonaws.com/1/q",
    "WINDROW_DLQ_URL": "https://sqs.eu-west-2.amazonaws.com/1/d",
    "WINDROW_LEDGER_TABLE": "ledger",
    "WINDROW_DESTINATION_ENDPOINT": "https://minio.example:9000/",
    "WINDROW_DESTINATION_BUCKET": "archive",
    "WINDROW_DESTINATION_SECRET_ID": "windrow/destination",
    "PATH": "/bin",
}


def test_defaults_are_the_designs() -> None:
    """What is not set has the documented value."""
    settings = load(GOOD)

    assert settings == Settings(
        landing_buckets=frozenset({"landing", "second"}),
        queue_url=GOOD["WINDROW_QUEUE_URL"],
        dlq_url=GOOD["WINDROW_DLQ_URL"],
        ledger_table="ledger",
        ledger_ttl_days=30,
        destination_endpoint="https://minio.example:9000",
        destination_bucket="archive",
        destination_prefix="",
        destination_region="us-east-1",
        destination_secret_id="windrow/destination",
        compression_level=5,
        frame_bytes=1_048_576,
        max_archive_bytes=201_326_592,
        max_object_bytes=5_368_709_120,
        fetch_concurrency=16,
        event_source_mapping_id="",
        inventory="",
        copies_bucket="",
        retention_hot_days=7,
    )


def test_every_fault_is_named_at_once() -> None:
    """Whoever fixes the environment should not have to run it once for each mistake."""
    wrong = {"WINDROW_LANDING_BUKETS": "a", "WINDROW_COMPRESSION_LEVEL": "99", "WINDROW_FETCH_CONCURRENCY": "many"}

    with pytest.raises(SettingsError) as caught:
        load(wrong)

    text = str(caught.value)
    assert "WINDROW_LANDING_BUKETS is an unknown setting; did you mean WINDROW_LANDING_BUCKETS?" in text
    assert "WINDROW_COMPRESSION_LEVEL must be from 1 to 12, not 99" in text
    assert "WINDROW_FETCH_CONCURRENCY must be a whole number from 1 to 256, not 'many'" in text
    assert all(f"WINDROW_{name.upper()} is needed and not set" in text for name in AGGREGATE)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DESTINATION_ENDPOINT", "http://10.1.2.3:9000", "must use https://"),
        ("DESTINATION_ENDPOINT", "minio:9000", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://minio/path", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://user:hunter2@minio", "must not hold credentials"),
        ("DESTINATION_ENDPOINT", "https://minio:99999", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://minio:0", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://minio:", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://minio:x", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://[::1", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://min io", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://-minio.example", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://minio..example", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://10.1.2.300", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://müller.example", "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://" + "a" * 64, "must be https://host"),
        ("DESTINATION_ENDPOINT", "https://minio#x", "must be https://host"),
        ("DESTINATION_BUCKET", "archive/eu", "name of one bucket"),
        ("DESTINATION_BUCKET", "Archive", "name of one bucket"),
        ("DESTINATION_BUCKET", "ab", "name of one bucket"),
        ("DESTINATION_BUCKET", "a" * 64, "name of one bucket"),
        ("DESTINATION_BUCKET", "10.1.2.3", "name of one bucket"),
        ("DESTINATION_BUCKET", "archive-", "name of one bucket"),
        ("DESTINATION_BUCKET", "a..b", "name of one bucket"),
        ("DESTINATION_SECRET_ID", "file:secret.json", "must be file: and an absolute path"),
        ("DESTINATION_SECRET_ID", "env:", "must be env: and the name of a variable"),
        ("DESTINATION_SECRET_ID", "env:WINDROW_SECRET", "must be env: and the name of a variable"),
        ("DESTINATION_REGION", "us east 1", "must be a region"),
        ("DESTINATION_SECRET_ID", "windrow\u202e", "an invisible character: windrow\\u202e"),
        ("LEDGER_TABLE", "ledger\x1b[2J", "an invisible character: ledger\\x1b[2J"),
        ("LEDGER_TABLE", "ledger\udcff", "an invisible character: ledger\\udcff"),
        ("QUEUE_URL", "queue", "URL of a queue"),
        ("QUEUE_URL", "https://sqs.eu-west-2.amazonaws.com", "URL of a queue"),
        ("QUEUE_URL", "https://sqs:99999/1/q", "URL of a queue"),
        ("DLQ_URL", "https://user:hunter2@sqs/1/q", "URL of a queue"),
        ("DLQ_URL", GOOD["WINDROW_QUEUE_URL"], "another queue than WINDROW_QUEUE_URL"),
        ("MAX_BYTES_PER_S", "6710886", "must be at least 6710887, so that WINDROW_MAX_ARCHIVE_BYTES are sent in 30 s"),
        ("OBJECT_LOCK_MODE", "legal", "must be governance or compliance, not 'legal'"),
        ("OBJECT_LOCK_MODE", "governance", "WINDROW_OBJECT_LOCK_DAYS must be set together"),
        ("OBJECT_LOCK_DAYS", "7", "WINDROW_OBJECT_LOCK_DAYS must be set together"),
        ("DESTINATION_PREFIX", "arch/", "no '/' at its ends"),
        ("DESTINATION_PREFIX", "/arch", "no '/' at its ends"),
        ("DESTINATION_PREFIX", "/", "no '/' at its ends"),
        ("DESTINATION_PREFIX", "arch\\eu", "must have no '\\', which some servers list"),
        ("DESTINATION_PREFIX", "a" * 513, "at most 512 bytes"),
        ("DESTINATION_PREFIX", "a//b", "no empty"),
        ("DESTINATION_PREFIX", "../b", "'..'"),
        ("LANDING_BUCKETS", "s3://landing", "bucket names"),
        ("LEDGER_TTL_DAYS", "24", "from 25 to"),
        ("LEDGER_TTL_DAYS", "9" * 5000, "whole number"),
        ("COPIES_BUCKET", "arn:aws:s3:::copies", "name of one bucket"),
        ("INVENTORY", "inventories/daily", "as s3://bucket/prefix, not 'inventories/daily'"),
        ("INVENTORY", "s3://Inventories/daily", "as s3://bucket/prefix"),
        ("INVENTORY", "s3://inventories", "no '/' at its ends"),
        ("INVENTORY", "s3://inventories/daily/", "no '/' at its ends"),
        ("COPIES_BUCKET", "second", "must not be one of WINDROW_LANDING_BUCKETS"),
        ("RETENTION_HOT_DAYS", "0", "from 1 to"),
        ("MAX_OBJECT_BYTES", str(5 * 1024**4), "to 161061273600"),
        ("LANDING_BUCKETS", ",", "bucket names"),
        ("LANDING_BUCKETS", " ", "is needed and not set"),
    ],
)
def test_a_wrong_value_is_refused_with_what_it_must_be(name: str, value: str, says: str) -> None:
    """The message names the setting and the rule, and never repeats a password."""
    with pytest.raises(SettingsError) as caught:
        load({**GOOD, f"WINDROW_{name}": value})

    assert f"WINDROW_{name}" in str(caught.value)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "environ", "refused"),
    [
        ("https://s3.eu-west-2.amazonaws.com", {}, True),
        ("https://minio.example:9000", {}, False),
        ("https://minio.example:9000", {"AWS_ENDPOINT_URL": "https://minio.example:9000/"}, True),
        (
            "https://minio.example",
            {"AWS_ENDPOINT_URL": "https://other", "AWS_ENDPOINT_URL_S3": "https://minio.example:443"},
            True,
        ),
        ("https://minio.example:9000", {"AWS_ENDPOINT_URL": "https://minio.example:9001"}, False),
        ("http://127.0.0.1:9000", {"AWS_ENDPOINT_URL": "http://localhost:9000"}, True),
        ("https://s3.eu-west-2.amazonaws.com", {"AWS_ENDPOINT_URL": "http://localhost:4566"}, False),
        ("https://minio.example", {"AWS_ENDPOINT_URL": "nonsense"}, False),
    ],
)
@pytest.mark.parametrize("bucket", ["second", "copies"])
def test_the_destination_is_no_bucket_of_ours(
    endpoint: str, environ: dict[str, str], refused: bool, bucket: str
) -> None:
    """Archives in a landing bucket would be archived again, for ever; a copy beside itself is none."""
    given = {"WINDROW_DESTINATION_ENDPOINT": endpoint, "WINDROW_DESTINATION_BUCKET": bucket}
    try:
        load({**GOOD, "WINDROW_COPIES_BUCKET": "copies", **given, **environ})
        faults = ""
    except SettingsError as error:
        faults = str(error)

    assert refused == bool(faults)
    assert refused == faults.startswith("WINDROW_DESTINATION_BUCKET, whose endpoint is that of AWS's S3 here, must ")


def test_the_largest_object_fits_into_the_parts_of_an_upload() -> None:
    """Though its bytes do not compress, and grow a little."""
    most = _BOUNDS["max_object_bytes"][1]
    random_bytes = random.Random(1).randbytes(4 * PIECE_BYTES)
    grown = sum(len(each.data) for each in compress_pieces([random_bytes], level=6)) / len(random_bytes)

    assert 1 < grown
    assert MOST_PARTS * 0.9 < most * grown / PART_BYTES + 2 < MOST_PARTS


def test_an_entry_point_asks_only_for_what_it_needs() -> None:
    """The sentinel has no queue."""
    settings = load({"WINDROW_EVENT_SOURCE_MAPPING_ID": "m"}, needs=("event_source_mapping_id",))

    assert settings.event_source_mapping_id == "m"


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://localhost", True),
        ("http://127.0.0.1.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback(endpoint: str, expected: bool) -> None:
    """Plain HTTP is for this machine only."""
    assert is_loopback(endpoint) is expected
    settings_accept = True
    try:
        load({**GOOD, "WINDROW_DESTINATION_ENDPOINT": endpoint})
    except SettingsError:
        settings_accept = False
    assert settings_accept is expected


@pytest.mark.parametrize(
    ("rate", "archive", "largest", "says"),
    [
        (MIB, 30 * MIB, 30 * MIB, ""),
        (MIB, 30 * MIB, 30 * MIB + 1, "must be at least 4194304 for objects in parts"),
        (4 * MIB, 30 * MIB, 30 * MIB + 1, ""),
    ],
)
def test_a_rate_leaves_time_for_what_is_sent(rate: int, archive: int, largest: int, says: str) -> None:
    """Objects in parts have more under way at once than an archive."""
    sizes = {"MAX_BYTES_PER_S": rate, "MAX_ARCHIVE_BYTES": archive, "MAX_OBJECT_BYTES": largest}
    environ = GOOD | {f"WINDROW_{name}": str(value) for name, value in sizes.items()}
    try:
        load(environ)
        told = ""
    except SettingsError as error:
        told = str(error)

    assert says in told
    assert bool(says) == bool(told)


def test_the_largest_archive_takes_as_long_as_the_rate_says() -> None:
    """Nothing, where there is none."""
    settings = [Settings(max_archive_bytes=30_000_000, max_bytes_per_s=rate) for rate in (1_000_000, 0)]
    assert [30.0, 0.0] == [sending_s(each) for each in settings]
