"""The tools that some tests use and not every machine has.

A test names those that it uses in ``pytest.mark.needs`` (`tests.needs` follows it), and asks `locate` for their paths.
One function for each tool decides whether it is usable: it returns the path, or raises `Absent` and says why. A tool
that is there and does not work is as absent as one that is not.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.faults.links import find_toxiproxy
from windrow.lab.stack.programs import answer, candidates, find_program, tools_cache
from windrow.lab.stack.servers import find_minio

ROOT = Path(__file__).resolve().parents[1]
JAVA = 17
LAMBDA_GO = "github.com/aws/aws-lambda-go"
TERRAFORM = (1, 11)
SLOW_ANSWER_S = 120.0
"""For what starts processes of its own or asks a package index."""
SMALL = "msgspec"
"""A package that is fetched to see whether an index answers."""


class Absent(Exception):
    """A tool is not usable; the message completes the sentence "``tool`` ..."."""


@dataclass(frozen=True)
class Tool:
    """A tool: what is not tested without it, how a person gets it, and the function that finds it."""

    tests: str
    get: str
    find: Callable[[], str]


@functools.cache
def absence(name: str) -> str:
    """Return why a tool is absent; empty if it is usable."""
    try:
        TOOLS[name].find()
    except Absent as absent:
        return str(absent)
    return ""


def locate(name: str) -> str:
    """Return the path of a tool; fails a test that uses it without having said so by the marker ``needs``."""
    try:
        return TOOLS[name].find()
    except Absent as absent:
        pytest.fail(f"{name} {absent}, and the test is not marked needs({name!r})", pytrace=False)


def _program(name: str, *question: str) -> str:
    return _found(find_program(name, *question), name)


def _found(path: Path | None, name: str) -> str:
    if path is None:
        there = shutil.which(name)
        raise Absent(f"does not work ({there})" if there else "is not installed")
    return str(path)


def _git() -> str:
    path = _program("git")
    if answer(path, "-C", str(ROOT), "ls-files", "--error-unmatch", "Makefile") is None:
        raise Absent("does not know this folder: it is no checkout")
    return path


def _go() -> str:
    return _program("go", "list", "archive/tar")


def _go_samples() -> str:
    folder = Path(_go_setting("GOROOT"), "src/archive/tar/testdata")
    if not any(folder.glob("*.tar")):
        raise Absent(f"are not part of the Go here ({folder})")
    return str(folder)


def _lambda_go_samples() -> str:
    version = pinned("AWS_LAMBDA_GO")
    if answer(_go(), "mod", "download", f"{LAMBDA_GO}@{version}", limit_s=SLOW_ANSWER_S) is None:
        raise Absent("can't be downloaded by Go")
    return str(Path(_go_setting("GOMODCACHE"), f"{LAMBDA_GO}@{version}", "events/testdata"))


def _go_setting(name: str) -> str:
    return (answer(_go(), "env", name) or "").strip()


def pinned(name: str) -> str:
    """Return the version that `scripts/pins.sh` gives a name."""
    pin = re.search(rf"^readonly {name}=(\S+)$", (ROOT / "scripts/pins.sh").read_text(), re.MULTILINE)
    if pin is None:
        raise LookupError(f"scripts/pins.sh does not name {name}")
    return pin[1]


def _sam_samples() -> str:
    folder = tools_cache() / "sam-events"
    if not folder.is_dir():
        raise Absent("are not fetched")
    return str(folder)


def _java() -> str:
    path = _program("java", "-version")
    compiler = re.search(r"jdk\.compiler@(\d+)", answer(path, "--list-modules") or "")
    if compiler is None or int(compiler[1]) < JAVA:
        raise Absent(f"is no JDK {JAVA} or newer ({path})")
    return path


def _terraform() -> str:
    path = _program("terraform", "version")
    version = re.search(r"Terraform v(\d+)\.(\d+)", answer(path, "version") or "")
    if version is None or (int(version[1]), int(version[2])) < TERRAFORM:
        raise Absent(f"is older than {'.'.join(map(str, TERRAFORM))} ({path})")
    _check_provider(path, str(provider_folder()))
    return path


def provider_folder() -> Path:
    """Return where the AWS provider for Terraform is: the folder that TF_PLUGIN_DIR names, else the tools' cache."""
    return Path(os.environ.get("TF_PLUGIN_DIR") or tools_cache() / "terraform-plugins")


@functools.cache
def _check_provider(terraform: str, folder: str) -> None:
    with tempfile.TemporaryDirectory(prefix="windrow-terraform-") as work:
        shutil.copy(ROOT / "infra/versions.tf", work)
        command = (terraform, f"-chdir={work}", "init", "-backend=false", "-input=false", f"-plugin-dir={folder}")
        if answer(*command, limit_s=SLOW_ANSWER_S) is None:
            raise Absent(f"finds no AWS provider in {folder}")


def _lambda_rie() -> str:
    # It takes no question and serves until it is stopped, but for a level that there is not: then it says so and ends.
    asked = 'case $("$0" --log-level=asked 2>&1) in *"log level"*) ;; *) exit 1 ;; esac'
    works = (Path(found) for found in candidates("aws-lambda-rie") if answer("/bin/sh", "-c", asked, found) is not None)
    path = _found(next(works, None), "aws-lambda-rie")
    if not runtime_client().is_dir():
        raise Absent(f"has no runtime client for Python {sys.version_info.major}.{sys.version_info.minor}")
    return path


def runtime_client() -> Path:
    """Return where `scripts/get_rie.sh` puts AWS's runtime client for this Python."""
    return tools_cache() / "lambda-runtime" / f"cp{sys.version_info.major}{sys.version_info.minor}"


def _package_index() -> str:
    with tempfile.TemporaryDirectory(prefix="windrow-index-") as folder:
        pip = (
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-cache-dir",
            "--retries=1",
            "--no-deps",
            f"--dest={folder}",
        )
        if answer(*pip, SMALL, limit_s=SLOW_ANSWER_S) is None:
            raise Absent("can't be reached by pip")
    return sys.executable


DRIVERS = "tests/readers/drivers"
READERS = {
    "python": ["requirements/readers.txt"],
    "java": [f"{DRIVERS}/java/{name}" for name in ("pom.xml", "jars.sha256", "Read.java")],
    "node": [f"{DRIVERS}/node/{name}" for name in ("package.json", "package-lock.json", "read.js")],
    "rust": [f"{DRIVERS}/rust/{name}" for name in ("Cargo.toml", "Cargo.lock", "src/main.rs")],
    "spark": ["requirements/spark.txt"],
}
"""What the readers of archives are made of that `scripts/get_readers.sh` gets, by kind."""


def readers_folder(kind: str) -> Path:
    """Return where `scripts/get_readers.sh` puts the readers of a kind."""
    return tools_cache() / "readers" / kind


def _check_readers(kind: str) -> None:
    made_of = readers_folder(kind).with_suffix(".lock")
    locked = b"".join((ROOT / name).read_bytes() for name in READERS[kind])
    if not made_of.is_file() or made_of.read_bytes() != locked:
        raise Absent(f"are not installed as {', '.join(READERS[kind])} say")


def _readers_program(kind: str, name: str, *question: str) -> Callable[[], str]:
    """Return what finds the program of readers that are a program of their own."""

    def find() -> str:
        _check_readers(kind)
        path = str(readers_folder(kind) / name)
        if answer(path, *question) is None:
            raise Absent(f"do not work ({path})")
        return path

    return find


def _readers_for(kind: str, interpreter: Callable[[], str]) -> Callable[[], str]:
    """Return what finds the interpreter of readers that are not."""

    def find() -> str:
        _check_readers(kind)
        return interpreter()

    return find


def _buildah() -> str:
    path = _program("buildah")
    if os.geteuid() != 0:
        raise Absent("is not run by root, who alone may mount an image read-only")
    return path


def _image_base() -> str:
    base = tools_cache() / "image-base.tar"
    recipe = base.with_name(f"{base.name}.recipe")
    made = base.is_file() and arm_base(base).is_file() and recipe.is_file()
    if not made or recipe.read_bytes() != BASE_RECIPE.read_bytes():
        raise Absent(f"is not made as {BASE_RECIPE.name} says")
    return str(base)


BASE_RECIPE = ROOT / "scripts/get_image_base.sh"
"""What makes the bases of images, tars of their roots."""


def arm_base(base: Path) -> Path:
    """Return where the base for arm64 is, beside the one for this machine."""
    return base.with_name("image-base-arm64.tar")


JAVA_SERVERS = ["elasticmq", "s3mock", "s3proxy"]
"""Servers that `scripts/get_java_servers.sh` gets."""


def java_server(name: str) -> Path:
    """Return where `scripts/get_java_servers.sh` puts a server's jars."""
    return tools_cache() / "java-servers" / name


def _java_server(name: str) -> Callable[[], str]:
    """Return what finds the jars of a server, and the Java that they need."""

    def find() -> str:
        jars, hashes = java_server(name), ROOT / f"tests/servers/java/{name}/jars.sha256"
        made_of = jars.with_name(f"{name}.sha256")
        if not made_of.is_file() or made_of.read_bytes() != hashes.read_bytes():
            raise Absent(f"is not fetched as {hashes.relative_to(ROOT)} says")
        _java()
        return str(jars)

    return find


def _gnu_tar() -> str:
    path = _program("tar")
    if "GNU tar" not in (answer(path, "--version") or ""):
        raise Absent(f"is another tar ({path})")
    return path


def _debian(tool: str, package: str, *question: str, program: str = "") -> Tool:
    """Return a reader of archives that a package manager has."""
    return Tool(f"archives read by {tool}", f"apt-get install {package}", lambda: _program(program or tool, *question))


TOOLS = {
    "aws-lambda-go-events": Tool(
        "the sample events of aws-lambda-go", "https://go.dev/doc/install, and a module proxy", _lambda_go_samples
    ),
    "bsdtar": _debian("bsdtar", "libarchive-tools"),
    "buildah": Tool("the worker's image", "apt-get install buildah", _buildah),
    "busybox": _debian("busybox", "busybox", "--help"),
    "elasticmq": Tool(
        "a queue that is not the limit", "make elasticmq (needs Maven and a JDK)", _java_server("elasticmq")
    ),
    "git": Tool("rules that all files of a checkout keep", "install git", _git),
    "gnu-tar": Tool("archives read by GNU tar", "apt-get install tar", _gnu_tar),
    "go": Tool("archives read by Go", "https://go.dev/doc/install", _go),
    "go-tar-samples": Tool("the archives that Go's own tests read", "https://go.dev/doc/install", _go_samples),
    "image-base": Tool("the worker's image", "make image-base (needs mmdebstrap)", _image_base),
    "java": Tool("archives read by Java", "apt-get install default-jdk-headless", _java),
    "java-readers": Tool(
        "archives read by Java packages", "make readers (needs Maven and a JDK)", _readers_for("java", _java)
    ),
    "lambda-rie": Tool("the zip under AWS's Lambda runtime", "make lambda-rie (Linux; seconds)", _lambda_rie),
    "minio": Tool(
        "all that runs on a real MinIO",
        "make minio (needs Go, 3 minutes once)",
        lambda: _found(find_minio(), "minio"),
    ),
    "nginx": Tool(
        "a destination behind nginx",
        "apt-get install nginx-light, and /usr/sbin on PATH",
        lambda: _program("nginx", "-v"),
    ),
    "node-readers": Tool(
        "archives read by Node packages",
        "make readers (needs npm)",
        _readers_for("node", lambda: _program("node")),
    ),
    "package-index": Tool("the Lambda zip, made of fetched wheels", "a network, or PIP_INDEX_URL", _package_index),
    "perl": _debian("Perl", "perl", "-MArchive::Tar", "-MIO::Zlib", "-e1", program="perl"),
    "pigz": _debian("pigz", "pigz"),
    "prometheus": Tool("what Prometheus scrapes", "apt-get install prometheus", lambda: _program("prometheus")),
    "promtool": Tool("alert rules for Prometheus", "apt-get install prometheus", lambda: _program("promtool")),
    "qemu": Tool(
        "the worker's image for arm64", "apt-get install qemu-user-static", lambda: _program("qemu-aarch64-static")
    ),
    "python-readers": Tool(
        "archives read by Python packages", "make readers", _readers_program("python", "bin/python", "--version")
    ),
    "ruby": _debian("Ruby", "ruby ruby-minitar", "-rarchive/tar/minitar", "-rrubygems/package", "-e1", program="ruby"),
    "rust-readers": Tool(
        "archives read by Rust crates", "make readers (needs Cargo)", _readers_program("rust", "readers")
    ),
    "s3mock": Tool("an S3 server that is to be refused", "make s3mock (needs Maven and a JDK)", _java_server("s3mock")),
    "s3proxy": Tool(
        "the destination contract on S3Proxy", "make s3proxy (needs Maven and a JDK)", _java_server("s3proxy")
    ),
    "sam-events": Tool("the sample events of the AWS SAM CLI", "make lambda-rie (Linux; seconds)", _sam_samples),
    "seven-zip": _debian("7-Zip", "7zip", "i", program="7zz"),
    "spark-readers": Tool(
        "archives read by Spark", "make readers, and a JDK", _readers_program("spark", "bin/python", "--version")
    ),
    "systemd": Tool("units of systemd", "apt-get install systemd", lambda: _program("systemd-analyze")),
    "terraform": Tool(
        f"infra/ under Terraform {'.'.join(map(str, TERRAFORM))}",
        "https://developer.hashicorp.com/terraform/install, then make terraform-provider",
        _terraform,
    ),
    "toxiproxy": Tool(
        "faults of the network",
        "make toxiproxy (needs Go, half a minute once)",
        lambda: _found(find_toxiproxy(), "toxiproxy-server"),
    ),
    "versitygw": Tool(
        "the destination contract on versitygw",
        "make versitygw (needs Go, 2 minutes once)",
        lambda: _program("versitygw"),
    ),
}
