"""JSON logs: of the functions on standard output, and of a worker's engine in the same form."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TextIO

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from windrow.core.printable import printable_json

SERVICE = "windrow"


@cache
def set_up(level: str = "INFO") -> Logger:
    """Have every logger below ``windrow`` write JSON lines to standard output; return the one at their head.

    Other libraries' loggers are left alone: at level DEBUG botocore would log authorization headers.
    """
    return Logger(service=SERVICE, level=level, **_form())


@contextmanager
def as_lines(stream: TextIO) -> Iterator[None]:
    """Have whatever is logged meanwhile, by libraries too, written to a stream in the form of the functions' logs."""
    formatter = LambdaPowertoolsFormatter(**_form())
    formatter.append_keys(service=SERVICE)
    lines = logging.StreamHandler(stream)
    lines.setFormatter(formatter)
    root = logging.getLogger()
    before, root.handlers = root.handlers, [lines]
    try:
        yield
    finally:
        root.handlers = before


def _form() -> dict[str, Any]:
    return {"utc": True, "use_rfc3339": True, "json_serializer": _serialize}


def _serialize(entry: Mapping[str, Any]) -> str:
    """Return an entry as a line that a terminal can show: Powertools' own leaves what JSON need not escape."""
    text = json.dumps(entry, default=str, separators=(",", ":"), ensure_ascii=False)
    return printable_json(text, ascii_only=not (sys.stdout.encoding or "").lower().startswith("utf"))
