"""The steps at which the campaign kills are all there are."""

from __future__ import annotations

import inspect

import pytest

from bench.faults.handler import STEPS
from windrow import ports

NO_STEP = {"metrics": {"count", "latency"}, "ledger": {"overrule"}}
"""What only adds up in memory, and what only an operator's command does."""
PORTS = {
    "landing": ports.Landing,
    "ledger": ports.Ledger,
    "destination": ports.MultipartDestination,
    "queue": ports.Queue,
    "metrics": ports.Metrics,
}


@pytest.mark.parametrize("name", PORTS)
def test_every_operation_of_a_port_is_a_step(name: str) -> None:
    """But for those that are none of a batch."""
    operations = {operation for operation, _ in inspect.getmembers(PORTS[name], inspect.isfunction)}

    assert {each for each in operations if not each.startswith("_")} == set(STEPS[name]) | NO_STEP.get(name, set())
