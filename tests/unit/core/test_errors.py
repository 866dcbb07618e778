"""Windrow's errors: all in one module, as its docstring draws them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from windrow.core import errors
from windrow.core.errors import WindrowError

PACKAGE = Path(errors.__file__).parents[1]


def drawn() -> Iterator[tuple[str, str]]:
    """Yield each error of the drawing with the one that it stands below."""
    above = {0: "WindrowError"}
    for indent, name in re.findall(r"^([│ ]*)[├└]── (\w+)", inspect.getdoc(errors) or "", re.MULTILINE):
        level = len(indent) // 4
        yield above[level], name
        above[level + 1] = name


def derived(kind: type[WindrowError]) -> Iterator[tuple[str, str]]:
    """Yield each error of the module with the one that it is derived from."""
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield kind.__name__, each.__name__
            yield from derived(each)


def test_the_drawing_is_true() -> None:
    """Each error stands once, below the one that it is derived from."""
    assert sorted(derived(WindrowError)) == sorted(drawn())


def test_no_other_module_has_an_error_of_windrows() -> None:
    """So that whoever catches one finds them all."""
    known = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    elsewhere = [
        f"{path.relative_to(PACKAGE)}: {node.name}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(errors.__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and known & {ast.unparse(base) for base in node.bases}
    ]
    assert [] == elsewhere
