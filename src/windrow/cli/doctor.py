"""``windrow doctor``: find out what is wrong before files do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from windrow.cli.output import PROBLEM, err, out, print_json

if TYPE_CHECKING:
    from windrow.doctor import Check

_SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Check settings, AWS, TLS and what the destination can do.

    Changes nothing but a small object at the destination, which it deletes again. Exits with 1 if a check fails.
    """
    from windrow.doctor import checks, failed

    found: list[Check] = []
    with err.status("checking", spinner="dots"):
        for check in checks(os.environ):
            found.append(check)
            if not as_json:
                _print(check)
    if as_json:
        print_json({"ok": not failed(found), "checks": found})
    else:
        _conclude(found)
    if failed(found):
        raise typer.Exit(PROBLEM)


def _print(check: Check) -> None:
    sign, style = _SIGNS[check.state]
    out.print(Text.assemble((f"{sign} ", style), (f"{check.name}  ", "bold"), check.detail), soft_wrap=True)
    if check.advice:
        out.print(Text(f"    {check.advice}", style="dim"), soft_wrap=True)


def _conclude(found: list[Check]) -> None:
    failures = sum(check.state == "fail" for check in found)
    warnings = sum(check.state == "warn" for check in found)
    if failures:
        out.print(f"[red]{failures} of {len(found)} checks failed[/]")
    else:
        out.print(
            "[green]fit to run[/]" + (f", {warnings} of {len(found)} checks have something to say" if warnings else "")
        )
