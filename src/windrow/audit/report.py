"""What an audit tells."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One example of something wrong: which object (or archive), and a hint."""

    what: str
    detail: str


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit of arrivals in [start, end) under a prefix of keys found.

    Shares are 0 to 1, latencies seconds from arrival to commit.

    ``landed`` counts versions by the time S3 lists, ``delivered`` different files by their event time.

    - ``pending`` files are younger than the grace and not delivered yet: that is no finding;
    - ``missing`` ones are older and in no archive, ``duplicated`` ones in more than one place of archives (where a
      bucket keeps no versions, that can be told of a replayed object until it is overwritten);
    - ``orphaned`` ones are in an archive, and should still be in the landing bucket but are not;
    - ``expired`` ones were delivered, and have left the landing bucket by its retention;
    - ``replaced`` ones were delivered, and overwritten or deleted since in a bucket that keeps no versions;
    - ``broken`` archives fail their proof; what they list counts as not delivered;
    - ``unrecorded`` archives lack their ledger record: ``windrow ledger rebuild`` restores it.

    ``archives`` counts those that hold a file of the range. A latency is up to a second too long, never too short,
    since destinations tell when they stored an archive in whole seconds.
    """

    start: datetime
    end: datetime
    prefix: str = ""
    landed: int
    delivered: int
    pending: int
    missing: int
    duplicated: int
    orphaned: int
    expired: int
    replaced: int
    archives: int
    broken: int
    unrecorded: int
    latency_seconds: dict[str, float | None]
    within_2_minutes: float | None
    within_3_minutes: float | None
    objective_met: bool | None
    examples: dict[str, list[Finding]]
    ok: bool
