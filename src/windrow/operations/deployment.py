"""A blue/green deployment: publish, smoke test, shift the alias in steps, watch, and go back at the first sign of harm.

The alias itself is the state and the lock. While a deployment is under way the alias points to the version before, and
its routing weights send a share of the traffic, up to all of it, to the new one; the last act points it to the new
version, takes the weights away, and notes which version it replaced. So whoever finds weights knows that a deployment
is under way or was broken off, and which version is the way back. Every change names the revision of the alias that it
was decided on: when two deployments race, Lambda itself refuses the second. A crash leaves nothing behind but weights,
which `rollback` ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import msgspec

from windrow.core.backoff import RetryPolicy
from windrow.core.errors import AliasChanged, DeploymentError
from windrow.core.version_comparison import RolloutReading, harm
from windrow.ports import Alias, Clock, Functions, RolloutMonitor

POLL_S = 5.0
"""How often alarms and the alias are looked at while a step bakes."""

ROLLING_BACK = RetryPolicy(attempts=6, first_s=1.0)
"""Pauses of 1, 2, 4, 8 and 16 s."""

WHOLE = 100

KEEP = 10
"""Versions that no alias leads to and that stay, newest first: the way back to each is short."""

DELETED_AT_ONCE = 50
"""Versions that one deployment deletes at most; the next one deletes more."""


class DeploymentOutcome(StrEnum):
    """How it ended."""

    DEPLOYED = "deployed"
    UNCHANGED = "unchanged"
    ROLLED_BACK = "rolled-back"


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of progress. ``percent`` of the traffic goes to ``version``."""

    event: str
    at: datetime
    version: str | None = None
    percent: float | None = None
    detail: str | None = None


class Progress(msgspec.Struct, frozen=True):
    """How a step stands: its share of the traffic, the time left of it, and what the last look showed."""

    version: str
    percent: float
    left_s: float
    seen: RolloutReading


class Result(msgspec.Struct, frozen=True):
    """The end: the version that the alias serves now, and why it went back if it did."""

    outcome: DeploymentOutcome
    version: str
    reason: str | None = None


class Harm(Exception):
    """A step showed that the new version must not stay."""


class Deployer:
    """Runs one deployment or rollback.

    ``wait`` sleeps for so many seconds and tells whether it was asked to stop meanwhile; ``note`` is told each event,
    ``follow`` after each look how the step stands.
    """

    def __init__(
        self,
        functions: Functions,
        watch: RolloutMonitor,
        clock: Clock,
        wait: Callable[[float], bool],
        note: Callable[[Event], object],
        follow: Callable[[Progress], object] = lambda _progress: None,
    ) -> None:
        self._functions = functions
        self._watch = watch
        self._clock = clock
        self._wait = wait
        self._note = note
        self._follow = follow
        self._excused: frozenset[str] = frozenset()
        """Alarms that were on before and have not been off since."""

    def deploy(self, package: bytes, steps: Sequence[float], bake_s: float, keep: int = KEEP) -> Result:
        """Deploy the zip; ``steps`` are percentages that rise to 100, each baked for ``bake_s`` seconds.

        Afterwards all but the newest ``keep`` versions that no alias leads to are deleted, and never the way back.

        Raises:
            DeploymentError: it did not start, or the alias was taken over, or the way back failed too.
        """
        check_steps(steps)
        alias = self._free_alias()
        self._excused = self._watch.firing()
        if self._excused:
            detail = f"{', '.join(sorted(self._excused))}; what was on before is no sign of harm until it has been off"
            self._note(Event("alarms on already", self._clock.now(), detail=detail))
        version = self._functions.publish(package, alias.version)
        self._tell("published", version)
        if version == alias.version:
            return Result(DeploymentOutcome.UNCHANGED, version)
        self._functions.smoke(version)
        self._tell("smoke test passed", version)
        started = self._clock.now()
        try:
            for percent in steps:
                self._stop_if(self._wait(0))
                alias = self._functions.route(alias, alias.version, version, percent / WHOLE)
                self._tell("shifted", version, percent)
                self._bake(alias, version, percent, started, bake_s)
            alias = self._functions.replace(alias, version)
        except AliasChanged:
            raise  # whoever changed it decides now
        except (Harm, DeploymentError) as reason:
            return self._go_back(alias.version, version, str(reason))
        except BaseException as error:  # whatever else ends this run, nobody would watch the new version any more
            self._go_back(alias.version, version, f"{type(error).__name__}: {error}")
            raise
        self._tell("deployed", version, WHOLE)
        self._prune(alias, keep)
        return Result(DeploymentOutcome.DEPLOYED, version)

    def rollback(self, to: str | None = None) -> Result:
        """Send all traffic to the version before, or to the one named; ends a deployment that is under way.

        Raises:
            DeploymentError: no version before is known, or Lambda does not do it.
        """
        alias = self._functions.alias()
        if to is None and alias.withdrawn and not alias.candidate:
            raise DeploymentError(
                f"version {alias.withdrawn} was rolled back already, and the alias serves {alias.version}; to go back "
                "further, name a version with --to"
            )
        target = to or self._before(alias)
        if target is None:
            raise DeploymentError(
                f"the alias serves version {alias.version}, which no deployment put there, so the version before "
                "is not known; name one with --to"
            )
        if alias.candidate or target != alias.version:
            self._functions.restore(alias, target)
        self._tell("rolled back", target, WHOLE)
        return Result(DeploymentOutcome.ROLLED_BACK, target, "asked for")

    def _prune(self, alias: Alias, keep: int) -> None:
        """Delete old versions, which would fill the account's storage for code; what fails is told and left."""
        deleted: list[str] = []
        try:
            for version in outdated(self._functions.unused(), alias, keep):
                self._functions.delete(version)
                deleted.append(version)
        except DeploymentError as error:
            self._note(Event("old versions left", self._clock.now(), detail=str(error)))
        if deleted:
            self._note(Event("old versions deleted", self._clock.now(), detail=", ".join(deleted)))

    def _before(self, alias: Alias) -> str | None:
        if alias.candidate:
            return alias.version
        return alias.replaced or self._functions.replaced_by(alias.version)

    def _free_alias(self) -> Alias:
        alias = self._functions.alias()
        if alias.candidate is not None:
            raise DeploymentError(
                f"a deployment of version {alias.candidate} is under way or was broken off: the alias sends "
                f"{alias.weight:.0%} there and the rest to {alias.version}. Wait for it, or end it with --rollback"
            )
        if not alias.version.isdecimal():
            raise DeploymentError(f"the alias leads to {alias.version}; traffic can only be shifted from a version")
        return alias

    def _bake(self, alias: Alias, version: str, percent: float, started: datetime, bake_s: float) -> None:
        """Watch for so long. Raises `Harm`, `AliasChanged`, or `DeploymentError` if nothing can be seen any more."""
        end = self._clock.now() + timedelta(seconds=bake_s)
        while True:
            seen = self._watch.read(version, alias.version, started)
            self._excused &= seen.firing
            if found := harm(seen, version, alias.version, self._excused):
                raise Harm(found)
            if self._functions.alias().revision != alias.revision:
                raise AliasChanged("the alias was changed by someone else; it is left as it is")
            remaining_s = (end - self._clock.now()).total_seconds()
            self._follow(Progress(version, percent, max(0.0, remaining_s), seen))
            if remaining_s <= 0:
                return
            self._stop_if(self._wait(min(POLL_S, remaining_s)))

    @staticmethod
    def _stop_if(asked: bool) -> None:  # noqa: FBT001 - the answer of `wait`
        if asked:
            raise Harm("interrupted")

    def _go_back(self, before: str, version: str, reason: str) -> Result:
        """Send all traffic back, whatever became of the last request: its reply may be lost and the change made."""
        try:
            self._tell("rolling back", before, detail=reason)
        finally:  # even if it can't be told
            self._try_to_send_back(before, version, reason)
        self._tell("rolled back", before, WHOLE, reason)
        return Result(DeploymentOutcome.ROLLED_BACK, before, reason)

    def _try_to_send_back(self, before: str, version: str, reason: str) -> None:
        send_back = partial(self._send_back, before, version)
        try:
            ours = ROLLING_BACK.call(send_back, lambda error: isinstance(error, DeploymentError), self._clock.sleep)
        except DeploymentError as error:
            raise DeploymentError(
                f"{reason}; going back to version {before} failed: {error}. Run --rollback --to {before}"
            ) from error
        if not ours:
            raise AliasChanged(f"{reason}; the alias was changed by someone else and is left as it is")

    def _send_back(self, before: str, version: str) -> bool:
        """Point the alias to the version before; False, and nothing done, if it leads where this run never led it."""
        alias = self._functions.alias()
        if alias.version not in (before, version) or alias.candidate not in (None, version):
            return False
        if alias.version != before or alias.candidate is not None:
            self._functions.restore(alias, before)
        return True

    def _tell(self, event: str, version: str, percent: float | None = None, detail: str | None = None) -> None:
        self._note(Event(event, self._clock.now(), version, percent, detail))


def outdated(unused: Sequence[str], alias: Alias, keep: int) -> list[str]:
    """Return the versions to delete: of those that no alias leads to, all but the newest ``keep`` and the way back."""
    ways_back = {alias.version, alias.candidate, alias.replaced, alias.withdrawn}
    old = [version for version in unused[: max(0, len(unused) - keep)] if version not in ways_back]
    return old[:DELETED_AT_ONCE]


def check_steps(steps: Sequence[float]) -> None:
    """Raise `DeploymentError` unless the steps rise from above 0 to exactly 100."""
    rising = all(low < high for low, high in zip([0, *steps], steps, strict=False))
    if not steps or not rising or steps[-1] != WHOLE:
        raise DeploymentError("steps must rise to 100, as in 10,50,100")
