"""Notes of the hours that have expired: they hold for exactly their archives and buckets, and do not gather."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from windrow.core.errors import DestinationError, DestinationFault
from windrow.operations.retention.markers import Markers
from windrow.testing import FakeDestination

HOUR = datetime(2026, 11, 23, 10, tzinfo=UTC)
KEYS = ["a.tar.gz", "b.tar.gz"]


def markers(
    destination: FakeDestination, *buckets: str, prefix: str = "in", kept_since: datetime | None = None
) -> Markers:
    """Return the notes as a run reads them."""
    found = Markers(destination, prefix=prefix, buckets=buckets or ("landing", "other"))
    found.load(kept_since=kept_since)
    return found


@pytest.fixture
def noted() -> FakeDestination:
    """A destination with the note of one hour."""
    destination = FakeDestination()
    markers(destination).write(HOUR, KEYS)
    return destination


def test_a_note_holds_for_its_hour_archives_and_buckets(noted: FakeDestination) -> None:
    """In any order; one archive or bucket more, or another hour, is unknown."""
    found = markers(noted, "other", "landing")

    assert found.has(HOUR, reversed(KEYS))
    assert [False] * 4 == [
        found.has(HOUR + timedelta(hours=1), KEYS),
        found.has(HOUR, [*KEYS, "c.tar.gz"]),
        markers(noted, "landing").has(HOUR, KEYS),
        markers(noted, "landing", prefix="").has(HOUR, KEYS),
    ]


def test_buckets_and_archives_are_not_mistaken_for_each_other() -> None:
    """However they are called."""
    destination = FakeDestination()
    markers(destination, "a", "b").write(HOUR, ["c"])

    assert not markers(destination, "a").has(HOUR, ["b", "c"])


@pytest.mark.parametrize(("prefix", "folder"), [("in", "in/.windrow-retention/"), ("", ".windrow-retention/")])
def test_a_note_is_an_object_named_after_its_hour(prefix: str, folder: str) -> None:
    """Whoever looks at the bucket can read it."""
    destination = FakeDestination()
    markers(destination, prefix=prefix).write(HOUR, KEYS)

    ((key, (_, body)),) = destination.objects.items()
    assert (f"{folder}20261123T10-", 16) == (key[:-16], len(key.rpartition("-")[2]))
    assert b"raw files of this hour have expired\n" == body


def test_notes_of_hours_before_a_time_are_deleted(noted: FakeDestination) -> None:
    """Of that hour itself not; other objects in the folder stay."""
    strange = "in/.windrow-retention/20261123T10-notes"
    noted.put(strange, [b""], bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), {})

    def left(kept_since: datetime | None) -> int:
        markers(noted, kept_since=kept_since)
        return len(noted.objects)

    assert [2, 2, 1] == [left(None), left(HOUR), left(HOUR + timedelta(seconds=1))]
    assert [strange] == list(noted.objects)


def test_a_note_that_can_not_be_written_costs_another_look(caplog: pytest.LogCaptureFixture) -> None:
    """And nothing else."""
    destination = FakeDestination()
    found = markers(destination)

    def fail(operation: str) -> None:
        if operation == "put":
            raise DestinationError("refused", DestinationFault.REFUSED)

    destination.hook = fail
    found.write(HOUR, KEYS)

    assert ({}, False) == (destination.objects, markers(destination).has(HOUR, KEYS))
    assert "marker of an expired hour not written" in caplog.text
