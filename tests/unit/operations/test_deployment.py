from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
import pytest

from windrow.core.errors import AliasChanged, DeploymentError
from windrow.core.version_comparison import RolloutReading
from windrow.operations.deployment import (
    DELETED_AT_ONCE,
    POLL_S,
    Deployer,
    DeploymentOutcome,
    Event,
    Progress,
    check_steps,
    outdated,
)
from windrow.ports import Alias
from windrow.testing import START, FakeClock, FakeFunctions

STEPS = [10, 50, 100]
BAKE_S = 20.0


class FakeWatch:
    """``sees`` names the alarm that is firing at each look, by how many there were."""

    def __init__(self) -> None:
        self.firing_before: frozenset[str] = frozenset()
        self.looks: list[tuple[str, str, datetime]] = []
        self.sees: Callable[[int], str | None] = lambda _look: None

    def firing(self) -> frozenset[str]:
        """Tell what is on."""
        return self.firing_before

    def read(self, version: str, before: str, since: datetime) -> RolloutReading:
        """Answer as told; there was a run for each look."""
        self.looks.append((version, before, since))
        alarm = self.sees(len(self.looks))
        return RolloutReading(len(self.looks), firing=frozenset({alarm} if alarm else ()))


class World:
    """A deployer on fakes, with time that passes only when it waits; ``stop_after`` waits it is asked to stop."""

    def __init__(self) -> None:
        self.functions = FakeFunctions()
        self.watch = FakeWatch()
        self.clock = FakeClock()
        self.waits: list[float] = []
        self.stop_after: int | None = None
        self.events: list[Event] = []
        self.progress: list[Progress] = []
        self.deployer = Deployer(
            self.functions, self.watch, self.clock, self.wait, self.events.append, self.progress.append
        )

    def wait(self, seconds: float) -> bool:
        """Pass time; tell whether to stop."""
        self.waits.append(seconds)
        self.clock.advance(seconds)
        return self.stop_after is not None and len(self.waits) > self.stop_after


@pytest.fixture
def world() -> World:
    """Return a world in which all goes well."""
    return World()


def failing(*operations: str, times: int = 1) -> Callable[[str], None]:
    """Return a hook that makes the first so many of these operations fail."""
    left = [times]

    def hook(operation: str) -> None:
        if operation in operations and left[0]:
            left[0] -= 1
            raise DeploymentError(f"{operation} failed")

    return hook


def test_good_version_gets_the_traffic_in_steps(world: World) -> None:
    """The way back stays the alias's own version until the last step has baked; then the new one takes its place."""
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert (DeploymentOutcome.DEPLOYED, "8") == (result.outcome, result.version)
    assert (b"zip", "7") == (world.functions.published["8"], world.functions.replaced["8"])
    assert [("7", "8", 0.1), ("7", "8", 0.5), ("7", "8", 1.0), ("8", None, 0.0)] == world.functions.routes
    assert ["published", "smoke test passed", "shifted", "shifted", "shifted", "deployed"] == [
        event.event for event in world.events
    ]


def test_each_step_bakes_and_is_watched(world: World) -> None:
    """Every step lasts as long as asked, and the alarms are looked at every few seconds and at its end."""
    world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert len(STEPS) * BAKE_S == sum(world.waits)
    assert len(STEPS) * (BAKE_S / POLL_S + 1) == len(world.watch.looks)
    assert {("8", "7", START)} == set(world.watch.looks)
    first, *_, last = world.progress
    assert Progress("8", 10, BAKE_S, RolloutReading(1)) == first
    assert Progress("8", 100, 0, RolloutReading(len(world.watch.looks))) == last


@pytest.mark.parametrize("look", [1, 2, 6, 15])
def test_harm_at_any_look_goes_back(world: World, look: int) -> None:
    """Whenever an alarm fires, all traffic is back at the old version at once, and no further step is taken."""
    world.watch.sees = lambda number: "Failures" if number == look else None
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert (DeploymentOutcome.ROLLED_BACK, "7", "Failures in alarm") == (result.outcome, result.version, result.reason)
    assert ("7", None, 0.0) == world.functions.routes[-1]
    assert look == len(world.watch.looks)


@pytest.mark.parametrize("waits", [0, 1, 3, 9])
def test_interruption_goes_back(world: World, waits: int) -> None:
    """Ctrl-C at any wait, before the first step too, ends with all traffic at the old version."""
    world.stop_after = waits
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert (DeploymentOutcome.ROLLED_BACK, "interrupted") == (result.outcome, result.reason)
    assert ("7", None) == (world.functions.current.version, world.functions.current.candidate)


def test_blindness_goes_back(world: World) -> None:
    """When the alarms can't be read any more, the new version does not stay."""

    def blind(_look: int) -> str | None:
        raise DeploymentError("the alarms could not be read")

    world.watch.sees = blind
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert (DeploymentOutcome.ROLLED_BACK, "the alarms could not be read") == (result.outcome, result.reason)


def test_any_other_failure_goes_back_too(world: World) -> None:
    """A defect of ours leaves no version in traffic that nobody watches; it is reported all the same."""

    def defect(_look: int) -> str | None:
        raise ZeroDivisionError

    world.watch.sees = defect
    with pytest.raises(ZeroDivisionError):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert ("7", None) == (world.functions.current.version, world.functions.current.candidate)


def test_way_back_does_not_hang_on_being_told(world: World) -> None:
    """When progress can't be written, as to a full disk, the old version is put back before the run ends."""

    def untellable(event: Event) -> None:
        if event.event in ("shifted", "rolling back"):
            raise OSError("No space left on device")

    deployer = Deployer(world.functions, world.watch, world.clock, world.wait, untellable)
    with pytest.raises(OSError, match="No space left"):
        deployer.deploy(b"zip", STEPS, BAKE_S)
    assert ("7", None) == (world.functions.current.version, world.functions.current.candidate)


@pytest.mark.parametrize("operation", ["route", "route done"])
def test_failed_shift_goes_back(world: World, operation: str) -> None:
    """A shift that failed, or whose reply was lost, is undone."""
    world.functions.hook = failing(operation)
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert DeploymentOutcome.ROLLED_BACK == result.outcome
    assert ("7", None) == (world.functions.current.version, world.functions.current.candidate)


def test_lost_reply_to_the_last_change_goes_back(world: World) -> None:
    """When nobody knows whether the last change was made, the version before is put back all the same."""
    lost = failing("route done")
    world.functions.hook = lambda operation: lost(operation) if len(world.functions.routes) == 4 else None
    assert DeploymentOutcome.ROLLED_BACK == world.deployer.deploy(b"zip", STEPS, BAKE_S).outcome
    assert ("7", None) == (world.functions.current.version, world.functions.current.candidate)


def test_way_back_is_tried_again(world: World) -> None:
    """Going back survives failures of Lambda's API, with growing waits."""
    world.watch.sees = lambda _look: "Failures"
    trouble = failing("alias", "route", times=4)
    world.functions.hook = lambda operation: trouble(operation) if world.watch.looks else None
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert (DeploymentOutcome.ROLLED_BACK, "7") == (result.outcome, world.functions.current.version)
    assert [1, 2, 4, 8] == world.clock.sleeps


def test_blocked_way_back_is_an_error_that_says_how(world: World) -> None:
    """When going back fails for good, the error says why it was needed and what to run."""
    world.watch.sees = lambda _look: "Failures"
    trouble = failing("route", times=99)
    world.functions.hook = lambda operation: trouble(operation) if world.watch.looks else None
    with pytest.raises(DeploymentError, match=r"Failures in alarm; rolling back .* Run --rollback --to 7"):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)


def test_smoke_test_comes_before_any_traffic(world: World) -> None:
    """A version that fails its smoke test never gets traffic."""
    world.functions.hook = failing("smoke")
    with pytest.raises(DeploymentError, match="smoke failed"):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert [] == world.functions.routes


def test_second_deployment_is_refused(world: World) -> None:
    """While weights show that a deployment is under way, or was broken off, nothing is published."""
    world.functions.lead("7", "8", 0.5)
    with pytest.raises(DeploymentError, match=r"of version 8 is under way .* 50% there and the rest to 7"):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert ["7"] == list(world.functions.published)


def test_alarms_that_are_on_already_are_told_and_keep_nothing_from_starting(world: World) -> None:
    """A quiet night or an old dead letter is no reason against a release."""
    world.watch.firing_before = frozenset({"windrow-no-data-arriving", "windrow-dlq-not-empty"})
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    (told,) = [event.detail for event in world.events if event.event == "alarms on already"]

    assert DeploymentOutcome.DEPLOYED == result.outcome
    assert told is not None
    assert told.startswith("windrow-dlq-not-empty, windrow-no-data-arriving; ")


def test_alarm_that_was_on_before_is_harm_once_it_has_been_off(world: World) -> None:
    """Then it tells of the new version."""
    world.watch.firing_before = frozenset({"dlq"})
    world.watch.sees = lambda look: None if look == 3 else "dlq"
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)

    assert (DeploymentOutcome.ROLLED_BACK, "dlq in alarm", 4) == (result.outcome, result.reason, len(world.watch.looks))


def numbers(first: int, last: int) -> list[str]:
    """Return versions."""
    return [str(number) for number in range(first, last + 1)]


def test_old_versions_are_deleted_after_a_deployment(world: World) -> None:
    """The newest ones stay, and the way back, however old it is."""
    world.functions.lead("3")
    world.functions.published = dict.fromkeys(numbers(1, 19), b"")
    world.deployer.deploy(b"zip", STEPS, BAKE_S, keep=4)

    assert ["3", *numbers(16, 20)] == list(world.functions.published)
    assert [", ".join(["1", "2", *numbers(4, 15)])] == [
        event.detail for event in world.events if event.event == "old versions deleted"
    ]


def test_versions_that_cannot_be_deleted_are_told_and_left(world: World) -> None:
    """The new version serves all the same."""
    world.functions.published = dict.fromkeys(numbers(1, 7), b"")

    def refuse(operation: str) -> None:
        if operation == "delete":
            raise DeploymentError("AccessDenied")

    world.functions.hook = refuse

    assert DeploymentOutcome.DEPLOYED == world.deployer.deploy(b"zip", STEPS, BAKE_S, keep=1).outcome
    assert ["AccessDenied"] == [event.detail for event in world.events if event.event == "old versions left"]


def test_a_rollback_deletes_nothing(world: World) -> None:
    """By hand or by itself: what was taken out of service is still to be looked at."""
    world.functions.published = dict.fromkeys(numbers(1, 7), b"")
    world.watch.sees = lambda _look: "harm"
    world.deployer.deploy(b"zip", STEPS, BAKE_S, keep=1)
    world.deployer.rollback("6")

    assert numbers(1, 8) == list(world.functions.published)


def test_one_deployment_deletes_so_many_at_most() -> None:
    """A first one that meets years of versions ends in time."""
    assert numbers(1, DELETED_AT_ONCE) == outdated(numbers(1, 200), Alias("201", "r"), 10)


def test_racing_deployment_loses_at_its_first_shift(world: World) -> None:
    """Of two that started at once, Lambda refuses the second by the revision, and it leaves the alias alone."""

    def rival(operation: str) -> None:
        if operation == "smoke":
            world.functions.lead("7", "9", 0.1)

    world.functions.hook = rival
    with pytest.raises(AliasChanged):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert [("7", "9", 0.1)] == world.functions.routes


def test_rollback_by_someone_else_ends_the_run(world: World) -> None:
    """When a person rolls back while a step bakes, the run stops and leaves the alias as it is."""

    def person(look: int) -> None:
        if look == 3:
            world.functions.lead("7")

    world.watch.sees = person
    with pytest.raises(AliasChanged, match="changed by someone else"):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert ("7", None, 0.0) == world.functions.routes[-1]


def test_way_back_does_not_undo_what_others_did(world: World) -> None:
    """If the alias leads somewhere else by the time of going back, it is left there."""

    def harm_and_rival(_look: int) -> str:
        world.functions.lead("9")
        return "Failures"

    world.watch.sees = harm_and_rival
    with pytest.raises(AliasChanged, match="Failures in alarm; the alias was changed by someone else"):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert "9" == world.functions.current.version


def test_same_code_changes_nothing(world: World) -> None:
    """When Lambda says that the code is that of the version in service, there is nothing to do."""
    world.functions.published["7"] = b"zip"
    result = world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert (DeploymentOutcome.UNCHANGED, "7") == (result.outcome, result.version)
    assert [] == world.functions.routes


def test_alias_of_latest_is_refused(world: World) -> None:
    """Lambda can't split traffic with $LATEST, so it is refused before anything is published."""
    world.functions.lead("$LATEST")
    with pytest.raises(DeploymentError, match=r"\$LATEST"):
        world.deployer.deploy(b"zip", STEPS, BAKE_S)
    assert ["7"] == list(world.functions.published)


def test_rollback_returns_to_what_was_replaced(world: World) -> None:
    """After a finished deployment the version before is the one that it replaced, not the next lower number."""
    world.functions.lead("9")
    world.functions.replaced["9"] = "7"
    result = world.deployer.rollback()
    assert (DeploymentOutcome.ROLLED_BACK, "7") == (result.outcome, result.version)
    assert "7" == world.functions.current.version


def test_rollback_after_a_version_that_others_published(world: World) -> None:
    """A version that an apply published has no note of what it replaced; the alias has, from the deployment."""
    assert DeploymentOutcome.DEPLOYED == world.deployer.deploy(b"zip", STEPS, BAKE_S).outcome
    world.functions.replaced.clear()
    assert ("7", "7") == (world.deployer.rollback().version, world.functions.current.version)


def test_second_rollback_asks_for_a_version(world: World) -> None:
    """What brought the version before back, by hand or by itself, is not repeated into the one before that."""
    world.functions.replaced = {"7": "6"}
    world.deployer.deploy(b"zip", STEPS, BAKE_S)
    world.deployer.rollback()
    with pytest.raises(DeploymentError, match=r"version 8 was rolled back already, and the alias serves 7; .* --to"):
        world.deployer.rollback()
    assert "7" == world.functions.current.version


def test_rollback_after_it_went_back_by_itself(world: World) -> None:
    """Who is woken by the alarm and types --rollback does not undo the deployment before the bad one."""
    world.functions.current = msgspec.structs.replace(world.functions.current, replaced="6")
    world.watch.sees = lambda _look: "Failures"
    world.deployer.deploy(b"zip", STEPS, BAKE_S)
    with pytest.raises(DeploymentError, match="version 8 was rolled back already"):
        world.deployer.rollback()


def test_repeated_rollback_to_a_named_version_changes_nothing(world: World) -> None:
    """It answers the same, so that a pipeline may repeat it."""
    assert world.deployer.rollback("5") == world.deployer.rollback("5")
    assert [("5", None, 0.0)] == world.functions.routes


def test_rollback_ends_what_was_broken_off(world: World) -> None:
    """Weights that a crashed run left behind are taken away; all traffic goes to the version before."""
    world.functions.lead("7", "8", 1.0)
    assert "7" == world.deployer.rollback().version
    assert ("7", None, 0.0) == world.functions.routes[-1]


def test_rollback_to_a_named_version(world: World) -> None:
    """A version can be named."""
    world.functions.lead("9")
    assert "5" == world.deployer.rollback("5").version


def test_rollback_without_record_asks_for_a_version(world: World) -> None:
    """Without a deployment nobody knows what was in service before; guessing could bring back a bad version."""
    with pytest.raises(DeploymentError, match="name one with --to"):
        world.deployer.rollback()


@pytest.mark.parametrize("steps", [[], [50], [50, 10, 100], [0, 100], [10, 10, 100], [10, 110], [100, 100]])
def test_steps_must_rise_to_the_whole(steps: list[float]) -> None:
    """Steps that do not rise from above 0 to 100 are refused."""
    with pytest.raises(DeploymentError, match="must rise to 100"):
        check_steps(steps)
