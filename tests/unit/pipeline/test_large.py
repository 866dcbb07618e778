"""Large objects: what is held, how they are cut into parts, and when one is given up."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from windrow.core.archive.writer import SealedArchive
from windrow.core.errors import DestinationError, DestinationFault, LandingError, ObjectTooSlow, OutOfTime
from windrow.core.planning import PlannedArchive, plan
from windrow.pipeline import large
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.large import LargeArchiver, StagedArchive
from windrow.testing import FakeClock, FakeDestination, FakeLanding, FakeMetrics

PIECES = 25
RUN_S = 60.0


class Scene:
    """One object of 25 pieces, each of which takes a while to read, one after another."""

    def __init__(self, piece_s: float = 0.0) -> None:
        self.clock = FakeClock()
        self.landing = FakeLanding()
        self.destination = FakeDestination(self.clock)
        self.metrics = FakeMetrics()
        self.archiver = self.with_threads(1)
        self.landing.hook = lambda name: self.clock.advance(piece_s) if name == "piece" else None
        self.archive = self.planned(Random(1).randbytes(PIECES * 4000))

    def with_threads(self, concurrency: int) -> LargeArchiver:
        """Return an archiver with so many threads."""
        return LargeArchiver(
            self.landing, self.destination, self.metrics, self.clock, prefix="", level=6, concurrency=concurrency
        )

    def planned(self, data: bytes) -> PlannedArchive:
        """Upload an object, and plan its archive."""
        (archive,) = plan([self.landing.put("landing", "big", data)], prefix="", max_archive_bytes=1000)
        return archive

    def build(self, remaining_s: float = RUN_S) -> SealedArchive | StagedArchive:
        """Build the archive in a run of 60 s of which so much is left."""
        deadline = Deadline(self.clock, RUN_S)
        self.clock.advance(RUN_S - remaining_s)
        return self.archiver.build(self.archive, "owner", deadline)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "PIECE_BYTES", 4000)
    monkeypatch.setattr(large, "PART_BYTES", 16_000)
    monkeypatch.setattr(large, "HELD_BYTES", 16_000)


@pytest.mark.parametrize(("piece_s", "read"), [(5.0, 3), (5.05, 2), (2.5, 5)])
def test_after_ten_seconds_the_rate_tells_whether_an_object_can_be_finished(piece_s: float, read: int) -> None:
    """At 2.5 s a piece 25 of them take 62.5 s; what is read before is no evidence yet."""
    scene = Scene(piece_s)

    with pytest.raises(ObjectTooSlow, match="big"):
        scene.build()

    assert read * piece_s == scene.clock.monotonic()


def test_an_object_that_can_just_be_finished_is_not_given_up() -> None:
    """At 1.5 s a piece it takes 37.5 s, and 20 s of the run are kept for the delivery."""
    built = Scene(1.5).build()

    assert isinstance(built, StagedArchive)
    assert 1 == len(built.summary.manifest.files)


def test_a_first_piece_that_came_late_says_nothing_of_the_rate() -> None:
    """Nothing has been read by then; of two pieces the second says enough."""
    scene = Scene()
    scene.archive = scene.planned(Random(1).randbytes(8000))
    waits_s = iter([11.0])
    scene.landing.hook = lambda name: scene.clock.advance(next(waits_s, 0.0)) if name == "piece" else None

    assert isinstance(scene.build(), SealedArchive)


@pytest.mark.parametrize(("left_s", "error"), [(46.0, ObjectTooSlow), (45.0, OutOfTime)])
def test_most_of_a_run_must_have_been_too_short(left_s: float, error: type[Exception]) -> None:
    """An object whose turn came late gets another run, where it is the first."""
    scene = Scene(20.0)

    with pytest.raises(error):
        scene.build(left_s)


def test_the_start_is_held_and_goes_into_part_1_with_the_manifest() -> None:
    """All others have the size of a part at least, but for the last."""
    scene = Scene()
    sizes: dict[int, int] = {}
    send_part = scene.destination.send_part

    def noting(key: str, upload_id: str, number: int, chunks: list[bytes], digest: bytes) -> object:
        sizes[number] = sum(map(len, chunks))
        return send_part(key, upload_id, number, chunks, digest)

    scene.destination.send_part = noting  # type: ignore[assignment, method-assign]
    built = scene.build()

    assert isinstance(built, StagedArchive)
    numbers = sorted(sizes)
    assert list(range(1, len(numbers) + 1)) == numbers
    assert all(sizes[number] >= 16_000 for number in numbers[:-1])
    assert sum(sizes.values()) == built.summary.size == built.staged.size


@pytest.mark.parametrize(("chunks", "taken"), [([5, 5, 5], 2), ([10, 1], 1), ([4, 5], 2), ([11], 1), ([], 0)])
def test_as_much_is_held_as_is_asked_for_and_no_chunk_more(chunks: list[int], taken: int) -> None:
    """Or all there is."""
    rest = iter([bytes(size) for size in chunks])

    assert (chunks[:taken], chunks[taken:]) == (
        [len(chunk) for chunk in large._take(rest, 10)],
        [len(chunk) for chunk in rest],
    )


@pytest.mark.parametrize(("concurrency", "at_once"), [(1, 1), (2, 2), (3, 3), (16, 3)])
def test_three_parts_are_under_way_at_most(concurrency: int, at_once: int) -> None:
    """Each is held in memory."""
    assert at_once == Scene().with_threads(concurrency)._at_once


@pytest.mark.parametrize(("left_s", "copied"), [(5.1, True), (5.0, False)])
def test_parts_are_copied_while_there_is_time(left_s: float, copied: bool) -> None:
    """5 s of a run are left for giving the messages back."""
    scene = Scene()
    built = scene.build()
    deadline = Deadline(scene.clock, RUN_S)
    scene.clock.advance(RUN_S - left_s)

    def store() -> bool:
        assert isinstance(built, StagedArchive)
        return scene.archiver.store("archive.tar.gz", built, deadline)

    if copied:
        assert store()
    else:
        with pytest.raises(DestinationError, match="no time left to copy") as caught:
            store()
        assert DestinationFault.SLOW is caught.value.kind
    assert copied == ("archive.tar.gz" in scene.destination.objects)


def test_what_was_staged_and_not_read_back_in_time_is_removed() -> None:
    """The next run stages it again."""
    scene = Scene()
    scene.destination.hook = lambda name: scene.clock.advance(RUN_S) if name == "read" else None

    with pytest.raises(ObjectTooSlow, match="not read back in time"):
        scene.build()

    assert {} == scene.destination.objects


def test_what_was_staged_is_deleted_once_it_is_delivered() -> None:
    """Nobody else knows of it."""
    scene = Scene()
    built = scene.build()
    assert isinstance(built, StagedArchive)
    assert [built.staged.key] == list(scene.destination.objects)
    scene.archiver.discard(built)

    assert {} == scene.destination.objects


def wrong(name: str) -> Callable[[str], None]:
    """Return a hook that fails as nobody thought of."""

    def hook(operation: str) -> None:
        if operation == name:
            raise ZeroDivisionError

    return hook


def test_an_unforeseen_failure_costs_that_object_alone() -> None:
    """It is tried again, and what was begun is dropped."""
    scene = Scene()
    scene.destination.hook = wrong("send_part")

    with pytest.raises(LandingError, match="unexpected ZeroDivisionError while streaming"):
        scene.build()

    assert ({}, {}) == (scene.destination.objects, scene.destination.uploads)
