"""What a person sees on a terminal, in a pseudo-terminal."""

from __future__ import annotations

import re

import pytest

from tests.unit.cli.terminal import screen, typed
from windrow.cli.root import run

DOCTOR = """
import time
import windrow.doctor
from windrow.cli.root import run
from windrow.doctor import Check

def checks(_environ):
    for number in range(3):
        time.sleep(0.15)
        yield Check(f"check {number}", "ok", "fine")

windrow.doctor.checks = checks
raise SystemExit(run(["doctor"]))
"""


def test_doctor_shows_each_result_on_a_line_of_its_own() -> None:
    """The spinner stays below the results, and is gone in the end."""
    code, written = typed(DOCTOR)

    assert "checking" in written
    assert (0, [*(f"✓ check {number}  fine" for number in range(3)), "fit to run"]) == (
        code,
        [line for line in screen(written) if line],
    )


COST = "from windrow.cli.root import run; raise SystemExit(run(['cost', '--items', '--compare']))"
HELP = "from windrow.cli.root import run; raise SystemExit(run(['audit', '--help']))"


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("script", [COST, HELP], ids=["tables", "help"])
def test_tables_and_help_fit_a_terminal(script: str, columns: int) -> None:
    """Texts reflow and cells wrap to the terminal's width: no line is broken by the terminal itself."""
    code, written = typed(script, columns=columns)

    assert 0 == code
    assert columns * 0.8 < max(map(len, screen(written))) <= columns


def test_help_on_a_terminal_is_the_help_of_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in brackets is lost, and no flag looks as if it took a value."""
    assert 0 == run(["package", "--help"])
    piped = capsys.readouterr().out
    code, written = typed(HELP.replace("audit", "package"))

    assert "[default:\n                                  dist/windrow-lambda-ARCH" in piped
    assert (0, piped.splitlines()) == (code, screen(written)[:-1])


def test_without_colours_on_a_terminal_there_are_none() -> None:
    """NO_COLOR is followed; what is bold may stay so."""
    coloured, plain = typed(DOCTOR)[1], typed(DOCTOR, NO_COLOR="1")[1]

    assert re.search(r"\x1b\[(?:[0-9]+;)*3[0-9]m", coloured)
    assert None is re.search(r"\x1b\[(?:[0-9]+;)*[39][0-9]m", plain)
