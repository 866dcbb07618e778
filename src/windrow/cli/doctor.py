"""``windrow doctor``: find faults of the setup before they delay files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from windrow.cli.output import PROBLEM, err, out, print_json
from windrow.core.words import counted

if TYPE_CHECKING:
    from windrow.doctor import Check

_SIGNS = {"ok": ("✓", "+", "green"), "warn": ("!", "!", "yellow"), "fail": ("✗", "x", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Check settings, AWS, TLS and what the destination can do.

    Changes nothing but objects of its own at the destination, one of them as large as an archive may be, which it
    deletes again. Exits with 1 if a check fails.
    """
    from windrow.doctor import checks, failed

    found: list[Check] = []
    # On the same screen as the results if both go to the terminal: two screens would overwrite each other.
    with (out if out.is_terminal and not as_json else err).status("checking"):
        for check in checks(os.environ):
            if not as_json:
                _print(check, advised=found[-1].advice if found else "")
            found.append(check)
    if as_json:
        print_json({"ok": not failed(found), "checks": found})
    else:
        _conclude(found)
    if failed(found):
        raise typer.Exit(PROBLEM)


def _print(check: Check, *, advised: str) -> None:
    """Print a check, and its advice unless the check before had the same."""
    sign, plain, style = _SIGNS[check.state]
    line = out.text((f"{out.sign(sign, plain)} ", style), (f"{check.name}  ", "bold"), check.detail)
    out.print(line, soft_wrap=True)
    if check.advice and check.advice != advised:
        out.print(f"    {check.advice}", style="dim", soft_wrap=True)


def _conclude(found: list[Check]) -> None:
    failures = sum(check.state == "fail" for check in found)
    warnings = sum(check.state == "warn" for check in found)
    if failures:
        out.print(f"{failures} of {len(found)} checks failed", style="red")
    else:
        more = f", with {counted(warnings, 'warning')} in {len(found)} checks" if warnings else ""
        out.print(out.text(("fit to run", "green"), more))
