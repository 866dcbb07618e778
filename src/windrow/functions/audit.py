"""Lambda entry point of the daily audit, run by EventBridge Scheduler."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from windrow import bootstrap, settings
from windrow.clients import logs
from windrow.operations.audit.daily import DailyAudit, summary


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Audit what is new and return a summary; findings are in the metrics and in the statement.

    Raises:
        SettingsError, InventoryError, LandingError, DestinationError, LedgerError: Lambda counts the error, and the
            next run starts at the end of the last statement.
    """
    log = logs.set_up()
    result = summary(_daily().run())
    log.info("daily audit ended", extra=result)
    return result


@cache
def _daily() -> DailyAudit:
    return bootstrap.daily_audit(settings.load(os.environ, needs=settings.AUDIT))
