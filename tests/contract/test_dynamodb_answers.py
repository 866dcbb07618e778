"""What Windrow makes of each answer that DynamoDB is documented to give, for each form of request that Windrow sends.

The answers come over HTTP from `tests.servers.dynamodb`. Each form of request has a row in `FORMS`; a new one needs a
row there. MiniStack, on which the other contract tests stand, is held to the same documented answers.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3.session
import msgspec
import pytest
from botocore import xform_name

from tests.servers import dynamodb
from tests.servers.dynamodb import ScriptedDynamoDb, error, statement_done, statement_failed, success
from tests.servers.endpoint import Endpoint, new_name
from tests.servers.scripted import Answer
from windrow.clients.dynamodb import circuits
from windrow.clients.dynamodb.circuits import DynamoCircuits
from windrow.clients.dynamodb.delivery_health import DynamoDeliveryHealth
from windrow.clients.dynamodb.ledger import DynamoLedger, connect
from windrow.core.circuit import Circuit, Streak
from windrow.core.errors import LedgerError
from windrow.core.ledger import ArchiveRecord, ArchiveState, Claim
from windrow.ports import ClaimOutcome
from windrow.testing import FakeClock

WON, TAKEN, FAILED = ClaimOutcome.WON, ClaimOutcome.TAKEN, ClaimOutcome.FAILED
TABLE = "windrow-ledger"
CLIENTS = Path(circuits.__file__).parent
CLAIM = Claim("b/k@1", "k.tar.gz", "me", 1_000, 9_000_000_000)
HEIR = msgspec.structs.replace(CLAIM, owner="heir", lease_until=2_000)
RECORD = ArchiveRecord("k.tar.gz", "me", ArchiveState.COMMITTED, 1_700_000_000, 9_000_000_000, "ab" * 32, 3, 2**40, 12)
CONDEMNED = ArchiveRecord.condemned("k.tar.gz", "rival", datetime(2026, 11, 23, tzinfo=UTC))
CIRCUIT = Circuit(failures=1, revision=1)
AGAIN = "asked again"

CLAIM_ITEM = {
    "object_id": {"S": "b/k@1"},
    "archive_key": {"S": "k.tar.gz"},
    "owner": {"S": "me"},
    "lease_until": {"N": "1000"},
    "expires_at": {"N": "9000000000"},
    "v": {"N": "1"},
}
RECORD_ITEM = {
    "object_id": {"S": "archive#k.tar.gz"},
    "owner": {"S": "me"},
    "state": {"S": "committed"},
    "sha256": {"S": "ab" * 32},
    "members": {"B": ""},
    "file_count": {"N": "3"},
    "raw_bytes": {"N": "1099511627776"},
    "archive_bytes": {"N": "12"},
    "decided_at": {"N": "1700000000"},
    "expires_at": {"N": "9000000000"},
    "v": {"N": "1"},
}
CONDEMNED_ITEM = {
    **{name: value for name, value in RECORD_ITEM.items() if name != "expires_at"},
    "owner": {"S": "rival"},
    "state": {"S": "condemned"},
    "decided_at": {"N": "1795392000"},
    "sha256": {"S": ""},
    **{name: {"N": "0"} for name in ("file_count", "raw_bytes", "archive_bytes")},
}
"""Without ``expires_at``: it is kept for good."""
CIRCUIT_ITEM = {
    "object_id": {"S": "circuit#uuid"},
    "state": {"S": msgspec.json.encode(CIRCUIT).decode()},
    "revision": {"N": "1"},
}

ITEM_VERDICTS: dict[str, ClaimOutcome | str] = {
    "AccessDenied": FAILED,
    "ConditionalCheckFailed": TAKEN,
    "DuplicateItem": TAKEN,
    "InternalServerError": AGAIN,
    "ItemCollectionSizeLimitExceeded": FAILED,
    "ProvisionedThroughputExceeded": AGAIN,
    "RequestLimitExceeded": AGAIN,
    "ResourceNotFound": FAILED,
    "ThrottlingError": AGAIN,
    "TransactionConflict": AGAIN,
    "ValidationError": FAILED,
}
"""What becomes of a statement that failed with a code."""

FINAL = {
    "AccessDeniedException",
    "ConditionalCheckFailedException",
    "ResourceNotFoundException",
    "ValidationException",
}
"""Codes of a request that no repetition mends."""


@dataclass(frozen=True)
class Form:
    """A form of request.

    ``make`` has the subject send it. ``sent`` is the request, with the type of each value in its place. ``done`` is the
    answer to one that was carried out, and ``means`` what the subject then returns.
    """

    make: Callable[[Any], object]
    operation: str
    sent: dict[str, Any]
    done: dict[str, Any]
    means: object


def batch(statement: str, *types: str) -> dict[str, Any]:
    """Return a request with one statement."""
    return {"Statements": [{"Statement": statement, "Parameters": list(types)}]}


def types_of(item: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the types of an item's values."""
    return {name: next(iter(value)) for name, value in item.items()}


INSERT = (
    "INSERT INTO \"windrow-ledger\" VALUE {'object_id': ?, 'archive_key': ?, 'owner': ?, 'lease_until': ?, "
    "'expires_at': ?, 'v': 1}"
)
REPLACE = (
    'UPDATE "windrow-ledger" SET "archive_key" = ? SET "owner" = ? SET "lease_until" = ? SET "expires_at" = ? '
    'SET "v" = 1 WHERE "object_id" = ? AND "owner" = ? AND "lease_until" = ?'
)
SET_LEASE = 'UPDATE "windrow-ledger" SET "lease_until" = ? WHERE "object_id" = ? AND "owner" = ? AND "lease_until" = ?'
KEYS = {"RequestItems": {TABLE: {"Keys": [{"object_id": "S"}], "ConsistentRead": True}}}
STATEMENT_DONE = {"Responses": [statement_done(TABLE)]}

WRITES: dict[str, Form] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
    "claim": Form(
        lambda ledger: ledger.claim([CLAIM]),
        "BatchExecuteStatement",
        batch(INSERT, "S", "S", "S", "N", "N"),
        STATEMENT_DONE,
        [WON],
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html
    "take over": Form(
        lambda ledger: ledger.take_over([(CLAIM, HEIR)]),
        "BatchExecuteStatement",
        batch(REPLACE, "S", "S", "N", "N", "S", "S", "N"),
        STATEMENT_DONE,
        [WON],
    ),
    "release": Form(
        lambda ledger: ledger.release([CLAIM]),
        "BatchExecuteStatement",
        batch(SET_LEASE, "N", "S", "S", "N"),
        STATEMENT_DONE,
        [],
    ),
    "expire": Form(
        lambda ledger: ledger.expire([CLAIM], FakeClock().now()),
        "BatchExecuteStatement",
        batch(SET_LEASE, "N", "S", "S", "N"),
        STATEMENT_DONE,
        None,
    ),
}
"""The forms of statements, which one batch has many of."""

READS: dict[str, Form] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
    "claims": Form(
        lambda ledger: ledger.claims(["b/k@1"]),
        "BatchGetItem",
        KEYS,
        {"Responses": {TABLE: [CLAIM_ITEM]}, "UnprocessedKeys": {}},
        {"b/k@1": CLAIM},
    ),
    "records": Form(
        lambda ledger: ledger.records(["k.tar.gz"]),
        "BatchGetItem",
        KEYS,
        {"Responses": {TABLE: [RECORD_ITEM]}, "UnprocessedKeys": {}},
        {"k.tar.gz": RECORD},
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
    "record": Form(
        lambda ledger: ledger.record(RECORD),
        "PutItem",
        {
            "TableName": TABLE,
            "Item": types_of(RECORD_ITEM),
            "ConditionExpression": "attribute_not_exists(object_id) OR #state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": "S"},
        },
        {},
        RECORD,
    ),
    "overrule": Form(
        lambda ledger: ledger.overrule(CONDEMNED),
        "PutItem",
        {"TableName": TABLE, "Item": types_of(CONDEMNED_ITEM)},
        {},
        None,
    ),
}
"""The forms of requests to read, and to write one item."""

CIRCUITS: dict[str, Form] = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html
    "load": Form(
        lambda store: store.load(),
        "GetItem",
        {"TableName": TABLE, "Key": {"object_id": "S"}, "ConsistentRead": True},
        {"Item": CIRCUIT_ITEM},
        CIRCUIT,
    ),
    "save": Form(
        lambda store: store.save(CIRCUIT, replacing=Circuit()),
        "PutItem",
        {
            "TableName": TABLE,
            "Item": types_of(CIRCUIT_ITEM),
            "ConditionExpression": "attribute_not_exists(object_id) OR revision = :revision",
            "ExpressionAttributeValues": {":revision": "N"},
        },
        {},
        means=True,
    ),
}
"""The forms of requests of the circuit breaker."""

HEALTH: dict[str, Form] = {
    "note failed": Form(
        lambda health: health.record_failed(Streak(3, 100, 200, "slow")),
        "PutItem",
        {
            "TableName": TABLE,
            "Item": {
                **dict.fromkeys(("object_id", "fault"), "S"),
                **dict.fromkeys(("failures", "since", "failed_at", "expires_at"), "N"),
            },
        },
        {},
        None,
    ),
    "note delivered": Form(
        lambda health: health.record_delivered(300),
        "PutItem",
        {"TableName": TABLE, "Item": {"object_id": "S", "delivered_at": "N", "expires_at": "N"}},
        {},
        None,
    ),
}
"""The forms of requests about how deliveries end; none of them raises."""

FORMS = WRITES | READS | CIRCUITS | HEALTH
KNOWN = ("ledger.py", "circuits.py", "delivery_health.py")
UNRELEASED = {"release": [CLAIM], "expire": None}
"""What calls return that never raise, when nothing was written."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have botocore repeat the circuit breaker's requests at once; the ledger's own pauses are the fake clock's."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _s: None))


class Site:
    """The scripted server, and what sends requests to it, each with a client as the product makes it."""

    def __init__(self, dynamo: ScriptedDynamoDb, session: boto3.session.Session) -> None:
        self._dynamo = dynamo
        self._ledger = DynamoLedger(TABLE, connect(session), FakeClock(), lambda: 1.0)
        self._circuits = DynamoCircuits(TABLE, "uuid", circuits.connect(session))
        self._health = DynamoDeliveryHealth(TABLE, circuits.connect(session))

    @property
    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        """What the server was asked."""
        return self._dynamo.asked

    def play(self, name: str, *answers: Answer) -> Any:
        """Have these answers played from now on; return what sends the form of that name."""
        self._dynamo.play(*answers)
        if name in HEALTH:
            return self._health
        return self._circuits if name in CIRCUITS else self._ledger


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One server for all tests: each plays answers of its own."""
    dynamo = ScriptedDynamoDb()
    with dynamo.running() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        yield Site(dynamo, boto3.session.Session(server.access_key, server.secret_key, region_name=server.region))


def shape(value: Any) -> Any:
    """Return a request with the type of each attribute's value in its place."""
    if isinstance(value, list):
        return [shape(each) for each in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("S", "N", "B"):
            return next(iter(value))
        return {name: shape(each) for name, each in value.items()}
    return value


def cases(forms: dict[str, Form]) -> list[tuple[str, str]]:
    """Return each form with each code that its request may fail with; a condition fails only where there is one."""
    return [
        (name, code)
        for name, form in forms.items()
        for code in dynamodb.documented_errors(form.operation)
        if code != "ConditionalCheckFailedException" or "ConditionExpression" in form.sent
    ]


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_sent_as_described_and_its_success_understood(name: str, site: Site) -> None:
    """A form that changes is one whose answers must be looked up."""
    form = FORMS[name]
    assert form.means == form.make(site.play(name, success(form.done)))
    assert [(form.operation, form.sent)] == [(operation, shape(sent)) for operation, sent in site.asked]


def test_every_form_in_use_has_a_row() -> None:
    """No operation and no statement stands in the clients that no row asks for."""
    sources = [(CLIENTS / name).read_text() for name in KNOWN]
    operations = {name for source in sources for name in re.findall(r"_client\.(\w+)", source)}
    assert operations == {xform_name(form.operation) for form in FORMS.values()}
    statements = [line for source in sources for line in re.findall(r"f['\"](INSERT|UPDATE|SELECT|DELETE) ", source)]
    assert Counter(statements) == Counter(text.split()[0] for text in (INSERT, REPLACE, SET_LEASE))
    for path in CLIENTS.parent.rglob("*.py"):
        if path.name not in KNOWN and path.parent.name != "bootstrap":  # which passes clients on
            assert "DynamoDBClient" not in path.read_text(), path


def test_every_documented_code_has_an_answer_and_a_verdict() -> None:
    """A code that AWS adds fails here until somebody has thought about it."""
    operations = {form.operation for form in FORMS.values()}
    assert set(dynamodb.documented_item_errors()) == dynamodb.ITEM_ERRORS.keys() == ITEM_VERDICTS.keys()
    assert set(itertools.chain(*map(dynamodb.documented_errors, operations))) == dynamodb.ERRORS.keys()


@pytest.mark.parametrize("code", dynamodb.documented_item_errors())
@pytest.mark.parametrize("name", WRITES)
def test_a_statement_that_failed(name: str, code: str, site: Site) -> None:
    """It is taken, failed, or asked again, by its code; for a release the first two are one."""
    form, verdict = WRITES[name], ITEM_VERDICTS[code]
    sender = site.play(name, success({"Responses": [statement_failed(code, TABLE)]}), success(form.done))
    expected = form.means if verdict == AGAIN else UNRELEASED.get(name, [verdict])
    assert expected == form.make(sender)
    assert (2 if verdict == AGAIN else 1) == len(site.asked)


REFUSED_RECORD = ("record", "ConditionalCheckFailedException")


def test_a_record_whose_condition_failed_is_told_what_stands(site: Site) -> None:
    """Another worker condemned the key; the record that stands is read, and not there a moment later is an error."""
    refused = error("ConditionalCheckFailedException")
    standing = {"Responses": {TABLE: [CONDEMNED_ITEM]}, "UnprocessedKeys": {}}
    gone: dict[str, Any] = {"Responses": {TABLE: []}, "UnprocessedKeys": {}}

    assert CONDEMNED == site.play("record", refused, success(standing)).record(RECORD)
    ledger = site.play("record", refused, success(gone))
    with pytest.raises(LedgerError, match="vanished"):
        ledger.record(RECORD)


@pytest.mark.parametrize(("name", "code"), [each for each in cases(WRITES | READS) if each != REFUSED_RECORD])
def test_a_request_that_failed(name: str, code: str, site: Site) -> None:
    """It is asked again, unless that can't help: then it is an error at once, except where nothing may be raised."""
    form = FORMS[name]
    sender = site.play(name, error(code), success(form.done))
    if code not in FINAL:
        assert form.means == form.make(sender)
    elif name in UNRELEASED:
        assert UNRELEASED[name] == form.make(sender)
    else:
        with pytest.raises(LedgerError, match=code):
            form.make(sender)
    assert (1 if code in FINAL else 2) == len(site.asked)


@pytest.mark.parametrize(("name", "code"), cases(CIRCUITS))
def test_a_request_of_the_circuit_breaker_that_failed(name: str, code: str, site: Site) -> None:
    """A condition that failed tells that somebody else was first; everything else is an error."""
    form = CIRCUITS[name]
    sender = site.play(name, error(code))
    if code == "ConditionalCheckFailedException":
        assert False is form.make(sender)
    else:
        with pytest.raises(LedgerError, match=code):
            form.make(sender)


def test_statements_of_one_batch_are_told_apart(site: Site) -> None:
    """By their order; only what may pass is sent again."""
    claims = [msgspec.structs.replace(CLAIM, object_id=f"b/{number}@1") for number in range(4)]
    codes = ["", "DuplicateItem", "ThrottlingError", "ValidationError"]
    parts = [statement_failed(code, TABLE) if code else statement_done(TABLE) for code in codes]
    ledger = site.play("claim", success({"Responses": parts}), success(STATEMENT_DONE))
    assert [WON, TAKEN, WON, FAILED] == ledger.claim(claims)
    assert [4, 1] == [len(sent["Statements"]) for _, sent in site.asked]
    assert {"S": "b/2@1"} == site.asked[1][1]["Statements"][0]["Parameters"][0]


def test_the_item_that_a_condition_failed_on_changes_nothing(site: Site) -> None:
    """DynamoDB may add it to the error."""
    answer = success({"Responses": [statement_failed("ConditionalCheckFailed", TABLE, CLAIM_ITEM)]})
    assert [TAKEN] == site.play("take over", answer).take_over([(CLAIM, HEIR)])


def test_keys_left_unprocessed_are_asked_for_as_they_came(site: Site) -> None:
    """DynamoDB answers with what fits into 16 MB, and returns the other keys in the form of a request."""
    left = {TABLE: {"Keys": [{"object_id": {"S": "b/k@1"}}], "ConsistentRead": True}}
    other = msgspec.structs.replace(CLAIM, object_id="b/other@1")
    first = {"Responses": {TABLE: [CLAIM_ITEM | {"object_id": {"S": "b/other@1"}}]}, "UnprocessedKeys": left}
    second = {"Responses": {TABLE: [CLAIM_ITEM]}, "UnprocessedKeys": {}}
    ledger = site.play("claims", success(first), success(second))
    assert {"b/k@1": CLAIM, "b/other@1": other} == ledger.claims(["b/k@1", "b/other@1"])
    assert left == site.asked[1][1]["RequestItems"]


@pytest.mark.parametrize(("name", "code"), cases(HEALTH))
def test_what_cannot_be_noted_of_deliveries_stops_none(name: str, code: str, site: Site) -> None:
    """It is only evidence: the delivery has ended already."""
    form = HEALTH[name]
    assert form.means is form.make(site.play(name, error(code)))


def test_how_deliveries_end_is_read_from_two_items(site: Site) -> None:
    """Absent ones were never written; an answer that can't be read is an error."""
    numbers = {"failures": {"N": "3"}, "since": {"N": "100"}, "failed_at": {"N": "200"}}
    failed = success({"Item": {**numbers, "fault": {"S": "slow"}}})
    delivered = success({"Item": {"delivered_at": {"N": "150"}}})
    assert Streak(3, 100, 200, "slow", 150) == site.play("note failed", failed, delivered).streak()
    assert Streak() == site.play("note failed", success({}), success({})).streak()
    health = site.play("note failed", success({"Item": numbers}), delivered)
    with pytest.raises(LedgerError):
        health.streak()


def test_absent_items_are_left_out(site: Site) -> None:
    """A read of nothing names the table without items; a circuit without an item was never opened."""
    nothing = success({"Responses": {TABLE: []}, "UnprocessedKeys": {}})
    assert {} == site.play("claims", nothing).claims(["b/k@1"])
    assert Circuit() == site.play("load", success({})).load()


def test_members_come_back_as_the_bytes_they_were(site: Site) -> None:
    """Binary values are Base64 on the wire."""
    record = msgspec.structs.replace(RECORD, members=bytes(range(256)))
    item = RECORD_ITEM | {"members": {"B": base64.b64encode(record.members).decode()}}
    answer = success({"Responses": {TABLE: [item]}, "UnprocessedKeys": {}})
    assert {"k.tar.gz": record} == site.play("records", answer).records(["k.tar.gz"])


class Overheard:
    """The ledger on an emulator, and what that answered: a code for each statement, or for a whole request."""

    def __init__(self, server: Endpoint, table: str) -> None:
        self.client: Any = server.client("dynamodb")
        self.client.meta.events.register("after-call.dynamodb", self._note)
        self.ledger = DynamoLedger(table, self.client, FakeClock(), lambda: 1.0, 0.0)
        self.circuits = DynamoCircuits(table, "uuid", self.client)
        self.codes: list[str] = []

    def _note(self, parsed: dict[str, Any], **_: object) -> None:
        fault = parsed.get("Error", {})
        parts = parsed.get("Responses")
        if isinstance(parts, list):
            self.codes += [part.get("Error", {}).get("Code", "") for part in parts]
        else:
            self.codes.append(fault.get("Code", ""))


def test_ministack_answers_as_documented(ministack: Endpoint) -> None:
    """To each form of write, carried out and refused. To fail for other reasons is what it can't do."""
    on = Overheard(ministack, ministack.new_table())
    stranger = msgspec.structs.replace(CLAIM, owner="stranger")
    absent = msgspec.structs.replace(CLAIM, object_id="b/absent@1")
    on.ledger.claim([CLAIM])
    on.ledger.claim([CLAIM])
    on.ledger.take_over([(stranger, HEIR)])
    on.ledger.take_over([(absent, HEIR)])
    on.ledger.release([stranger])
    on.ledger.take_over([(CLAIM, HEIR)])
    on.ledger.release([HEIR])
    on.ledger.record(RECORD)
    on.ledger.record(CONDEMNED)
    on.ledger.overrule(CONDEMNED)
    on.circuits.save(CIRCUIT, replacing=Circuit())
    on.circuits.save(CIRCUIT, replacing=Circuit())
    refused = ["ConditionalCheckFailed"] * 3
    record = ["", "ConditionalCheckFailedException", "", ""]
    assert ["", "DuplicateItem", *refused, "", "", *record, "", "ConditionalCheckFailedException"] == on.codes


def test_ministack_misses_a_table_as_documented(ministack: Endpoint) -> None:
    """In a batch of statements each tells of it, elsewhere the request."""
    on = Overheard(ministack, new_name("absent"))
    on.ledger.claim([CLAIM])
    for call in (lambda: on.ledger.claims(["b/k@1"]), lambda: on.ledger.record(RECORD), on.circuits.load):
        with pytest.raises(LedgerError):
            call()
    assert ["ResourceNotFound", *["ResourceNotFoundException"] * 3] == on.codes
