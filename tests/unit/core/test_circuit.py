"""When the circuit opens and closes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.circuit import Action, Circuit, Mode, after_probe, left_alone, set_mode


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

    assert (Mode.AUTO, False, 0, 0, "", 0, 0) == msgspec.structs.astuple(Circuit())
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
    noted = left_alone(before, after)
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
