"""The results of deliveries, as two items in the ledger table: failures in a row, and the last success."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.core.circuit import Streak
from windrow.core.errors import LedgerError
from windrow.core.windows import DAY_S

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FAILED = "deliveries#failed"
DELIVERED = "deliveries#delivered"
"""Keys of the two items. No object id equals them: a bucket name can't contain ``#``."""

KEPT_S = DAY_S

_log = logging.getLogger(__name__)


class _Number(msgspec.Struct, frozen=True):
    """A number in DynamoDB's format."""

    digits: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,15}$")] = msgspec.field(name="N")


class _String(msgspec.Struct, frozen=True):
    """A string in DynamoDB's format."""

    text: str = msgspec.field(name="S")


class _Failed(msgspec.Struct, frozen=True):
    """The item with the failures in a row."""

    failures: _Number
    since: _Number
    failed_at: _Number
    fault: _String


class _FailedAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetItem for it."""

    item: _Failed | None = None


class _Delivered(msgspec.Struct, frozen=True):
    """The item with the last success."""

    delivered_at: _Number


class _DeliveredAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetItem for it."""

    item: _Delivered | None = None


class DynamoDeliveryHealth:
    """Implements `windrow.ports.DeliveryHealth`. Of several failing workers, the last one's count is kept."""

    def __init__(self, table: str, client: DynamoDBClient) -> None:
        self._table = table
        self._client = client

    def record_failed(self, streak: Streak) -> None:
        """Record failures in a row; see the port's contract."""
        numbers = {"failures": streak.failures, "since": streak.since, "failed_at": streak.failed_at}
        item = {name: {"N": str(number)} for name, number in numbers.items()} | {"fault": {"S": streak.fault}}
        self._put(FAILED, item, streak.failed_at)

    def record_delivered(self, at_s: int) -> None:
        """Record a success; see the port's contract."""
        self._put(DELIVERED, {"delivered_at": {"N": str(at_s)}}, at_s)

    def streak(self) -> Streak:
        """Return what was recorded last; see the port's contract."""
        with failing_as(LedgerError, "the results of deliveries could not be read"):
            failed = answers.read(self._get(FAILED), _FailedAnswer).item
            delivered = answers.read(self._get(DELIVERED), _DeliveredAnswer).item
        delivered_at = int(delivered.delivered_at.digits) if delivered else 0
        if failed is None:
            return Streak(delivered_at=delivered_at)
        return Streak(
            int(failed.failures.digits),
            int(failed.since.digits),
            int(failed.failed_at.digits),
            failed.fault.text,
            delivered_at,
        )

    def _get(self, object_id: str) -> object:
        return self._client.get_item(TableName=self._table, Key={"object_id": {"S": object_id}}, ConsistentRead=True)

    def _put(self, object_id: str, item: Mapping[str, dict[str, str]], at_s: int) -> None:
        expiry = {"expires_at": {"N": str(at_s + KEPT_S)}}
        try:
            self._client.put_item(TableName=self._table, Item={"object_id": {"S": object_id}, **item, **expiry})
        except (BotoCoreError, ClientError) as error:
            _log.warning("result of a delivery not recorded", extra={"error": str(error)})
