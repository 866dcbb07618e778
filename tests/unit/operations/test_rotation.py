"""Rotation of the destination's credentials, on fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest

from windrow.core.errors import DestinationError, DestinationFault, RotationError
from windrow.functions import rotate
from windrow.operations.rotation import Rotation, Step
from windrow.pipeline.probe import Probe
from windrow.ports import NEWEST_STAGE, Credentials
from windrow.testing import FakeClock, FakeDestination, Hook

FIRST = Credentials("FIRST", "first-secret", "ca")


@dataclass
class FakeVersions:
    """A secret's versions in memory."""

    values: dict[str, Credentials] = field(default_factory=lambda: {"v0": FIRST})
    stages: dict[str, str] = field(default_factory=lambda: {"AWSCURRENT": "v0"})
    hook: Hook = lambda _operation: None

    def staged(self, stage: str) -> tuple[str, Credentials] | None:
        """Return the version with a stage."""
        version = self.stages.get(stage)
        return (version, self.values[version]) if version in self.values else None

    def pending(self, token: str) -> Credentials | None:
        """Return a version's value."""
        return self.values.get(token)

    def put_pending(self, token: str, credentials: Credentials) -> None:
        """Write a version."""
        self.values[token] = credentials
        self.stages |= {"AWSPENDING": token, NEWEST_STAGE: token}
        self.hook("put_pending done")

    def promote(self, token: str, *, from_version: str) -> None:
        """Make a version current."""
        assert self.stages["AWSCURRENT"] == from_version
        self.stages |= {"AWSCURRENT": token, "AWSPREVIOUS": from_version}

    def begin(self, token: str) -> None:
        """Do what Secrets Manager does before it calls the first step: the new version is staged, without a value.

        It refuses while another rotation is pending; then an operator takes that stage away by hand.
        """
        self.stages["AWSPENDING"] = token


@dataclass
class FakeKeys:
    """Access keys of a destination in memory; only a valid one may act."""

    valid: set[str] = field(default_factory=lambda: {"FIRST"})
    hook: Hook = lambda _operation: None

    def create(self, acting: Credentials, new: Credentials) -> None:
        """Create a key."""
        self._check(acting)
        self.valid.add(new.access_key)

    def remove(self, acting: Credentials, access_key: str) -> None:
        """Remove a key."""
        self._check(acting)
        self.valid.discard(access_key)
        self.hook("remove done")

    def _check(self, acting: Credentials) -> None:
        if acting.access_key not in self.valid:
            raise RotationError("the acting key is not valid")


@dataclass
class Setting:
    """A rotation and all that it touches."""

    versions: FakeVersions = field(default_factory=FakeVersions)
    keys: FakeKeys = field(default_factory=FakeKeys)
    destination: FakeDestination = field(default_factory=FakeDestination)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def probe(self, credentials: Credentials) -> Probe:
        """Return a probe of the destination, if the key is valid."""
        if credentials.access_key not in self.keys.valid:
            raise DestinationError("403", DestinationFault.CREDENTIALS)
        return Probe(self.destination, FakeClock(), "in", lambda: f"canary{next(self.numbers)}", parts=True)

    @property
    def rotation(self) -> Rotation:
        """The rotation, as a fresh process has it."""
        return Rotation(
            secret=self.versions,
            keys=self.keys,
            probe=self.probe,
            new_key=lambda length: f"key{next(self.numbers)}".ljust(length, "x"),
        )

    def current(self) -> Credentials:
        """Return what workers would read."""
        staged = self.versions.staged("AWSCURRENT")
        assert staged is not None
        return staged[1]

    def rotate(self, token: str, steps: int = 4, *, staged_first: bool = True) -> None:
        """Do so many steps of a rotation; ``staged_first`` as Secrets Manager has it, an emulator may not."""
        if staged_first:
            self.versions.begin(token)
        for step in list(Step)[:steps]:
            self.rotation.run(step, token)

    def in_use(self) -> set[str]:
        """Return the keys of the current and the previous version."""
        staged = [self.versions.staged(stage) for stage in ("AWSCURRENT", "AWSPREVIOUS")]
        return {found[1].access_key for found in staged if found}


@pytest.mark.parametrize("times", [1, 2, 3])
def test_every_step_may_be_repeated_and_two_keys_stay_valid(times: int) -> None:
    """The current key and the one before it; everything older is gone, and the CA stays in the secret."""
    setting = Setting()
    used = [setting.current()]
    for number in range(20):
        for step in Step:
            for _ in range(times):
                setting.rotation.run(step, f"token{number}")
                assert setting.current().access_key in setting.keys.valid
        used.append(setting.current())

        assert setting.keys.valid == {used[-2].access_key, used[-1].access_key}
        assert used[-1].ca_pem == "ca"

    assert len({credentials.access_key for credentials in used}) == 21
    assert setting.destination.objects == {}


def test_a_rotation_given_up_at_any_step_leaves_the_keys_in_use_valid() -> None:
    """The next rotation starts anew with another version."""
    for stop in range(1, 5):
        setting = Setting()
        for token, steps in (("a", list(Step)), ("b", list(Step)[:stop]), ("c", list(Step))):
            before = setting.current()
            for step in steps:
                setting.rotation.run(step, token)
            assert {before.access_key, setting.current().access_key} <= setting.keys.valid


@pytest.mark.parametrize("staged_first", [True, False])
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("given_up", [[1], [2], [3], [3, 3], [3, 1, 2]])
def test_a_rotation_given_up_leaves_no_key_behind(given_up: list[int], before: int, staged_first: bool) -> None:
    """The next one removes what it left, whatever became of its stage; only the keys in use are valid."""
    setting = Setting()
    for number in range(before):
        setting.rotate(f"before{number}", staged_first=staged_first)
    for number, steps in enumerate(given_up):
        setting.rotate(f"given-up{number}", steps, staged_first=staged_first)
    setting.rotate("next", 1, staged_first=staged_first)
    after_create = set(setting.keys.valid)

    assert setting.in_use() == after_create
    for number in range(3):
        setting.rotate("next" if number == 0 else f"next{number}", staged_first=staged_first)
        assert setting.in_use() == setting.keys.valid
        assert len(setting.keys.valid) == 2


@pytest.mark.parametrize("at", ["remove done", "put_pending done"])
def test_a_removal_that_is_interrupted_is_repeated(at: str) -> None:
    """The step is run again by Secrets Manager, and ends as it would have."""
    setting = Setting()
    setting.rotate("a")
    setting.rotate("given-up", 3)

    def interrupt(operation: str) -> None:
        if operation == at:
            raise RotationError("interrupted")

    setting.versions.hook = setting.keys.hook = interrupt
    with pytest.raises(RotationError, match="interrupted"):
        setting.rotate("b")
    setting.versions.hook = setting.keys.hook = lambda _operation: None
    after_interruption = set(setting.keys.valid)
    setting.rotate("b")

    assert setting.current().access_key in after_interruption | setting.keys.valid
    assert setting.in_use() == setting.keys.valid


def test_keys_in_use_survive_a_change_by_hand() -> None:
    """An operator puts the CA anew, so two versions share a key: the next rotation does not take it for given up."""
    setting = Setting()
    setting.rotate("a")
    key = setting.current().access_key
    setting.versions.values["by-hand"] = Credentials(key, setting.current().secret_key, "new ca")
    setting.versions.promote("by-hand", from_version="a")
    setting.rotate("b", 3)

    assert {key} < setting.keys.valid
    setting.rotate("b")
    assert "new ca" == setting.current().ca_pem
    assert setting.in_use() <= setting.keys.valid


def test_a_key_that_does_not_work_is_not_promoted() -> None:
    """The test step makes a real write."""
    setting = Setting()
    setting.rotation.run(Step.CREATE, "t")
    setting.rotation.run(Step.SET, "t")

    def refuse(name: str) -> None:
        if name == "put":
            raise DestinationError("403", DestinationFault.CREDENTIALS)

    setting.destination.hook = refuse

    with pytest.raises(RotationError, match="does not work"):
        setting.rotation.run(Step.TEST, "t")
    assert setting.current() == FIRST


def test_a_schedule_is_tried_with_the_key_in_use() -> None:
    """Secrets Manager runs the test step alone, with a version that it staged itself: nothing changes."""
    setting = Setting()
    setting.versions.begin("trial")
    written: list[str] = []
    setting.destination.hook = written.append
    setting.rotation.run(Step.TEST, "trial")

    assert ("put" in written, FIRST, {"FIRST"}) == (True, setting.current(), setting.keys.valid)


@pytest.mark.parametrize("step", [Step.SET, Step.FINISH])
def test_steps_out_of_order_say_so(step: Step) -> None:
    """Without a written version there is nothing to set or finish."""
    with pytest.raises(RotationError, match="createSecret comes first"):
        Setting().rotation.run(step, "t")


@pytest.mark.parametrize("event", [{}, {"Step": "createSecret"}, {"Step": "destroy", "ClientRequestToken": "t"}])
def test_an_event_that_is_no_rotation_step_is_refused(event: dict[str, str]) -> None:
    """The function may be invoked by hand with anything."""
    with pytest.raises(RotationError, match="rotation steps"):
        rotate.handler(event, None)
