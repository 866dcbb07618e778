from __future__ import annotations

from pathlib import Path

import pytest

from windrow.cli.deploy import parse_bake, parse_names, parse_steps, standing
from windrow.cli.root import run
from windrow.core.errors import WrongUse
from windrow.core.version_comparison import RolloutReading
from windrow.operations.deployment import Progress


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("30s", 30), ("5m", 300), ("1.5h", 5400), ("0", 0)])
def test_durations_are_read(text: str, expected: float) -> None:
    """Seconds, minutes and hours are understood; a bare number is seconds."""
    assert expected == parse_bake(text)


@pytest.mark.parametrize("text", ["", "m", "-5m", "five", "1m30s"])
def test_other_durations_are_wrong_use(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(WrongUse, match="write 90s, 5m"):
        parse_bake(text)


def test_a_version_is_watched_for_a_day_at_most() -> None:
    """As the longest run of the command."""
    assert 86_400 == parse_bake("1d")
    with pytest.raises(WrongUse, match="a day at most, not 25h"):
        parse_bake("25h")


def test_steps_are_read() -> None:
    """Percentages come in a list."""
    assert [10, 50, 100] == parse_steps("10, 50,100")


@pytest.mark.parametrize("text", ["", "10", "a,b", "50,10,100"])
def test_other_steps_are_wrong_use(text: str) -> None:
    """Anything that does not rise to 100 is refused."""
    with pytest.raises(WrongUse, match="must rise to 100"):
        parse_steps(text)


def test_names_come_in_lists() -> None:
    """Separated by commas, in one option or several."""
    assert ["a", "b", "c"] == parse_names(["a, b", "c"], "--alarm")
    assert [] == parse_names(None, "--alarm")


@pytest.mark.parametrize(("left_s", "shown"), [(300, "5:00"), (59.2, "1:00"), (4.1, "0:05"), (0, "0:00")])
def test_progress_is_one_line(left_s: float, shown: str) -> None:
    """With the share, the time left, and the runs and errors so far."""
    expected = f"version 8 at 10 %, {shown} left: 1,234 invocations, 0 errors"
    assert expected == standing(Progress("8", 10, left_s, RolloutReading(1_234, 0)))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--rollback", "--zip", "x.zip"],
        ["--zip", "x.zip", "--to", "3"],
        ["--zip", "absent.zip"],
        ["--zip", "x.zip", "--bake", "soon"],
        ["--zip", "x.zip", "--alarm", "a,,b"],
        ["--zip", "x.zip", "--alarm-prefix", ""],
    ],
)
def test_wrong_use_is_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be meant, and a zip that is not there, is refused before anything is asked of AWS."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.zip").touch()
    assert 2 == run(["deploy", "--function", "windrow", *arguments])
