"""What an audit tells."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One example of something wrong: which object (or archive), and a hint."""

    what: str
    detail: str


class Unreadable(Finding, frozen=True):
    """An archive that the destination does not give: it may be sound, and what it holds is not known."""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit of arrivals in [start, end) under a prefix of keys found.

    Shares are 0 to 1, latencies seconds from arrival to commit.

    ``landed`` counts versions by the time S3 lists, ``delivered`` different files by their event time. ``judged`` are
    the files that are delivered or missing. Without any the audit tells nothing, and is not ``ok``.

    Findings:

    - ``missing`` files are older than the grace and in no archive, ``duplicated`` ones in more than one place of
      archives (where a bucket keeps no versions, that can be told of a replayed object until it is overwritten);
    - ``orphaned`` ones are in an archive, and should still be in the landing bucket but are not;
    - ``broken`` archives fail their verification; what they list counts as not delivered. ``unreadable`` of them the
      destination does not give, so that they may be sound.

    - ``absent`` buckets are not there. Of a landing bucket nothing is judged but what was delivered twice, and the
      objective not at all, since nobody knows how many files arrived; without the destination's, all are missing.

    No findings:

    - ``expired`` files were delivered, and have left the landing bucket by its retention;
    - ``replaced`` ones were delivered, and overwritten or deleted since in a bucket that keeps no versions;
    - ``unrecorded`` archives lack their ledger record: ``windrow ledger rebuild`` restores it.

    Not judged:

    - ``pending`` files are younger than the grace and not delivered yet;
    - ``outside`` versions were listed under the prefix, and arrived before or after the range;
    - ``elsewhere`` counts files of the range's archives with keys outside the prefix, ``foreign_files`` those of other
      buckets than the landing buckets;
    - ``foreign_objects`` lie among the range's archives, and are none by their keys.

    ``archives_read`` counts the range's archives, ``archives`` those of them that hold a file of the range.

    Latencies are those of delivered files. One is up to a second too long, never too short, since destinations tell
    when they stored an archive in whole seconds. The shares are of all files, as the objective is: one that is not
    delivered counts as soon as it is older than the limit. ``late`` files took over 2 minutes: ``undelivered`` of them
    are not delivered yet, ``replayed`` were delivered by a replay, ``redriven`` after their message came back from the
    dead-letter queue. ``objective_met_without_replayed`` leaves out all that a replay delivered,
    ``objective_met_without_requeued`` all that a redrive did as well.
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
