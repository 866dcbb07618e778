"""How the log of workers looks on a terminal."""

from __future__ import annotations

import json

import pytest

from windrow.cli import logged

ENTRY = {
    "level": "INFO",
    "location": "settle:72",
    "message": "batch settled",
    "timestamp": "2026-11-29T04:23:37.970+00:00",
    "service": "windrow",
    "messages": 31,
    "kept": 0,
    "causes": {},
    "archive_key": "a.tar.gz",
    "ignored": {"s3:TestEvent": 1},
}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            json.dumps(ENTRY),
            '04:23:37 INFO     batch settled, messages=31, kept=0, archive_key=a.tar.gz, ignored={"s3:TestEvent": 1}\n',
        ),
        (
            json.dumps({**ENTRY, "message": "key \x1b[31m", "messages": "", "ignored": "\u202e"}),
            "04:23:37 INFO     key \\x1b[31m, kept=0, archive_key=a.tar.gz, ignored=\\u202e\n",
        ),
        (
            json.dumps({"level": "ERROR", "message": "it raised", "timestamp": "odd", "exception": "Trace\n  line 1"}),
            " ERROR    it raised\n  Trace\n    line 1\n",
        ),
        ("not JSON", "not JSON\n"),
        ("[1]", "[1]\n"),
        ('{"level": "INFO"}', '{"level": "INFO"}\n'),
        ('{"level": null, "message": null, "timestamp": null}', " None     None\n"),
    ],
)
def test_a_line_is_shown_for_people(line: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level and message, then what else has a value; a line of another form as it is."""
    logged.show(line)
    assert shown == capsys.readouterr().err
