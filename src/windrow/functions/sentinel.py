"""Lambda entry point of the sentinel, run each minute by EventBridge Scheduler."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from windrow import bootstrap, settings
from windrow.clients import logs
from windrow.operations.sentinel import Sentinel

NEEDS = (
    "ledger_table",
    "destination_endpoint",
    "destination_bucket",
    "destination_secret_id",
    "event_source_mapping_id",
)


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Probe the destination and switch the mapping if necessary; return the circuit's state.

    Raises:
        SettingsError, LedgerError, MappingError: Lambda counts the error, and the next run tries again.
    """
    logs.set_up()
    circuit = _sentinel().run()
    return {"mode": circuit.mode.value, "opened": circuit.opened, "failures": circuit.failures, "fault": circuit.fault}


@cache
def _sentinel() -> Sentinel:
    return bootstrap.sentinel(settings.load(os.environ, needs=NEEDS))
