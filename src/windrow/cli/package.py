"""``windrow package``: the reproducible Lambda zips."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from windrow.cli.output import err, human_bytes, out, print_json
from windrow.core.words import counted
from windrow.packaging import ROTATION, Built, build, rotation_path
from windrow.packaging import import_time as measure_import
from windrow.packaging.importing import ImportTime
from windrow.packaging.lock import Platform


class Arch(StrEnum):
    """An architecture that Lambda offers."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


class Python(StrEnum):
    """A Python that Windrow and Lambda both support."""

    P314 = "3.14"
    P313 = "3.13"
    P312 = "3.12"
    P311 = "3.11"


def package(
    arch: Annotated[Arch, typer.Option(help="Architecture of the function.")] = Arch.ARM64,
    python: Annotated[Python, typer.Option(help="Python of the function.")] = Python.P313,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Path of the zip; the rotation's is written beside it, as NAME-rotation.zip. "
            "[default: dist/windrow-lambda-ARCH-pyVERSION.zip]"
        ),
    ] = None,
    project: Annotated[Path, typer.Option(help="A checkout with pyproject.toml and requirements.lock.")] = Path(),
    bytecode: Annotated[
        bool,
        typer.Option(
            "--bytecode",
            help="Add bytecode, for faster cold starts. Needs the function's Python on PATH, as python3.13.",
        ),
    ] = False,
    import_time: Annotated[
        bool, typer.Option(help="Measure the import, in a package built for this machine if the zip can't run here.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")] = False,
) -> None:
    """Build the Lambda zips: only what runs there, the locked versions, the same bytes from the same inputs.

    One is for the aggregator, the sentinel and the retention sweep; the rotation of credentials has its own.
    """
    target = Platform(arch.value, python.value)
    path = output or project / "dist" / f"windrow-lambda-{target.arch}-py{target.python}.zip"
    with nullcontext() if as_json else err.status(f"building for {target.arch}, Python {target.python}"):
        built = build(project, target, path, bytecode=bytecode)
        rotation = build(project, target, rotation_path(path), ROTATION, bytecode=bytecode)
    with nullcontext() if as_json else err.status("measuring the import"):
        timing = measure_import(built, project) if import_time else None
    if as_json:
        print_json({"ok": True, **msgspec.to_builtins(built), "import_time": timing, "rotation": rotation})
    else:
        _print(built)
        _print_timing(timing, "with" if bytecode else "without")
        _print(rotation)


def _print(built: Built) -> None:
    out.print(str(built.path), soft_wrap=True)
    out.print(
        f"{human_bytes(built.bytes)} zipped, {human_bytes(built.unzipped_bytes)} unzipped, "
        f"{counted(built.files, 'file')}, {counted(len(built.packages), 'package')}"
    )
    out.print(f"SHA-256 {built.sha256}")


def _print_timing(timing: ImportTime | None, bytecode: str) -> None:
    if timing:
        out.print(
            f"import {timing.entry_point_s:.2f} s, boto3 alone {timing.boto3_s:.2f} s, ratio {timing.ratio:.2f} "
            f"(here: {timing.arch}, Python {timing.python}, {bytecode} bytecode)"
        )
