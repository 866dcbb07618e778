"""A blue/green deployment: publish, smoke test, shift the alias in steps, watch, and roll back at the first failure.

The alias itself is the state and the lock. During a deployment, the alias points to the old version, and its routing
weights send a share of the traffic, up to all of it, to the new one. The last step points it to the new version,
removes the weights, and records which version it replaced. So weights mean that a deployment is under way or was
interrupted, and the alias's own version is the one to roll back to. Every change names the revision of the alias that
it is based on: if two deployments race, Lambda refuses the second. A crash leaves only weights, which `rollback`
removes.
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
"""How often alarms and the alias are read while a step bakes."""

ROLLING_BACK = RetryPolicy(attempts=6, first_s=1.0)
"""Pauses of 1, 2, 4, 8 and 16 s."""

WHOLE = 100

KEEP = 10
"""How many of the newest versions that no alias points to are kept, to roll back to."""

DELETED_AT_ONCE = 50
"""Most versions that one deployment deletes; the next one deletes more."""


class DeploymentOutcome(StrEnum):
    """The outcome of a deployment or rollback."""

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
    """The progress of a step: its share of the traffic, its remaining time, and the last reading."""

    version: str
    percent: float
    left_s: float
    seen: RolloutReading


class Result(msgspec.Struct, frozen=True):
    """The version that the alias serves now, and the reason for a rollback."""

    outcome: DeploymentOutcome
    version: str
    reason: str | None = None


class Harm(Exception):
    """The new version must be rolled back; the message says why."""


class Deployer:
    """Runs one deployment or rollback.

    ``wait`` sleeps for a number of seconds and returns whether a stop was requested meanwhile. ``on_event`` is called
    with each event, ``on_progress`` after each reading with the step's progress.
    """

    def __init__(
        self,
        functions: Functions,
        watch: RolloutMonitor,
        clock: Clock,
        wait: Callable[[float], bool],
        on_event: Callable[[Event], object],
        on_progress: Callable[[Progress], object] = lambda _progress: None,
    ) -> None:
        self._functions = functions
        self._watch = watch
        self._clock = clock
        self._wait = wait
        self._on_event = on_event
        self._on_progress = on_progress
        self._excused: frozenset[str] = frozenset()
        """Alarms that fired before the deployment and have fired ever since."""

    def deploy(self, package: bytes, steps: Sequence[float], bake_s: float, keep: int = KEEP) -> Result:
        """Deploy the zip; ``steps`` are percentages that rise to 100, each baked for ``bake_s`` seconds.

        Afterwards, versions that no alias points to are deleted, except the newest ``keep`` and one to roll back to.

        Raises:
            DeploymentError: it did not start, somebody else changed the alias, or the rollback failed too.
        """
        check_steps(steps)
        alias = self._free_alias()
        self._excused = self._watch.firing()
        if self._excused:
            detail = f"{', '.join(sorted(self._excused))}; an alarm that fired before counts only once it has cleared"
            self._on_event(Event("alarms on already", self._clock.now(), detail=detail))
        version = self._functions.publish(package, alias.version)
        self._report("published", version)
        if version == alias.version:
            return Result(DeploymentOutcome.UNCHANGED, version)
        self._functions.smoke(version)
        self._report("smoke test passed", version)
        started = self._clock.now()
        try:
            for percent in steps:
                self._stop_if(self._wait(0))
                alias = self._functions.route(alias, alias.version, version, percent / WHOLE)
                self._report("shifted", version, percent)
                self._bake(alias, version, percent, started, bake_s)
            alias = self._functions.replace(alias, version)
        except AliasChanged:
            raise  # the one who changed it decides now
        except (Harm, DeploymentError) as reason:
            return self._roll_back(alias.version, version, str(reason))
        except BaseException as error:  # whatever ends this run, the new version would not be watched any more
            self._roll_back(alias.version, version, f"{type(error).__name__}: {error}")
            raise
        self._report("deployed", version, WHOLE)
        self._prune(alias, keep)
        return Result(DeploymentOutcome.DEPLOYED, version)

    def rollback(self, to: str | None = None) -> Result:
        """Send all traffic to the previous version, or to ``to``; ends a deployment that is under way.

        Raises:
            DeploymentError: the previous version is not known, or Lambda refuses or fails.
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
                f"the alias serves version {alias.version}, which no deployment put there, so the previous version "
                "is not known; name one with --to"
            )
        if alias.candidate or target != alias.version:
            self._functions.restore(alias, target)
        self._report("rolled back", target, WHOLE)
        return Result(DeploymentOutcome.ROLLED_BACK, target, "asked for")

    def _prune(self, alias: Alias, keep: int) -> None:
        """Delete old versions, which would fill the account's code storage; a failure is reported and not raised."""
        deleted: list[str] = []
        try:
            for version in outdated(self._functions.unused(), alias, keep):
                self._functions.delete(version)
                deleted.append(version)
        except DeploymentError as error:
            self._on_event(Event("old versions left", self._clock.now(), detail=str(error)))
        if deleted:
            self._on_event(Event("old versions deleted", self._clock.now(), detail=", ".join(deleted)))

    def _before(self, alias: Alias) -> str | None:
        if alias.candidate:
            return alias.version
        return alias.replaced or self._functions.replaced_by(alias.version)

    def _free_alias(self) -> Alias:
        alias = self._functions.alias()
        if alias.candidate is not None:
            raise DeploymentError(
                f"a deployment of version {alias.candidate} is under way or was interrupted: the alias sends "
                f"{alias.weight:.0%} there and the rest to {alias.version}. Wait for it, or end it with --rollback"
            )
        if not alias.version.isdecimal():
            raise DeploymentError(f"the alias points to {alias.version}; traffic can only be shifted from a version")
        return alias

    def _bake(self, alias: Alias, version: str, percent: float, started: datetime, bake_s: float) -> None:
        """Watch a step for ``bake_s``. Raises `Harm`, `AliasChanged`, or `DeploymentError` if readings fail."""
        end = self._clock.now() + timedelta(seconds=bake_s)
        while True:
            seen = self._watch.read(version, alias.version, started)
            self._excused &= seen.firing
            if found := harm(seen, version, alias.version, self._excused):
                raise Harm(found)
            if self._functions.alias().revision != alias.revision:
                raise AliasChanged("the alias was changed by someone else; it is left as it is")
            remaining_s = (end - self._clock.now()).total_seconds()
            self._on_progress(Progress(version, percent, max(0.0, remaining_s), seen))
            if remaining_s <= 0:
                return
            self._stop_if(self._wait(min(POLL_S, remaining_s)))

    @staticmethod
    def _stop_if(requested: bool) -> None:  # noqa: FBT001 - the result of `wait`
        if requested:
            raise Harm("interrupted")

    def _roll_back(self, before: str, version: str, reason: str) -> Result:
        """Send all traffic back, whatever the last request did: it may have succeeded and its response been lost."""
        try:
            self._report("rolling back", before, detail=reason)
        finally:  # even if it can't be reported
            self._try_to_send_back(before, version, reason)
        self._report("rolled back", before, WHOLE, reason)
        return Result(DeploymentOutcome.ROLLED_BACK, before, reason)

    def _try_to_send_back(self, before: str, version: str, reason: str) -> None:
        send_back = partial(self._send_back, before, version)
        try:
            ours = ROLLING_BACK.call(send_back, lambda error: isinstance(error, DeploymentError), self._clock.sleep)
        except DeploymentError as error:
            raise DeploymentError(
                f"{reason}; rolling back to version {before} failed: {error}. Run --rollback --to {before}"
            ) from error
        if not ours:
            raise AliasChanged(f"{reason}; the alias was changed by someone else and is left as it is")

    def _send_back(self, before: str, version: str) -> bool:
        """Point the alias to the old version; return False, and do nothing, if somebody else has changed the alias."""
        alias = self._functions.alias()
        if alias.version not in (before, version) or alias.candidate not in (None, version):
            return False
        if alias.version != before or alias.candidate is not None:
            self._functions.restore(alias, before)
        return True

    def _report(self, event: str, version: str, percent: float | None = None, detail: str | None = None) -> None:
        self._on_event(Event(event, self._clock.now(), version, percent, detail))


def outdated(unused: Sequence[str], alias: Alias, keep: int) -> list[str]:
    """Return the unused versions to delete: all but the newest ``keep`` and those that a rollback needs."""
    needed = {alias.version, alias.candidate, alias.replaced, alias.withdrawn}
    old = [version for version in unused[: max(0, len(unused) - keep)] if version not in needed]
    return old[:DELETED_AT_ONCE]


def check_steps(steps: Sequence[float]) -> None:
    """Raise `DeploymentError` unless the steps rise from above 0 to exactly 100."""
    rising = all(low < high for low, high in zip([0, *steps], steps, strict=False))
    if not steps or not rising or steps[-1] != WHOLE:
        raise DeploymentError("steps must rise to 100, as in 10,50,100")
