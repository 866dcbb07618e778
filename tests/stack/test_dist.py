"""The package as `make dist` makes it, installed and run without the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.needs("package-index"), pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what `make dist` builds, by the same command."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--directory", str(folder), cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel."""
    (path,) = dist.glob("*.whl")
    return path


class Installed:
    """A virtual environment of its own, with a home and a current folder elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        venv.create(folder / "venv", with_pip=True)
        self._bin = folder / "venv" / "bin"

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment, which sees nothing of the tests' environment; return what it printed."""
        environ = {
            "HOME": str(self._folder),
            "PATH": f"{self._bin}{os.pathsep}{os.defpath}",
            "TMPDIR": str(self._folder),
            "XDG_CACHE_HOME": str(self._folder / "cache"),
        }
        return run(str(self._bin / program), *arguments, cwd=self._folder, env=environ)

    def install(self, requirement: str, constraints: Path) -> None:
        """Have pip install a requirement, with the pip settings of the tests' environment."""
        command = (
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--no-compile",
            "--constraint",
            str(constraints),
        )
        run(str(self._bin / "python"), *command, requirement, cwd=self._folder)


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command to its end, which must be a good one."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def pins() -> str:
    """Return the lock as constraints: without hashes, which pip would ask of the wheel too."""
    lines = re.findall(r"^[\w.-]+==[^\\\n]+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel with the command line and the local stack, in the locked versions."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "constraints.txt").write_text(pins())
    environment = Installed(folder)
    environment.install(f"{wheel}[cli,local]", folder / "constraints.txt")
    return environment


def test_installed_package_runs_the_demo(installed: Installed) -> None:
    """From another folder, without the checkout, every file is delivered once and byte for byte."""
    report: dict[str, Any] = json.loads(installed.run("windrow", "demo", "--files", "20", "--json"))
    expected = {"ok": True, "files_uploaded": 20, "files_delivered": 20, "files_missing": 0, "files_duplicated": 0}
    assert expected == {name: report[name] for name in expected}


def test_installed_package_is_the_wheels(installed: Installed) -> None:
    """What runs is not the checkout, and carries its version, its types and the data that its commands read."""
    script = "import windrow; print(windrow.__file__)"
    assert "/venv/lib/" in installed.run("python", "-c", script)
    version = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    script = "from importlib.metadata import version; print(version('windrow'))"
    assert version == installed.run("python", "-c", script).split()
    assert json.loads(installed.run("windrow", "cost", "--json"))["ok"]


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    """All of `src/windrow`, the licence, and nothing beside it."""
    with zipfile.ZipFile(wheel) as package:
        names = package.namelist()
    held = {name for name in names if ".dist-info/" not in name}
    files = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert {path.relative_to(ROOT / "src").as_posix() for path in files} == held
    assert 1 == sum(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_sdist_builds_the_same_wheel(dist: Path, wheel: Path, tmp_path: Path) -> None:
    """From the source distribution alone, with the checkout out of sight."""
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("windrow-*")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path), cwd=source)
    assert wheel.read_bytes() == (tmp_path / wheel.name).read_bytes()
