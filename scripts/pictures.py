"""Draw the README's pictures: ``python scripts/pictures.py``, after `make install` and `make minio`.

One is of the demo in a terminal, run for it; the other is the top of the report of the kept outage test, as Chromium
shows it (``chromium``, or the program that CHROMIUM names).
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
COLUMNS = 92
REPORT_SIZE = "1160,900"


def main() -> None:
    """Draw both."""
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "demo.svg").write_text(drawn("windrow demo", shown("demo")), encoding="utf-8")
    photograph(max((ROOT / "docs" / "reports").glob("*-outage.html")), PICTURES / "report.png")


def shown(*arguments: str) -> str:
    """Run a command whose results go to a terminal, and return them; progress is left out.

    Raises:
        SystemExit: it failed.
    """
    ours, theirs = pty.openpty()
    path = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"  # as in an active environment
    )
    environ = {**os.environ, "PATH": path, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    process = subprocess.Popen(
        [sys.executable, "-m", "windrow", *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env=environ
    )
    os.close(theirs)
    written = b"".join(iter(lambda: _read(ours), b""))
    if process.wait():
        raise SystemExit(f"windrow {' '.join(arguments)} ended with {process.returncode}")
    return written.decode().replace("\r\n", "\n")


def drawn(command: str, output: str) -> str:
    """Return an SVG of a terminal in which a command was typed, with nothing in it to be fetched."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text.from_ansi(output))
    svg = console.export_svg(title=command, theme=MONOKAI, unique_id="windrow")
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE).replace("Fira Code, monospace", "monospace")


def photograph(page: Path, picture: Path) -> None:
    """Save the top of a page as a picture."""
    with TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={profile}"]
        size = [f"--window-size={REPORT_SIZE}", f"--screenshot={picture}"]
        program = os.environ.get("CHROMIUM", "chromium")
        subprocess.run([program, *options, *size, page.as_uri()], check=True, capture_output=True)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux's sign that the other end is closed
        return b""


if __name__ == "__main__":
    main()
