"""A tool counts only if it works: each is missing, broken and sound in turn, as a stand-in on PATH."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests import tools
from tests.programs import write_program
from tests.tools import TOOLS, Absent, absence, locate

PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
JAVA_8 = "[ $1 = -version ]"
JRE = "echo java.base@21.0.1"
OLD_JDK = "echo java.base@11.0.2; echo jdk.compiler@11.0.2"
JDK = "echo java.base@21.0.1; echo jdk.compiler@21.0.1"
TERRAFORM = """
[ "$1" = version ] && echo "Terraform v{version}" && exit
case "$*" in *-plugin-dir=*/{provider}) exit 0 ;; *) echo no provider; exit 1 ;; esac
"""
RIE = '[ "$1" = --log-level=asked ] && echo "Failed to set log level" && exit 1; sleep 60'

SOUND = {
    "bsdtar": ("bsdtar", "exit 0"),
    "buildah": ("buildah", "exit 0"),
    "busybox": ("busybox", "exit 0"),
    "git": ("git", "exit 0"),
    "gnu-tar": ("tar", "echo 'tar (GNU tar) 1.34'"),
    "go": ("go", "exit 0"),
    "java": ("java", JDK),
    "lambda-rie": ("aws-lambda-rie", RIE),
    "minio": ("minio", "exit 0"),
    "nginx": ("nginx", "exit 0"),
    "perl": ("perl", "exit 0"),
    "pigz": ("pigz", "exit 0"),
    "prometheus": ("prometheus", "exit 0"),
    "promtool": ("promtool", "exit 0"),
    "qemu": ("qemu-aarch64-static", "exit 0"),
    "ruby": ("ruby", "exit 0"),
    "seven-zip": ("7zz", "exit 0"),
    "systemd": ("systemd-analyze", "exit 0"),
    "terraform": ("terraform", TERRAFORM.format(version="1.12.0", provider="plugins")),
    "toxiproxy": ("toxiproxy-server", "exit 0"),
    "versitygw": ("versitygw", "exit 0"),
}
"""The program behind each tool, and a stand-in that works."""

UNUSABLE = r"does not work|older than 1\.11|no AWS provider|no JDK 17|no checkout|another tar"
BROKEN = [(tool, program, "exit 1") for tool, (program, _) in SOUND.items()] + [
    ("git", "git", '[ "$1" = --version ]'),  # no checkout
    ("gnu-tar", "tar", "echo bsdtar 3.5.3"),
    ("java", "java", JAVA_8),
    ("java", "java", JRE),
    ("java", "java", OLD_JDK),
    ("terraform", "terraform", TERRAFORM.format(version="1.10.9", provider="plugins")),
    ("terraform", "terraform", TERRAFORM.format(version="1.11.0", provider="elsewhere")),
    ("terraform", "terraform", TERRAFORM.format(version="0.99.0", provider="plugins")),
]


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH; the cache holds what is no program: a provider and a runtime client."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path / "plugins"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "cache/windrow/lambda-runtime" / PYTHON).mkdir(parents=True)
    return folder


def test_every_program_is_tried() -> None:
    """What is no program of its own, on PATH, is found otherwise."""
    elsewhere = {
        "aws-lambda-go-events",
        "image-base",
        "go-tar-samples",
        "package-index",
        "sam-events",
        *tools.JAVA_SERVERS,
    }
    assert TOOLS.keys() - elsewhere - {f"{kind}-readers" for kind in tools.READERS} == SOUND.keys()


@pytest.mark.parametrize("tool", SOUND)
def test_missing_tool_is_absent(tool: str) -> None:
    """Nothing of that name is on PATH or in the cache."""
    with pytest.raises(Absent, match="is not installed"):
        TOOLS[tool].find()


@pytest.mark.parametrize(("tool", "program", "body"), BROKEN)
def test_tool_that_does_not_work_is_absent(path: Path, tool: str, program: str, body: str) -> None:
    """It is there, and fails, is too old, or lacks what it works with."""
    write_program(path / program, body)
    with pytest.raises(Absent, match=UNUSABLE):
        TOOLS[tool].find()


@pytest.mark.parametrize("tool", SOUND)
def test_sound_tool_is_found(path: Path, tool: str) -> None:
    """Its path is returned, also to a test that asks for it."""
    program, body = SOUND[tool]
    written = write_program(path / program, body)
    assert str(written) == TOOLS[tool].find() == locate(tool)


def test_lambda_emulator_needs_the_runtime_client(path: Path, tmp_path: Path) -> None:
    """The client of another Python is of no use."""
    write_program(path / "aws-lambda-rie", RIE)
    (tmp_path / "cache/windrow/lambda-runtime" / PYTHON).rename(tmp_path / "cp27")
    with pytest.raises(Absent, match="has no runtime client for Python"):
        TOOLS["lambda-rie"].find()


@pytest.mark.parametrize(("fetched", "expected"), [("exit 0", ""), ("exit 1", "can't be reached by pip")])
def test_package_index_is_asked_by_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fetched: str, expected: str
) -> None:
    """It is there if a package can be fetched from it."""
    monkeypatch.setattr(sys, "executable", str(write_program(tmp_path / "python", fetched)))
    monkeypatch.setattr(tools, "absence", absence.__wrapped__)
    assert expected == tools.absence("package-index")


@pytest.fixture
def readers(tmp_path: Path) -> Path:
    """Return the folder of the readers of archives, each kind made of what is locked now."""
    folder = tmp_path / "cache/windrow/readers"
    folder.mkdir()
    for kind, names in tools.READERS.items():
        (folder / f"{kind}.lock").write_bytes(b"".join((tools.ROOT / name).read_bytes() for name in names))
    return folder


@pytest.mark.parametrize("kind", tools.READERS)
def test_readers_are_those_of_the_lock(readers: Path, kind: str) -> None:
    """Of another version of a lock, or never made, they are absent."""
    lock = readers / f"{kind}.lock"
    for change in (lambda: lock.write_bytes(b"another"), lock.unlink):
        change()
        with pytest.raises(Absent, match=r"are not installed as .* say"):
            TOOLS[f"{kind}-readers"].find()


@pytest.mark.parametrize(("kind", "program"), [("python", "python/bin/python"), ("rust", "rust/readers")])
def test_readers_have_their_program(readers: Path, kind: str, program: str) -> None:
    """One that is gone is of no use; one that works is what is returned."""
    with pytest.raises(Absent, match="do not work"):
        TOOLS[f"{kind}-readers"].find()
    written = write_program(readers / program)
    assert str(written) == TOOLS[f"{kind}-readers"].find()


@pytest.mark.usefixtures("readers")
@pytest.mark.parametrize(("kind", "program", "body"), [("java", "java", JDK), ("node", "node", "exit 0")])
def test_readers_have_their_interpreter(path: Path, kind: str, program: str, body: str) -> None:
    """It is another program's, on PATH."""
    with pytest.raises(Absent, match="is not installed"):
        TOOLS[f"{kind}-readers"].find()
    written = write_program(path / program, body)
    assert str(written) == TOOLS[f"{kind}-readers"].find()


def test_buildah_needs_root(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may mount what it builds."""
    write_program(path / "buildah")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Absent, match="is not run by root"):
        TOOLS["buildah"].find()


def test_base_of_an_image_is_made_as_its_script_says(tmp_path: Path) -> None:
    """Not there, or made by another script, it is absent."""
    base = tmp_path / "cache/windrow/image-base.tar"
    recipe = base.with_name("image-base.tar.recipe")
    for make in (lambda: None, base.touch, tools.arm_base(base).touch, lambda: recipe.write_text("another")):
        make()
        with pytest.raises(Absent, match=r"is not made as get_image_base\.sh says"):
            TOOLS["image-base"].find()
    recipe.write_bytes(tools.BASE_RECIPE.read_bytes())
    assert str(base) == TOOLS["image-base"].find()
    tools.arm_base(base).unlink()
    with pytest.raises(Absent, match="is not made"):
        TOOLS["image-base"].find()


@pytest.mark.parametrize("name", tools.JAVA_SERVERS)
def test_servers_of_java_are_those_of_the_list(path: Path, name: str) -> None:
    """Of another list of jars, or without a Java, they are absent."""
    fetched = tools.java_server(name).with_name(f"{name}.sha256")
    fetched.parent.mkdir()
    for make in (lambda: None, lambda: fetched.write_text("another")):
        make()
        with pytest.raises(Absent, match=r"is not fetched as tests/servers/java/.*/jars\.sha256 says"):
            TOOLS[name].find()
    fetched.write_bytes((tools.ROOT / f"tests/servers/java/{name}/jars.sha256").read_bytes())
    with pytest.raises(Absent, match="is not installed"):
        TOOLS[name].find()
    write_program(path / "java", JDK)
    assert str(tools.java_server(name)) == TOOLS[name].find()


def test_use_without_the_marker_fails() -> None:
    """Rather than skip: what is not declared is found out where the tool is absent."""
    with pytest.raises(pytest.fail.Exception, match=r"bsdtar is not installed, .* not marked needs\('bsdtar'\)"):
        locate("bsdtar")


def test_ci_installs_every_package_that_a_tool_comes_from() -> None:
    """By its own name: another package may bring it along today, and not tomorrow. Debian is never without tar."""
    script = (tools.ROOT / ".ci/run").read_text()
    installed = re.findall(r"[\w-]+=([\w-]+)", script) + re.findall(r"packages\+=\(([\w-]+)\)", script)
    said = [re.search(r"apt-get install ([\w -]+)", tool.get) for tool in TOOLS.values()]
    needed = {package for match in said if match for package in match[1].split()}

    assert {"nginx-light", "pigz"} <= needed
    assert set() == needed - set(installed) - {"tar"}
