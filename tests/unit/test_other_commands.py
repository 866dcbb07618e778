"""The commands of other programs that the pages say to type, against what these programs say of themselves."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.tools import locate

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("docker", "journalctl", "kubectl", "make", "systemctl", "terraform")
OPTION = re.compile(r"-{1,2}[a-z][a-z-]*")


def commands(program: str) -> list[str]:
    """Return those in blocks and between backticks, each once."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("infra/**/README.md")]
    text = "\n".join(page.read_text() for page in pages).replace("\\\n", "")
    blocks = "\n".join(re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL))
    typed = [*re.findall(r"\$\(([^)]+)\)", blocks), *re.sub(r"\$\([^)]+\)", "VALUE", blocks).splitlines()]
    parts = [part.strip() for line in typed for part in re.split(r" [|#>] ?|&&", line)]
    quoted = re.findall(rf"`({program} [^`]+)`", text)
    return sorted({" ".join(each.split()) for each in (*parts, *quoted) if each.startswith(f"{program} ")})


def words(command: str) -> list[str]:
    """Return what stands behind the program, without values of options."""
    return [word for word in shlex.split(command)[1:] if not word.startswith("-chdir=")]


def options(command: str) -> set[str]:
    """Return the names of its options."""
    return {found[0] for word in words(command) if (found := OPTION.match(word))}


@cache
def helps(*command: str) -> str:
    """Return what a program says of one of its commands. Fails where it knows none of that name."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def named(text: str) -> set[str]:
    """Return the options that a help text names."""
    return set(re.findall(rf"(?<![\w-]){OPTION.pattern}", text))


def where(program: str) -> str:
    """Return the path of a program that nothing else here needs; skips the test without it."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def test_the_commands_are_found() -> None:
    """In blocks, in sentences, within other commands, and behind one."""
    found = {program: commands(program) for program in PROGRAMS}

    assert "terraform output -raw function_name" in found["terraform"]
    assert "systemctl status windrow" in found["systemctl"]
    assert "journalctl -u windrow-task@doctor" in found["journalctl"]
    assert "kubectl rollout status deployment/windrow" in found["kubectl"]
    assert "make minio" in found["make"]
    assert len(found["docker"]) == 1


@pytest.mark.parametrize("command", commands("make"))
def test_make_has_the_targets(command: str) -> None:
    """Whatever is made, is a target."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set() == {word for word in words(command) if re.fullmatch("[a-z0-9-]+", word)} - targets


@pytest.mark.needs("terraform")
@pytest.mark.parametrize("command", commands("terraform"))
def test_terraform_has_the_command_and_its_options(command: str) -> None:
    """An apply takes the options of a plan too."""
    given = words(command)
    name = given[: 2 if given[0] == "state" else 1]
    text = helps(locate("terraform"), *name, "-help")
    if name == ["apply"]:
        text += helps(locate("terraform"), "plan", "-help")

    assert f"{' '.join(name)} [options]" in text
    assert set() == options(command) - named(text)


@pytest.mark.needs("systemd")
@pytest.mark.parametrize("command", [*commands("systemctl"), *commands("journalctl")])
def test_systemd_has_the_command_and_its_options(command: str) -> None:
    """The name of a command stands at the beginning of a line."""
    program = command.partition(" ")[0]
    text = helps(program, "--help")

    assert set() == options(command) - named(text)
    if program == "systemctl":
        assert re.search(rf"^  {words(command)[0]}\b", text, re.MULTILINE)


@pytest.mark.parametrize("command", commands("kubectl"))
def test_kubectl_has_the_command_and_its_options(command: str) -> None:
    """It refuses the help of a command that it has not."""
    given = words(command)
    name = given[: {"create": 3, "rollout": 2}.get(given[0], 1)]
    text = helps(where("kubectl"), *name, "--help")

    assert set() == options(command) - named(text)


@pytest.mark.parametrize("command", commands("docker"))
def test_docker_has_the_command_and_its_options(command: str) -> None:
    """Podman has the same ones."""
    text = helps(where("docker"), words(command)[0], "--help")
    assert set() == options(command) - named(text)
