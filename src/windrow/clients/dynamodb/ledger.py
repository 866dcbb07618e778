"""The ledger in DynamoDB: PartiQL batches, which write 25 conditional claims in one request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import UnreadableAnswer
from windrow.clients.json_requests import light
from windrow.core.backoff import exponential_s
from windrow.core.errors import LedgerError
from windrow.core.ledger import NEVER, RECORD_VERSION, ArchiveRecord, Claim
from windrow.ports import ClaimOutcome, Clock

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_STATEMENTS = 25
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html"""

MAX_KEYS = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""

LIGHT = frozenset({"batch_execute_statement"})
"""Operations that bypass boto3 (`windrow.clients.json_requests`): claims, one request for each 25 files."""

CONNECTIONS = 8
TIMEOUT_S = 8.0
"""How long one call starts requests; requests under way at that time may add 7 s."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

RECORD_PREFIX = "archive#"
"""Prefix of the key of an archive record's item. No object id starts with it: a bucket name can't contain ``#``."""

_REFUSED = frozenset(
    {
        "AccessDeniedException",
        "ConditionalCheckFailedException",
        "ResourceNotFoundException",
        "ValidationException",
    }
)
"""Codes of a whole request that no retry can fix; everything else is retried."""

_CONDITION = frozenset({"DuplicateItem", "ConditionalCheckFailed"})
_FINAL = _CONDITION | {"AccessDenied", "ResourceNotFound", "ValidationError", "ItemCollectionSizeLimitExceeded"}
"""Codes of a single statement that no retry can fix."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")


def connect(session: boto3.session.Session) -> DynamoDBClient:
    """Return a client that tries once, because `DynamoLedger` retries within its own time limit.

    It does not validate parameters: that would take a fifth of a claim's CPU, and the statements are Windrow's own.
    """
    config = Config(
        connect_timeout=2,
        read_timeout=5,
        max_pool_connections=CONNECTIONS,
        parameter_validation=False,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return light(session.client("dynamodb", config=config), LIGHT)


class _Written(msgspec.Struct):
    """The results of statements: a code each, empty for success, None if no answer came.

    ``repeated`` holds the positions of those executed more than once: their condition may have failed because of an
    earlier execution whose response was lost. ``error`` is the last failure of a whole request.
    """

    codes: list[str | None]
    repeated: set[int] = msgspec.field(default_factory=set)
    error: Exception | None = None


class _Error(msgspec.Struct, frozen=True, rename="pascal"):
    """Why a statement failed."""

    code: Annotated[str, msgspec.Meta(min_length=1)]


class _Response(msgspec.Struct, frozen=True, rename="pascal"):
    """The result of a statement."""

    error: _Error | None = None


class _Executed(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to BatchExecuteStatement: a response for each statement, in order."""

    responses: list[_Response]


class _Found(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to BatchGetItem: items by table, and the keys to request again."""

    responses: dict[str, list[dict[str, Any]]]
    unprocessed_keys: dict[str, Any] = {}


class DynamoLedger:
    """`windrow.ports.Ledger` on one table whose only key is the string ``object_id``.

    ``jitter`` returns a random number from 0 to 1. ``timeout_s`` limits how long one call starts requests.
    """

    def __init__(
        self,
        table: str,
        client: DynamoDBClient,
        clock: Clock,
        jitter: Callable[[], float],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._table = table
        self._client = client
        self._clock = clock
        self._jitter = jitter
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ledger")
        fields = ("object_id", "archive_key", "owner", "lease_until", "expires_at")
        row = ", ".join(f"'{name}': ?" for name in fields)
        held = 'WHERE "object_id" = ? AND "owner" = ? AND "lease_until" = ?'
        # Names are quoted: OWNER may become a reserved word, and a table's name may contain dots.
        self._insert = f"INSERT INTO \"{table}\" VALUE {{{row}, 'v': {RECORD_VERSION}}}"
        sets = " ".join(f'SET "{name}" = ?' for name in fields[1:])
        self._replace = f'UPDATE "{table}" {sets} SET "v" = {RECORD_VERSION} {held}'  # noqa: S608 - the table is a setting
        self._set_lease = f'UPDATE "{table}" SET "lease_until" = ? {held}'  # noqa: S608 - as above

    def claim(self, claims: Sequence[Claim]) -> list[ClaimOutcome]:
        """Write each claim if its object id is absent; see the port's contract."""
        statements = [
            {
                "Statement": self._insert,
                "Parameters": [
                    {"S": claim.object_id},
                    {"S": claim.archive_key},
                    {"S": claim.owner},
                    {"N": str(claim.lease_until)},
                    {"N": str(claim.expires_at)},
                ],
            }
            for claim in claims
        ]
        return self._apply(statements, claims)

    def take_over(self, pairs: Sequence[tuple[Claim, Claim]]) -> list[ClaimOutcome]:
        """Replace found claims by wanted ones, unless another worker did meanwhile; see the port's contract."""
        statements = [
            {
                "Statement": self._replace,
                "Parameters": [
                    {"S": wanted.archive_key},
                    {"S": wanted.owner},
                    {"N": str(wanted.lease_until)},
                    {"N": str(wanted.expires_at)},
                    *_held(found),
                ],
            }
            for found, wanted in pairs
        ]
        return self._apply(statements, [wanted for _, wanted in pairs])

    def release(self, claims: Sequence[Claim]) -> list[Claim]:
        """Set the leases to 0; return the claims that are not known to be released. Never raises."""
        return self._end_leases(claims, 0)

    def expire(self, claims: Sequence[Claim], now: datetime) -> None:
        """End leases at ``now``; best effort."""
        left = self._end_leases(claims, int(now.timestamp()))
        if left:
            _log.warning("leases were not ended early", extra={"count": len(left)})

    def claims(self, object_ids: Iterable[str]) -> dict[str, Claim]:
        """Read claims strongly consistently; see the port's contract."""
        return {claim.object_id: claim for claim in map(_to_claim, self._read(object_ids))}

    def records(self, archive_keys: Iterable[str]) -> dict[str, ArchiveRecord]:
        """Read archive records strongly consistently; see the port's contract."""
        items = self._read(RECORD_PREFIX + key for key in archive_keys)
        return {record.archive_key: record for record in map(_to_record, items)}

    def record(self, record: ArchiveRecord) -> ArchiveRecord:
        """Write an archive record unless the key has one in another state; see the port's contract."""
        # The name needs a placeholder: STATE is a reserved word.
        unless_decided = {
            "ConditionExpression": "attribute_not_exists(object_id) OR #state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": {"S": record.state.value}},
        }
        try:
            self._put_record(record, unless_decided)
        except LedgerError as error:
            if answers.code(error.__cause__) != "ConditionalCheckFailedException":
                raise
            decided = self.records([record.archive_key]).get(record.archive_key)
            if decided is None:
                raise LedgerError(f"the record of {record.archive_key} vanished while it was read") from error
            return decided
        return record

    def overrule(self, record: ArchiveRecord) -> None:
        """Write an archive record over any other. Raises `LedgerError`."""
        self._put_record(record, {})

    def _put_record(self, record: ArchiveRecord, condition: Mapping[str, Any]) -> None:
        item = _record_item(record)
        self._retried(lambda: self._client.put_item(TableName=self._table, Item=item, **condition), self._deadline())

    def _end_leases(self, claims: Sequence[Claim], lease_until: int) -> list[Claim]:
        statements = [
            {"Statement": self._set_lease, "Parameters": [{"N": str(lease_until)}, *_held(claim)]} for claim in claims
        ]
        wanted = [msgspec.structs.replace(claim, lease_until=lease_until) for claim in claims]
        try:
            outcomes = self._apply(statements, wanted)
        except LedgerError as error:
            _log.warning("leases could not be ended", extra={"error": str(error)})
            return list(claims)
        return [c for c, outcome in zip(claims, outcomes, strict=True) if outcome is not ClaimOutcome.WON]

    def _apply(self, statements: Sequence[Any], wanted: Sequence[Claim]) -> list[ClaimOutcome]:
        """Execute one conditional statement for each claim. DynamoDB allows each object id only once."""
        deadline = self._deadline()
        chunks = list(_chunks(statements, MAX_STATEMENTS))
        results = self._map(partial(self._write, deadline=deadline), chunks)
        if results and all(result.error and not any(c is not None for c in result.codes) for result in results):
            raise LedgerError(f"table {self._table!r} did not answer: {results[0].error}") from results[0].error
        outcomes: list[ClaimOutcome] = []
        doubtful: list[int] = []
        for result in results:
            for position, code in enumerate(result.codes):
                if code in _CONDITION and position in result.repeated:
                    doubtful.append(len(outcomes))
                outcomes.append(_outcome(code))
        if doubtful:
            self._resolve(doubtful, wanted, outcomes)
        return outcomes

    def _resolve(self, doubtful: Sequence[int], wanted: Sequence[Claim], outcomes: list[ClaimOutcome]) -> None:
        """Check whether a condition failed because an earlier request of this call had been carried out."""
        try:
            found = self.claims(wanted[index].object_id for index in doubtful)
        except LedgerError:
            for index in doubtful:
                outcomes[index] = ClaimOutcome.FAILED
            return
        for index in doubtful:
            if found.get(wanted[index].object_id) == wanted[index]:
                outcomes[index] = ClaimOutcome.WON

    def _write(self, statements: Sequence[Any], *, deadline: float) -> _Written:
        """Execute up to 25 statements; until the deadline, repeat those that were throttled or got no answer."""
        result = _Written([None] * len(statements))
        if self._is_over(deadline):
            result.error = TimeoutError("no time was left for the request")
            return result
        pending = list(range(len(statements)))
        pauses = self._pauses(deadline)
        while True:
            try:
                codes = _codes(
                    self._client.batch_execute_statement(Statements=[statements[index] for index in pending]),
                    len(pending),
                )
            except (ClientError, BotoCoreError) as error:
                result.error = error
                if answers.code(error) in _REFUSED:
                    return result
            else:
                for index, code in zip(pending, codes, strict=True):
                    result.codes[index] = code
                pending = [index for index in pending if result.codes[index] not in ("", *_FINAL)]
            if not pending or not next(pauses):
                return result
            result.repeated.update(pending)

    def _read(self, keys: Iterable[str]) -> list[Mapping[str, Any]]:
        deadline = self._deadline()
        chunks = list(_chunks(list(dict.fromkeys(keys)), MAX_KEYS))
        found = self._map(partial(self._read_chunk, deadline=deadline), chunks)
        return [item for items in found for item in items]

    def _read_chunk(self, keys: Sequence[str], *, deadline: float) -> list[Mapping[str, Any]]:
        request: Any = {self._table: {"Keys": [{"object_id": {"S": key}} for key in keys], "ConsistentRead": True}}
        items: list[Mapping[str, Any]] = []
        pauses = self._pauses(deadline)
        while True:
            answer = self._retried(partial(self._get, request), deadline)
            items.extend(answer.responses.get(self._table, []))
            request = answer.unprocessed_keys
            if not request:
                return items
            if not next(pauses):
                raise LedgerError(f"table {self._table!r} did not answer for all keys in time")

    def _get(self, request: Any) -> _Found:  # noqa: ANN401 - as DynamoDB hands it back
        return answers.read(self._client.batch_get_item(RequestItems=request), _Found)

    def _retried(self, request: Callable[[], R], deadline: float) -> R:
        """Make one request; until the deadline, retry failures that may pass. Raises `LedgerError`."""
        if self._is_over(deadline):
            raise LedgerError(f"table {self._table!r} did not answer: no time was left for the request")
        pauses = self._pauses(deadline)
        while True:
            try:
                return request()
            except (ClientError, BotoCoreError) as error:
                if answers.code(error) in _REFUSED or not next(pauses):
                    raise LedgerError(f"table {self._table!r} did not answer: {error}") from error

    def _map(self, call: Callable[[T], R], chunks: Sequence[T]) -> list[R]:
        # A single chunk needs no thread.
        return [call(chunks[0])] if len(chunks) == 1 else list(self._pool.map(call, chunks))

    def _deadline(self) -> float:
        return self._clock.monotonic() + self._timeout_s

    def _is_over(self, deadline: float) -> bool:
        return self._clock.monotonic() > deadline

    def _pauses(self, deadline: float) -> Iterator[bool]:
        """Sleep 0.5 to 1 times a pause that doubles, and yield True; at the deadline yield False without sleeping."""
        for failures in count(1):
            pause_s = exponential_s(failures, first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
            pause_s *= 0.5 + 0.5 * self._jitter()
            if self._clock.monotonic() + pause_s > deadline:
                break
            self._clock.sleep(pause_s)
            yield True
        yield False


_NO_ITEM = (AttributeError, KeyError, TypeError, ValueError, UnreadableAnswer)
"""Errors of reading an item that Windrow did not write."""

_RECORD_NUMBERS = ("decided_at", "file_count", "raw_bytes", "archive_bytes")


def _held(claim: Claim) -> list[dict[str, str]]:
    return [{"S": claim.object_id}, {"S": claim.owner}, {"N": str(claim.lease_until)}]


def _outcome(code: str | None) -> ClaimOutcome:
    if code == "":
        return ClaimOutcome.WON
    return ClaimOutcome.TAKEN if code in _CONDITION else ClaimOutcome.FAILED


def _codes(answer: object, count: int) -> list[str]:
    """Return the code of each of ``count`` statements, empty for success. Raises `UnreadableAnswer`."""
    responses = answers.read(answer, _Executed).responses
    if len(responses) != count:
        raise UnreadableAnswer(detail=f"{len(responses)} responses to {count} statements")
    return [response.error.code if response.error else "" for response in responses]


def _chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _to_claim(item: Mapping[str, Any]) -> Claim:
    try:
        claim = {name: item[name]["S"] for name in ("object_id", "archive_key", "owner")}
        numbers = {name: int(item[name]["N"]) for name in ("lease_until", "expires_at")}
        return answers.read(claim | numbers, Claim)
    except _NO_ITEM as error:
        raise LedgerError(f"the item {item.get('object_id')} is not a claim") from error


def _record_item(record: ArchiveRecord) -> dict[str, Any]:
    # Without ``expires_at`` DynamoDB keeps the item for good.
    expiry = {} if record.expires_at == NEVER else {"expires_at": {"N": str(record.expires_at)}}
    return {
        "object_id": {"S": RECORD_PREFIX + record.archive_key},
        "owner": {"S": record.owner},
        "state": {"S": record.state.value},
        "sha256": {"S": record.sha256},
        "members": {"B": record.members},
        **{name: {"N": str(getattr(record, name))} for name in _RECORD_NUMBERS},
        **expiry,
        "v": {"N": str(RECORD_VERSION)},
    }


def _to_record(item: Mapping[str, Any]) -> ArchiveRecord:
    try:
        fields = {
            "archive_key": item["object_id"]["S"].removeprefix(RECORD_PREFIX),
            "owner": item["owner"]["S"],
            "state": item["state"]["S"],
            "expires_at": int(item["expires_at"]["N"]) if "expires_at" in item else NEVER,
            "sha256": item["sha256"]["S"],
            "members": item["members"]["B"],
            **{name: int(item[name]["N"]) for name in _RECORD_NUMBERS},
        }
        return answers.read(fields, ArchiveRecord)
    except _NO_ITEM as error:
        raise LedgerError(f"the item {item.get('object_id')} is not an archive record") from error
