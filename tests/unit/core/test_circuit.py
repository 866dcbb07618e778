"""When the circuit opens and closes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.circuit import (
    NO_STREAK,
    Action,
    Circuit,
    Mode,
    Streak,
    after_probe,
    hold_s,
    set_mode,
    wants_strong,
    without_opening,
)


def run(circuit: Circuit, *faults: str, start_minute: int = 100) -> tuple[Circuit, list[Action]]:
    """Run a probe a minute; return the last state and every action."""
    actions = []
    for minute, fault in enumerate(faults, start_minute):
        circuit, action = after_probe(circuit, fault, now_s=minute * 60)
        actions.append(action)
    return circuit, actions


def test_a_new_circuit_is_closed_and_knows_nothing() -> None:
    """A table without its item stands for it, and its first revision is 1."""
    seen, action = after_probe(Circuit(), "", now_s=60)

    assert (Mode.AUTO, False, 0, 0, "", 0, 0, 0, 0) == msgspec.structs.astuple(Circuit())
    assert (1, Action.NONE) == (seen.revision, action)


def test_a_probe_is_noted_in_full() -> None:
    """A fault that counts with its time, and the time only when the circuit opens or closes."""
    first, _ = after_probe(Circuit(), "tls", now_s=60)
    again, _ = after_probe(first, "slow", now_s=99)
    opened, _ = after_probe(again, "connect", now_s=100)
    closed, _ = after_probe(opened, "", now_s=160)

    assert Circuit(failures=1, counted_at=60, fault="tls", revision=1) == first
    assert Circuit(failures=1, counted_at=60, fault="slow", revision=2) == again
    assert Circuit(opened=True, failures=2, counted_at=100, fault="connect", changed_at=100, revision=3) == opened
    assert Circuit(counted_at=100, changed_at=160, revision=4) == closed


@pytest.mark.parametrize(("mode", "opened"), [(Mode.OPEN, True), (Mode.CLOSED, False)])
def test_a_held_circuit_keeps_the_last_fault_and_counts_anew(mode: Mode, opened: bool) -> None:
    """What was counted before an operator came is past."""
    before = Circuit(opened=True, failures=9, counted_at=50, fault="tls", changed_at=40, revision=7)
    held, _ = set_mode(before, mode, now_s=60)

    assert Circuit(mode=mode, opened=opened, fault="tls", changed_at=60, revision=8) == held


def test_two_failures_in_a_row_open_and_one_success_closes() -> None:
    """One lost probe is no outage; the first good one ends it."""
    circuit, actions = run(Circuit(), "connect", "connect", "tls", "")

    assert actions == [Action.NONE, Action.DISABLE, Action.DISABLE, Action.ENABLE]
    assert (circuit.opened, circuit.failures, circuit.fault, circuit.changed_at) == (False, 0, "", 103 * 60)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    _, actions = run(Circuit(), "slow", "", "slow", "", "slow")

    assert set(actions) == {Action.NONE}


@pytest.mark.parametrize(("second_at", "failures"), [(6000, 1), (6039, 1), (6040, 2), (6060, 2)])
def test_probes_at_once_are_one_failure(second_at: int, failures: int) -> None:
    """A scheduler that fires twice must not open the circuit, also when a minute turns between the two."""
    first, _ = after_probe(Circuit(), "connect", now_s=6000)
    second, _ = after_probe(first, "connect", now_s=second_at)

    assert failures == second.failures
    assert second.opened is (failures == 2)


def test_a_mapping_that_windrow_did_not_disable_is_left_alone() -> None:
    """Good probes never enable what an operator disabled by hand."""
    _, actions = run(Circuit(), "", "", "")

    assert set(actions) == {Action.NONE}


@pytest.mark.parametrize(("mode", "action"), [(Mode.OPEN, Action.DISABLE), (Mode.CLOSED, Action.ENABLE)])
def test_an_operator_holds_the_circuit_whatever_the_probe_says(mode: Mode, action: Action) -> None:
    """``windrow circuit open`` and ``close`` stand until ``auto``."""
    held, at_once = set_mode(Circuit(), mode, now_s=0)
    _, actions = run(held, "connect", "connect", "connect", "", "")

    assert at_once is action
    assert set(actions) == {action}


@pytest.mark.parametrize(
    ("before", "action"),
    [
        (Circuit(), Action.NONE),
        (Circuit(mode=Mode.OPEN, opened=True), Action.ENABLE),
        (Circuit(mode=Mode.CLOSED), Action.ENABLE),
    ],
)
def test_auto_hands_the_decision_back(before: Circuit, action: Action) -> None:
    """What Windrow holds open is closed; what was disabled by hand stays so."""
    after, at_once = set_mode(before, Mode.AUTO, now_s=60)

    assert at_once is action
    assert (after.mode, after.opened, after.failures) == (Mode.AUTO, False, 0)


def test_auto_during_an_outage_changes_nothing() -> None:
    """What the sentinel opened stays open when an operator asks for what is in force anyway."""
    opened = Circuit(opened=True, failures=9, fault="connect")

    assert (opened, Action.NONE) == set_mode(opened, Mode.AUTO, now_s=60)


def test_an_opening_that_finds_the_mapping_disabled_is_none() -> None:
    """A mapping that was disabled by hand before the outage is not noted as Windrow's, so nobody enables it."""
    before, _ = run(Circuit(), "connect")
    after, _ = after_probe(before, "connect", now_s=101 * 60)
    noted = without_opening(before, after)
    _, actions = run(noted, "", start_minute=102)

    assert (False, 2, 0) == (noted.opened, noted.failures, noted.changed_at)
    assert [Action.NONE] == actions


@given(st.lists(st.sampled_from(["", "connect", "tls"]), max_size=30))
def test_the_mapping_ends_as_the_circuit_says(faults: list[str]) -> None:
    """Whatever the probes find, what was disabled is enabled again by the next success, and revisions only grow."""
    circuit, actions = run(Circuit(), *faults, "")
    enabled = True
    for action in actions:
        enabled = {Action.NONE: enabled, Action.DISABLE: False, Action.ENABLE: True}[action]

    assert enabled
    assert circuit.revision == len(faults) + 1


HOUR_S = 3600


def failing(at_s: int, *, failures: int = 3, delivered_at: int = 0) -> Streak:
    """Return deliveries that fail in a row since a minute before, the last one at this second."""
    return Streak(failures, at_s - 60, at_s, "refused", delivered_at)


def watched(circuit: Circuit, *seen: Streak, start_s: int = 100 * HOUR_S) -> tuple[Circuit, list[bool]]:
    """Run a good probe a minute, while this is noted of deliveries; return the last state and when it was open."""
    opened = []
    for minute, streak in enumerate(seen):
        circuit, _ = after_probe(circuit, "", streak=streak, now_s=start_s + 60 * minute)
        opened.append(circuit.opened)
    return circuit, opened


def test_deliveries_that_fail_in_a_row_open_although_probes_succeed() -> None:
    """Seen twice, a minute apart: a failed probe is no more. The fault is the deliveries'."""
    streak = failing(100 * HOUR_S)
    circuit, opened = watched(Circuit(), streak, streak)

    assert [False, True] == opened
    assert ("refused", 1, 2) == (circuit.fault, circuit.trips, circuit.failures)


@pytest.mark.parametrize(
    "streak",
    [
        failing(100 * HOUR_S, failures=2),
        failing(100 * HOUR_S, delivered_at=100 * HOUR_S - 60),
        failing(99 * HOUR_S),
        NO_STREAK,
    ],
    ids=["too few", "one succeeded since", "long ago", "nothing noted"],
)
def test_other_deliveries_say_nothing(streak: Streak) -> None:
    """Good probes then count."""
    assert [False] * 4 == watched(Circuit(), *[streak] * 4)[1]


def test_failures_from_before_the_circuit_closed_have_had_their_effect() -> None:
    """After the time that it is held it closes, and only a delivery that fails anew opens it."""
    streak = failing(100 * HOUR_S)
    circuit, opened = watched(Circuit(), *[streak] * 8)

    assert [False, True, True, False, False, False, False, False] == opened
    assert 1 == circuit.trips


def test_each_opening_by_deliveries_holds_twice_as_long() -> None:
    """One more failed delivery is enough, until one succeeds."""
    circuit = Circuit(changed_at=1, trips=1)
    again = failing(100 * HOUR_S, failures=1)
    circuit, opened = watched(circuit, *[again] * 7)
    healed, _ = after_probe(circuit, "", streak=Streak(delivered_at=101 * HOUR_S), now_s=101 * HOUR_S)

    assert [False, True, True, True, True, False, False] == opened
    assert (2, 0) == (circuit.trips, healed.trips)
    assert [0, 120, 240, 480, 960, 1920, 3600, 3600, 3600] == [hold_s(trips) for trips in range(9)]
    assert 3600 == hold_s(10**9)


def test_an_opening_by_probes_ends_the_count_of_those_by_deliveries() -> None:
    """What probes see again is not hidden from them: the first good one closes."""
    circuit, _ = run(Circuit(trips=5), "connect", "connect")

    assert (True, 0) == (circuit.opened, circuit.trips)
    assert not run(circuit, "", start_minute=102)[0].opened


def test_an_operator_ends_the_hold() -> None:
    """Whoever mended the cause need not wait."""
    held = Circuit(opened=True, fault="refused", changed_at=100 * HOUR_S, trips=6)
    closed, action = set_mode(msgspec.structs.replace(held, mode=Mode.OPEN), Mode.AUTO, now_s=100 * HOUR_S + 1)

    assert (False, 0, Action.ENABLE) == (closed.opened, closed.trips, action)


@pytest.mark.parametrize(
    ("circuit", "streak", "strong"),
    [
        (Circuit(), NO_STREAK, True),
        (Circuit(strong_at=100 * HOUR_S - 3599), NO_STREAK, False),
        (Circuit(strong_at=99 * HOUR_S), NO_STREAK, True),
        (Circuit(strong_at=100 * HOUR_S, fault="slow"), NO_STREAK, True),
        (Circuit(strong_at=100 * HOUR_S), failing(100 * HOUR_S, failures=1), True),
        (Circuit(strong_at=100 * HOUR_S), failing(98 * HOUR_S), False),
    ],
)
def test_a_probe_is_strong_when_one_is_due_or_something_speaks_against_it(
    circuit: Circuit, streak: Streak, strong: bool
) -> None:
    """Once an hour, after a failed probe, and while deliveries fail."""
    assert strong is wants_strong(circuit, streak, 100 * HOUR_S)


@pytest.mark.parametrize(("fault", "strong", "noted"), [("", True, 6000), ("", False, 5), ("tls", True, 5)])
def test_only_a_good_strong_probe_is_noted_as_one(fault: str, strong: bool, noted: int) -> None:
    """Else the next one is strong again."""
    assert noted == after_probe(Circuit(strong_at=5), fault, strong=strong, now_s=6000)[0].strong_at


@pytest.mark.parametrize("field", ["failures", "since", "failed_at", "delivered_at"])
def test_a_streak_that_nobody_noted_is_all_zeros(field: str) -> None:
    """As its item in the table would be without the field."""
    assert (0, "", False) == (getattr(Streak(), field), Streak().fault, Streak().is_current(0))
