"""The event source mapping's switch by boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.core.errors import MappingBusy, MappingError

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_lambda import LambdaClient

ON = frozenset({"Creating", "Enabling", "Enabled"})
"""States in which the mapping polls, or is about to:
https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html"""

IN_USE = "ResourceInUseException"
"""Lambda's refusal of a change while the last one is still being made:
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html"""

UPDATING = "Updating"
"""It says nothing of whether the mapping is enabled, and Lambda refuses changes meanwhile."""


def connect(session: boto3.session.Session) -> LambdaClient:
    """Return a client that gives up in time for the sentinel's run (13 s at most for both attempts)."""
    config = Config(connect_timeout=1.5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    return session.client("lambda", config=config)


class _Mapping(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetEventSourceMapping, as far as it is read."""

    state: str


class LambdaMappingSwitch:
    """Implements `EventSourceMapping` with the Lambda API."""

    def __init__(self, mapping_id: str, client: LambdaClient) -> None:
        self._mapping_id = mapping_id
        self._client = client

    def enabled(self) -> bool:
        """Tell whether it polls; see the port's contract."""
        try:
            state = answers.read(self._client.get_event_source_mapping(UUID=self._mapping_id), _Mapping).state
        except (BotoCoreError, ClientError) as error:
            raise MappingError(f"event source mapping {self._mapping_id} could not be read: {error}") from error
        if state == UPDATING:
            raise MappingBusy(self._busy)
        return state in ON

    def enable(self) -> None:
        """Enable it; see the port's contract."""
        if not self.enabled():
            self._switch(on=True)

    def disable(self) -> None:
        """Disable it; see the port's contract."""
        if self.enabled():
            self._switch(on=False)

    def _switch(self, *, on: bool) -> None:
        try:
            self._client.update_event_source_mapping(UUID=self._mapping_id, Enabled=on)
        except (BotoCoreError, ClientError) as error:
            if answers.code(error) == IN_USE:
                raise MappingBusy(self._busy) from error
            raise MappingError(f"event source mapping {self._mapping_id} could not be switched: {error}") from error

    @property
    def _busy(self) -> str:
        return f"event source mapping {self._mapping_id} is being changed; ask again in a moment"
