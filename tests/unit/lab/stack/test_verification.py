from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

import pytest

from tests.archives import MOMENT, archive_of, joined
from windrow.lab.stack.upload import Uploaded
from windrow.lab.stack.verification import Deliveries, Report, report, verify
from windrow.testing import FakeClock, FakeDestination

FILES = [("a", b"alpha"), ("b", b"beta" * 1000), ("c", b"")]


def uploaded(files: Sequence[tuple[str, bytes]]) -> list[Uploaded]:
    """Return what was uploaded, with the version ids that `archive_of` gives."""
    return [
        Uploaded(key, f"v{number}", len(content), sha256(content).hexdigest())
        for number, (key, content) in enumerate(files)
    ]


def deliver(destination: FakeDestination, key: str, files: Sequence[tuple[str, bytes]]) -> None:
    """Put an archive of the files."""
    archive = archive_of(files)
    assert destination.put(key, archive.chunks, archive.sha256, archive.metadata)


def outcome(destination: FakeDestination, sent: list[Uploaded], dead_lettered: Sequence[str] = ()) -> Report:
    """Return the report on what the destination holds."""
    deliveries = Deliveries(destination)
    deliveries.refresh()
    found = verify(sent, deliveries, destination)
    return report(sent, deliveries, found, kind="minio", window_s=4, dead_lettered=list(dead_lettered))


@pytest.fixture
def destination() -> FakeDestination:
    """Return an empty destination whose clock stands 10 s after the files' event times."""
    return FakeDestination(clock=FakeClock(MOMENT + timedelta(seconds=10)))


def test_every_file_once_with_its_bytes_is_ok(destination: FakeDestination) -> None:
    """Nothing missing, twice, wrong or unexpected: the report says ok and counts bytes both ways."""
    deliver(destination, "one.tar.gz", FILES)
    found = outcome(destination, uploaded(FILES))
    assert found.ok
    assert (3, 3, 0, 0, 0, 0) == (
        found.files_uploaded,
        found.files_delivered,
        found.files_missing,
        found.files_duplicated,
        found.files_unexpected,
        found.sha256_mismatches,
    )
    assert (1, 4005, destination.head("one.tar.gz").size) == (found.archives, found.bytes_in, found.bytes_out)  # type: ignore[union-attr]
    assert [] == found.problems


def test_latency_counts_to_the_end_of_the_second_of_the_commit(destination: FakeDestination) -> None:
    """Time stamps at the destination are cut to seconds, so a second is added: never too short."""
    deliver(destination, "one.tar.gz", FILES)
    found = outcome(destination, uploaded(FILES))
    # Files v0, v1, v2 arrived 10, 9 and 8 s before the commit.
    assert {"p50": 10.0, "p95": 11.0, "p99_9": 11.0, "max": 11.0} == found.latency_seconds
    assert found.objective_met


def test_file_that_no_archive_holds_is_missing(destination: FakeDestination) -> None:
    """A missing file is counted and named."""
    deliver(destination, "one.tar.gz", FILES[:2])
    found = outcome(destination, uploaded(FILES))
    assert not found.ok
    assert (2, 1, ["missing: 'c'"]) == (found.files_delivered, found.files_missing, found.problems)


def test_nothing_delivered_has_no_latency(destination: FakeDestination) -> None:
    """With no archive at all there is nothing to take percentiles of."""
    found = outcome(destination, uploaded(FILES))
    assert not found.ok
    assert (3, None, None) == (found.files_missing, found.latency_seconds, found.objective_met)


def test_file_in_two_archives_is_duplicated(destination: FakeDestination) -> None:
    """Twice is as wrong as never."""
    deliver(destination, "one.tar.gz", FILES)
    deliver(destination, "two.tar.gz", FILES[:1])
    found = outcome(destination, uploaded(FILES))
    assert not found.ok
    assert (3, 1, ["twice: 'a'"]) == (found.files_delivered, found.files_duplicated, found.problems)


def test_file_with_other_bytes_is_a_mismatch(destination: FakeDestination) -> None:
    """A sound archive whose content is not what was uploaded is found out."""
    deliver(destination, "one.tar.gz", [FILES[0], ("b", b"other"), FILES[2]])
    found = outcome(destination, uploaded(FILES))
    assert not found.ok
    assert (1, ["other bytes than were uploaded: 'b'"]) == (found.sha256_mismatches, found.problems)


def test_archive_damaged_at_rest_is_a_mismatch(destination: FakeDestination) -> None:
    """Files that cannot be read back are delivered wrong, and the archive is named."""
    deliver(destination, "one.tar.gz", FILES)
    stored, body = destination.objects["one.tar.gz"]
    at = len(body) - 60
    destination.objects["one.tar.gz"] = stored, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    found = outcome(destination, uploaded(FILES))
    assert not found.ok
    assert found.sha256_mismatches > 0
    assert found.problems[0].startswith("one.tar.gz: ")


def test_file_that_was_never_uploaded_is_unexpected(destination: FakeDestination) -> None:
    """The destination must hold nothing else either."""
    deliver(destination, "one.tar.gz", FILES)
    found = outcome(destination, uploaded(FILES[:2]))
    assert not found.ok
    assert 1 == found.files_unexpected


def test_dead_letter_is_a_problem_with_its_reason(destination: FakeDestination) -> None:
    """A message that was rejected makes the report not ok, and says why."""
    deliver(destination, "one.tar.gz", FILES)
    found = outcome(destination, uploaded(FILES), ["malformed: no JSON"])
    assert not found.ok
    assert (1, ["dead-lettered, malformed: no JSON"]) == (found.files_dead_lettered, found.problems)


def test_deliveries_read_each_archive_once(destination: FakeDestination) -> None:
    """Looking again reads what is new only."""
    deliver(destination, "one.tar.gz", FILES)
    deliveries = Deliveries(destination)
    deliveries.refresh()
    operations: list[str] = []
    destination.hook = operations.append
    deliveries.refresh()
    assert ["list"] == operations
    assert (3, 1) == (deliveries.count, len(deliveries.archives))


def test_an_archive_that_goes_while_it_is_looked_for_is_passed_over(destination: FakeDestination) -> None:
    """A worker may delete a wrong archive between the listing and the look at it."""
    deliver(destination, "gone.tar.gz", FILES[:1])
    deliver(destination, "kept.tar.gz", FILES[1:])

    def delete_first(operation: str) -> None:
        if operation == "head":
            destination.objects.pop("gone.tar.gz", None)

    destination.hook = delete_first
    deliveries = Deliveries(destination)
    deliveries.refresh()
    assert ["kept.tar.gz"] == [archive.key for archive in deliveries.archives]


def test_note_is_told_each_file_read_back(destination: FakeDestination) -> None:
    """Progress counts every file that was verified."""
    deliver(destination, "one.tar.gz", FILES)
    deliveries = Deliveries(destination)
    deliveries.refresh()
    told: list[int] = []
    verify(uploaded(FILES), deliveries, destination, told.append)
    assert len(FILES) == sum(told)
    assert len(joined(archive_of(FILES))) == deliveries.archives[0].size
