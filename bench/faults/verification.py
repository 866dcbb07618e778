"""The end of a campaign: every uploaded file against the archives, and every dead letter against its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

import msgspec

from bench.faults.environment import QUIET_BUCKET, Environment
from bench.faults.handler import POISON
from bench.faults.traffic import Traffic
from windrow.clients.sqs.dead_letters import DeadLetter
from windrow.core.errors import ForeignBucket, MalformedEvent, ObjectMissing
from windrow.core.events import SourceObject
from windrow.core.notifications import parse
from windrow.lab.stack.verification import Deliveries, Version
from windrow.lab.stack.verification import verify as verify_files

NO_EVENTS = frozenset({MalformedEvent.reason, ForeignBucket.reason})
MISSING = ObjectMissing.reason
"""Reasons that the campaign provokes: messages that are no S3 events of ours, and deleted objects."""


class Verification(msgspec.Struct, kw_only=True):
    """What became of everything. ``lost``, ``duplicated`` and ``corrupt`` count files; all three must be 0.

    ``vanished`` are messages that had to become dead letters and did not: bad bodies, and events of deleted objects.
    ``unexplained`` are dead letters that nobody provoked, ``misplaced`` files outside their archive's window,
    ``unsound`` archives that fail their own verification, ``waiting`` messages left in the queue.
    """

    files: int
    lost: int
    duplicated: int
    corrupt: int
    unexpected: int
    misplaced: int
    unsound: list[str]
    archives: int
    empty_archives: int
    dead_letters: dict[str, int]
    vanished: list[str]
    unexplained: list[str]
    waiting: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        faults = (self.lost, self.duplicated, self.corrupt, self.unexpected, self.misplaced, self.waiting)
        return not (any(faults) or self.unsound or self.vanished or self.unexplained)


def verify(environment: Environment, traffic: Traffic, deliveries: Deliveries) -> Verification:
    """Read every archive back whole and compare; the queue is expected to be empty."""
    deliveries.refresh()
    sent: dict[Version, str] = {(one.file.key, one.file.version_id): one.file.sha256 for one in traffic.sent}
    found = verify_files([one.file for one in traffic.sent], deliveries, environment.destination())
    dead_letters = _dead_letters(environment, traffic)
    missing = {version for version in sent if not found.seen[version]} - dead_letters.saved
    return Verification(
        files=len(sent),
        lost=len(missing),
        duplicated=sum(count > 1 for version, count in found.seen.items() if version in sent),
        corrupt=len(found.wrong),
        unexpected=len(found.seen.keys() - sent.keys()),
        misplaced=sum(
            not delivery.manifest.window.start <= file.event_time < delivery.manifest.window.end
            for delivery in deliveries.archives
            for file in delivery.manifest.files
        ),
        unsound=found.problems,
        archives=len(deliveries.archives),
        empty_archives=sum(not delivery.manifest.files for delivery in deliveries.archives),
        dead_letters=dict(dead_letters.reasons),
        vanished=dead_letters.vanished,
        unexplained=dead_letters.unexplained,
        waiting=environment.depth(),
    )


class DeadLettersFound:
    """The dead letters, each against what the campaign provoked.

    A message may be there more than once: a worker that dies after the copy and before the acknowledgement leaves the
    message to another.
    """

    def __init__(self, bad_bodies: AbstractSet[str], deleted: AbstractSet[Version], buckets: AbstractSet[str]) -> None:
        self._bad_bodies = bad_bodies
        self._deleted = deleted
        self._buckets = buckets
        self._bodies: set[str] = set()
        self._missing: set[Version] = set()
        self.reasons: Counter[str] = Counter()
        self.unexplained: list[str] = []
        self.saved: set[Version] = set()
        """Poison objects that are in the dead-letter queue: not lost."""

    def add(self, dead_letter: DeadLetter) -> None:
        """Add one."""
        self.reasons[dead_letter.reason] += 1
        versions = self._versions(dead_letter.body)
        if dead_letter.reason in NO_EVENTS and dead_letter.body in self._bad_bodies:
            self._bodies.add(dead_letter.body)
        elif dead_letter.reason == MISSING and versions and versions <= self._deleted:
            self._missing |= versions
        elif versions and all(key.startswith(POISON) for key, _ in versions):
            self.saved |= versions
        else:
            self.unexplained.append(f"{dead_letter.reason}: {dead_letter.detail or dead_letter.body[:200]}")

    @property
    def vanished(self) -> list[str]:
        """What did not become a dead letter but had to; a deleted object can't have been delivered before its event."""
        bodies = [f"message {body[:200]}" for body in self._bad_bodies - self._bodies]
        return sorted([*bodies, *(f"event of the deleted {key!r}" for key, _ in self._deleted - self._missing)])

    def _versions(self, body: str) -> set[Version]:
        """Return the object versions that a message names, none if it is no event of ours."""
        try:
            items = list(parse(body, self._buckets))
        except MalformedEvent:
            return set()
        return {(item.key, item.version_id) for item in items if isinstance(item, SourceObject)}


def _dead_letters(environment: Environment, traffic: Traffic) -> DeadLettersFound:
    dead_letters = DeadLettersFound(
        traffic.bad_bodies, traffic.deleted, {environment.stack.outputs.landing_bucket, QUIET_BUCKET}
    )
    queue = environment.dead_letters()
    for dead_letter in queue.walk(queue.depth() + 1):
        dead_letters.add(dead_letter)
    return dead_letters
