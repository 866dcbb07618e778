from __future__ import annotations

import json
import re
import subprocess
import sys
from types import ModuleType
from typing import Annotated

import pytest
import typer

from windrow import __version__
from windrow.cli import main, output
from windrow.cli.root import COMMANDS, Entry, load, run
from windrow.core.errors import LedgerError, SettingsError, WrongUse

HEAVY = ("boto3", "deflate", "minio", "ministack", "obstore", "psutil", "windrow.bootstrap")
"""Packages that a help page has no use for, and that cost more than the page."""


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Add a sub-command ``fail`` that raises the last error of the list returned."""
    errors: list[Exception] = []

    def fail(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        raise errors[-1]

    module = ModuleType("failing")
    module.fail = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "failing", module)
    monkeypatch.setitem(COMMANDS, "fail", Entry("failing", "fail", "Fail."))
    return errors


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """``windrow --version`` prints the version and exits with 0."""
    assert 0 == run(["--version"])
    assert f"windrow {__version__}\n" == capsys.readouterr().out


def test_the_package_runs_as_a_module() -> None:
    """``python -m windrow`` is the command, where its script is not on PATH."""
    done = subprocess.run([sys.executable, "-m", "windrow", "--version"], capture_output=True, text=True, check=True)
    assert f"windrow {__version__}\n" == done.stdout


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of the table has a line on the help page."""
    assert 0 == run(["--help"])
    page = capsys.readouterr().out
    assert [] == [name for name in COMMANDS if not re.search(rf"^\W*{name}\s", page, re.MULTILINE)]


def test_help_imports_no_command() -> None:
    """The help page loads neither sub-commands nor clients, so that it is there at once."""
    code = f"""
import sys
from windrow.cli.root import COMMANDS, run
run(["--help"])
modules = [entry.module for entry in COMMANDS.values()] + {list(HEAVY)!r}
print("loaded:", *[name for name in modules if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loaded:" == done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_summary_fits_a_line_and_says_what_the_command_says(name: str) -> None:
    """The table's line begins as the command's own help does, and is not wrapped on a terminal of 80 columns."""
    own = (load(name).help or "").split()
    assert own[:2] == COMMANDS[name].summary.split()[:2]
    assert len(COMMANDS[name].summary) <= 68


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_json_for_machines(name: str) -> None:
    """Each command, or each of its sub-commands, has ``--json``."""
    command = load(name)
    commands = list(getattr(command, "commands", {}).values()) or [command]
    without = [each.name for each in commands if not any("--json" in parameter.opts for parameter in each.params)]
    assert [] == without


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_json_that_names_a_file_is_known_as_such(name: str) -> None:
    """Else its errors would be JSON on standard output, where nobody asked for any."""
    command = load(name)
    every = [command, *getattr(command, "commands", {}).values()]
    names_a_file = [not parameter.is_flag for each in every for parameter in each.params if "--json" in parameter.opts]
    assert {COMMANDS[name].writes_json} == set(names_a_file)


@pytest.mark.parametrize("arguments", [["no-such-command"], ["demo", "--no-such-option"], ["demo", "--files", "many"]])
def test_wrong_use_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What the command line does not know is wrong use; the message goes to standard error."""
    assert 2 == run(arguments)
    captured = capsys.readouterr()
    assert "" == captured.out
    assert captured.err


@pytest.mark.parametrize(
    ("error", "expected"),
    [(LedgerError("throttled"), 1), (SettingsError("WINDROW_X is an unknown setting"), 2), (WrongUse("no"), 2)],
)
def test_error_is_one_line_and_an_exit_code(
    failing: list[Exception], capsys: pytest.CaptureFixture[str], error: Exception, expected: int
) -> None:
    """A problem found exits with 1, wrong settings and wrong use with 2; nobody sees a traceback."""
    failing.append(error)
    assert expected == run(["fail"])
    captured = capsys.readouterr()
    assert ("", f"error: {error}\n") == (captured.out, captured.err)


def test_error_with_json_is_one_object(failing: list[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    """A machine that asked for JSON gets JSON, also when it goes wrong."""
    failing.append(LedgerError("throttled"))
    assert 1 == run(["fail", "--json"])
    captured = capsys.readouterr()
    assert ({"ok": False, "error": "throttled"}, "") == (json.loads(captured.out), captured.err)


@pytest.mark.parametrize(
    ("to", "is_json"), [(["--json", "a.json"], False), (["--json", "-"], True), (["--json=-"], True)]
)
@pytest.mark.parametrize("wrong", [["--profile", "none"], ["--no-such-option"]], ids=" ".join)
def test_error_beside_a_file_for_json_is_for_people(
    capsys: pytest.CaptureFixture[str], wrong: list[str], to: list[str], is_json: bool
) -> None:
    """Standard output is for a machine only where that is what was named, wrong use included."""
    assert 2 == run(["load", *to, *wrong])
    captured = capsys.readouterr()
    assert (is_json, not is_json) == (captured.out.startswith('{"ok":false,'), "error: " in captured.err)
    assert is_json or captured.out == ""


def test_debug_shows_the_traceback(failing: list[Exception]) -> None:
    """With ``--debug`` the error passes through."""
    failing.append(LedgerError("throttled"))
    with pytest.raises(LedgerError):
        run(["--debug", "fail"])


def test_interrupt_exits_as_shells_expect(failing: list[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C in a command that does not handle it leaves no traceback."""
    failing.append(KeyboardInterrupt())  # type: ignore[arg-type]
    assert run(["fail"]) != 0
    assert "Traceback" not in capsys.readouterr().err


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without Typer, the command line says how to install it."""
    monkeypatch.delitem(sys.modules, "windrow.cli.root")
    monkeypatch.setitem(sys.modules, "typer", None)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "pip install 'windrow[cli]'" in capsys.readouterr().err


def test_missing_local_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MiniStack, the commands that need it say how to install it."""
    monkeypatch.setattr(output, "_EXTRAS", {"local": ("no_such_package",)})
    with pytest.raises(WrongUse, match=re.escape("pip install 'windrow[cli,local]'")):
        output.require_extra("local")


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (123_456, "123 kB"),
        (33_600_000, "33.6 MB"),
        (999_999, "1.0 MB"),
        (5e12, "5.0 TB"),
        (5e16, "50000 TB"),
    ],
)
def test_bytes_for_people(count: float, expected: str) -> None:
    """Three digits and a decimal unit, whatever the size."""
    assert expected == output.human_bytes(count)
