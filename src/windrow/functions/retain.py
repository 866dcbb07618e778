"""Lambda entry point of the retention sweep, run each hour by EventBridge Scheduler."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec

from windrow import bootstrap, settings
from windrow.clients import logs
from windrow.operations.retention import Sweeper
from windrow.ports import Context
from windrow.settings import Settings

NEEDS = (
    "landing_buckets",
    "copies_bucket",
    "ledger_table",
    "destination_endpoint",
    "destination_bucket",
    "destination_secret_id",
)


def handler(_event: object, context: Context) -> dict[str, Any]:
    """Sweep; return the report. Archives and files that failed are in it and in the metrics.

    Raises:
        SettingsError, DestinationError, CopyError: Lambda counts the error, and the next run tries again.
    """
    log = logs.set_up()
    config = _config()
    report = _sweeper().sweep(
        hot=timedelta(days=config.retention_hot_days), remaining_s=context.get_remaining_time_in_millis() / 1000
    )
    for finding in report.examples:
        log.error("left by the retention sweep", extra={"what": finding.what, "error": finding.detail})
    result: dict[str, Any] = msgspec.to_builtins(report)
    log.info("retention sweep ended", extra={name: result[name] for name in result if name != "examples"})
    return result


@cache
def _config() -> Settings:
    return settings.load(os.environ, needs=NEEDS)


@cache
def _sweeper() -> Sweeper:
    config = _config()
    return bootstrap.sweeper(config, bootstrap.metrics(config))
