"""JSON logs: of the functions on standard output, and of a worker's engine in the same format."""

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
    """Make every logger below ``windrow`` write JSON lines to standard output; return the ``windrow`` logger.

    Other libraries' loggers are not changed: at level DEBUG botocore would log authorization headers.
    """
    return Logger(service=SERVICE, level=level, **_form())


@contextmanager
def as_lines(stream: TextIO) -> Iterator[None]:
    """Write all logs within the block, also of libraries, to a stream in the format of the functions' logs."""
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
    """Return an entry as a line that is safe for a terminal: Powertools escapes only what JSON requires."""
    text = json.dumps(entry, default=str, separators=(",", ":"), ensure_ascii=False)
    return printable_json(text, ascii_only=not (sys.stdout.encoding or "").lower().startswith("utf"))
