"""What an existing claim means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from windrow.core.ledger import ArchiveRecord, Claim, Verdict, judge

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
S = int(NOW.timestamp())


def claim(*, owner: str = "them", lease_until: int = S + 60, expires_at: int = S + 1000) -> Claim:
    """Return a claim on one object for archive K."""
    return Claim("o", "K", owner, lease_until, expires_at)


def record(owner: str) -> ArchiveRecord:
    """Return K's record, committed by ``owner``."""
    return ArchiveRecord("K", owner, "ab", 1, 1, 1, S - 10, S + 1000)


@pytest.mark.parametrize(
    ("found", "committed", "verdict"),
    [
        (claim(), None, Verdict.BUSY),
        (claim(lease_until=S - 1), None, Verdict.ORPHANED),
        (claim(lease_until=S), None, Verdict.ORPHANED),
        (claim(lease_until=0), None, Verdict.FREE),
        (claim(expires_at=S), None, Verdict.FREE),
        (claim(owner="me"), None, Verdict.MINE),
        (claim(), record("them"), Verdict.DELIVERED),
        (claim(lease_until=S - 1), record("them"), Verdict.DELIVERED),
        (claim(), record("third"), Verdict.BUSY),
        (claim(lease_until=S - 1), record("third"), Verdict.ORPHANED),
        (claim(lease_until=0), record("them"), Verdict.FREE),
    ],
    ids=[
        "alive", "over", "over just now", "released", "expired", "mine",
        "committed by its owner", "committed and over", "committed by another, alive", "committed by another, over",
        "released before its owner committed the rest",
    ],
)  # fmt: skip
def test_judge(found: Claim, committed: ArchiveRecord | None, verdict: Verdict) -> None:
    """Each state of claim and record has one meaning."""
    assert judge(found, committed, owner="me", archive_key="K", now=NOW) is verdict


def test_my_claim_for_another_archive_is_not_this_ones() -> None:
    """A claim counts as mine only for the archive that I am building."""
    assert judge(claim(owner="me"), None, owner="me", archive_key="L", now=NOW) is Verdict.BUSY
