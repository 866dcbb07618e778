"""Inventories: what their manifests and lists must be, and what an audit by them judges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.operations.audit.inventories import FOLDER, SCHEMA, inventory, md5, row
from windrow.core.errors import InventoryError
from windrow.operations.audit.inventory import Inventory, check_buckets, read_manifest, span_judged, versions
from windrow.ports import ListedVersion

CREATED = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = datetime(2026, 11, 23, 10, 7, 30, tzinfo=UTC)
MANIFEST = "s3://inventories/inventory/landing/windrow/2026-11-23T12-00Z/manifest.json"


def version(key: str = "k", version_id: str | None = "v1", size: int = 1) -> ListedVersion:
    """Return a version of the landing bucket."""
    return ListedVersion("landing", key, version_id, "0f343b09", size, AT)


def opened(**otherwise: str) -> Inventory:
    """Read the manifest of an inventory."""
    data = inventory([[]], CREATED, **otherwise)[f"{FOLDER}manifest.json"]
    return read_manifest(MANIFEST, data, md5(data).encode() + b"\n")


def test_a_manifest_tells_bucket_time_fields_and_lists() -> None:
    """As S3 writes it; the time is that at which S3 began."""
    found = opened()

    assert ("landing", CREATED, MANIFEST) == (found.bucket, found.created_at, found.manifest)
    assert ["inventory/landing/windrow/data/0.csv.gz"] == [each.key for each in found.lists]
    assert tuple(SCHEMA.split(", ")) == found.fields


@pytest.mark.parametrize(
    ("otherwise", "message"),
    [
        ({"file_format": "Parquet"}, "in the format Parquet; configure one whose format is CSV"),
        ({"file_format": "\x1b[2J"}, r"in the format \\x1b\[2J"),
        ({"schema": "Bucket, Key, Size, LastModifiedDate, ETag"}, "without VersionId, IsDeleteMarker; .*Versions All"),
        ({"schema": SCHEMA.replace(", ETag", "")}, "without ETag; .* optional fields Size"),
    ],
)
def test_an_inventory_that_can_not_be_judged_by_is_refused(otherwise: dict[str, str], message: str) -> None:
    """With what is to be configured otherwise, and without another's escape sequences."""
    with pytest.raises(InventoryError, match=message):
        opened(**otherwise)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"sourceBucket": 1}', b"\xff", b'{"sourceBucket": "\\ud800"}', b"[" * 100_000]
)
def test_what_is_no_manifest_is_called_so(data: bytes) -> None:
    """Whatever lies under the key."""
    with pytest.raises(InventoryError, match="is not the manifest of an S3 inventory"):
        read_manifest(MANIFEST, data, md5(data).encode())


@pytest.mark.parametrize("checksum", [b"", b"\xff", b"0" * 32])
def test_a_manifest_must_have_its_checksum(checksum: bytes) -> None:
    """One that was cut short may still be JSON."""
    with pytest.raises(InventoryError, match=r"not what its manifest.checksum says"):
        read_manifest(MANIFEST, b"{}", checksum)


@pytest.mark.parametrize(
    "key", ["k", "a b+c%2B", "ä/é\U0001f600", 'quo"te,comma', "line\nend\r\n", "\x1b[2J", "%", "+", "a//../b", "tail\\"]
)
def test_a_key_is_what_it_was(key: str) -> None:
    """Lists have keys URL-encoded, a space as a plus."""
    assert [version(key)] == list(versions(opened(), "l", [row(version(key))]))


def test_a_key_with_an_encoded_space_is_read_too() -> None:
    """Some write %20: both are a space, since a plus is never written as itself."""
    line = row(version("a b")).replace("a+b", "a%20b")

    assert [version("a b")] == list(versions(opened(), "l", [line]))


def test_delete_markers_are_no_files_and_a_null_version_has_no_id() -> None:
    """As in a listing: a marker has no size, and a null version's id is empty, or ``null``."""
    null = version("null", None)
    lines = [row(version("gone"), marker=True), row(null), row(version("null", "null")), row(version("v"))]

    assert [null, null, version("v")] == list(versions(opened(), "l", lines))


def test_fields_may_stand_in_any_order() -> None:
    """The manifest says in which."""
    turned = opened(schema=", ".join(reversed(SCHEMA.split(", "))))
    line = ",".join(reversed(row(version()).strip().split(",")))

    assert [version()] == list(versions(turned, "l", [line]))


@pytest.mark.parametrize(
    "line",
    [
        "\n",
        '"landing","k"\n',
        row(version()).replace('"landing"', '"other"'),
        row(version()).replace('"false"', '"maybe"'),
        row(version()).replace('"1"', '"many"'),
        row(version()).replace(".000Z", ""),
        row(version()).replace("2026-", "202\x1b-"),
        row(version("%%")).replace("%25%25", "%ff"),
        '"landing","k\n',
    ],
)
def test_a_line_that_is_not_as_s3_writes_it_ends_the_reading(line: str) -> None:
    """It is named, with its list; to pass over it would be to judge without it."""
    with pytest.raises(InventoryError, match=r"\Aline 2 of l is not as S3 writes an inventory: [^\x1b]*\Z"):
        list(versions(opened(), "l", [row(version()), line]))


def test_what_arrived_shortly_before_the_inventory_is_left_to_the_next() -> None:
    """S3 promises eventual consistency: an hour before the oldest of the inventories is where they end."""
    other = opened(bucket="other")
    late = read_again(CREATED + timedelta(hours=2))
    judged = span_judged(AT, CREATED, [late, other])

    assert (AT, CREATED - timedelta(hours=1)) == (judged.start, judged.end)
    assert AT + timedelta(minutes=1) == span_judged(AT, AT + timedelta(minutes=1), [other]).end


def read_again(created_at: datetime) -> Inventory:
    """Return an inventory of another time."""
    data = inventory([[]], created_at)[f"{FOLDER}manifest.json"]
    return read_manifest(MANIFEST, data, md5(data).encode())


def test_an_inventory_that_is_older_than_the_range_is_refused() -> None:
    """It would find nothing missing, since it knows of nothing."""
    with pytest.raises(InventoryError, match="is complete until 2026-11-23 11:00:00, before the range begins"):
        span_judged(CREATED - timedelta(hours=1), CREATED + timedelta(days=1), [opened()])


@pytest.mark.parametrize(
    ("buckets", "named", "message"),
    [
        ({"landing", "other"}, ["landing"], "names other, for which there is no inventory"),
        ({"landing"}, ["landing", "other"], "is of bucket 'other', which is not one of WINDROW_LANDING_BUCKETS"),
        ({"landing"}, ["landing", "landing"], "is another inventory of bucket 'landing'"),
    ],
)
def test_each_landing_bucket_has_one_inventory(buckets: set[str], named: list[str], message: str) -> None:
    """Of a bucket without one nothing would be missing; two might tell of different times."""
    with pytest.raises(InventoryError, match=message):
        check_buckets(buckets, [opened(bucket=bucket) for bucket in named])
    check_buckets({"landing", "other"}, [opened(bucket="other"), opened()])
