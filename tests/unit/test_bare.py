"""`scripts/bare.sh` makes an environment with nothing but Python, make and plain shell tools."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import write_program

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("bsdtar", "docker", "git", "go", "java", "minio", "mvn", "terraform", "toxiproxy-server", "versitygw")


@pytest.fixture(autouse=True)
def rich(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every optional tool on PATH, a home and a cache with something in it, and settings of all kinds."""
    for tool in OPTIONAL:
        write_program(tmp_path / "bin" / tool)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("REQUIRE_ALL", "1")
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "60")


def bare(script: str, *arguments: str, **more: str) -> str:
    """Run a script in the bare environment; return what it prints."""
    command = ["bash", str(ROOT / "scripts/bare.sh"), "sh", "-c", script, "sh", *arguments]
    environ = {**os.environ, "PYTHON": sys.executable, **more}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout


def test_nothing_optional_is_on_path() -> None:
    """Whatever the machine has; what the Makefile and its scripts use is there."""
    found = bare('for tool; do command -v "$tool" >/dev/null && echo "$tool"; done; true', *OPTIONAL, "python3", "awk")
    assert ["python3", "awk"] == found.split()


def test_home_and_caches_are_empty() -> None:
    """A home of its own, so that no configuration and no cache of the user's counts."""
    assert "" == bare('ls -A "$HOME"; echo "$XDG_CACHE_HOME" | tr -d "\\n"')


def test_only_the_way_to_a_package_index_stays_in_the_environment() -> None:
    """Neither settings of tools nor what CI demands."""
    names = {line.partition("=")[0] for line in bare("env").splitlines()}
    assert {"PATH", "HOME", "TMPDIR", "PIP_DEFAULT_TIMEOUT"} <= names
    assert set() == names & {"REQUIRE_ALL", "TF_PLUGIN_DIR", "XDG_CACHE_HOME", "AWS_ACCESS_KEY_ID", "AWS_REGION"}


def test_python_is_the_interpreter_itself() -> None:
    """Not the virtual environment's that runs this: an environment made with it must outlive the folder."""
    printed = bare("python3 -c 'import sys; print(sys.executable, sys.prefix == sys.base_prefix)'")
    assert [str(Path(sys.executable).resolve()), "True"] == printed.split()


def test_exit_code_is_the_commands_and_nothing_stays(tmp_path: Path) -> None:
    """A failure is a failure, and the folder of the environment is removed."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        bare('echo "$TMPDIR"; exit 7')
    assert 7 == caught.value.returncode
    assert not Path(caught.value.stdout.strip()).parent.exists()
