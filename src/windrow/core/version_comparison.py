"""Whether a new version fails, or does clearly worse than the old one that runs beside it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from windrow.core.words import counted

MARGIN = 0.1
"""How much larger the new version's share of files returned to the queue must be. Both use the same queue and
destination, so faults of those raise both shares; the margin is for chance, since the files of a batch often fail
together."""

LEAST_RETURNED = 10
"""Files returned to the queue before the share is judged; for a version that delivers nothing, one is enough."""


class Work(msgspec.Struct, frozen=True):
    """What a version did in some period: files delivered, and files returned to the queue."""

    delivered: int = 0
    returned: int = 0

    @property
    def share(self) -> float:
        """The share that was returned to the queue, 0 to 1; 0 while nothing is known."""
        known = self.delivered + self.returned
        return self.returned / known if known else 0.0

    def __str__(self) -> str:
        return f"{self.returned:,} of {counted(self.delivered + self.returned, 'file')}"


def does_worse(new: Work, old: Work) -> bool:
    """Return whether the new version returned a clearly larger share of its files to the queue than the old one."""
    enough = new.returned >= LEAST_RETURNED or (new.returned > 0 and not new.delivered)
    return enough and new.share > old.share + MARGIN


class RolloutReading(msgspec.Struct, frozen=True):
    """One sample of a rollout.

    Runs of the new version so far and those that failed, the work of both versions, and the alarms that are firing.
    """

    invocations: int = 0
    errors: int = 0
    new: Work = Work()
    old: Work = Work()
    firing: frozenset[str] = frozenset()


def harm(seen: RolloutReading, version: str, before: str, excused: AbstractSet[str]) -> str | None:
    """Return why the new version must be rolled back, or None.

    The reasons: an alarm is firing that is not ``excused``, a run of the version failed, or it returned a clearly
    larger share of its files to the queue than the version ``before``.
    """
    if firing := sorted(seen.firing - excused):
        return f"{', '.join(firing)} in alarm"
    if seen.errors:
        return f"version {version} failed {counted(seen.errors, 'time')}"
    if does_worse(seen.new, seen.old):
        return f"version {version} returned {seen.new} to the queue, version {before} {seen.old}"
    return None
