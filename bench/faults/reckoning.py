"""The end of a campaign: every uploaded file against the archives, and every dead letter against its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet

import msgspec

from bench.faults.handler import POISON
from bench.faults.stage import QUIET_BUCKET, Stage
from bench.faults.traffic import Traffic
from windrow.clients.dead_letters import DeadLetter
from windrow.core.errors import ForeignBucket, MalformedEvent, ObjectMissing
from windrow.core.events import SourceObject
from windrow.core.notifications import parse
from windrow.local.proof import Deliveries, Version, prove

NO_EVENTS = frozenset({MalformedEvent.reason, ForeignBucket.reason})
MISSING = ObjectMissing.reason
"""Reasons that the campaign provokes: messages that are no S3 events of ours, and deleted objects."""


class Reckoning(msgspec.Struct, kw_only=True):
    """What became of everything. ``lost``, ``duplicated`` and ``corrupt`` count files; all three must be 0.

    ``vanished`` are messages that had to become dead letters and are none: bad bodies, and events of deleted objects.
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


def reckon(stage: Stage, traffic: Traffic, deliveries: Deliveries) -> Reckoning:
    """Read every archive back whole and compare; the queue is expected to be empty."""
    deliveries.refresh()
    sent: dict[Version, str] = {(one.file.key, one.file.version_id): one.file.sha256 for one in traffic.sent}
    proof = prove([one.file for one in traffic.sent], deliveries, stage.destination())
    letters = _dead_letters(stage, traffic)
    missing = {version for version in sent if not proof.seen[version]} - letters.saved
    return Reckoning(
        files=len(sent),
        lost=len(missing),
        duplicated=sum(count > 1 for version, count in proof.seen.items() if version in sent),
        corrupt=len(proof.wrong),
        unexpected=len(proof.seen.keys() - sent.keys()),
        misplaced=sum(
            not delivery.manifest.window.start <= file.event_time < delivery.manifest.window.end
            for delivery in deliveries.archives
            for file in delivery.manifest.files
        ),
        unsound=proof.problems,
        archives=len(deliveries.archives),
        empty_archives=sum(not delivery.manifest.files for delivery in deliveries.archives),
        dead_letters=dict(letters.reasons),
        vanished=letters.vanished,
        unexplained=letters.unexplained,
        waiting=stage.depth(),
    )


class Letters:
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
        """Poison objects that wait there: not lost."""

    def add(self, letter: DeadLetter) -> None:
        """Take one in."""
        self.reasons[letter.reason] += 1
        versions = self._versions(letter.body)
        if letter.reason in NO_EVENTS and letter.body in self._bad_bodies:
            self._bodies.add(letter.body)
        elif letter.reason == MISSING and versions and versions <= self._deleted:
            self._missing |= versions
        elif versions and all(key.startswith(POISON) for key, _ in versions):
            self.saved |= versions
        else:
            self.unexplained.append(f"{letter.reason}: {letter.detail or letter.body[:200]}")

    @property
    def vanished(self) -> list[str]:
        """What had to be there and is not. A deleted object cannot have been delivered: its event came after."""
        bodies = [f"message {body[:200]}" for body in self._bad_bodies - self._bodies]
        return sorted([*bodies, *(f"event of the deleted {key!r}" for key, _ in self._deleted - self._missing)])

    def _versions(self, body: str) -> set[Version]:
        """Return the object versions that a message names, none if it is no event of ours."""
        try:
            items = list(parse(body, self._buckets))
        except MalformedEvent:
            return set()
        return {(item.key, item.version_id) for item in items if isinstance(item, SourceObject)}


def _dead_letters(stage: Stage, traffic: Traffic) -> Letters:
    letters = Letters(traffic.bad_bodies, traffic.deleted, {stage.stack.outputs.landing_bucket, QUIET_BUCKET})
    queue = stage.dead_letters()
    for letter in queue.walk(queue.depth() + 1):
        letters.add(letter)
    return letters
