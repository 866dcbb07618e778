from __future__ import annotations

import pytest

from windrow.core.version_comparison import RolloutReading, Work, does_worse, harm


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (Work(0, 1), Work(500, 0)),
        (Work(0, 120), Work(1_000, 50)),
        (Work(0, 120), Work()),
        (Work(80, 40), Work(900, 100)),
        (Work(10, 10), Work(900, 100)),
    ],
)
def test_version_that_gives_more_back_does_worse(new: Work, old: Work) -> None:
    """Nothing delivered at all, be it of one file, or a share clearly above the old version's."""
    assert does_worse(new, old)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (Work(), Work()),
        (Work(), Work(500, 20)),
        (Work(120, 0), Work(500, 20)),
        (Work(5, 4), Work(500, 0)),
        (Work(100, 12), Work(1_000, 30)),
    ],
)
def test_version_that_does_as_well_stays(new: Work, old: Work) -> None:
    """No work yet, none returned to the queue, a few by chance, or a share about that of the old version."""
    assert not does_worse(new, old)


def test_trouble_of_both_versions_is_not_the_new_ones() -> None:
    """While the destination is down both give everything back; an alarm tells that, and going back would not help."""
    assert not does_worse(Work(0, 120), Work(0, 900))


def test_work_reads_as_a_sentence_part() -> None:
    """As the reason of a rollback says it."""
    assert "40 of 1,240 files" == str(Work(1_200, 40))
    assert "0 of 0 files" == str(Work())


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (RolloutReading(), None),
        (RolloutReading(12, 1), "version 8 failed 1 time"),
        (RolloutReading(12, 2), "version 8 failed 2 times"),
        (RolloutReading(firing=frozenset({"b", "a", "old"})), "a, b in alarm"),
        (RolloutReading(firing=frozenset({"old"})), None),
        (
            RolloutReading(3, 0, Work(0, 240), Work(2_100, 4)),
            "version 8 returned 240 of 240 files to the queue, version 7 4 of 2,104 files",
        ),
        (RolloutReading(3, 0, Work(200, 20), Work(2_000, 180)), None),
    ],
)
def test_harm_is_named(seen: RolloutReading, expected: str | None) -> None:
    """An alarm that was not on before, a failed run, a version that delivers less; no more than it must be."""
    assert expected == harm(seen, "8", "7", {"old"})
