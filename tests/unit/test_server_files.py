"""What workers on servers are run with: units of systemd and a manifest for Kubernetes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import locate
from windrow import settings
from windrow.cli.root import COMMANDS, load
from windrow.cli.run import TIMEOUT_S

FOLDER = Path(__file__).resolve().parents[2] / "server"
UNITS = sorted((FOLDER / "systemd").glob("*.service"))
TIMERS = sorted((FOLDER / "systemd").glob("*.timer"))
ENVIRONMENT = FOLDER / "systemd/windrow.env"
MANIFEST = FOLDER / "kubernetes/windrow.yaml"
KUBERNETES = "1.33"
MOST_EXPOSURE = 20
"""Of systemd's 100, which it prints as 2.0."""


def commands(text: str) -> list[list[str]]:
    """Return the command lines of units and manifest, without the program."""
    lines = [line.split() for line in re.findall(r"^ExecStart=/opt/windrow/bin/windrow (.+)$", text, re.MULTILINE)]
    return lines + [re.findall(r'[^\s,\[\]"]+', found) for found in re.findall(r"args: (\[.+\])", text)]


def environment(lines: list[tuple[str, str]]) -> dict[str, str]:
    """Return the settings among variables."""
    return {name: value for name, value in lines if name.startswith(settings.PREFIX)}


@pytest.mark.needs("systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_expose_little(unit: Path) -> None:
    """Below 2.0, as systemd reckons."""
    command = ("security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", str(unit))
    done = subprocess.run([locate("systemd"), *command], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.needs("systemd")
def test_units_are_well_formed(tmp_path: Path) -> None:
    """All there is to complain of is that nothing is installed here, and a unit that is wrong on purpose."""
    for path in (*UNITS, *TIMERS):
        shutil.copy(path, tmp_path)
    for timer in TIMERS:  # of a template only instances can be looked at
        shutil.copy(tmp_path / "windrow-task@.service", tmp_path / timer.with_suffix(".service").name)
    (tmp_path / "windrow-task@.service").unlink()
    (tmp_path / "windrow-wrong.service").write_text("[Service]\nExecStart=\n")
    command = [locate("systemd"), "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if "is not executable: No such file" not in line]

    about_windrow = [line for line in complaints if "windrow" in line]
    assert about_windrow
    assert [] == [line for line in about_windrow if "windrow-wrong.service" not in line]


def test_timers_start_commands_that_there_are() -> None:
    """The instance's name is the command's."""
    named = {timer.stem.partition("@")[2] for timer in TIMERS}

    assert {"doctor", "retain"} == named
    assert named <= COMMANDS.keys()


@pytest.mark.parametrize("path", [*UNITS, MANIFEST], ids=lambda path: path.name)
def test_command_lines_are_understood(path: Path) -> None:
    """Each names a command, and options that it has."""
    found = [each for each in commands(path.read_text()) if each != ["%i"]]
    for name, *arguments in found:
        options = {option for each in load(name).params for option in each.opts}
        assert {argument for argument in arguments if argument.startswith("--")} <= options

    assert found or "%i" in path.read_text()


def test_settings_are_complete_and_right() -> None:
    """Both examples, as the worker reads them."""
    unit = re.findall(r"^(\w+)=(.*)$", ENVIRONMENT.read_text(), re.MULTILINE)
    config = MANIFEST.read_text().partition("\ndata:\n")[2].partition("---")[0]
    for variables in (unit, re.findall(r"^  (\w+): (.*)$", config, re.MULTILINE)):
        assert settings.load(environment(variables)).destination_secret_id.startswith("file:")


def test_a_stop_waits_for_running_batches() -> None:
    """Whoever starts the worker gives it longer than a batch may take."""
    service = re.search(r"TimeoutStopSec=(\d+)", UNITS[-1].read_text())
    pod = re.search(r"terminationGracePeriodSeconds: (\d+)", MANIFEST.read_text())

    assert service is not None
    assert pod is not None
    assert [150, 150] == [int(service[1]), int(pod[1])]
    assert TIMEOUT_S < 150


@pytest.mark.slow
@pytest.mark.needs("package-index")
def test_manifest_is_what_kubernetes_takes(tmp_path: Path) -> None:
    """By the schemas of a release; of KEDA's own kind there is none among them."""
    locked = FOLDER.parent / "requirements/kubernetes.txt"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--require-hashes", "--target")
    subprocess.run([*pip, str(tmp_path / "packages"), "--requirement", str(locked)], check=True)
    documents = MANIFEST.read_text().split("\n---\n")
    core = [text for text in documents if "apiVersion: keda.sh/" not in text]
    (tmp_path / "core.yaml").write_text("\n---\n".join(core))
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", KUBERNETES, str(tmp_path / "core.yaml")]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "packages")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert len(documents) == len(core) + 1
    assert 0 == done.returncode, done.stdout + done.stderr
