"""What all commands share for output: consoles, JSON, errors and exit codes."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec
from rich.console import Console

from windrow.core.errors import SettingsError, WindrowError

PROBLEM = 1
WRONG_USE = 2

out = Console(highlight=False)
"""For results."""
err = Console(stderr=True, highlight=False)
"""For progress and errors."""

T = TypeVar("T")

_UNITS = ("B", "kB", "MB", "GB", "TB")
_EXTRAS = {"local": ("ministack", "psutil")}


class WrongUse(WindrowError):
    """What the user asked for can't be done; the message says what to do instead."""


def exit_code(error: WindrowError) -> int:
    """Return the exit code for an error: 2 for wrong use or settings, 1 for a problem found."""
    return WRONG_USE if isinstance(error, SettingsError | WrongUse) else PROBLEM


def print_json(report: object) -> None:
    """Print one JSON object on standard output, and nothing else there."""
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    sys.stdout.flush()


def heard_or_not(show: Callable[[T], object]) -> Callable[[T], None]:
    """Return ``show`` for what must go on when nobody can read it any more: it never fails.

    A terminal hangs up; ``tee`` ends with the Ctrl-C that the command is still to act on.
    """

    def shown(what: T) -> None:
        # For a broken pipe rich raises SystemExit.
        with contextlib.suppress(OSError, SystemExit):
            show(what)

    return shown


def let_go_of_output() -> None:
    """Send what is left in the buffer of standard output nowhere: at the end of the process it would fail once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_error(error: WindrowError, *, as_json: bool) -> None:
    """Print what went wrong: on standard error, or for machines as the JSON object that they wait for."""
    if as_json:
        print_json({"ok": False, "error": str(error)})
    else:
        err.print(f"error: {error}", style="red", markup=False, soft_wrap=True)


def require_extra(extra: str) -> None:
    """Check that the packages of an optional extra are there.

    Raises:
        WrongUse: it names the first one missing and the command that installs them.
    """
    for package in _EXTRAS[extra]:
        if importlib.util.find_spec(package) is None:
            raise WrongUse(f"this command needs {package}; install it with: pip install 'windrow[cli,{extra}]'")


def human_bytes(count: float) -> str:
    """Return a number of bytes as a person reads it: up to three digits and a decimal unit."""
    value, unit = count, 0
    while unit < len(_UNITS) - 1 and round(value, 0 if unit == 0 else 1) >= 1000:  # noqa: PLR2004
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or round(value, 1) >= 100 else 1  # noqa: PLR2004
    return f"{value:.{digits}f} {_UNITS[unit]}"
