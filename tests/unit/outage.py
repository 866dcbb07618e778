"""A four-day outage on a clock of its own: the queue counts messages in cohorts, the sentinel is the real one."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from windrow.core.errors import DestinationError, DestinationFault
from windrow.local.provision import MAX_RECEIVES
from windrow.sentinel import Sentinel
from windrow.steps.settle import backoff_s
from windrow.testing import FakeCircuits, FakeClock, FakeDestination, FakeMapping, FakeMetrics
from windrow.worker.mapping import IN_FLIGHT_MOST

DAY_S = 86_400
HOUR_S = 3600
FILES_PER_S = 10
STEP_S = 10
DRAIN_PER_S = 100
"""Files a second once the destination is back: the burst rate of NFR-05. More is quicker, so this is the harsh case."""
SENTINEL_S = 60
ENABLING_S = 60
"""Lambda takes up to a minute to follow a mapping's switch; `windrow run` takes 3 s."""


@dataclass(order=True)
class Cohort:
    """Messages that share their fate: when they are visible, when they were sent, how often received, how many."""

    visible_at: int
    sent_at: int
    receives: int
    count: int


@dataclass
class CohortQueue:
    """A standard queue that holds cohorts, with SQS's limits: retention, messages in flight, receives before the DLQ.

    It hands out the cohort that has been visible longest. A hidden message is in flight, as on SQS.
    """

    retention_s: int
    hidden: list[Cohort] = field(default_factory=list)
    visible: list[Cohort] = field(default_factory=list)
    in_flight: int = 0
    expired: int = 0
    dead: int = 0
    receives: int = 0
    most_receives: int = 0

    def send(self, now: int, count: int) -> None:
        """Add messages."""
        heapq.heappush(self.visible, Cohort(now, now, 0, count))

    def receive(self, now: int, most: int) -> list[Cohort]:
        """Return up to ``most`` messages; what is too old vanishes, what came too often goes to the DLQ."""
        self._show(now)
        taken = []
        room = min(most, IN_FLIGHT_MOST - self.in_flight)
        while self.visible and room > 0:
            cohort = heapq.heappop(self.visible)
            if now - cohort.sent_at > self.retention_s:
                self.expired += cohort.count
                continue
            if cohort.receives >= MAX_RECEIVES:
                self.dead += cohort.count
                continue
            if cohort.count > room:
                heapq.heappush(
                    self.visible, Cohort(cohort.visible_at, cohort.sent_at, cohort.receives, cohort.count - room)
                )
                cohort.count = room
            room -= cohort.count
            cohort.receives += 1
            self.receives += cohort.count
            self.most_receives = max(self.most_receives, cohort.receives)
            taken.append(cohort)
        return taken

    def give_back(self, cohort: Cohort, now: int, delay_s: int) -> None:
        """Hide messages for a while."""
        cohort.visible_at = now + delay_s
        self.in_flight += cohort.count
        heapq.heappush(self.hidden, cohort)

    def depth(self) -> int:
        """Return how many messages there are."""
        return sum(cohort.count for cohort in (*self.hidden, *self.visible))

    def _show(self, now: int) -> None:
        while self.hidden and self.hidden[0].visible_at <= now:
            cohort = heapq.heappop(self.hidden)
            self.in_flight -= cohort.count
            heapq.heappush(self.visible, cohort)


@dataclass
class Story:
    """What happened: counts of messages, and seconds from the start of the outage."""

    sent: int = 0
    delivered: int = 0
    expired: int = 0
    dead: int = 0
    receives_in_outage: int = 0
    most_receives: int = 0
    opened_after_s: int = 0
    closed_after_s: int = 0
    drained_after_s: int = 0
    deepest: int = 0
    oldest_at_delivery_s: int = 0


class Outage:
    """Files arrive from before the outage until the queue is drained."""

    def __init__(self, *, outage_s: int, retention_s: int, circuit: bool) -> None:
        self._clock = FakeClock()
        self._start = self._clock.now().timestamp()
        self._outage_s = outage_s
        self._rng = Random(1)
        self._queue = CohortQueue(retention_s)
        self._mapping = FakeMapping()
        self._follows: Callable[[], bool] = self._watch() if circuit else lambda: True
        self.story = Story()

    def run(self) -> Story:
        """Let it happen."""
        story, queue = self.story, self._queue
        polls, switch_at = True, 0
        while not (self._now > self._outage_s and not queue.visible and not queue.hidden):
            now = self._now
            queue.send(now, FILES_PER_S * STEP_S)
            story.sent += FILES_PER_S * STEP_S
            wanted = self._follows()
            if wanted == polls:
                switch_at = now + ENABLING_S
            elif now >= switch_at:
                polls = wanted
                self._note_switch(polls)
            if polls:
                self._work(now)
            if now % HOUR_S == 0:
                story.deepest = max(story.deepest, queue.depth())
            self._clock.advance(STEP_S)
        story.expired, story.dead, story.most_receives = queue.expired, queue.dead, queue.most_receives
        story.drained_after_s = self._now
        return story

    @property
    def _now(self) -> int:
        return int(self._clock.now().timestamp() - self._start)

    @property
    def _away(self) -> bool:
        return self._now < self._outage_s

    def _work(self, now: int) -> None:
        """Receive what there is: while the destination is away the gate gives it back, else it is delivered."""
        away = self._away
        for cohort in self._queue.receive(now, IN_FLIGHT_MOST if away else DRAIN_PER_S * STEP_S):
            if away:
                self.story.receives_in_outage += cohort.count
                self._queue.give_back(cohort, now, backoff_s(cohort.receives, self._rng.random))
            else:
                self.story.delivered += cohort.count
                self.story.oldest_at_delivery_s = max(self.story.oldest_at_delivery_s, now - cohort.sent_at)

    def _watch(self) -> Callable[[], bool]:
        """Return a look at the mapping, which the sentinel switches once a minute."""

        def hook(_operation: str) -> None:
            if self._away:
                raise DestinationError("the line is cut", DestinationFault.CONNECT)

        numbers = iter(range(10**9))
        sentinel = Sentinel(
            destination=FakeDestination(self._clock, hook),
            prefix="",
            mapping=self._mapping,
            circuits=FakeCircuits(),
            metrics=FakeMetrics(),
            clock=self._clock,
            new_id=lambda: f"{next(numbers)}",
        )

        def look() -> bool:
            if self._now % SENTINEL_S == 0:
                sentinel.run()
            return self._mapping.on

        return look

    def _note_switch(self, polls: bool) -> None:
        if polls:
            self.story.closed_after_s = self._now
        else:
            self.story.opened_after_s = self._now
