"""An audit marks the minutes in which nothing is missing, and consumers go by that."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from tests.unit.archives.shelf import connected
from tests.unit.operations.audit.test_auditor import END, GRACE, INSIDE, START, WEEK, Scene, source
from windrow import archives
from windrow.archives import ArchiveError, complete, find_archives, find_marks
from windrow.core.completeness import Mark
from windrow.operations.audit import ArchiveReader, Auditor, Marker

MINUTE = timedelta(minutes=1)
MISSING = START + 20 * MINUTE


@pytest.fixture
def scene() -> Scene:
    """A landing bucket with two files of 10:07 that are delivered, and one of 10:20 that is not."""
    scene = Scene()
    two, late = [source("a"), source("b")], source("late", at=MISSING)
    scene.land(*two, late)
    scene.deliver(*two)
    return scene


@pytest.fixture(autouse=True)
def _reached(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, destination=scene.destination)


def mark(
    scene: Scene, start: datetime = START, end: datetime = END, *, retention: timedelta = WEEK, prefix: str = ""
) -> list[Mark]:
    """Audit, write marks, and return them."""
    auditor = Auditor(
        index=scene.index,
        ledger=scene.ledger,
        archives=ArchiveReader(scene.destination, scene.prefix),
        buckets=scene.buckets,
        clock=scene.clock,
    )
    written: list[Mark] = []
    marker = Marker(scene.destination, scene.prefix)

    def write(each: Mark) -> None:
        marker.write(each)
        written.append(each)

    auditor.judge(start, end, grace=GRACE, retention=retention, prefix=prefix, mark=write)
    return written


def spans(marks: list[Mark]) -> list[tuple[datetime, datetime]]:
    """Return what marks cover."""
    return [(each.start, each.end) for each in marks]


def is_complete(since: datetime, until: datetime, longest_upload: timedelta = timedelta(0)) -> bool:
    """Ask as a consumer."""
    return complete("s3://destination/in", since, until, longest_upload=longest_upload)


def test_every_minute_is_marked_but_those_with_something_missing(scene: Scene) -> None:
    """The mark says what it counted, and a consumer finds it."""
    (archive,) = (each.key for each in find_archives("s3://destination/in"))

    marks = mark(scene)

    assert [(START, MISSING), (MISSING + MINUTE, END)] == spans(marks)
    assert (2, {f"in/{archive}": 2}, scene.clock.now()) == (marks[0].files, marks[0].archives, marks[0].judged_at)
    assert (0, {}) == (marks[1].files, marks[1].archives)
    assert marks == list(find_marks("s3://destination/in", START, END))
    assert is_complete(START, MISSING)
    assert is_complete(INSIDE, INSIDE + MINUTE)
    assert not is_complete(START, MISSING + MINUTE)
    assert not is_complete(MISSING, MISSING + MINUTE)
    assert not is_complete(END, END + MINUTE)


def test_an_upload_that_began_before_may_still_be_missing(scene: Scene) -> None:
    """So what is before has to be complete too, for as long as an upload takes."""
    mark(scene)

    assert is_complete(MISSING - MINUTE, MISSING, longest_upload=10 * MINUTE)
    assert not is_complete(MISSING + 5 * MINUTE, MISSING + 6 * MINUTE, longest_upload=10 * MINUTE)
    assert not complete("s3://destination/in", START, MISSING)


def test_a_day_before_must_be_complete_too_unless_told_otherwise(scene: Scene) -> None:
    """No upload takes longer, says the page for those who receive archives."""
    scene.land(source("never", at=START - timedelta(days=1, minutes=1)))
    mark(scene, START - timedelta(days=1, minutes=2), END)

    assert complete("s3://destination/in", START, MISSING)
    assert not complete("s3://destination/in", START - MINUTE, MISSING)


def test_what_came_late_is_named_by_the_next_mark(scene: Scene) -> None:
    """Beside the archives that the first mark named; the minute is complete then."""
    first = mark(scene)
    key = scene.deliver(source("late", at=MISSING), after=timedelta(hours=2))
    scene.clock.advance(60)

    second = mark(scene)

    assert [(START, END)] == spans(second)
    assert {key} == second[0].archives.keys() - {name for each in first for name in each.archives}
    assert second[0] == list(find_marks("s3://destination/in", START, END))[-1]
    assert is_complete(START, END)


def test_minutes_of_which_too_little_is_known_are_not_marked(scene: Scene) -> None:
    """Younger than the grace; older than the landing bucket keeps files; at an hour with nothing to judge."""
    now = scene.clock.now()

    assert (START + 21 * MINUTE, now - GRACE) == spans(mark(scene, START, now))[-1]
    assert (START + 10 * MINUTE, MISSING) == spans(mark(scene, retention=now - START - 10 * MINUTE))[0]
    assert [] == mark(scene, END, now)


def test_a_file_that_waits_blocks_its_minute(scene: Scene) -> None:
    """Also one that is too young to be missing."""
    scene.clock.advance(-3_600)
    scene.land(source("young", at=END - 10 * MINUTE))
    scene.clock.advance(-4 * 60)

    assert (MISSING + MINUTE, END - 10 * MINUTE) == spans(mark(scene, START, END))[1]


def test_nothing_is_marked_without_a_landing_bucket(scene: Scene) -> None:
    """What arrived there can't be told."""
    scene.buckets.add("absent")
    scene.index.absent.add("absent")

    assert [] == mark(scene)


def test_an_audit_of_some_keys_marks_nothing(scene: Scene) -> None:
    """The others are not judged."""
    assert [] == mark(scene, prefix="a")


def test_marks_are_no_archives(scene: Scene) -> None:
    """Whoever lists archives does not meet them, nor does an audit."""
    before = [each.key for each in find_archives("s3://destination/in")]
    mark(scene)

    assert before == [each.key for each in find_archives("s3://destination/in")]
    assert (0, 1) == (scene.audit().foreign_objects, scene.audit().archives_read)


def test_a_broken_mark_is_told(scene: Scene) -> None:
    """By its name; whether a minute is complete is told by names alone."""
    mark(scene)
    key = next(key for key in scene.destination.objects if ".windrow-complete" in key)
    stored, _ = scene.destination.objects[key]
    scene.destination.objects[key] = msgspec.structs.replace(stored, size=1), b"?"

    with pytest.raises(ArchiveError, match=rf"s3://destination/{key} is not a mark"):
        list(find_marks("s3://destination/in", START, END))


def test_a_time_without_a_zone_is_refused() -> None:
    """It could mean any hour."""
    with pytest.raises(ValueError, match="has no zone"):
        archives.complete("s3://destination/in", START.replace(tzinfo=None), END)
