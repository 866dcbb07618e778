"""The limits of a sweep's work: how much goes together, what waits, and when it stops."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier

import pytest

from tests.unit.operations.retention.scene import HOT, Scene
from windrow.core.errors import CopyError
from windrow.core.windows import HOUR, floor
from windrow.operations.audit import Finding
from windrow.operations.retention import sweep as sweep_module
from windrow.operations.retention.deletable import Deletable
from windrow.operations.retention.report import Tally
from windrow.operations.retention.sweep import Listed, Sweep, _groups
from windrow.ports import RawVersion

MIB = 1024 * 1024


def sweep_of(scene: Scene, *, remaining_s: float = float("inf")) -> Sweep:
    """Return a sweep of the hours of the scene."""
    now = scene.world.clock.now()
    return scene.sweeper()._set_up(now, floor(now, HOUR), now, HOT, Tally(), remaining_s, dry_run=False)


def deletable(files: int) -> Deletable:
    """Return an archive with so many files to be deleted."""
    return Deletable([RawVersion("landing", f"{number}", "v1") for number in range(files)])


def test_thirty_two_archives_go_together() -> None:
    """Those that failed among them."""
    found = [deletable(60) if number % 2 else Finding(f"{number}", "wrong") for number in range(70)]

    assert [32, 32, 6] == [len(piece) for piece in _groups(found)]


@pytest.mark.parametrize(
    ("files", "pieces"), [([999, 999, 2, 1], [3, 1]), ([999, 999, 1, 1], [4]), ([3000, 1999, 1], [1, 2]), ([], [])]
)
def test_fewer_archives_with_two_thousand_files_do(files: list[int], pieces: list[int]) -> None:
    """Their keys are held in memory."""
    assert pieces == [len(piece) for piece in _groups(map(deletable, files))]


def test_what_has_a_copy_of_its_size_is_not_wanting_and_what_is_over_64_mib_waits() -> None:
    """The others are copied oldest first."""
    scene = Scene()
    sweep, now = sweep_of(scene), scene.world.clock.now()
    listed = [
        Listed("copied", 5, now),
        Listed("other size", 5, now),
        Listed("64 MiB", 64 * MIB, now - HOUR),
        Listed("larger", 64 * MIB + 1, now - 2 * HOUR),
    ]

    wanting = sweep._without_copy(listed, {"copied": 5, "other size": 6})

    assert ["64 MiB", "other size"] == [archive.key for archive in wanting]
    assert ["larger"] == [archive.key for archive in sweep._later]
    assert {"larger"} == sweep._skipped


def test_a_hundred_failures_in_a_row_end_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not the archives that are wrong then."""
    monkeypatch.setattr(sweep_module, "COPIES_AT_ONCE", 1)
    scene = Scene()
    for number in range(102):
        scene.deliver(f"{number}")
    scene.age(3600)

    def fail(operation: str) -> None:
        if operation == "store":
            raise CopyError("AccessDenied")

    scene.copies.hook = fail
    report = scene.sweep()

    assert (100, False, 20) == (report.failed, report.complete, len(report.examples))


def test_four_copies_are_made_at_once() -> None:
    """Each waits for the others here."""
    scene = Scene()
    for number in range(4):
        scene.deliver(f"{number}")
    scene.age(3600)
    together = Barrier(4, timeout=60)

    def meet(operation: str) -> None:
        if operation == "store":
            together.wait()

    scene.copies.hook = meet

    assert 4 == scene.sweep().copied


@pytest.mark.parametrize(("age", "copied"), [(timedelta(minutes=11), 1), (timedelta(minutes=10, seconds=-5), 0)])
def test_archives_are_copied_once_their_window_is_ten_minutes_over(age: timedelta, copied: int) -> None:
    """Their delivery may still be under way before."""
    scene = Scene()
    scene.deliver("a")
    window_end = floor(scene.world.sources[0].event_time, timedelta(minutes=1)) + timedelta(minutes=1)
    scene.age((window_end + age - scene.world.clock.now()).total_seconds())

    assert copied == scene.sweep().copied
