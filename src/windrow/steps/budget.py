"""The run time that a batch may still use."""

from __future__ import annotations

from windrow.ports import Clock

START_RESERVE_S = 30.0
"""With less time left than this no further archive is started."""

DELIVER_RESERVE_S = 20.0
"""With less time left than this no further file is fetched: what is there gets delivered."""

SETTLE_RESERVE_S = 5.0
"""With less time left than this nothing is tried again."""

FRESH_SHARE = 0.75


class Budget:
    """Counts down from the run time that was granted, in seconds.

    The reserves shrink to a share of a short run time, so that a function with a small time-out still works.
    """

    def __init__(self, clock: Clock, granted_s: float) -> None:
        self._clock = clock
        self._granted_s = granted_s
        self._end = clock.monotonic() + granted_s

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative when over."""
        return self._end - self._clock.monotonic()

    @property
    def is_fresh(self) -> bool:
        """Tell whether most of the run time is left: what does not fit now will not fit into the next run either."""
        return self.remaining_s > self._granted_s * FRESH_SHARE

    def may_start(self) -> bool:
        """Tell whether there is time for one more archive."""
        return self.remaining_s > min(START_RESERVE_S, self._granted_s / 2)

    def may_fetch(self) -> bool:
        """Tell whether there is time for one more file."""
        return self.remaining_s > min(DELIVER_RESERVE_S, self._granted_s / 3)

    def may_retry(self) -> bool:
        """Tell whether there is time to try a failed request again."""
        return self.remaining_s > min(SETTLE_RESERVE_S, self._granted_s / 6)
