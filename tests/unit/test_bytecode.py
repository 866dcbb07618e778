from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from tests.programs import write_program
from windrow.core.errors import PackageError
from windrow.packaging.bytecode import TASK_ROOT, interpreter, with_bytecode

ENTRIES = {
    "windrow/__init__.py": b"",
    "windrow/a.py": b"KINDS = frozenset({'a', 'b', 'c', 'd'})\ndef f(kind):\n    return kind in {'x', 'y', 'z'}\n",
    "windrow/page.css": b"body { color: black }",
}
UNCHECKED = (1).to_bytes(4, "little")
"""PEP 552: based on a hash, which is not compared with the source."""


def test_each_module_gets_bytecode() -> None:
    """Modules alone, for the interpreter that reads them, not to be compared with their sources; the rest stays."""
    entries = with_bytecode(ENTRIES, sys.executable)

    tag = sys.implementation.cache_tag
    names = {f"windrow/__pycache__/{module}.{tag}.pyc" for module in ("__init__", "a")}
    assert names == entries.keys() - ENTRIES.keys()
    assert ENTRIES == {name: entries[name] for name in ENTRIES}
    assert {importlib.util.MAGIC_NUMBER + UNCHECKED} == {entries[name][:8] for name in names}


def test_builds_are_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever folder, hash seed, optimization and prefix the environment has; no path of the build is inside."""
    first = with_bytecode(ENTRIES, sys.executable)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "elsewhere"))
    monkeypatch.setattr("tempfile.tempdir", None)

    assert first == with_bytecode(dict(reversed(ENTRIES.items())), sys.executable)
    code = first[f"windrow/__pycache__/a.{sys.implementation.cache_tag}.pyc"]
    assert f"{TASK_ROOT}/windrow/a.py".encode() in code


def test_module_that_does_not_compile_is_named() -> None:
    """With its line, and nothing is built."""
    with pytest.raises(PackageError, match=r"can't be compiled.*bad\.py(?s:.*)SyntaxError"):
        with_bytecode({"windrow/bad.py": b"def f(:\n"}, sys.executable)


@pytest.mark.parametrize(
    "script", [None, "exit 127", "echo cpython-312", "echo pypy310-pp73"], ids=["absent", "broken", "older", "pypy"]
)
def test_another_python_is_refused(script: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Absent, broken, or of another version or kind: the error says what is needed."""
    if script is not None:
        write_program(tmp_path / "bin/python3.99", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")

    with pytest.raises(PackageError, match=r"bytecode for Python 3\.99 needs that version: put python3\.99 on PATH"):
        interpreter("3.99")


def test_own_python_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter that builds is used if it is of the version."""
    monkeypatch.setenv("PATH", "")
    assert sys.executable == interpreter(f"{sys.version_info.major}.{sys.version_info.minor}")


def test_other_python_is_found_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one that bears the version's name, if it says that it is of that version."""
    said = f"""case "$*" in *cache_tag*) echo cpython-399 ;; *) exec '{sys.executable}' "$@" ;; esac"""
    write_program(tmp_path / "bin/python3.99", said)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")

    assert "python3.99" == interpreter("3.99")
    assert len(with_bytecode(ENTRIES, "python3.99")) > len(ENTRIES)
