"""The kinds of faults, and the order in which a seed calls for them."""

from __future__ import annotations

from enum import StrEnum
from random import Random

import msgspec


class Lane(StrEnum):
    """Faults of one lane come one after the other; lanes run side by side."""

    WORKER = "worker"
    DESTINATION = "destination"
    DELIVERY = "delivery"
    LANDING = "landing"
    LEDGER = "ledger"
    QUEUE = "queue"
    EVENTS = "events"


KINDS: dict[str, tuple[Lane, float]] = {
    "worker killed at a step": (Lane.WORKER, 12),
    "worker killed at a random instant": (Lane.WORKER, 4),
    "engine killed and started again": (Lane.WORKER, 2),
    "destination killed and started again": (Lane.DESTINATION, 2),
    "destination stopped for a moment": (Lane.DESTINATION, 1),
    "destination stopped until the client gives up": (Lane.DESTINATION, 1),
    "destination slow": (Lane.DESTINATION, 1.5),
    "destination resets connections": (Lane.DESTINATION, 1.5),
    "destination refuses connections": (Lane.DESTINATION, 1.5),
    "destination lets connections hang for a moment": (Lane.DESTINATION, 1),
    "destination lets connections hang until the client gives up": (Lane.DESTINATION, 1),
    "destination certificate wrong": (Lane.DESTINATION, 1.5),
    "destination credentials refused": (Lane.DESTINATION, 1),
    "destination bucket gone": (Lane.DESTINATION, 1),
    "destination answers 503": (Lane.DELIVERY, 5),
    "reply of a PUT lost": (Lane.DELIVERY, 7),
    "a bit of a PUT body changed": (Lane.DELIVERY, 2),
    "a digit of the stored SHA-256 changed": (Lane.DELIVERY, 2),
    "S3 answers 5xx": (Lane.LANDING, 5),
    "S3 body cut short": (Lane.LANDING, 4),
    "S3 body slow": (Lane.LANDING, 2),
    "S3 silent, then resets": (Lane.LANDING, 1),
    "S3 silent until the client gives up": (Lane.LANDING, 1),
    "S3 resets connections": (Lane.LANDING, 1),
    "DynamoDB throttles": (Lane.LEDGER, 5),
    "DynamoDB answers 500": (Lane.LEDGER, 2),
    "DynamoDB silent, then resets": (Lane.LEDGER, 1),
    "DynamoDB silent until the client gives up": (Lane.LEDGER, 1),
    "DynamoDB carries out, reply lost": (Lane.LEDGER, 4),
    "DynamoDB resets connections": (Lane.LEDGER, 1),
    "SQS answers an error": (Lane.QUEUE, 5),
    "SQS carries out, reply lost": (Lane.QUEUE, 3),
    "SQS resets connections": (Lane.QUEUE, 1),
    "event duplicated": (Lane.EVENTS, 6),
    "event delayed": (Lane.EVENTS, 3),
    "events reordered": (Lane.EVENTS, 3),
    "several events in one message, one twice": (Lane.EVENTS, 2),
    "message that is no S3 event of ours": (Lane.EVENTS, 1),
    "object deleted before its event": (Lane.EVENTS, 1),
}
"""Each kind's lane, and how often it is called for relative to the others."""


class Fault(msgspec.Struct, frozen=True):
    """One fault to inject; ``seed`` decides its details."""

    kind: str
    seed: int

    @property
    def lane(self) -> Lane:
        """The lane it belongs to."""
        return KINDS[self.kind][0]


def schedule(seed: int, count: int) -> list[Fault]:
    """Return ``count`` faults, the same for the same seed. Each kind is included at least once if there is room."""
    rng = Random(seed)
    kinds = list(KINDS)
    rng.shuffle(kinds)
    weights = [KINDS[kind][1] for kind in kinds]
    drawn = kinds[:count] + rng.choices(kinds, weights, k=max(0, count - len(kinds)))
    rng.shuffle(drawn)
    return [Fault(kind, rng.getrandbits(32)) for kind in drawn]
