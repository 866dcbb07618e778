"""What the runbook says to type."""

from __future__ import annotations

import re
from pathlib import Path

RUNBOOK = Path(__file__).resolve().parents[1] / "docs/operations.md"
MENTION_WORDS = 2
MENTIONED = {"windrow archive verify"}
PROGRAMS = ("windrow", "aws", "mc", "terraform", "openssl", "eval", "nc", "curl", "systemctl", "iostat")


def commands() -> list[str]:
    """Return the commands in blocks and between backticks, each once, in the page's order.

    A program's name with one word more, between backticks, is mentioned rather than to be typed.
    """
    text = RUNBOOK.read_text().replace("\\\n", "")
    found = re.finditer(r"^ *```console\n(.*?)^ *```|`([^`]+)`", text, re.MULTILINE | re.DOTALL)
    lines = [
        " ".join(line.split())
        for match in found
        for line in (match[1] or match[2]).splitlines()
        if match[1] or len(line.split()) > MENTION_WORDS
    ]
    return list(dict.fromkeys(line for line in lines if line.split(" ")[0] in PROGRAMS and line not in MENTIONED))
