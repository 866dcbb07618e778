"""Settings from the environment."""

from __future__ import annotations

import pytest

from windrow.core.errors import SettingsError
from windrow.settings import AGGREGATE, Settings, is_loopback, load

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
        compression_level=6,
        frame_bytes=1_048_576,
        max_archive_bytes=201_326_592,
        max_object_bytes=5_368_709_120,
        fetch_concurrency=16,
        event_source_mapping_id="",
        copies_bucket="",
        retention_hot_days=7,
    )


def test_every_fault_is_named_at_once() -> None:
    """Whoever fixes the environment should not have to run it once for each mistake."""
    wrong = {"WINDROW_LANDING_BUKETS": "a", "WINDROW_COMPRESSION_LEVEL": "99", "WINDROW_FETCH_CONCURRENCY": "many"}

    with pytest.raises(SettingsError) as caught:
        load(wrong)

    text = str(caught.value)
    assert "WINDROW_LANDING_BUKETS is no setting; did you mean WINDROW_LANDING_BUCKETS?" in text
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
        ("DESTINATION_PREFIX", "a//b", "no empty"),
        ("DESTINATION_PREFIX", "../b", "'..'"),
        ("LANDING_BUCKETS", "s3://landing", "bucket names"),
        ("LEDGER_TTL_DAYS", "4", "from 5 to"),
        ("COPIES_BUCKET", "arn:aws:s3:::copies", "name of one bucket"),
        ("COPIES_BUCKET", "second", "none of WINDROW_LANDING_BUCKETS"),
        ("RETENTION_HOT_DAYS", "0", "from 1 to"),
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
