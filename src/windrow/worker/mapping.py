"""The event source mapping: what the engine is told to do, read from Lambda's API or given by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from windrow.clients import answers
from windrow.clients.queue import attributes
from windrow.core.errors import MappingError, MappingGone, QueueError, SettingsError
from windrow.core.sqs import IN_FLIGHT_MOST

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

BATCH_SIZE_MOST = 10_000
WINDOW_MOST_S = 300
TIMEOUT_MOST_S = 900
UNWINDOWED_BATCH_MOST = 10
"""The limits of https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html; a batch over 10
messages needs a window of at least 1 s."""

VISIBILITY_FACTOR = 6
"""AWS's rule for a queue before Lambda: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""


_Arn = Annotated[str, msgspec.Meta(pattern="^arn(:[!-9;-~]*){5}$")]


class _Scaling(msgspec.Struct, frozen=True, rename="pascal"):
    """How many batches run at once; without a limit as many as the largest batch has messages."""

    maximum_concurrency: int = BATCH_SIZE_MOST


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


class _Url(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer to GetQueueUrl."""

    queue_url: str


class MappingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What to gather from where, and the limits of the function.

    ``batch_size`` counts messages, ``window_s`` counts from a batch's first message. ``partial_responses`` is
    ``ReportBatchItemFailures``. ``memory_mb`` is told to the function and not enforced.
    """

    queue_url: str
    queue_arn: str
    batch_size: int = 10
    window_s: int = 0
    max_concurrency: int = 2
    enabled: bool = True
    partial_responses: bool = True
    timeout_s: int = 300
    memory_mb: int = 1024
    function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:windrow"

    @property
    def function_name(self) -> str:
        """The function's name as its ARN tells it."""
        return self.function_arn.split(":")[6]

    @property
    def concurrency(self) -> int:
        """Batches gathered or running at once: ``max_concurrency``, less where the in-flight limit asks for it."""
        return max(1, min(self.max_concurrency, IN_FLIGHT_MOST // self.batch_size))


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """Values given by hand; None leaves the mapping's own.

    Without ``max_concurrency`` the mapping's counts, but ``processes_most`` at most: it was set for Lambda, which has
    more processors than this machine.
    """

    max_concurrency: int | None = None
    batch_size: int | None = None
    window_s: int | None = None
    timeout_s: int | None = None
    processes_most: int = 2

    def apply(self, config: MappingConfig) -> MappingConfig:
        """Return the checked result. Raises `SettingsError`."""
        given = {
            name: value
            for name in ("max_concurrency", "batch_size", "window_s", "timeout_s")
            if (value := getattr(self, name)) is not None
        }
        given.setdefault("max_concurrency", min(config.max_concurrency, self.processes_most))
        return check(msgspec.structs.replace(config, **given))


class ConfigSource(Protocol):
    """Where the engine reads its configuration, again every few seconds."""

    def read(self) -> MappingConfig:
        """Return the configuration as it is now.

        Raises:
            MappingError: it can't be told now.
            SettingsError: it is not one the engine can follow.
        """


class FixedMapping:
    """A configuration that never changes, for a server without a mapping."""

    def __init__(self, config: MappingConfig) -> None:
        self._config = check(config)

    def read(self) -> MappingConfig:
        """Return the configuration."""
        return self._config


class LambdaMapping:
    """The configuration of a real mapping: ``GetEventSourceMapping`` and ``GetFunctionConfiguration``."""

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
        """Tell whether the mapping polls; while it is being created or updated, that is what it did before."""
        if state in ("Enabled", "Enabling"):
            self._enabled = True
        elif state in ("Disabled", "Disabling", "Deleting"):
            self._enabled = False
        return self._enabled

    def _url(self, arn: str) -> str:
        if arn not in self._urls:
            self._urls[arn] = queue_url(self._sqs, arn)
        return self._urls[arn]


def queue_url(sqs_client: SQSClient, queue_arn: str) -> str:
    """Return the URL of the queue that an ARN names. Raises `QueueError`."""
    account, name = queue_arn.split(":")[4:6]
    try:
        return answers.read(sqs_client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account), _Url).queue_url
    except (BotoCoreError, ClientError) as error:
        raise QueueError(f"GetQueueUrl of {queue_arn} failed: {error}") from error


def queue_arn(sqs_client: SQSClient, queue_url: str) -> str:
    """Return the ARN of a queue. Raises `QueueError`."""
    try:
        reply = sqs_client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        (arn,) = attributes(reply, ["QueueArn"])
    except (BotoCoreError, ClientError) as error:
        raise QueueError(f"GetQueueAttributes of {queue_url} failed: {error}") from error
    return arn


def check(config: MappingConfig) -> MappingConfig:
    """Return the configuration if it is within AWS's limits. Raises `SettingsError`, which lists all that is not."""
    bounds = {
        "batch_size": (config.batch_size, 1, BATCH_SIZE_MOST),
        "window_s": (config.window_s, 0, WINDOW_MOST_S),
        "timeout_s": (config.timeout_s, 1, TIMEOUT_MOST_S),
        "max_concurrency": (config.max_concurrency, 1, BATCH_SIZE_MOST),
    }
    faults = [
        f"{name} must be from {low} to {high}, not {value}"
        for name, (value, low, high) in bounds.items()
        if not low <= value <= high
    ]
    if config.batch_size > UNWINDOWED_BATCH_MOST and config.window_s == 0:
        faults.append(f"a batch_size of {config.batch_size} needs a window_s of at least 1, as on AWS")
    if faults:
        raise SettingsError("; ".join(faults))
    return config


def visibility_fault(visibility_s: int, timeout_s: int, window_s: int) -> str | None:
    """Return what is wrong with a queue's visibility timeout for such a mapping, or None.

    It must be at least 6 x the function's timeout + the window: else a message can come back while its batch is
    still being gathered or run.
    """
    needed_s = VISIBILITY_FACTOR * timeout_s + window_s
    if visibility_s >= needed_s:
        return None
    return (
        f"the queue's visibility timeout is {visibility_s} s and must be at least {needed_s} s "
        f"({VISIBILITY_FACTOR} x the function's timeout of {timeout_s} s + the window of {window_s} s)"
    )


def in_flight_fault(config: MappingConfig) -> str | None:
    """Return why fewer batches run at once than the mapping asks for, or None."""
    if config.concurrency == config.max_concurrency:
        return None
    return (
        f"a concurrency of {config.max_concurrency} with batches of {config.batch_size} could exceed the queue's limit "
        f"of {IN_FLIGHT_MOST} messages in flight; {config.concurrency} batches run at once"
    )
