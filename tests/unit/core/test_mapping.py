"""Checking the mapping's configuration, and what its state means."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.worker.fakes import QUEUE_ARN, QUEUE_URL
from windrow.core.errors import SettingsError
from windrow.core.mapping import FixedMapping, MappingConfig, check, in_flight_fault, polls, visibility_fault

CONFIG = MappingConfig(queue_url=QUEUE_URL, queue_arn=QUEUE_ARN)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Creating", None),
        ("Enabling", True),
        ("Enabled", True),
        ("Updating", None),
        ("Disabling", False),
        ("Disabled", False),
        ("Deleting", False),
    ],
)
def test_a_state_tells_whether_the_mapping_polls(state: str, expected: bool | None) -> None:
    """All of Lambda's."""
    assert expected is polls(state)


def test_a_server_without_a_mapping_is_always_enabled() -> None:
    """Unless its circuit breaker says otherwise."""
    assert FixedMapping(CONFIG).read().enabled


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 10_001, "window_s": 1}, "batch_size"),
        ({"window_s": -1}, "window_s"),
        ({"window_s": 301}, "window_s"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": 901}, "timeout_s"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"batch_size": 11, "window_s": 0}, "window_s of at least 1"),
    ],
)
def test_limits_of_aws_hold(changes: dict[str, int], named: str) -> None:
    """What AWS would refuse is refused, by name."""
    with pytest.raises(SettingsError, match=named):
        FixedMapping(msgspec.structs.replace(CONFIG, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 10_000, "window_s": 1},
        {"batch_size": 10, "window_s": 0},
        {"window_s": 300},
        {"timeout_s": 900},
        {"max_concurrency": 1},
        {"max_concurrency": 10_000},
    ],
)
def test_the_limits_themselves_are_allowed(changes: dict[str, int]) -> None:
    """As AWS allows them."""
    config = msgspec.structs.replace(CONFIG, **changes)
    assert config == check(config)


def test_all_faults_are_listed() -> None:
    """Two wrong values are named at once."""
    with pytest.raises(SettingsError, match=r"batch_size.*timeout_s"):
        check(msgspec.structs.replace(CONFIG, batch_size=0, timeout_s=0))


def test_visibility_timeout_covers_six_runs_and_the_window() -> None:
    """The check passes at 6 x timeout + window and names both numbers one second below."""
    assert None is visibility_fault(780, timeout_s=120, window_s=60)
    fault = visibility_fault(779, timeout_s=120, window_s=60)

    assert fault is not None
    assert "779 s" in fault
    assert "780 s" in fault


def test_in_flight_limit_bounds_the_concurrency() -> None:
    """Concurrency x batch size stays within 120,000 messages in flight."""
    within = msgspec.structs.replace(CONFIG, batch_size=10_000, window_s=1, max_concurrency=12)
    beyond = msgspec.structs.replace(within, max_concurrency=13)

    assert (12, None) == (within.concurrency, in_flight_fault(within))
    assert 12 == beyond.concurrency
    assert "120000" in str(in_flight_fault(beyond))
