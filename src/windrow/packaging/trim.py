"""Selects the files for the zip, of those that pip installed and of Windrow's own sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

SERVICES = frozenset({"cloudwatch", "dynamodb", "lambda", "s3", "secretsmanager", "sqs", "sts"})
"""AWS services whose clients the code builds (STS: botocore itself, for role credentials). botocore has the models of
more than 400; the others are left out. A test compares this with the sources and builds each client from the zip."""

ENTRY_POINTS = "windrow.functions"
"""The package of the modules that Lambda calls."""

_LEFT_OUT_FOLDERS = frozenset({"__pycache__", "SelfTest", "bin", "examples", "sboms", "test", "tests"})
_LEFT_OUT_SUFFIXES = frozenset({".c", ".h", ".pxd", ".pyc", ".pyi", ".pyx"})
_LEFT_OUT_PARTS = ("boto3/data/", "aws_lambda_powertools/event_handler/openapi/swagger_ui/")
"""For boto3.resource, and for documentation of an HTTP API: no function uses either."""
_PARTS_OF_PAGES = frozenset({".css", ".js"})
_METADATA_KEPT = re.compile(r"^(METADATA|licenses/.*|(LICEN[CS]E|NOTICE|COPYING|AUTHORS)[^/]*)$", re.IGNORECASE)
"""The files of a ``dist-info`` that are kept: version and licence. The others contain paths of the build."""


def shippable(name: str) -> bool:
    """Return whether an installed file goes into the zip; ``name`` is its path below pip's target folder."""
    path = PurePosixPath(name)
    top, _, rest = name.partition("/")
    if top.endswith(".dist-info"):
        return bool(_METADATA_KEPT.match(rest))
    if path.suffix in _LEFT_OUT_SUFFIXES or _LEFT_OUT_FOLDERS.intersection(path.parts[:-1]):
        return False
    if name.startswith("botocore/data/"):
        return _used_by_botocore(path.parts[2:])
    return not name.startswith(_LEFT_OUT_PARTS)


def _used_by_botocore(parts: tuple[str, ...]) -> bool:
    """Return whether it is a file for all services (endpoints, partitions, retries) or a model of one that is used."""
    return len(parts) == 1 or parts[0] in SERVICES


def sources(folder: Path, functions: Iterable[str]) -> list[tuple[str, Path]]:
    """Return (name in the zip, path) of these entry points below ``src`` and every module of Windrow that they import.

    Imports inside functions count; a package's ``__init__`` comes with each of its modules, and style sheets and
    scripts of pages with their package.
    """
    open_ = list(_imported("".join(f"import {ENTRY_POINTS}.{name}\n" for name in functions)))
    found: set[str] = set()
    while open_:
        name = open_.pop()
        if name not in found and (folder / name).is_file():
            found.add(name)
            open_ += _imported((folder / name).read_text())
    found |= {
        path.relative_to(folder).as_posix()
        for name in found
        if name.endswith("/__init__.py")
        for path in (folder / name).parent.iterdir()
        if path.suffix in _PARTS_OF_PAGES
    }
    return [(name, folder / name) for name in sorted(found)]


def _imported(source: str) -> Iterator[str]:
    """Yield the files that the imports of a module may mean; not all of them exist."""
    for node in ast.walk(ast.parse(source)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for module in modules:
            parts = module.split(".")
            if parts[0] == "windrow":
                yield f"{'/'.join(parts)}.py"
                yield from (f"{'/'.join(parts[:depth])}/__init__.py" for depth in range(1, len(parts) + 1))
