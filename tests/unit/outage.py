"""A four-day outage on a clock of its own: the real aggregator and sentinel, on a queue that keeps the rules of SQS.

Each message stands for 2,000 files. What becomes of it in a batch, how long it stays away, and when it is delivered,
the pipeline decides; when batches are gathered at all, the sentinel through the mapping.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from tests.unit.world import World, record
from windrow.core.errors import DestinationError, DestinationFault, Permanent
from windrow.core.events import Message, SourceObject
from windrow.core.sqs import IN_FLIGHT_MOST
from windrow.lab.stack.provision import MAX_RECEIVES
from windrow.operations.sentinel import Sentinel, WithoutMapping
from windrow.pipeline.aggregator import Aggregator
from windrow.pipeline.probe import Probe
from windrow.ports import EventSourceMapping
from windrow.testing import FakeCircuits, FakeClock, FakeMapping, FakeMetrics
from windrow.worker.engine import CONFIG_REFRESH_S

DAY_S = 86_400
EACH = 2_000
"""Files that a message stands for: at 10 files a second one arrives every 200 s."""
ARRIVAL_S = 200
WINDOW_S = 60
RUN_S = 300.0
VISIBILITY_S = 6 * 300 + WINDOW_S
"""What a message whose run does not say otherwise stays hidden."""
DRAIN = 3
"""Messages of one batch: 100 files a second, the burst rate of NFR-05. More is quicker, so this is the harsh case."""
GIVEN_BACK = 50
"""Messages of a batch that the gate returns to the queue."""
SENTINEL_S = 60
STEP_S = 20
LAMBDA_FOLLOWS_S = 60
"""Lambda takes up to a minute to follow a mapping's switch."""


@dataclass
class Queued:
    """A message in the queue."""

    message_id: str
    body: str
    sent_s: float
    receives: int = 0


@dataclass
class SimulatedQueue:
    """A standard queue: retention, messages in flight, receives before the dead-letter queue. Implements `Queue`.

    It hands out what has been visible longest. A hidden message is in flight, as on SQS.
    """

    clock: FakeClock
    retention_s: int
    messages: dict[str, Queued] = field(default_factory=dict)
    in_flight: dict[str, float] = field(default_factory=dict)
    """Until when messages are hidden."""
    expired: int = 0
    dead: int = 0
    receives: int = 0
    most_receives: int = 0
    _visible: list[tuple[float, str]] = field(default_factory=list)
    _hidden: list[tuple[float, str]] = field(default_factory=list)
    """Message ids by the time from which, or until which, they are so; what ``in_flight`` does not confirm is over."""

    def send(self, source: SourceObject) -> None:
        """Add the event of an object."""
        now = self.clock.monotonic()
        self.messages[source.key] = Queued(source.key, json.dumps({"Records": [record(source)]}), now)
        heapq.heappush(self._visible, (now, source.key))

    def receive(self, most: int) -> list[Message]:
        """Return up to ``most`` messages; what is too old vanishes, what came too often goes to the DLQ."""
        self._show()
        taken: list[Message] = []
        while self._visible and len(taken) < most and len(self.in_flight) * EACH < IN_FLIGHT_MOST:
            _, message_id = heapq.heappop(self._visible)
            queued = self.messages[message_id]
            if self.clock.monotonic() - queued.sent_s > self.retention_s:
                self.expired += 1
                del self.messages[message_id]
            elif queued.receives >= MAX_RECEIVES:
                self.dead += 1
                del self.messages[message_id]
            else:
                taken.append(self._hand_out(queued))
        return taken

    def _show(self) -> None:
        while self._hidden and self._hidden[0][0] <= self.clock.monotonic():
            until, message_id = heapq.heappop(self._hidden)
            if self.in_flight.get(message_id) == until:
                del self.in_flight[message_id]
                heapq.heappush(self._visible, (until, message_id))

    def _hand_out(self, queued: Queued) -> Message:
        queued.receives += 1
        self.receives += 1
        self.most_receives = max(self.most_receives, queued.receives)
        self._hide(queued.message_id, VISIBILITY_S)
        sent_at = self.clock.now() - timedelta(seconds=self.clock.monotonic() - queued.sent_s)
        return Message(queued.message_id, queued.message_id, queued.body, queued.receives, sent_at)

    def set_visibility(self, delays: Sequence[tuple[Message, int]]) -> None:
        """Hide messages for so long from now."""
        for message, seconds in delays:
            self._hide(message.message_id, seconds)

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages."""
        for message in messages:
            del self.messages[message.message_id]
            del self.in_flight[message.message_id]

    def dead_letter(self, rejects: Sequence[tuple[Message, Permanent]]) -> set[str]:
        """Fail: nothing in this story is to be rejected."""
        raise AssertionError(rejects)

    def _hide(self, message_id: str, seconds: float) -> None:
        self.in_flight[message_id] = self.clock.monotonic() + seconds
        heapq.heappush(self._hidden, (self.in_flight[message_id], message_id))


@dataclass
class Story:
    """What happened, in files; and seconds from the start of the outage."""

    sent: int = 0
    delivered: int = 0
    expired: int = 0
    dead: int = 0
    receives_in_outage: int = 0
    most_receives: int = 0
    opened_after_s: int = 0
    closed_after_s: int = 0
    oldest_at_delivery_s: float = 0.0


class Outage:
    """Files arrive from before the outage until the queue is drained."""

    def __init__(self, *, outage_s: int, retention_s: int, circuit: bool, mapped: bool = True) -> None:
        self.world = World()
        self.world.destination.hook = self._answer
        self._clock = self.world.clock
        self._outage_s = outage_s
        self._queue = SimulatedQueue(self._clock, retention_s)
        self._circuits = FakeCircuits()
        self._mapping: EventSourceMapping = FakeMapping() if mapped else WithoutMapping(self._circuits)
        self._follows_s = LAMBDA_FOLLOWS_S if mapped else CONFIG_REFRESH_S
        self._worker = self._aggregator()
        self._follow: Callable[[], object] = self._sentinel().run if circuit else lambda: None
        self._runs = 0
        self.story = Story()

    def run(self) -> Story:
        """Let it happen."""
        story, queue = self.story, self._queue
        polls, switch_at = True, 0.0
        while self._now <= self._outage_s or queue.messages:
            now = self._now
            if now % ARRIVAL_S == 0:
                queue.send(self.world.upload(f"{now}"))
                story.sent += EACH
            if now % SENTINEL_S == 0:
                self._follow()
            if self._mapping.enabled() == polls:
                switch_at = now + STEP_S + self._follows_s
            elif now >= switch_at:
                polls = self._mapping.enabled()
                self._note_switch(polls)
            if polls and now % WINDOW_S == 0:
                self._work()
            self._clock.advance(STEP_S)
        return self._told()

    def _work(self) -> None:
        """Run batches as a window gathers them: while all is returned at once there are as many as there can be."""
        away = self._away
        while batch := self._queue.receive(GIVEN_BACK if away else DRAIN):
            if away:
                self.story.receives_in_outage += EACH * len(batch)
            self._runs += 1
            kept = self._worker.process(batch, owner=f"request-{self._runs}", remaining_s=RUN_S)
            self._queue.delete([message for message in batch if message.message_id not in kept])
            if not away:
                return

    def _told(self) -> Story:
        story, queue = self.story, self._queue
        story.delivered = EACH * len(self.world.delivered())
        story.expired, story.dead, story.most_receives = EACH * queue.expired, EACH * queue.dead, queue.most_receives
        story.oldest_at_delivery_s = max(self.world.metrics.latencies["ProcessingLatencyMs"]) / 1000
        return story

    @property
    def _now(self) -> int:
        return int(self._clock.monotonic())

    @property
    def _away(self) -> bool:
        return self._now < self._outage_s

    def _answer(self, _operation: str) -> None:
        if self._away:
            raise DestinationError("the line is cut", DestinationFault.CONNECT)

    def _aggregator(self) -> Aggregator:
        world = self.world
        return Aggregator(
            world.settings,
            landing=world.landing,
            ledger=world.ledger,
            destination=world.destination,
            queue=self._queue,
            metrics=world.metrics,
            clock=world.clock,
            jitter=Random(1).random,
            health=world.health,
        )

    def _sentinel(self) -> Sentinel:
        numbers = iter(range(10**9))
        return Sentinel(
            probe=Probe(self.world.destination, self._clock, "", lambda: f"{next(numbers)}", parts=True),
            mapping=self._mapping,
            circuits=self._circuits,
            deliveries=self.world.health,
            metrics=FakeMetrics(),
            clock=self._clock,
        )

    def _note_switch(self, polls: bool) -> None:
        if polls:
            self.story.closed_after_s = self._now
        else:
            self.story.opened_after_s = self._now
