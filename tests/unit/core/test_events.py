"""What identifies an object to the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.events import SourceObject, ledger_id, utc_text


@pytest.mark.parametrize("length", [2047, 2048])
def test_an_id_that_dynamodb_takes_stays_as_it_is(length: int) -> None:
    """A partition key may have 2,048 bytes."""
    assert "x" * length == ledger_id("x" * length)


@pytest.mark.parametrize(
    ("plain", "head"), [("x" * 2049, "x" * 1983), ("é" * 1025, "é" * 991), ("x" + "é" * 1024, "x" + "é" * 991)]
)
def test_a_longer_id_is_cut_between_characters_and_closed_with_its_digest(plain: str, head: str) -> None:
    """So that two that differ at their very end only stay two."""
    shortened = ledger_id(plain)

    assert f"{head}#{sha256(plain.encode()).hexdigest()}" == shortened
    assert len(shortened.encode()) <= 2048
    assert shortened != ledger_id(plain[:-1] + "y")


def test_the_longest_names_make_an_id_that_fits() -> None:
    """Bucket names have 63 characters, keys 1,024 bytes, version ids 1,024 characters."""
    found = SourceObject("b" * 63, "k" * 1024, "v" * 1024, "e", "s", 1, datetime(2026, 11, 23, tzinfo=UTC))

    assert 2048 == len(found.object_id)
    assert found.object_id != msgspec.structs.replace(found, version_id="v" * 1023 + "w").object_id


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=3000))
def test_a_ledger_id_fits_a_partition_key_and_stays_distinct(plain: str) -> None:
    """Long ids are cut, closed by a digest, and differ where the originals differ at their very end."""
    first, second = ledger_id(plain + "1"), ledger_id(plain + "2")

    assert len(first.encode()) <= 2048
    assert first != second


@pytest.mark.parametrize(
    ("version_id", "expected"), [("v1", "landing/a@v1"), (None, "landing/a@e.05"), ("", "landing/a@e.05")]
)
def test_an_object_is_named_by_its_version_or_else_by_etag_and_sequencer(version_id: str | None, expected: str) -> None:
    """Where there are no versions a key is overwritten in place."""
    found = SourceObject("landing", "a", version_id, "e", "05", 1, datetime(2026, 11, 23, tzinfo=UTC))

    assert expected == found.object_id


def test_times_are_written_as_s3_does() -> None:
    """In UTC, to the millisecond."""
    moment = datetime(2026, 11, 23, 11, 7, 31, 250_999, tzinfo=timezone(timedelta(hours=1)))

    assert "2026-11-23T10:07:31.250Z" == utc_text(moment)
