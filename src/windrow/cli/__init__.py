"""The command line. `main` is the entry point of ``windrow``; see `windrow.cli.root` for the table of commands."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; without the packages that it needs, say how to install them and exit 2."""
    try:
        from windrow.cli.root import run
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "typer"):
            raise
        sys.stderr.write(f"error: the command line needs {error.name}; install it with: pip install 'windrow[cli]'\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))
