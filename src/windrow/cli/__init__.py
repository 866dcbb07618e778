"""The command line. `main` is the entry point of ``windrow``; see `windrow.cli.root` for the table of commands."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line; without the packages that it needs, say how to install them and exit 2.

    Ctrl-C ends it at once while there is nothing to clean up yet: importing takes half a second, and an import that is
    interrupted may print anything.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell may ignore it
        signal.signal(signal.SIGINT, _end)
    try:
        from windrow.cli.root import run
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "typer"):
            raise
        sys.stderr.write(f"error: the command line needs {error.name}; install it with: pip install 'windrow[cli]'\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)
