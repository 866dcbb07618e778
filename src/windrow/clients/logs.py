"""JSON logs on standard output."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools import Logger


@cache
def set_up(level: str = "INFO") -> Logger:
    """Have every logger below ``windrow`` write JSON lines to standard output; return the one at their head.

    Other libraries' loggers are left alone: at level DEBUG botocore would log authorization headers.
    """
    return Logger(service="windrow", level=level, utc=True, use_rfc3339=True)
