"""The contract of `windrow.ports.Ledger`, on the fake and on MiniStack.

What DynamoDB itself is documented to answer is in `test_dynamodb_answers`, which holds MiniStack to it too.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import boto3.session
import msgspec
import pytest

from windrow.clients.clock import SystemClock
from windrow.clients.dynamodb.ledger import DynamoLedger, connect
from windrow.core.ledger import ArchiveRecord, ArchiveState, Claim
from windrow.ports import ClaimOutcome, Ledger
from windrow.testing import FakeLedger

WON, TAKEN = ClaimOutcome.WON, ClaimOutcome.TAKEN
NOW = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)


@pytest.fixture(params=["fake", "ministack"])
def ledger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Return an empty ledger."""
    if request.param == "fake":
        return FakeLedger()
    server = request.getfixturevalue(request.param)
    server.introduce(monkeypatch)
    client = connect(boto3.session.Session())
    return DynamoLedger(server.new_table(), client, SystemClock(), lambda: 1.0)


def new_claim(object_id: str = "", owner: str = "me", lease_until: int = 1_000, archive_key: str = "k.tar.gz") -> Claim:
    """Return a claim, of an object of its own unless one is named."""
    return Claim(object_id or f"bucket/{uuid.uuid4()}@v1", archive_key, owner, lease_until, expires_at=9_000_000_000)


def test_first_claim_wins_and_second_finds_it_taken(ledger: Ledger) -> None:
    """Also one's own second claim: it is told apart by reading."""
    claim = new_claim()
    rival = msgspec.structs.replace(claim, owner="rival")
    assert ([WON], [TAKEN], [TAKEN]) == (ledger.claim([claim]), ledger.claim([rival]), ledger.claim([claim]))
    assert {claim.object_id: claim} == ledger.claims([claim.object_id])


def test_outcomes_come_in_order(ledger: Ledger) -> None:
    """Over several calls' worth of claims, some of them taken."""
    claims = [new_claim() for _ in range(60)]
    ledger.claim(claims[::7])
    expected = [TAKEN if index % 7 == 0 else WON for index in range(60)]
    assert expected == ledger.claim(claims)


def test_no_claims_are_no_work(ledger: Ledger) -> None:
    """Empty in, empty out."""
    assert ([], [], [], {}, {}) == (
        ledger.claim([]),
        ledger.take_over([]),
        ledger.release([]),
        ledger.claims([]),
        ledger.records([]),
    )


@pytest.mark.parametrize(
    "object_id",
    [
        'b/it\'s "quoted" ?@1',
        "b/line\nfeed\x00nul@1",
        "b/😀 ü + %2F/../ //@1",
        "b/" + "x" * 2046,
        "b/" + "ü" * 1023,
        "b/'; DROP TABLE--@1",
    ],
    ids=["quotes", "control", "unicode", "longest", "longest-utf8", "sql"],
)
def test_any_object_id_is_kept_as_it_is(ledger: Ledger, object_id: str) -> None:
    """S3 keys hold anything."""
    claim = new_claim(object_id, archive_key='p\'x/"y".tar.gz', owner="o'w")
    assert [WON] == ledger.claim([claim])
    assert {object_id: claim} == ledger.claims([object_id])
    assert [] == ledger.release([claim])


def test_of_many_rivals_one_wins_each_object(ledger: Ledger) -> None:
    """Eight workers claim the same 40 objects at once."""
    ids = [new_claim().object_id for _ in range(40)]

    def claim(owner: str) -> list[ClaimOutcome]:
        return ledger.claim([new_claim(object_id, owner) for object_id in ids])

    outcomes = _at_once([partial(claim, f"worker-{n}") for n in range(8)])
    assert [1] * 40 == [column.count(WON) for column in zip(*outcomes, strict=True)]


def test_take_over_replaces_what_was_found(ledger: Ledger) -> None:
    """Archive key, owner, lease and expiry change."""
    found = new_claim()
    ledger.claim([found])
    wanted = Claim(found.object_id, "other.tar.gz", "heir", 2_000, 9_100_000_000)
    assert [WON] == ledger.take_over([(found, wanted)])
    assert {found.object_id: wanted} == ledger.claims([found.object_id])


@pytest.mark.parametrize("change", [{"owner": "other"}, {"lease_until": 1_001}])
def test_take_over_of_what_has_changed_is_refused(ledger: Ledger, change: dict[str, str | int]) -> None:
    """Owner and lease must still be those that were found."""
    held = new_claim()
    ledger.claim([held])
    found = msgspec.structs.replace(held, **change)
    wanted = new_claim(held.object_id, "heir", 2_000)
    assert [TAKEN] == ledger.take_over([(found, wanted)])
    assert {held.object_id: held} == ledger.claims([held.object_id])


def test_take_over_of_nothing_creates_nothing(ledger: Ledger) -> None:
    """A claim that was deleted meanwhile is not brought back."""
    found = new_claim()
    assert [TAKEN] == ledger.take_over([(found, new_claim(found.object_id, "heir"))])
    assert {} == ledger.claims([found.object_id])


def test_of_many_heirs_one_takes_over(ledger: Ledger) -> None:
    """Eight workers that found the same orphans."""
    orphans = [new_claim() for _ in range(30)]
    ledger.claim(orphans)

    def take_over(owner: str) -> list[ClaimOutcome]:
        return ledger.take_over([(found, new_claim(found.object_id, owner, 2_000)) for found in orphans])

    outcomes = _at_once([partial(take_over, f"heir-{n}") for n in range(8)])
    assert [1] * 30 == [column.count(WON) for column in zip(*outcomes, strict=True)]


def test_release_sets_the_lease_to_zero(ledger: Ledger) -> None:
    """Nothing else of the claim changes."""
    claims = [new_claim() for _ in range(30)]
    ledger.claim(claims)
    assert [] == ledger.release(claims)
    expected = {claim.object_id: msgspec.structs.replace(claim, lease_until=0) for claim in claims}
    assert expected == ledger.claims(claim.object_id for claim in claims)


def test_release_names_what_it_did_not_release(ledger: Ledger) -> None:
    """A claim that was taken over, and one that never was."""
    mine, lost, absent = new_claim(), new_claim(), new_claim()
    ledger.claim([mine, lost])
    heir = new_claim(lost.object_id, "heir", 2_000)
    ledger.take_over([(lost, heir)])
    assert [lost, absent] == ledger.release([mine, lost, absent])
    assert heir == ledger.claims([lost.object_id])[lost.object_id]


def test_expire_ends_the_lease_and_keeps_the_rest(ledger: Ledger) -> None:
    """The next worker finds owner and archive key, and may take the claim over."""
    claim = new_claim(lease_until=int(NOW.timestamp()) + 900)
    ledger.claim([claim])
    ledger.expire([claim], NOW)
    expired = msgspec.structs.replace(claim, lease_until=int(NOW.timestamp()))
    assert {claim.object_id: expired} == ledger.claims([claim.object_id])
    assert [WON] == ledger.take_over([(expired, new_claim(claim.object_id, "heir", 2_000))])


def test_expire_leaves_the_claims_of_others_alone(ledger: Ledger) -> None:
    """One that was taken over meanwhile."""
    claim = new_claim()
    heir = new_claim(claim.object_id, "heir", 2_000)
    ledger.claim([claim])
    ledger.take_over([(claim, heir)])
    ledger.expire([claim], NOW)
    assert {claim.object_id: heir} == ledger.claims([claim.object_id])


def test_claims_reads_many_and_leaves_absent_ones_out(ledger: Ledger) -> None:
    """More than one request's worth, an id asked for twice included."""
    claims = [new_claim() for _ in range(230)]
    ledger.claim(claims)
    ids = [claim.object_id for claim in claims]
    assert {claim.object_id: claim for claim in claims} == ledger.claims([*ids, ids[0], "b/absent@1"])


COMMITTED = ArchiveRecord(
    "a/k.tar.gz", "me", ArchiveState.COMMITTED, 1_700_000_000, 9_000_000_000, "ab" * 32, 3, 2**40, 12, b"\x00\xff" * 12
)
CONDEMNED = ArchiveRecord.condemned("a/k.tar.gz", "rival", NOW)


def test_records_are_kept_and_replaced_by_ones_in_the_same_state(ledger: Ledger) -> None:
    """Absent keys are left out; a claim of the same name is something else."""
    later = msgspec.structs.replace(COMMITTED, owner="heir", file_count=4)
    ledger.claim([new_claim("a/k.tar.gz")])
    assert COMMITTED == ledger.record(COMMITTED)
    assert {"a/k.tar.gz": COMMITTED} == ledger.records(["a/k.tar.gz", "a/absent.tar.gz"])
    assert later == ledger.record(later)
    assert {"a/k.tar.gz": later} == ledger.records(["a/k.tar.gz"])
    assert "me" == ledger.claims(["a/k.tar.gz"])["a/k.tar.gz"].owner


@pytest.mark.parametrize(
    ("first", "second"), [(COMMITTED, CONDEMNED), (CONDEMNED, COMMITTED)], ids=["committed", "condemned"]
)
def test_what_was_decided_of_a_key_first_stands(ledger: Ledger, first: ArchiveRecord, second: ArchiveRecord) -> None:
    """The one who comes second is told, whatever the state; only an operator can overrule it."""
    ledger.record(first)
    told = ledger.record(second)
    standing = ledger.records(["a/k.tar.gz"])
    ledger.overrule(second)

    assert (first, {"a/k.tar.gz": first}) == (told, standing)
    assert {"a/k.tar.gz": second} == ledger.records(["a/k.tar.gz"])


def test_of_two_who_decide_at_once_one_is_told_what_the_other_did(ledger: Ledger) -> None:
    """Over many keys: each is committed or condemned, and both know which."""
    for number in range(10):
        ours, theirs = (msgspec.structs.replace(each, archive_key=f"k{number}") for each in (COMMITTED, CONDEMNED))
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(ledger.record, [ours, theirs]))
        assert [ledger.records([f"k{number}"])[f"k{number}"]] * 2 == told


def _at_once(calls: list[Callable[[], list[ClaimOutcome]]]) -> list[list[ClaimOutcome]]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
