"""Shows JSON log lines to people."""

from __future__ import annotations

import json

from windrow.cli.output import err
from windrow.cli.screen import log_prefix

_LEFT_OUT = frozenset(
    {"exception", "exception_name", "level", "location", "message", "service", "stack_trace", "timestamp"}
)


def show(line: str) -> None:
    """Print a line of the functions' log on a terminal as ``04:23:37 INFO     archive delivered, files=30``.

    Times are UTC. Empty fields are left out, a traceback follows indented, and any other line stays as it is.
    """
    entry = _entry(line)
    if entry is None:
        err.print(line, soft_wrap=True)
        return
    fields = [
        f"{key}={_text(value)}"
        for key, value in entry.items()
        if key not in _LEFT_OUT and value not in ("", [], {}, None)
    ]
    prefix = log_prefix(f"{entry['timestamp']}"[11:19], f"{entry['level']}")
    err.print_log(", ".join([str(entry["message"]), *fields]), str(entry.get("exception", "")), prefix=prefix)


def _entry(line: str) -> dict[str, object] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and {"level", "message", "timestamp"} <= entry.keys() else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
