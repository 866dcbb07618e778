"""Rotation of the destination's credentials, on fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest

from windrow.core.errors import DestinationError, DestinationFault, RotationError
from windrow.functions import rotate
from windrow.ports import Credentials
from windrow.rotation import Rotation, Step
from windrow.testing import FakeDestination

FIRST = Credentials("FIRST", "first-secret", "ca")


@dataclass
class FakeVersions:
    """A secret's versions in memory."""

    values: dict[str, Credentials] = field(default_factory=lambda: {"v0": FIRST})
    stages: dict[str, str] = field(default_factory=lambda: {"AWSCURRENT": "v0"})

    def staged(self, stage: str) -> tuple[str, Credentials] | None:
        """Return the version with a stage."""
        version = self.stages.get(stage)
        return (version, self.values[version]) if version else None

    def pending(self, token: str) -> Credentials | None:
        """Return a version's value."""
        return self.values.get(token)

    def put_pending(self, token: str, credentials: Credentials) -> None:
        """Write a version."""
        self.values[token] = credentials
        self.stages["AWSPENDING"] = token

    def promote(self, token: str, *, from_version: str) -> None:
        """Make a version current."""
        assert self.stages["AWSCURRENT"] == from_version
        self.stages |= {"AWSCURRENT": token, "AWSPREVIOUS": from_version}


@dataclass
class FakeKeys:
    """Access keys of a destination in memory; only a valid one may act."""

    valid: set[str] = field(default_factory=lambda: {"FIRST"})

    def create(self, acting: Credentials, new: Credentials) -> None:
        """Create a key."""
        self._check(acting)
        self.valid.add(new.access_key)

    def remove(self, acting: Credentials, access_key: str) -> None:
        """Remove a key."""
        self._check(acting)
        self.valid.discard(access_key)

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

    def connect(self, credentials: Credentials) -> FakeDestination:
        """Return the destination, if the key is valid."""
        if credentials.access_key not in self.keys.valid:
            raise DestinationError("403", DestinationFault.CREDENTIALS)
        return self.destination

    @property
    def rotation(self) -> Rotation:
        """The rotation, as a fresh process has it."""
        return Rotation(
            secret=self.versions,
            keys=self.keys,
            connect=self.connect,
            prefix="in",
            new_key=lambda length: f"key{next(self.numbers)}".ljust(length, "x"),
        )

    def current(self) -> Credentials:
        """Return what workers would read."""
        staged = self.versions.staged("AWSCURRENT")
        assert staged is not None
        return staged[1]


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


@pytest.mark.parametrize("step", [Step.SET, Step.TEST, Step.FINISH])
def test_steps_out_of_order_say_so(step: Step) -> None:
    """Without a written version there is nothing to set, test or finish."""
    with pytest.raises(RotationError, match="createSecret comes first"):
        Setting().rotation.run(step, "t")


@pytest.mark.parametrize("event", [{}, {"Step": "createSecret"}, {"Step": "destroy", "ClientRequestToken": "t"}])
def test_an_event_that_is_no_rotation_step_is_refused(event: dict[str, str]) -> None:
    """The function may be invoked by hand with anything."""
    with pytest.raises(RotationError, match="rotation steps"):
        rotate.handler(event, None)
