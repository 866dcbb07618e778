"""The report of an audit."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One example of something wrong: the object (or archive), and a detail."""

    what: str
    detail: str


class Unreadable(Finding, frozen=True):
    """An archive that can't be read from the destination: it may be sound, and its files are not known."""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an audit of arrivals in [start, end) under a prefix of keys.

    Shares are 0 to 1, latencies are seconds from arrival to commit.

    ``landed`` counts versions by the time in S3's listing, ``delivered`` different files by their event time.
    ``judged`` files are delivered or missing. If nothing was judged, the audit is not ``ok``.

    Findings:

    - ``missing`` files are older than the grace and in no archive; ``duplicated`` ones are in archives more than once
      (in a bucket without versioning, this is known of a replayed object until it is overwritten);
    - ``orphaned`` ones are in an archive, and should still be in the landing bucket but are not;
    - ``broken`` archives fail their verification; the files they list count as not delivered. ``unreadable`` of them
      can't be read from the destination, so they may be sound.

    - ``absent`` buckets are missing. Of a landing bucket's files, only those delivered twice are judged, and the
      objective is not, because nobody knows how many arrived. If the destination's bucket is missing, all files are.

    Not findings:

    - ``expired`` files were delivered, and have left the landing bucket after its retention;
    - ``replaced`` ones were delivered, and then overwritten or deleted in a bucket without versioning;
    - ``unrecorded`` archives lack their ledger record: ``windrow ledger rebuild`` restores it.

    Not judged:

    - ``pending`` files are newer than the grace and not delivered yet;
    - ``outside`` versions were listed under the prefix, and arrived before or after the range;
    - ``elsewhere`` counts files of the range's archives with keys outside the prefix, ``foreign_files`` those of other
      buckets than the landing buckets;
    - ``foreign_objects`` are stored among the range's archives, and have no archive's key.

    ``archives_read`` counts the range's archives, ``archives`` those of them that hold a file of the range.

    Latencies are those of delivered files. They are up to a second too long, never too short, because destinations
    report in whole seconds when they stored an archive. Shares are of all files, as in the objective: an undelivered
    file counts as soon as it is older than the limit. ``late`` files took over 2 minutes: ``undelivered`` of them are
    not delivered yet, ``replayed`` were delivered by a replay, ``redriven`` after their message came back from the
    dead-letter queue. ``objective_met_without_replayed`` leaves out all files that a replay delivered,
    ``objective_met_without_requeued`` also those that a redrive delivered.
    """

    start: datetime
    end: datetime
    prefix: str = ""
    judged: int
    landed: int
    delivered: int
    pending: int
    missing: int
    duplicated: int
    orphaned: int
    expired: int
    replaced: int
    outside: int
    elsewhere: int
    foreign_files: int
    foreign_objects: int
    archives: int
    archives_read: int
    broken: int
    unreadable: int
    unrecorded: int
    latency_seconds: dict[str, float | None]
    within_2_minutes: float | None
    within_3_minutes: float | None
    objective_met: bool | None
    late: int
    undelivered: int
    replayed: int
    redriven: int
    objective_met_without_replayed: bool | None
    objective_met_without_requeued: bool | None
    absent: list[Finding]
    examples: dict[str, list[Finding]]
    ok: bool
