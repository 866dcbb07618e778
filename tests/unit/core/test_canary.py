from __future__ import annotations

import pytest

from windrow.core.canary import Work, does_worse


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (Work(0, 1), Work(500, 0)),
        (Work(0, 120), Work(1_000, 50)),
        (Work(0, 120), Work()),
        (Work(80, 40), Work(900, 100)),
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
    """No work yet, none given back, a few by chance, or a share about that of the old version."""
    assert not does_worse(new, old)


def test_trouble_of_both_versions_is_not_the_new_ones() -> None:
    """While the destination is down both give everything back; an alarm tells that, and going back would not help."""
    assert not does_worse(Work(0, 120), Work(0, 900))


def test_work_reads_as_a_sentence_part() -> None:
    """As the reason of a rollback says it."""
    assert "40 of 1,240 files" == str(Work(1_200, 40))
