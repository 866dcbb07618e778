"""Waiting ends as soon as it is so, or at the limit, and then says why."""

from __future__ import annotations

import pytest

from windrow.core.errors import LocalStackError
from windrow.lab.stack.waiting import polls, wait_for, wait_until
from windrow.testing import FakeClock


def test_polls_come_at_once_after_each_pause_and_at_the_limit() -> None:
    """The last pause is cut short, so that a late answer still counts."""
    clock = FakeClock()
    assert [0, 2, 4, 5] == list(polls(5, 2, clock))
    assert [2, 2, 1] == clock.sleeps


def test_first_true_answer_is_returned() -> None:
    """Without a pause more than needed."""
    clock = FakeClock()
    answers = iter([0, None, "there", "never asked for"])
    assert "there" == wait_for(lambda: next(answers), 60, 1, clock)
    assert "never asked for" == next(answers)
    assert [1, 1] == clock.sleeps


def test_last_answer_is_returned_at_the_limit() -> None:
    """It tells how things stood then, not before."""
    clock = FakeClock()
    answers = iter([0, False, None, ""])
    assert "" == wait_for(lambda: next(answers), 3, 1, clock)
    assert [1, 1, 1] == clock.sleeps


def test_waiting_in_vain_is_an_error_with_its_cause() -> None:
    """What was waited for, for how long, the last answer, and what is asked about the cause only then."""
    clock = FakeClock()
    answers = iter([None, 0])
    with pytest.raises(LocalStackError) as caught:
        wait_until("the ship", lambda: next(answers), limit_s=1, pause_s=1, cause=lambda: "; fog", clock=clock)
    assert "waited 1 s for the ship (last answer: 0); fog" == str(caught.value)


def test_an_answer_that_says_nothing_is_left_out() -> None:
    """Not there is what "waited in vain" says already."""
    with pytest.raises(LocalStackError, match=r"^waited 1 s for it$"):
        wait_until("it", lambda: False, limit_s=1, clock=FakeClock())


def test_what_comes_true_is_returned() -> None:
    """As `wait_for` does, and nobody is asked for a cause."""
    causes: list[str] = []
    answers = iter([None, 7])
    found = wait_until("it", lambda: next(answers), cause=lambda: causes.append("asked"), clock=FakeClock())
    assert (7, []) == (found, causes)
