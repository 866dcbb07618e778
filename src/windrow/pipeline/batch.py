"""The state of one batch: its messages, the objects they name, and each object's result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from enum import Enum, auto

import msgspec

from windrow.core.errors import DestinationError, MalformedEvent, ObjectRefused, Permanent
from windrow.core.events import Message, SourceObject
from windrow.core.notifications import IgnoredEvent, parse

REFUSALS = 5
"""Receives after which an object that S3 refuses is rejected, if its bucket serves others: with the backoff between
them and the window, about five minutes. An object that is refused only while a policy is changed is read by then."""

REFUSALS_OF_ALL = 12
"""The same if the bucket served no object of the batch: it may refuse everything, which an operator must fix. With the
backoff these are 40 to 80 minutes; the alarm on failed batches fires after five."""


class Outcome(Enum):
    """The outcome of an object; a message has the worst outcome of its objects."""

    DELIVERED = auto()
    DUPLICATE = auto()
    REJECTED = auto()
    RETRY = auto()


class ObjectResult(msgspec.Struct, frozen=True):
    """An object's outcome with its cause; if ``delay_s`` is None, the backoff follows from the message's receives."""

    outcome: Outcome
    error: Exception | None = None
    delay_s: int | None = None


Settled = tuple[Collection[str], ObjectResult]
"""Ids of objects, and the result that they share."""

DELIVERED = ObjectResult(Outcome.DELIVERED)
DUPLICATE = ObjectResult(Outcome.DUPLICATE)


class Batch(msgspec.Struct):
    """The state of one batch. ``owner`` is the request id, which claims name as their owner."""

    owner: str
    messages: Sequence[Message]
    objects: dict[str, SourceObject] = msgspec.field(default_factory=dict)
    results: dict[str, ObjectResult] = msgspec.field(default_factory=dict)
    acknowledged: set[str] = msgspec.field(default_factory=set)
    """Ids of messages that were deleted before the end of the batch."""
    fault: DestinationError | None = None
    """The fault that the gate found: all open objects fail with it, and the destination is not probed again."""
    ignored: Counter[str] = msgspec.field(default_factory=Counter)
    """Events that are not about new objects, by name."""
    _ids: dict[str, list[str]] = msgspec.field(default_factory=dict)
    _rejections: dict[str, Permanent] = msgspec.field(default_factory=dict)
    _receives: dict[str, int] = msgspec.field(default_factory=dict)
    _serving: set[str] = msgspec.field(default_factory=set)
    """Buckets that an object of this batch came from."""

    def parse(self, allowed_buckets: Collection[str]) -> None:
        """Read every message; an object named twice is one object whose messages share its result."""
        for message in self.messages:
            ids = self._ids.setdefault(message.message_id, [])
            try:
                for item in parse(message.body, allowed_buckets):
                    if isinstance(item, Permanent):
                        self._rejections.setdefault(message.message_id, item)
                        continue
                    if isinstance(item, IgnoredEvent):
                        self.ignored[item.name] += 1
                        continue
                    object_id = item.object_id
                    self.objects.setdefault(object_id, _as_sent(message, item))
                    self._receives[object_id] = max(self._receives.get(object_id, 0), message.receive_count)
                    ids.append(object_id)
            except MalformedEvent as error:
                self._rejections[message.message_id] = error

    def receives(self, object_id: str) -> int:
        """Return how often the object's most often received message was received."""
        return self._receives[object_id]

    def named_in(self, message: Message) -> list[str]:
        """Return the ids of the objects that a message names."""
        return self._ids[message.message_id]

    def record(self, object_ids: Iterable[str], result: ObjectResult) -> None:
        """Record the result of objects."""
        for object_id in object_ids:
            self.results[object_id] = result
            if result.outcome is Outcome.DELIVERED:
                self._serving.add(self.objects[object_id].bucket)

    def open_objects(self) -> list[SourceObject]:
        """Return the objects that have no result yet."""
        return [source for object_id, source in self.objects.items() if object_id not in self.results]

    def message_result(self, message: Message) -> ObjectResult:
        """Return the worst result among a message's objects: retry, then rejected, then done. All must be settled."""
        results = [self._final(message, object_id) for object_id in self._ids[message.message_id]]
        retries = [result for result in results if result.outcome is Outcome.RETRY]
        if retries:
            delays = [result.delay_s for result in retries]
            known = [delay for delay in delays if delay is not None]
            return ObjectResult(Outcome.RETRY, retries[0].error, max(known) if len(known) == len(delays) else None)
        if message.message_id in self._rejections:
            return ObjectResult(Outcome.REJECTED, self._rejections[message.message_id])
        rejected = [result for result in results if result.outcome is Outcome.REJECTED]
        return rejected[0] if rejected else DELIVERED

    def _final(self, message: Message, object_id: str) -> ObjectResult:
        """Return an object's result: a refusal that lasted long enough becomes a rejection."""
        result = self.results[object_id]
        if not isinstance(result.error, ObjectRefused):
            return result
        most = REFUSALS if self.objects[object_id].bucket in self._serving else REFUSALS_OF_ALL
        return ObjectResult(Outcome.REJECTED, result.error.rejection) if message.receive_count >= most else result

    def finished(self, message: Message) -> bool:
        """Return whether every object of the message is delivered, now or before."""
        if message.message_id in self._rejections:
            return False
        done = (Outcome.DELIVERED, Outcome.DUPLICATE)
        return all(
            object_id in self.results and self.results[object_id].outcome in done
            for object_id in self._ids[message.message_id]
        )

    def repeats(self) -> int:
        """Return how many messages named an object that an earlier message of this batch named."""
        return sum(map(len, self._ids.values())) - len(self.objects)


def _as_sent(message: Message, source: SourceObject) -> SourceObject:
    """Return the object, marked ``redriven`` if its message was; a replayed one, also sent late, is marked already."""
    if source.replayed or not message.redriven(source.event_time):
        return source
    return msgspec.structs.replace(source, redriven=True)
