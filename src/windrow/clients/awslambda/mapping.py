"""The event source mapping, through boto3: reads its configuration, enables and disables it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.answers import failing_as
from windrow.clients.sqs.source_queue import queue_url
from windrow.core.errors import MappingBusy, MappingError, MappingGone, QueueError
from windrow.core.mapping import CONCURRENCY_MOST, MappingConfig, Overrides, polls

if TYPE_CHECKING:
    import boto3.session
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

IN_USE = "ResourceInUseException"
"""Lambda's error for a change while the last one is still being made:
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html"""


def connect(session: boto3.session.Session) -> LambdaClient:
    """Return a client with timeouts that fit into the sentinel's run (13 s at most for both attempts)."""
    config = Config(connect_timeout=1.5, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    return session.client("lambda", config=config)


_Arn = Annotated[str, msgspec.Meta(pattern="^arn(:[!-9;-~]*){5}$")]


class _Scaling(msgspec.Struct, frozen=True, rename="pascal"):
    """How many batches run at once. Without a limit, as many as the largest batch has messages."""

    maximum_concurrency: int = CONCURRENCY_MOST


class _Mapping(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetEventSourceMapping."""

    function_arn: Annotated[str, msgspec.Meta(pattern="^arn(:[!-9;-~]*){6,7}$")]
    event_source_arn: _Arn
    batch_size: int = 10
    window_s: int = msgspec.field(name="MaximumBatchingWindowInSeconds", default=0)
    scaling_config: _Scaling = _Scaling()
    function_response_types: list[str] = []
    state: str = "Enabled"


class _Function(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetFunctionConfiguration."""

    timeout: int
    memory_size: int


class _State(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetEventSourceMapping, as far as `LambdaMappingSwitch` reads it."""

    state: str


class LambdaMapping:
    """Implements `ConfigSource` with ``GetEventSourceMapping`` and ``GetFunctionConfiguration``."""

    def __init__(
        self, lambda_client: LambdaClient, sqs_client: SQSClient, mapping_id: str, overrides: Overrides | None = None
    ) -> None:
        self._lambda = lambda_client
        self._sqs = sqs_client
        self._id = mapping_id
        self._overrides = overrides or Overrides()
        self._urls: dict[str, str] = {}
        self._enabled = False

    def read(self) -> MappingConfig:
        """Return the mapping as it is now. Raises `MappingError`, `MappingGone`, `SettingsError`."""
        try:
            mapping = answers.read(self._lambda.get_event_source_mapping(UUID=self._id), _Mapping)
            function = answers.read(
                self._lambda.get_function_configuration(FunctionName=mapping.function_arn), _Function
            )
            url = self._url(mapping.event_source_arn)
        except self._lambda.exceptions.ResourceNotFoundException as error:
            raise MappingGone(f"event source mapping {self._id} or its function is gone: {error}") from error
        except (BotoCoreError, ClientError, QueueError) as error:
            raise MappingError(f"event source mapping {self._id} could not be read: {error}") from error
        return self._overrides.apply(
            MappingConfig(
                queue_url=url,
                queue_arn=mapping.event_source_arn,
                batch_size=mapping.batch_size,
                window_s=mapping.window_s,
                max_concurrency=mapping.scaling_config.maximum_concurrency,
                enabled=self._is_enabled(mapping.state),
                partial_responses="ReportBatchItemFailures" in mapping.function_response_types,
                timeout_s=function.timeout,
                memory_mb=function.memory_size,
                function_arn=mapping.function_arn,
            )
        )

    def _is_enabled(self, state: str) -> bool:
        """Return whether the mapping polls; while it is being created or updated, whether it did before."""
        found = polls(state)
        if found is not None:
            self._enabled = found
        return self._enabled

    def _url(self, arn: str) -> str:
        if arn not in self._urls:
            self._urls[arn] = queue_url(self._sqs, arn)
        return self._urls[arn]


class LambdaMappingSwitch:
    """Implements `EventSourceMapping` with the Lambda API."""

    def __init__(self, mapping_id: str, client: LambdaClient) -> None:
        self._mapping_id = mapping_id
        self._client = client

    def enabled(self) -> bool:
        """Return whether it polls; see the port's contract."""
        with failing_as(MappingError, f"event source mapping {self._mapping_id} could not be read"):
            state = answers.read(self._client.get_event_source_mapping(UUID=self._mapping_id), _State).state
        found = polls(state)
        if found is None:
            raise MappingBusy(self._busy)
        return found

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
        return f"event source mapping {self._mapping_id} is being changed; try again in a moment"
