"""What a person sees on a terminal, in a pseudo-terminal."""

from __future__ import annotations

from tests.unit.cli.terminal import screen, typed

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
