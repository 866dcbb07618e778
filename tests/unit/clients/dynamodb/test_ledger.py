"""What `DynamoLedger` makes of throttling, lost replies and refusals; a scripted client stands for DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from windrow.clients.dynamodb.ledger import CONNECTIONS, TIMEOUT_S, DynamoLedger
from windrow.core.errors import LedgerError
from windrow.core.ledger import ArchiveRecord, ArchiveState, Claim
from windrow.ports import ClaimOutcome
from windrow.testing import FakeClock

WON, TAKEN, FAILED = ClaimOutcome.WON, ClaimOutcome.TAKEN, ClaimOutcome.FAILED
LOST = ReadTimeoutError(endpoint_url="https://dynamodb")
OK = ""


def refusal(code: str) -> ClientError:
    """Return the error of a whole request."""
    return ClientError({"Error": {"Code": code, "Message": "as scripted"}}, "BatchExecuteStatement")


def claim(name: str = "b/k@1", owner: str = "me", lease_until: int = 10) -> Claim:
    """Return a claim."""
    return Claim(name, "k.tar.gz", owner, lease_until, 99)


class ScriptedDynamo:
    """Answers each batch with the next item of its script: an error, or a code for each statement.

    The last item repeats. ``items`` is what reads find.
    """

    def __init__(self, *script: Exception | list[str], items: tuple[Claim, ...] = ()) -> None:
        self.script = list(script)
        self.items = items
        self.batches: list[int] = []
        self.reads: list[int] = []

    def batch_execute_statement(self, *, Statements: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Answer with the next codes."""
        self.batches.append(len(Statements))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        codes = answer * len(Statements) if len(answer) == 1 else answer
        assert len(Statements) == len(codes)
        return {"Responses": [{"Error": {"Code": code}} if code else {} for code in codes]}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Give one key a call, the others as unprocessed."""
        ((table, request),) = RequestItems.items()
        first, *rest = request["Keys"]
        self.reads.append(len(request["Keys"]))
        found = [_item(item) for item in self.items if item.object_id == first["object_id"]["S"]]
        unprocessed = {table: {**request, "Keys": rest}} if rest else {}
        return {"Responses": {table: found}, "UnprocessedKeys": unprocessed}


def _item(held: Claim) -> dict[str, Any]:
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in msgspec.structs.asdict(held).items()
    }


def ledger(dynamo: Any, clock: FakeClock | None = None) -> DynamoLedger:
    """Return a ledger on a scripted client."""
    return DynamoLedger("table", dynamo, clock or FakeClock(), lambda: 1.0)


@pytest.mark.parametrize(
    "code", ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict", "InternalServerError", "New"]
)
def test_a_statement_that_may_pass_is_repeated_alone(code: str) -> None:
    """Those that are done are not sent again."""
    dynamo = ScriptedDynamo([OK, code, "DuplicateItem"], [OK])
    assert [WON, WON, TAKEN] == ledger(dynamo).claim([claim("b/1@1"), claim("b/2@1"), claim("b/3@1")])
    assert [3, 1] == dynamo.batches


@pytest.mark.parametrize("code", ["ValidationError", "AccessDenied", "ResourceNotFound"])
def test_a_statement_that_never_will_pass_fails_at_once(code: str) -> None:
    """Without a pause."""
    clock = FakeClock()
    assert [FAILED, WON] == ledger(ScriptedDynamo([code, OK]), clock).claim([claim("b/1@1"), claim("b/2@1")])
    assert [] == clock.sleeps


def test_throttling_ends_within_the_timeout() -> None:
    """With growing pauses, no spinning, and the claims failed."""
    clock = FakeClock()
    assert [FAILED] == ledger(ScriptedDynamo(["ThrottlingError"]), clock).claim([claim()])
    assert [0.05, 0.1, 0.2, 0.4, 0.8, 1.0] == pytest.approx(clock.sleeps[:6])
    assert TIMEOUT_S - 1 < sum(clock.sleeps) <= TIMEOUT_S


@pytest.mark.parametrize("error", [LOST, refusal("ThrottlingException")])
def test_no_answer_at_all_is_an_error(error: Exception) -> None:
    """After the timeout."""
    clock = FakeClock()
    with pytest.raises(LedgerError):
        ledger(ScriptedDynamo(error), clock).claim([claim("b/1@1"), claim("b/2@1")])
    assert TIMEOUT_S - 1 < sum(clock.sleeps) <= TIMEOUT_S


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_a_refused_request_is_not_repeated(code: str) -> None:
    """It would be refused again."""
    dynamo = ScriptedDynamo(refusal(code))
    with pytest.raises(LedgerError, match=code):
        ledger(dynamo).claim([claim()])
    assert [1] == dynamo.batches


def test_one_part_without_an_answer_fails_alone() -> None:
    """Of 50 claims the half that was answered counts."""

    class HalfDown(ScriptedDynamo):
        def batch_execute_statement(self, *, Statements: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
            if Statements[0]["Parameters"][0]["S"] == "b/0@1":
                raise refusal("AccessDeniedException")
            return super().batch_execute_statement(Statements=Statements)

    outcomes = ledger(HalfDown([OK])).claim([claim(f"b/{index}@1") for index in range(50)])
    assert [FAILED] * 25 + [WON] * 25 == outcomes


def test_a_claim_whose_reply_was_lost_is_recognised() -> None:
    """The repetition finds it taken, by oneself; a rival's stays a rival's."""
    mine, theirs = claim("b/1@1"), claim("b/2@1")
    rival = claim("b/2@1", owner="rival")
    dynamo = ScriptedDynamo(LOST, ["DuplicateItem"], items=(mine, rival))
    assert [WON, TAKEN] == ledger(dynamo).claim([mine, theirs])


def test_a_take_over_whose_reply_was_lost_is_recognised() -> None:
    """Its condition fails the second time, since it was carried out."""
    found, wanted = claim(owner="dead"), claim(lease_until=20)
    dynamo = ScriptedDynamo(LOST, ["ConditionalCheckFailed"], items=(wanted,))
    assert [WON] == ledger(dynamo).take_over([(found, wanted)])


def test_a_release_whose_reply_was_lost_is_recognised() -> None:
    """The lease is 0 already."""
    dynamo = ScriptedDynamo(LOST, ["ConditionalCheckFailed"], items=(claim(lease_until=0),))
    assert [] == ledger(dynamo).release([claim()])


def test_what_cannot_be_resolved_counts_as_failed() -> None:
    """When the ledger can't be read after a lost reply."""

    class NoReads(ScriptedDynamo):
        def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
            raise refusal("AccessDeniedException")

    assert [FAILED] == ledger(NoReads(LOST, ["DuplicateItem"])).claim([claim()])


def test_first_refusals_are_not_read_again() -> None:
    """Only repeated statements are in doubt."""
    dynamo = ScriptedDynamo(["DuplicateItem"], items=(claim(),))
    assert [TAKEN] == ledger(dynamo).claim([claim()])
    assert [] == dynamo.reads


@pytest.mark.parametrize("error", [LOST, refusal("AccessDeniedException")])
def test_release_and_expire_raise_nothing(error: Exception) -> None:
    """What is not known released comes back."""
    subject = ledger(ScriptedDynamo(error))
    assert [claim()] == subject.release([claim()])
    subject.expire([claim()], FakeClock().now())


def test_unprocessed_keys_are_asked_for_again() -> None:
    """Until all have been answered."""
    claims = tuple(claim(f"b/{index}@1") for index in range(3))
    dynamo = ScriptedDynamo([OK], items=claims)
    assert {held.object_id: held for held in claims} == ledger(dynamo).claims(held.object_id for held in claims)
    assert [3, 2, 1] == dynamo.reads


READS: dict[str, Callable[[DynamoLedger], object]] = {
    "claims": lambda subject: subject.claims(["b/1@1"]),
    "records": lambda subject: subject.records(["k.tar.gz"]),
    "record": lambda subject: subject.record(ArchiveRecord("k.tar.gz", "me", ArchiveState.COMMITTED, 4, 5)),
}


@pytest.mark.parametrize("call", READS)
def test_reads_and_records_end_within_the_timeout(call: str) -> None:
    """As an error, with the cause behind it."""

    class Down:
        def batch_get_item(self, **_: object) -> None:
            raise LOST

        put_item = batch_get_item

    clock = FakeClock()
    with pytest.raises(LedgerError) as caught:
        READS[call](ledger(Down(), clock))
    assert LOST is caught.value.__cause__
    assert TIMEOUT_S - 1 < sum(clock.sleeps) <= TIMEOUT_S


MANY = [claim(f"b/{index}@1") for index in range(10_000)]

LONG_CALLS: dict[str, Callable[[DynamoLedger], object]] = {
    "claim": lambda subject: subject.claim(MANY),
    "take_over": lambda subject: subject.take_over([(held, held) for held in MANY]),
    "claims": lambda subject: subject.claims(held.object_id for held in MANY),
}


@pytest.mark.parametrize("call", LONG_CALLS)
def test_many_parts_without_an_answer_end_within_the_timeout(call: str) -> None:
    """Each request costs its time-out: parts whose turn comes after the deadline are not asked for at all."""
    clock, begun_at = FakeClock(), list[float]()

    class Hung:
        def batch_execute_statement(self, **_: object) -> None:
            begun_at.append(clock.monotonic())
            clock.advance(5 / CONNECTIONS)
            raise LOST

        batch_get_item = batch_execute_statement

    with pytest.raises(LedgerError):
        LONG_CALLS[call](ledger(Hung(), clock))
    # Between a thread's look at the clock and its request each of the others may move the clock once.
    assert max(begun_at) < TIMEOUT_S + 5


def test_parts_whose_turn_comes_too_late_fail() -> None:
    """A slow table: what was answered in time counts, the rest was never asked for."""
    clock = FakeClock()

    class Slow(ScriptedDynamo):
        def batch_execute_statement(self, *, Statements: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
            answer = super().batch_execute_statement(Statements=Statements)
            clock.advance(1)
            return answer

    dynamo = Slow([OK])
    outcomes = ledger(dynamo, clock).claim(MANY)

    assert sum(dynamo.batches) == outcomes.count(WON) < len(MANY)
    assert len(MANY) == outcomes.count(WON) + outcomes.count(FAILED)
    # One part begins in each second up to the eighth; each thread may have looked at the clock before that moved.
    assert TIMEOUT_S < len(dynamo.batches) <= TIMEOUT_S + 1 + CONNECTIONS


@pytest.mark.parametrize("call", ["claims", "records"])
def test_an_item_of_another_make_is_an_error(call: str) -> None:
    """Not a KeyError."""

    class Foreign:
        def batch_get_item(self, **_: object) -> dict[str, Any]:
            return {"Responses": {"table": [{"object_id": {"S": "b/1@1"}, "owner": {"S": "x"}}]}}

    with pytest.raises(LedgerError, match="b/1@1"):
        READS[call](ledger(Foreign()))
