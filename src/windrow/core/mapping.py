"""The event source mapping: its configuration, AWS's limits for it, and what its states mean."""

from __future__ import annotations

import msgspec

from windrow.core.errors import SettingsError
from windrow.core.sqs import IN_FLIGHT_MOST

BATCH_SIZE_MOST = 10_000
WINDOW_MOST_S = 300
TIMEOUT_MOST_S = 900
UNWINDOWED_BATCH_MOST = 10
"""The limits of https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html; a batch over 10
messages needs a window of at least 1 s."""

CONCURRENCY_MOST = 10_000
"""Batches at once that a configuration may ask for: more than any account has."""

VISIBILITY_FACTOR = 6
"""AWS's rule for a queue that feeds Lambda: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""


_POLLING = frozenset({"Enabled", "Enabling"})
_CHANGING = frozenset({"Creating", "Updating"})


def polls(state: str) -> bool | None:
    """Return whether a mapping in this state polls or is about to; None while a change hides it.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
    """
    return None if state in _CHANGING else state in _POLLING


class MappingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The queue, how its messages are batched, and the limits of the function.

    ``batch_size`` counts messages, ``window_s`` counts from a batch's first message. ``partial_responses`` is
    ``ReportBatchItemFailures``. ``memory_mb`` is passed to the function in its context and not enforced.
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
        """The function's name, from its ARN."""
        return self.function_arn.split(":")[6]

    @property
    def concurrency(self) -> int:
        """Batches gathered or running at once: ``max_concurrency``, less where the in-flight limit asks for it."""
        return max(1, min(self.max_concurrency, IN_FLIGHT_MOST // self.batch_size))


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """Values from the command line that replace the mapping's own; None leaves the mapping's.

    Without ``max_concurrency``, the mapping's own applies, but no more than ``processes_most``: it was set for Lambda,
    which has more processors than this machine.
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


class FixedMapping:
    """A configuration that never changes, for a server without a mapping. Implements `windrow.ports.ConfigSource`."""

    def __init__(self, config: MappingConfig) -> None:
        self._config = check(config)

    def read(self) -> MappingConfig:
        """Return the configuration."""
        return self._config


def check(config: MappingConfig) -> MappingConfig:
    """Return the configuration if it is within AWS's limits. Raises `SettingsError`, which lists every violation."""
    bounds = {
        "batch_size": (config.batch_size, 1, BATCH_SIZE_MOST),
        "window_s": (config.window_s, 0, WINDOW_MOST_S),
        "timeout_s": (config.timeout_s, 1, TIMEOUT_MOST_S),
        "max_concurrency": (config.max_concurrency, 1, CONCURRENCY_MOST),
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
