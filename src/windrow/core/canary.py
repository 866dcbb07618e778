"""Whether a new version does worse than the old one that works beside it."""

from __future__ import annotations

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
