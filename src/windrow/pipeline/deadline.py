"""The run time that a batch has left.

The reserves leave time for one request that hangs. It may hang while connecting, in the TLS handshake, or waiting for
the response. Tests compare ``HANG_S`` and ``ASK_S`` with the timeouts of the clients.
"""

from __future__ import annotations

from windrow.core.sqs import MESSAGES_A_CALL
from windrow.ports import Clock

START_RESERVE_S = 30.0
"""With less time left than this, no archive is started."""

SETTLE_RESERVE_S = 5.0
"""With less time left than this, no part is copied."""

HANG_S = 16.0
"""How long fetching a file, or a write to the destination, takes if it hangs."""

DELIVER_RESERVE_S = HANG_S + SETTLE_RESERVE_S
"""With less time left than this, no file is fetched and no failed write is retried; what was fetched is delivered."""

ASK_S = 46.0
"""How long a read request to the destination takes if each of its attempts hangs."""

RESOLVE_RESERVE_S = ASK_S + SETTLE_RESERVE_S
"""With less time left than this, the result of a write is not checked. Each reserve is longer for a batch of many
messages."""

CALLS_AT_ONCE = 8
"""How many calls that return messages to the queue run concurrently."""

CALL_S = 0.15
"""Assumed duration of such a call in a worker with a small share of a CPU; with a whole CPU it takes 10 to 30 ms."""

FRESH_SHARE = 0.75


class Deadline:
    """The time left of ``granted_s``, in seconds.

    In the worst case all of the batch's ``messages`` must be returned to the queue at the end: 3,000 of them take 300
    calls, or 5.6 s, and the largest batch, 10,000, takes 18.8 s. The reserves grow by that. In a short run they shrink
    to a share of the run time, so that a function with a small timeout still works. With a rate limit, an archive takes
    up to ``sending_s`` to send; that time must be left when it is started and while its files are fetched.
    """

    def __init__(self, clock: Clock, granted_s: float, messages: int = 0, sending_s: float = 0.0) -> None:
        self._clock = clock
        self._granted_s = granted_s
        self._sending_s = sending_s
        self._return_s = messages / MESSAGES_A_CALL / CALLS_AT_ONCE * CALL_S
        self._end = clock.monotonic() + granted_s

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative when over."""
        return self._end - self._clock.monotonic()

    @property
    def is_fresh(self) -> bool:
        """Whether most of the run time is left: what does not fit now will not fit into the next run either."""
        return self.remaining_s > self._granted_s * FRESH_SHARE

    def may_start(self) -> bool:
        """Return whether there is time for one more archive."""
        return self._leaves(START_RESERVE_S + self._sending_s, self._granted_s / 2)

    def may_fetch(self) -> bool:
        """Return whether there is time for one more file."""
        return self._leaves(DELIVER_RESERVE_S + self._sending_s, self._granted_s / 3)

    def may_retry(self) -> bool:
        """Return whether there is time to retry a failed write, which may hang as long as fetching a file."""
        return self.may_fetch()

    def may_resolve(self) -> bool:
        """Return whether there is time to check the result of a write. In a short run there never is."""
        return self._leaves(RESOLVE_RESERVE_S, self._granted_s)

    def may_copy(self) -> bool:
        """Return whether there is time for the server to copy one more part."""
        return self._leaves(SETTLE_RESERVE_S, self._granted_s / 6)

    def _leaves(self, reserve_s: float, most_s: float) -> bool:
        return self.remaining_s > min(reserve_s + self._return_s, most_s)
