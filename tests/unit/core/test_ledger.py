"""What an existing claim means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.core.ledger import NEVER, ArchiveRecord, ArchiveState, Claim, Verdict, judge, member_digests
from windrow.core.manifest import MAX_FILES, Manifest, ManifestFile

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
S = int(NOW.timestamp())


def claim(*, owner: str = "them", lease_until: int = S + 60, expires_at: int = S + 1000) -> Claim:
    """Return a claim on one object for archive K."""
    return Claim("o", "K", owner, lease_until, expires_at)


def record(*members: str) -> ArchiveRecord:
    """Return K's record with these members."""
    return ArchiveRecord("K", "them", ArchiveState.COMMITTED, S - 10, S + 1000, members=member_digests(members))


CONDEMNED = ArchiveRecord.condemned("K", "them", NOW)


@pytest.mark.parametrize(
    ("found", "committed", "verdict"),
    [
        (claim(), None, Verdict.BUSY),
        (claim(lease_until=S - 1), None, Verdict.ORPHANED),
        (claim(lease_until=S), None, Verdict.ORPHANED),
        (claim(lease_until=0), None, Verdict.FREE),
        (claim(expires_at=S), None, Verdict.FREE),
        (claim(owner="me"), None, Verdict.MINE),
        (claim(), record("n", "o", "p"), Verdict.DELIVERED),
        (claim(lease_until=S - 1), record("o"), Verdict.DELIVERED),
        (claim(), record("n", "p"), Verdict.BUSY),
        (claim(lease_until=S - 1), record("n", "p"), Verdict.FREE),
        (claim(lease_until=0), record("n"), Verdict.FREE),
        (claim(), CONDEMNED, Verdict.BUSY),
        (claim(lease_until=S - 1), CONDEMNED, Verdict.ORPHANED),
        (claim(lease_until=0), CONDEMNED, Verdict.FREE),
    ],
    ids=[
        "alive", "over", "over just now", "released", "expired", "mine",
        "committed with it", "committed with it and over", "committed without it, alive", "committed without it, over",
        "released before the rest was committed", "condemned, alive", "condemned, over", "released and condemned",
    ],
)  # fmt: skip
def test_judge(found: Claim, committed: ArchiveRecord | None, verdict: Verdict) -> None:
    """Each state of claim and record has one meaning."""
    assert judge(found, committed, owner="me", archive_key="K", now=NOW) is verdict


def test_my_claim_for_another_archive_is_not_this_ones() -> None:
    """A claim counts as mine only for the archive that I am building."""
    assert judge(claim(owner="me"), None, owner="me", archive_key="L", now=NOW) is Verdict.BUSY


@given(st.sets(st.text(max_size=8)), st.text(max_size=8))
def test_a_record_lists_its_members_and_nothing_else(members: set[str], other: str) -> None:
    """Digests stand for the ids."""
    whole = record(*members)

    assert all(whole.lists(member) for member in members)
    assert whole.lists(other) is (other in members)


def test_a_digest_that_straddles_two_others_is_no_member() -> None:
    """The bytes of a file that is not there can stand across those of two that are: it would be taken for delivered."""
    digest, half = member_digests(["o"]), bytes(4)
    across = half + digest + half

    def lists(members: bytes) -> bool:
        return msgspec.structs.replace(record(), members=members).lists("o")

    assert [False, False, False] == [lists(across), lists(across + across), lists(b"\1" + digest + bytes(7))]
    assert [True, True, True] == [lists(across + digest), lists(digest + across), lists(across * 2 + digest + across)]


def test_a_digest_is_found_that_overlaps_itself() -> None:
    """Eight equal bytes stand one byte before the member too, where the digest before it ends with that byte."""
    digest, other = b"\7" * 8, b"\0" * 7 + b"\7"
    with mock.patch("windrow.core.ledger._digest", return_value=digest):
        assert msgspec.structs.replace(record(), members=other + digest).lists("o")


def test_a_record_of_the_largest_archive_fits_into_an_item() -> None:
    """DynamoDB refuses items over 400 KB; the rest of a record, with the longest names, takes less than 8 KB."""
    assert len(member_digests([str(n) for n in range(MAX_FILES)])) + 8_192 < 400 * 1024


def test_a_condemned_key_lists_nothing_and_is_remembered_for_good() -> None:
    """Whatever is under it."""
    assert (False, False, NEVER) == (CONDEMNED.lists("o"), CONDEMNED.is_committed, CONDEMNED.expires_at)


def test_a_record_outlives_the_claims_of_its_members() -> None:
    """By a day, for clocks that differ."""
    ttl, manifest = timedelta(days=30), Manifest("windrow/1", NOW, NOW, [], [])
    committed = ArchiveRecord.committed("K", "me", manifest, sha256="", archive_bytes=1, decided_at=NOW, ttl=ttl)
    assert S + 31 * 86_400 == committed.expires_at


def test_records_hold_what_was_decided() -> None:
    """Of a committed archive all that its manifest tells, a day longer than its claims; of a condemned key for good."""
    moment = datetime(2026, 11, 23, 9, tzinfo=UTC)
    files = [ManifestFile(f"data/{n}", "b", f"{n}", "v", "e", n, "0" * 64, moment, 0, 512) for n in (1, 2)]
    manifest = Manifest("windrow/1", moment, moment + timedelta(minutes=1), files, [])
    committed = ArchiveRecord.committed(
        "K", "me", manifest, sha256="ab", archive_bytes=9, decided_at=NOW, ttl=timedelta(days=30)
    )

    assert committed == ArchiveRecord(
        archive_key="K",
        owner="me",
        state=ArchiveState.COMMITTED,
        decided_at=S,
        expires_at=S + 31 * 86_400,
        sha256="ab",
        file_count=2,
        raw_bytes=3,
        archive_bytes=9,
        members=member_digests({"b/1@v", "b/2@v"}),
    )
    assert ("K", "them", "condemned", S, 0, "", 0, 0, 0, b"") == msgspec.structs.astuple(CONDEMNED)
    assert (True, False) == (committed.is_committed, CONDEMNED.is_committed)
