"""Reading the mapping."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL, aws_error
from windrow.clients.awslambda.mapping import LambdaMapping
from windrow.clients.sqs.source_queue import queue_url
from windrow.core.errors import MappingError, MappingGone, QueueError
from windrow.core.mapping import MappingConfig, Overrides

FUNCTION_ARN = "arn:aws:lambda:eu-west-2:000000000000:function:windrow-aggregator:live"
CONFIG = MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN)


class _NotFound(Exception):
    pass


class FakeLambda:
    """Answers with a mapping and its function."""

    exceptions = SimpleNamespace(ResourceNotFoundException=_NotFound)

    def __init__(self) -> None:
        self.mapping: dict[str, Any] = {
            "UUID": "uuid-1",
            "EventSourceArn": QUEUE_ARN,
            "FunctionArn": FUNCTION_ARN,
            "BatchSize": 5000,
            "MaximumBatchingWindowInSeconds": 60,
            "ScalingConfig": {"MaximumConcurrency": 12},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "State": "Enabled",
        }
        self.error: Exception | None = None

    def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:  # noqa: N803
        """Return the mapping."""
        if self.error:
            raise self.error
        assert "uuid-1" == UUID
        return self.mapping

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        """Return the function's limits."""
        assert FUNCTION_ARN == FunctionName
        return {"Timeout": 120, "MemorySize": 2048}


class FakeSqs:
    """Answers with the queue's URL, and counts."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def get_queue_url(self, **request: str) -> dict[str, str]:
        """Return the URL."""
        self.asked.append(request)
        return {"QueueUrl": QUEUE_URL}


def _read(functions: FakeLambda, overrides: Overrides | None = None) -> MappingConfig:
    return LambdaMapping(functions, FakeSqs(), "uuid-1", overrides).read()  # type: ignore[arg-type]


def test_reads_the_mapping_and_its_function() -> None:
    """Everything comes from the mapping, its function, and the queue that its ARN names."""
    expected = MappingConfig(
        queue_url=QUEUE_URL,
        queue_arn=QUEUE_ARN,
        batch_size=5000,
        window_s=60,
        max_concurrency=12,
        timeout_s=120,
        memory_mb=2048,
        function_arn=FUNCTION_ARN,
    )

    config = _read(FakeLambda(), Overrides(processes_most=64))

    assert expected == config
    assert "windrow-aggregator" == config.function_name


def test_queue_url_is_asked_for_once() -> None:
    """The URL is resolved by name and account, and remembered."""
    sqs = FakeSqs()
    source = LambdaMapping(FakeLambda(), sqs, "uuid-1")  # type: ignore[arg-type]
    source.read()
    source.read()

    assert [{"QueueName": "uploads", "QueueOwnerAWSAccountId": "000000000000"}] == sqs.asked


def test_partial_responses_must_be_asked_for() -> None:
    """Without ReportBatchItemFailures the response is not looked at."""
    functions = FakeLambda()
    functions.mapping["FunctionResponseTypes"] = []

    assert not _read(functions).partial_responses


@pytest.mark.parametrize(
    ("states", "enabled"),
    [
        (["Enabled"], True),
        (["Enabling"], True),
        (["Disabled"], False),
        (["Disabling"], False),
        (["Enabled", "Updating"], True),
        (["Disabled", "Updating"], False),
        (["Creating"], False),
        (["Enabled", "Deleting"], False),
    ],
)
def test_enabled_follows_the_state(states: list[str], enabled: bool) -> None:
    """A mapping that is being updated polls as it did before."""
    functions = FakeLambda()
    source = LambdaMapping(functions, FakeSqs(), "uuid-1")  # type: ignore[arg-type]
    read = []
    for state in states:
        functions.mapping["State"] = state
        read.append(source.read().enabled)

    assert enabled == read[-1]


def test_concurrency_is_bounded_by_the_machine_unless_given() -> None:
    """A mapping's concurrency is meant for Lambda; here it is one process a processor, or what an option says."""
    assert 2 == _read(FakeLambda(), Overrides(processes_most=2)).max_concurrency
    assert 30 == _read(FakeLambda(), Overrides(max_concurrency=30, processes_most=2)).max_concurrency


def test_options_override_the_mapping() -> None:
    """Each option that is given replaces the mapping's value."""
    config = _read(FakeLambda(), Overrides(batch_size=7, window_s=0, timeout_s=9))

    assert (7, 0, 9) == (config.batch_size, config.window_s, config.timeout_s)


def test_mapping_that_is_gone() -> None:
    """A deleted mapping is told apart from one that cannot be read now."""
    functions = FakeLambda()
    functions.error = _NotFound("gone")
    with pytest.raises(MappingGone, match="uuid-1"):
        _read(functions)
    functions.error = aws_error("ServiceException")
    with pytest.raises(MappingError, match="uuid-1") as caught:
        _read(functions)

    assert not isinstance(caught.value, MappingGone)


def test_queue_that_is_gone() -> None:
    """A queue that cannot be resolved is named in the error."""

    class Gone:
        def get_queue_url(self, **_: str) -> dict[str, str]:
            raise aws_error("QueueDoesNotExist")

    with pytest.raises(QueueError, match="uploads"):
        queue_url(Gone(), QUEUE_ARN)  # type: ignore[arg-type]
