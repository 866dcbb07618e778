"""The end of a campaign: every uploaded file against the archives, and every dead letter against its reason."""

from __future__ import annotations

from collections import Counter

import msgspec

from bench.faults.handler import POISON
from bench.faults.stage import Stage
from bench.faults.traffic import Traffic
from windrow.core.events import parse
from windrow.local.proof import Deliveries, Version, prove

DELIBERATE = frozenset({"malformed", "foreign-bucket", "missing"})
"""Reasons that the campaign provoked: messages that are no S3 events of ours, and deleted objects."""


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
    letters, unexplained, saved = _dead_letters(stage)
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


def _dead_letters(stage: Stage) -> tuple[Counter[str], list[str], set[Version]]:
    """Return the reasons, what nobody provoked, and the poison objects that wait there (not lost)."""
    queue = stage.dead_letters()
    reasons: Counter[str] = Counter()
    unexplained = []
    saved: set[Version] = set()
    for letter in queue.walk(queue.depth() + 1):
        reasons[letter.reason] += 1
        if letter.reason in DELIBERATE:
            continue
        objects = [
            item for item in parse(letter.body, {stage.stack.outputs.landing_bucket}) if not isinstance(item, Exception)
        ]
        if objects and all(item.key.startswith(POISON) for item in objects):
            saved.update((item.key, item.version_id) for item in objects)
        else:
            unexplained.append(f"{letter.reason}: {letter.detail or letter.body[:200]}")
    return reasons, unexplained, saved
