"""Stand-ins for programs of other people's, in a PATH folder of a test's."""

from __future__ import annotations

import shutil
from pathlib import Path

SHELL = shutil.which("sh") or "/bin/sh"


def write_program(path: Path, body: str = "exit 0", *, interpreter: str = SHELL) -> Path:
    """Write a script that can be run; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{interpreter}\n{body}\n")
    path.chmod(0o755)
    return path
