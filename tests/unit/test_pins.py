"""What comes from elsewhere is pinned, and what moves the pins finds them; the versions of Python agree everywhere."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.tools import READERS
from windrow.cli.package import Python

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", *sorted(f"requirements/{path.name}" for path in (ROOT / "requirements").glob("*.txt"))]
WORKFLOWS = sorted([*(ROOT / ".github/workflows").glob("*.yml"), *(ROOT / "infra/examples").glob("*/workflows/*.yml")])


def renovate() -> dict[str, Any]:
    """Return Renovate's configuration."""
    config: dict[str, Any] = json.loads((ROOT / "renovate.json").read_text())
    return config


def python_pattern(javascript: str) -> str:
    """Return a regular expression with its named groups as Python spells them."""
    return javascript.replace("(?<", "(?P<")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(workflow: Path) -> None:
    """A tag can be moved; the version stands behind the commit for people and for Renovate."""
    used = re.findall(r"uses: *(.*)", workflow.read_text())
    assert used
    assert [] == [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)]


def test_an_action_has_one_commit() -> None:
    """Used twice, it is the same."""
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: *(.*)", path.read_text())}
    assert sorted({line.partition("@")[0] for line in used}) == sorted(line.partition("@")[0] for line in used)


def test_caches_follow_the_pins() -> None:
    """The key of CI's cache of built tools is made from the files that pin them."""
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    (key,) = re.findall(r"^ +key: (.*)$", text, re.MULTILINE)
    (files,) = re.findall(r"hashFiles\((.*)\)", key)
    patterns = re.findall(r"'(.*?)'", files)
    pins = ["scripts/pins.sh", "scripts/get_image_base.sh", *chain(*READERS.values())]
    assert [] == [pin for pin in pins if not any(fnmatch(pin, pattern) for pattern in patterns)]
    assert [] == [pattern for pattern in patterns if not any(fnmatch(pin, pattern) for pin in pins)]
    assert "matrix.python" in key


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_are_hashed_and_free_of_sources(lock: str) -> None:
    """Every locked package has a hash, and a lock names no index, link or file to install from."""
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [] == [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert None is re.search(r"://|^-|--index|--find-links| @ ", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_renovate_can_write_the_locks(lock: str) -> None:
    """It is told of each, and reads from its header the command, whose options must have their values by a ``=``."""
    patterns = [pattern.strip("/") for pattern in renovate()["pip-compile"]["managerFilePatterns"]]
    assert 1 == sum(re.search(pattern, lock) is not None for pattern in patterns)
    header = (ROOT / lock).read_text().splitlines()[1]
    assert header.startswith("#    uv pip compile ")
    arguments = header.split()[4:]
    known = {"--generate-hashes", "--universal", "--python-version=3.11", "--extra=dev"}
    known |= {"--extra=cli", "--extra=server", "--constraint=../requirements.lock"}
    assert {"--output-file=" + Path(lock).name} == {each for each in arguments if each.startswith("-")} - known


def test_renovate_finds_every_pin() -> None:
    """Its pattern matches each line of the file, but for what has no newer version."""
    text = (ROOT / "scripts/pins.sh").read_text()
    (manager,) = renovate()["customManagers"]
    found = re.findall(python_pattern(manager["matchStrings"][0]), text)
    pinned = re.findall(r"^readonly \w+=(\S+)$", text, re.MULTILINE)
    assert pinned == [value for _, _, value in found]


def test_uv_is_installed_by_its_hash() -> None:
    """And so is what looks for vulnerabilities."""
    makefile, script = ((ROOT / name).read_text() for name in ("Makefile", "scripts/pip-audit.sh"))
    assert "--require-hashes --requirement requirements/uv.txt" in makefile
    assert '--require-hashes --requirement "$REQUIREMENTS"' in script
    assert "REQUIREMENTS=requirements/pip-audit.txt" in script


def test_image_holds_what_is_tested() -> None:
    """Each of its packages in the version of the lock that the tests run with."""
    tested, held = (
        set(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements/image.txt")
    )
    assert {"boto3", "prometheus-client", "typer"} <= {name for name, _ in held}
    assert set() == held - tested


def test_versions_of_python_agree() -> None:
    """CI tests those that the package claims, `windrow package` builds for them, and `make` prefers them."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    claimed = [match[1] for line in classifiers if (match := re.search(r":: Python :: (3\.\d+)$", line))]
    (matrix,) = re.findall(r"python: (\[.*\])", (ROOT / ".github/workflows/ci.yml").read_text())
    assert claimed == json.loads(matrix)
    assert claimed == sorted(Python, key=lambda version: int(version.partition(".")[2]))
    script = (ROOT / "scripts/find-python.sh").read_text()
    assert claimed == sorted(set(re.findall(r"python(3\.\d+)", script)), key=lambda version: int(version[2:]))
    newest = int(claimed[-1].partition(".")[2])
    assert f"< (3, {newest + 1})" in script
    assert f"Python {claimed[0]} to {claimed[-1]}" in (ROOT / "README.md").read_text()
