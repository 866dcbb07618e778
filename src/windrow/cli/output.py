"""What all commands share for output: consoles, JSON, errors and exit codes."""

from __future__ import annotations

import codecs
import contextlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TypeVar

import msgspec
from rich.table import Table

from windrow.cli.screen import Screen
from windrow.cli.streams import raising_if_lost
from windrow.core.errors import LocalStackError, OutputLost, PackageError, SettingsError, WindrowError, WrongUse
from windrow.core.printable import printable, printable_json

PROBLEM = 1
WRONG_USE = 2
INTERRUPTED = 130

out = Screen()
"""For results."""
err = Screen(stderr=True)
"""For progress and errors."""

T = TypeVar("T")

_UNITS = ("B", "kB", "MB", "GB", "TB")
_EXTRAS = {"local": ("hypercorn", "ministack", "psutil")}
_QUOTING = (LocalStackError, PackageError)
"""Errors whose message quotes, line by line, what a program wrote."""


def exit_code(error: WindrowError) -> int:
    """Return the exit code for an error: 2 for wrong use or settings, 1 for a problem found."""
    return WRONG_USE if isinstance(error, SettingsError | WrongUse) else PROBLEM


def print_json(report: object) -> None:
    """Print one JSON object on standard output, and nothing else there."""
    try:
        text = msgspec.json.encode(report).decode()
    except UnicodeEncodeError:
        # A lone surrogate, as in a file name that is not UTF-8: JSON can express it, msgspec refuses it.
        text = json.dumps(msgspec.to_builtins(report), separators=(",", ":"))
    sys.stdout.write(printable_json(text, ascii_only=not out.encoding.startswith("utf")) + "\n")
    sys.stdout.flush()


def write_bytes(pieces: Iterable[bytes]) -> None:
    """Write a file's bytes to standard output unchanged; on a terminal as text, with control characters escaped."""
    if not out.is_terminal:
        for piece in pieces:
            with raising_if_lost():
                sys.stdout.buffer.write(piece)
        with raising_if_lost():
            sys.stdout.buffer.flush()
        return
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for text in chain(map(decoder.decode, pieces), (decoder.decode(b"", final=True) for _ in range(1))):
        parts = re.split("([\n\t])", text)
        sys.stdout.write("".join(part if part in "\n\t" else printable(part, out.encoding) for part in parts))
    sys.stdout.flush()


class Count(msgspec.Struct, frozen=True):
    """A line of a report: a name, its count and what it means; ``bad`` if there should be none."""

    name: str
    count: int
    meaning: str
    bad: bool = False


def print_counts(title: str, counts: Iterable[Count]) -> None:
    """Print a report's counts under its title."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for each in counts:
        style = "bold red" if each.bad and each.count else ""
        table.add_row(each.name, f"{each.count:,}", out.text(each.meaning, style=style or "dim"), style=style)
    out.print(title, style="bold", soft_wrap=True)
    out.print(table)


def print_verdict(text: str, *, good: bool) -> None:
    """Print how a trial ended, set apart from what follows."""
    sign, style = (out.sign("✓ ", ""), "bold green") if good else (out.sign("✗ ", ""), "bold red")
    out.print(sign + text, style=style)
    out.print()


def ignoring_broken_pipe(show: Callable[[T], object]) -> Callable[[T], None]:
    """Return ``show`` so that it never fails, for work that must go on when nobody can read the output any more.

    The terminal may be closed, or ``tee`` may end at the Ctrl-C to which the command still has to react.
    """

    def shown(what: T) -> None:
        # For a broken pipe rich raises SystemExit.
        with contextlib.suppress(OSError, OutputLost, SystemExit):
            show(what)

    return shown


def print_error(error: WindrowError, *, as_json: bool) -> None:
    """Print an error: as the JSON object that a program expects, or on standard error."""
    if as_json:
        with contextlib.suppress(OutputLost):
            print_json({"ok": False, "error": str(error)})
            return
    text = str(error)
    first, *quoted = text.splitlines() if isinstance(error, _QUOTING) else [text]
    err.print(f"error: {first}", style="red", soft_wrap=True)
    for line in quoted:
        err.print(f"  {line.strip()}", style="red", soft_wrap=True)


def require_extra(extra: str) -> None:
    """Check that the packages of an optional extra are installed.

    Raises:
        WrongUse: one is missing; the message has the command that installs them.
    """
    for package in _EXTRAS[extra]:
        if importlib.util.find_spec(package) is None:
            raise WrongUse(how_to_get(package))


def how_to_get(package: str) -> str:
    """Return how to install a missing package of an optional extra; empty for any other package."""
    extra = next((extra for extra, packages in _EXTRAS.items() if package in packages), None)
    return f"this command needs {package}; install it with: pip install 'windrow[cli,{extra}]'" if extra else ""


def human_bytes(count: float) -> str:
    """Return a number of bytes for people: up to three digits and a decimal unit."""
    value, unit = count, 0
    while unit < len(_UNITS) - 1 and round(value, 0 if unit == 0 else 1) >= 1000:  # noqa: PLR2004
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or round(value, 1) >= 100 else 1  # noqa: PLR2004
    return f"{value:.{digits}f} {_UNITS[unit]}"
