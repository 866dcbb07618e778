"""JSON logs on standard output."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from windrow.core.printable import printable_json


@cache
def set_up(level: str = "INFO") -> Logger:
    """Have every logger below ``windrow`` write JSON lines to standard output; return the one at their head.

    Other libraries' loggers are left alone: at level DEBUG botocore would log authorization headers.
    """
    return Logger(service="windrow", level=level, utc=True, use_rfc3339=True, json_serializer=_serialize)


def _serialize(entry: dict[str, Any]) -> str:
    """Return an entry as a line that a terminal can show: Powertools' own leaves what JSON need not escape."""
    text = json.dumps(entry, default=str, separators=(",", ":"), ensure_ascii=False)
    return printable_json(text, ascii_only=not (sys.stdout.encoding or "").lower().startswith("utf"))
