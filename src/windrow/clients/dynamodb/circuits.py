"""The circuit breaker's state, as an item in the ledger table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.core.circuit import Circuit
from windrow.core.errors import LedgerError

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_dynamodb import DynamoDBClient


def connect(session: boto3.session.Session) -> DynamoDBClient:
    """Return a client with timeouts that fit into the sentinel's run (9 s at most for both attempts)."""
    config = Config(connect_timeout=1.5, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return session.client("dynamodb", config=config)


class _String(msgspec.Struct, frozen=True):
    """A string in DynamoDB's format."""

    text: str = msgspec.field(name="S")


class _Item(msgspec.Struct, frozen=True):
    """The item, as far as it is read."""

    state: _String


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetItem."""

    item: _Item | None = None


class DynamoCircuits:
    """Implements `CircuitStore`: item ``circuit#<name>``, with the state as JSON and its revision as a number.

    The name is the mapping's id, if there is a mapping.
    """

    def __init__(self, table: str, name: str, client: DynamoDBClient) -> None:
        self._table = table
        self._object_id = f"circuit#{name}"
        self._client = client

    def load(self) -> Circuit:
        """Return the state; see the port's contract."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"object_id": {"S": self._object_id}}, ConsistentRead=True
            )
            item = answers.read(answer, _Answer).item
            return msgspec.json.decode(item.state.text, type=Circuit) if item else Circuit()
        except (BotoCoreError, ClientError, msgspec.DecodeError, UnicodeError) as error:
            raise LedgerError(f"the circuit's state could not be read: {error}") from error

    def save(self, circuit: Circuit, *, replacing: Circuit) -> bool:
        """Write the state if nobody else did; see the port's contract."""
        not_there_yet = "attribute_not_exists(object_id)"
        still_as_read = "revision = :revision"
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "object_id": {"S": self._object_id},
                    "state": {"S": msgspec.json.encode(circuit).decode()},
                    "revision": {"N": str(circuit.revision)},
                },
                ConditionExpression=f"{not_there_yet} OR {still_as_read}",
                ExpressionAttributeValues={":revision": {"N": str(replacing.revision)}},
            )
        except (BotoCoreError, ClientError) as error:
            if answers.code(error) == "ConditionalCheckFailedException":
                return False
            raise LedgerError(f"the circuit's state could not be written: {error}") from error
        return True
