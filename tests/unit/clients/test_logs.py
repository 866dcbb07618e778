"""Logs as Lambda and operators see them: from a process of its own, since setting up logging changes the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime

import pytest

SET_UP = "import logging; from windrow.clients.logs import set_up; from windrow.ports import Credentials; "


def output_of(script: str, encoding: str = "utf-8") -> str:
    """Return what a script prints."""
    environ = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-c", SET_UP + script]
    done = subprocess.run(command, capture_output=True, encoding=encoding, env=environ, check=True)
    return done.stdout + done.stderr


def test_every_module_logs_one_json_object_a_line() -> None:
    """With what it adds as fields."""
    line = output_of(
        "set_up(); logging.getLogger('windrow.x').warning('failed', extra={'archive_key': 'k', 'kind': 'tls'})"
    )
    entry = json.loads(line)
    assert ("failed", "WARNING", "windrow", "k", "tls") == tuple(
        entry[name] for name in ("message", "level", "service", "archive_key", "kind")
    )
    assert datetime.fromisoformat(entry["timestamp"]).utcoffset() is not None


def test_other_libraries_stay_quiet_at_debug() -> None:
    """What botocore logs at that level holds authorization headers."""
    assert "" == output_of("set_up('DEBUG'); logging.getLogger('botocore.auth').debug('Credential=...')")


def test_credentials_do_not_show() -> None:
    """Even when they are logged by mistake, in every way there is."""
    shown = output_of(
        """
set_up('DEBUG')
held = Credentials('hunter' + '1', 'hunter' + '2', 'hunter' + '3')
try:
    raise ValueError(held)
except ValueError:
    logging.getLogger('windrow.x').exception('failed with %s', held, extra={'held': held, 'all': {'one': held}})
"""
    )
    assert ("***" in shown, "hunter1" in shown, "hunter2" in shown, "hunter3" in shown) == (True, False, False, False)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_keys_stay_harmless_where_logs_are_read(encoding: str) -> None:
    """A terminal that shows the line is not moved by it, whatever its encoding; its meaning is the same."""
    key = "Müller\x1b[2J\x9b6n\u202e\n😀\udcff"
    line = output_of(f"set_up(); logging.getLogger('windrow.x').warning('failed', extra={{'key': {key!r}}})", encoding)
    assert key == json.loads(line)["key"]
    assert line.removesuffix("\n").isprintable()
    assert ("Müller" in line) == (encoding == "utf-8")
