"""Builds the Lambda zips: the code that runs there and its locked dependencies, reproducibly.

There are two, because rotation needs a package that the other functions do not. The bytes of a zip depend only on
`requirements.lock` and the sources: wheels are checked against the locked hashes, entries are sorted, times and modes
are fixed, and the compressor is a locked dependency itself, so that even the machine's zlib does not matter. With
bytecode they depend on the Python that writes it, too.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from windrow.core.errors import PackageError
from windrow.packaging.bytecode import interpreter, with_bytecode
from windrow.packaging.importing import ImportTime, measure
from windrow.packaging.lock import Platform, runtime_requirements
from windrow.packaging.trim import shippable, sources
from windrow.packaging.zips import write_zip

ZIP_LIMIT_BYTES = 50 * 1024 * 1024
"""Lambda's limit for a zip that is uploaded directly:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

UNZIPPED_LIMIT_BYTES = 250 * 1024 * 1024
"""Lambda's limit for the code with all layers, unzipped (same page)."""


class Contents(msgspec.Struct, frozen=True):
    """The contents of a zip: ``functions`` are modules of `windrow.functions`, ``extra`` is an extra of the package."""

    functions: tuple[str, ...]
    extra: str | None = None


DELIVERY = Contents(("aggregate", "audit", "retain", "sentinel"))
ROTATION = Contents(("rotate",), extra="rotation")


class Built(msgspec.Struct, frozen=True):
    """A zip that was built. ``files`` and ``unzipped_bytes`` count entries and their bytes before compression."""

    path: str
    bytes: int
    sha256: str
    files: int
    unzipped_bytes: int
    target: Platform
    packages: list[str]
    bytecode: bool


def rotation_path(path: Path) -> Path:
    """Return the path of the rotation's zip, next to the other functions' at ``path``. Terraform expects it there."""
    return path.with_name(f"{path.stem}-rotation{path.suffix}")


def build(
    project: Path, target: Platform, output: Path, contents: Contents = DELIVERY, *, bytecode: bool = False
) -> Built:
    """Build a zip of the checkout at ``project``; ``bytecode`` adds that of its modules.

    Raises:
        PackageError: the checkout is incomplete, pip failed, the zip exceeds Lambda's limits, or bytecode is wanted and
            the target's Python is not on PATH.
    """
    compiler = interpreter(target.python) if bytecode else None
    requirements = runtime_requirements(
        _dependencies(project, contents.extra), _read(project / "requirements.lock"), target
    )
    with tempfile.TemporaryDirectory(prefix="windrow-package-") as work:
        install(requirements, target, Path(work))
        entries = {name: path.read_bytes() for name, path in _files(Path(work), project, contents)}
    if compiler:
        entries = with_bytecode(entries, compiler)
    data = write_zip(entries)
    unzipped_bytes = sum(map(len, entries.values()))
    if len(data) > ZIP_LIMIT_BYTES or unzipped_bytes > UNZIPPED_LIMIT_BYTES:
        raise PackageError(
            f"the zip has {len(data):,} bytes ({unzipped_bytes:,} unzipped); Lambda allows "
            f"{ZIP_LIMIT_BYTES:,} ({UNZIPPED_LIMIT_BYTES:,})"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)
    return Built(
        path=str(output),
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        files=len(entries),
        unzipped_bytes=unzipped_bytes,
        target=target,
        packages=[requirement.split(" ", 1)[0] for requirement in requirements],
        bytecode=bytecode,
    )


def host_target() -> Platform | None:
    """Return the target that this interpreter could run; None where Lambda's wheels do not run (macOS, Windows)."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return None
    arch = "arm64" if platform.machine() == "aarch64" else "x86_64"
    return Platform(arch, f"{sys.version_info.major}.{sys.version_info.minor}")


def import_time(built: Built, project: Path) -> ImportTime | None:
    """Return how long the package takes to import on this machine, None if Lambda's wheels do not run here.

    If it is for another platform, a zip for this interpreter is built and measured instead. Raises `PackageError` if it
    does not import, or as `build` does.
    """
    host = host_target()
    if host is None:
        return None
    with tempfile.TemporaryDirectory(prefix="windrow-import-") as work:
        runnable = built
        if host != built.target:
            runnable = build(project, host, Path(work) / "runnable.zip", bytecode=built.bytecode)
        unpacked = Path(work) / "task"
        with zipfile.ZipFile(runnable.path) as package:
            package.extractall(unpacked)
        return measure(unpacked, host.arch, host.python)


def install(requirements: list[str], target: Platform, folder: Path) -> None:
    """Install the wheels for the target into the folder with pip, each checked by its hash. Raises `PackageError`."""
    with _requirements_file(requirements) as path:
        command = [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"),
            *("--target", str(folder), "--requirement", str(path), "--require-hashes", "--no-deps", "--no-compile"),
            *("--only-binary=:all:", "--implementation", "cp", "--python-version", target.python),
            *(part for name in target.platforms() for part in ("--platform", name)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"pip failed: {done.stderr.strip() or done.stdout.strip()}")


@contextmanager
def _requirements_file(requirements: list[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="windrow-requirements-") as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text("".join(f"{line}\n" for line in requirements))
        yield path


def _dependencies(project: Path, extra: str | None) -> list[str]:
    table = tomllib.loads(_read(project / "pyproject.toml"))
    try:
        optional = table["project"]["optional-dependencies"][extra] if extra else []
        return [str(line) for line in [*table["project"]["dependencies"], *optional]]
    except KeyError as error:
        raise PackageError(f"{project / 'pyproject.toml'} does not list the dependencies: no {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise PackageError(f"{path} can't be read; run this in a checkout of Windrow, or name one") from error


def _files(installed: Path, project: Path, contents: Contents) -> Iterator[tuple[str, Path]]:
    for path in sorted(installed.rglob("*")):
        name = path.relative_to(installed).as_posix()
        if path.is_file() and shippable(name):
            yield name, path
    yield from sources(project / "src", contents.functions)
