"""The end of a campaign: every uploaded file against the archives, and every dead letter against its reason."""

from __future__ import annotations

from collections import Counter

import msgspec

from bench.faults.handler import POISON
from bench.faults.stage import QUIET_BUCKET, Stage
from bench.faults.traffic import Traffic
from windrow.core.errors import ForeignBucket, MalformedEvent, ObjectMissing, Permanent
from windrow.core.events import parse
from windrow.local.proof import Deliveries, Version, prove

NO_EVENTS = frozenset({MalformedEvent.reason, ForeignBucket.reason})
MISSING = ObjectMissing.reason
"""Reasons that the campaign provokes: messages that are no S3 events of ours, and deleted objects."""


class Reckoning(msgspec.Struct, kw_only=True):
    """What became of everything. ``lost``, ``duplicated`` and ``corrupt`` count files; all three must be 0.

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
    unexplained: list[str]
    waiting: int

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        faults = (self.lost, self.duplicated, self.corrupt, self.unexpected, self.misplaced, self.waiting)
        return not (any(faults) or self.unsound or self.unexplained)


def reckon(stage: Stage, traffic: Traffic, deliveries: Deliveries) -> Reckoning:
    """Read every archive back whole and compare; the queue is expected to be empty."""
    deliveries.refresh()
    sent: dict[Version, str] = {(one.file.key, one.file.version_id): one.file.sha256 for one in traffic.sent}
    proof = prove([one.file for one in traffic.sent], deliveries, stage.destination())
    letters, unexplained, saved = _dead_letters(stage, traffic)
    missing = {version for version in sent if not proof.seen[version]} - saved
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
        dead_letters=dict(letters),
        unexplained=unexplained,
        waiting=stage.depth(),
    )


def _dead_letters(stage: Stage, traffic: Traffic) -> tuple[Counter[str], list[str], set[Version]]:
    """Return the reasons, what nobody provoked, and the poison objects that wait there (not lost).

    A message may be there more than once: a worker that dies after the copy and before the acknowledgement leaves the
    message to another.
    """
    queue = stage.dead_letters()
    reasons: Counter[str] = Counter()
    unexplained = []
    saved: set[Version] = set()
    for letter in queue.walk(queue.depth() + 1):
        reasons[letter.reason] += 1
        if letter.reason in NO_EVENTS and letter.body in traffic.bad_bodies:
            continue
        versions = _versions(stage, letter.body)
        if letter.reason == MISSING and versions and versions <= traffic.deleted:
            continue
        if versions and all(key.startswith(POISON) for key, _ in versions):
            saved |= versions
        else:
            unexplained.append(f"{letter.reason}: {letter.detail or letter.body[:200]}")
    return reasons, unexplained, saved


def _versions(stage: Stage, body: str) -> set[Version]:
    """Return the object versions that a message names, none if it is no event of ours."""
    try:
        items = list(parse(body, {stage.stack.outputs.landing_bucket, QUIET_BUCKET}))
    except MalformedEvent:
        return set()
    return {(item.key, item.version_id) for item in items if not isinstance(item, Permanent)}
