from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from windrow.cli import package as command
from windrow.cli.root import run
from windrow.packaging import DELIVERY, ROTATION, Built, Contents
from windrow.packaging.lock import Platform


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Note what is asked of the builder, which answers without pip."""
    calls: list[tuple[Any, ...]] = []

    def build(
        project: Path, target: Platform, output: Path, contents: Contents = DELIVERY, *, bytecode: bool = False
    ) -> Built:
        calls.append((project, target, output, contents, bytecode))
        return Built(str(output), 10_400_000, "ab" * 32, 944, 36_300_000, target, ["boto3==1.0"], bytecode)

    monkeypatch.setattr(command, "build", build)
    monkeypatch.setattr(command, "measure_import", lambda _built, _project: None)
    return calls


def test_arm64_and_newest_python_are_the_default(asked: list[tuple[Any, ...]]) -> None:
    """Without options the zips are for the functions that the Terraform modules make."""
    assert 0 == run(["package"])
    target, name = Platform("arm64", "3.13"), "dist/windrow-lambda-arm64-py3.13"
    expected = [
        (Path(), target, Path(f"{name}.zip"), DELIVERY, False),
        (Path(), target, Path(f"{name}-rotation.zip"), ROTATION, False),
    ]
    assert expected == asked


def test_report_is_json(asked: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    """--json tells path, size, files, SHA-256 and target, of the rotation's zip under a name of its own."""
    assert 0 == run(["package", "--arch", "x86_64", "--python", "3.12", "--output", "x.zip", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (True, "x.zip", 10_400_000, 944, "ab" * 32) == tuple(
        report[name] for name in ("ok", "path", "bytes", "files", "sha256")
    )
    assert {"arch": "x86_64", "python": "3.12"} == report["target"]
    assert ("x-rotation.zip", "ab" * 32) == (report["rotation"]["path"], report["rotation"]["sha256"])


def test_bytecode_is_added_to_both_zips_when_asked_for(asked: list[tuple[Any, ...]]) -> None:
    """With --bytecode, and only then: without it the zips are the same on every machine."""
    assert 0 == run(["package", "--bytecode"])
    assert [True, True] == [call[-1] for call in asked]


def test_unknown_target_is_wrong_use(asked: list[tuple[Any, ...]]) -> None:
    """An architecture or Python that Lambda or Windrow lacks is wrong use."""
    assert 2 == run(["package", "--arch", "riscv"])
    assert 2 == run(["package", "--python", "3.10"])
    assert [] == asked


def test_no_checkout_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a checkout the command says so and exits 1."""
    assert 1 == run(["package", "--project", str(tmp_path), "--json"])
    assert "run this in a checkout" in json.loads(capsys.readouterr().out)["error"]
