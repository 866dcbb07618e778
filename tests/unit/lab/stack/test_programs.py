"""Programs count only if they work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.programs import write_program
from windrow.lab.stack.programs import answer, find_program, tools_cache


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have nothing but two folders on PATH; return the one that holds them."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_first_that_works_is_found(path: Path) -> None:
    """One that fails, one that can't be executed, and one that is a folder are passed over."""
    good = write_program(path / "second/broken", '[ "$1" = --version ]')
    write_program(path / "first/broken", "exit 1")
    write_program(path / "second/other-machine", "exit 0", interpreter="/no/such/interpreter")
    (path / "first/folder").mkdir()
    assert good == find_program("broken")
    assert [None] * 3 == [find_program(name) for name in ("other-machine", "folder", "absent")]


def test_path_comes_before_the_cache(path: Path) -> None:
    """What was built into the cache is used where PATH has none that works."""
    built = write_program(tools_cache() / "bin/tool", '[ "$*" = "-version now" ]')
    write_program(path / "first/tool", "exit 1")
    assert built == find_program("tool", "-version", "now")
    on_path = write_program(path / "second/tool")
    assert on_path == find_program("tool", "-version", "now")


def test_cache_is_in_the_home_unless_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG base directory specification says, an empty variable too."""
    monkeypatch.setenv("HOME", str(path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert path / "home/.cache/windrow" == tools_cache()


def test_answer_is_all_that_was_printed(path: Path) -> None:
    """Both streams, as Java tells its version on standard error; bytes that are no text do not matter."""
    speaker = write_program(path / "first/speaker", r"printf 'out \377 '; printf err >&2")
    assert "out \ufffd err" == answer(str(speaker))


def test_no_answer_is_none(path: Path) -> None:
    """A failure, a program that is not there, and one that hangs."""
    failing = write_program(path / "first/failing", "echo text; exit 3")
    hanging = write_program(path / "first/hanging", "import time; time.sleep(600)", interpreter=sys.executable)
    assert [None] * 3 == [answer(str(failing)), answer(str(path / "none")), answer(str(hanging), limit_s=0.2)]
