"""Whether a new version does harm, or worse than the old one that works beside it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from windrow.core.words import counted

MARGIN = 0.1
"""How much larger the new version's share of files given back must be. Both see the same queue and destination, so
that trouble of theirs raises both shares; what is left is chance, since a batch shares much of its fate."""

LEAST_GIVEN_BACK = 10
"""Files given back before a share is judged; of a version that delivers nothing at all, one is enough."""


class Work(msgspec.Struct, frozen=True):
    """What a version did in some time: files delivered, and messages given back to the queue."""

    delivered: int = 0
    given_back: int = 0

    @property
    def share(self) -> float:
        """The share that was given back, 0 to 1; 0 while nothing is known."""
        known = self.delivered + self.given_back
        return self.given_back / known if known else 0.0

    def __str__(self) -> str:
        return f"{self.given_back:,} of {counted(self.delivered + self.given_back, 'file')}"


def does_worse(new: Work, old: Work) -> bool:
    """Tell whether the new version gives back clearly more of its files than the old one did in the same time."""
    enough = new.given_back >= LEAST_GIVEN_BACK or (new.given_back > 0 and not new.delivered)
    return enough and new.share > old.share + MARGIN


class RolloutReading(msgspec.Struct, frozen=True):
    """What was seen at one moment.

    Runs of the new version so far and those that failed, the work of both versions, and the alarms that are firing.
    """

    invocations: int = 0
    errors: int = 0
    new: Work = Work()
    old: Work = Work()
    firing: frozenset[str] = frozenset()


def harm(seen: RolloutReading, version: str, before: str, excused: AbstractSet[str]) -> str | None:
    """Return the harm that a new version does beside the one before it, or None.

    Harm is an alarm that is firing and not ``excused``, a run of the version that failed, or a clearly larger share of
    files given back.
    """
    if gone_on := sorted(seen.firing - excused):
        return f"{', '.join(gone_on)} in alarm"
    if seen.errors:
        return f"version {version} failed {counted(seen.errors, 'time')}"
    if does_worse(seen.new, seen.old):
        return f"version {version} gave back {seen.new}, version {before} {seen.old}"
    return None
