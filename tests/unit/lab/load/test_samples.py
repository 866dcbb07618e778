from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from windrow.lab.load.samples import groups
from windrow.lab.stack.servers import Servers
from windrow.lab.stack.stack import Stack

USUAL = {"handlers", "engine", "AWS emulator", "destination", "sentinel", "generator"}


@pytest.mark.parametrize(
    ("servers", "more"),
    [
        ("ministack", set()),
        pytest.param("fast", {"queue", "landing"}, marks=pytest.mark.needs("minio", "elasticmq")),
    ],
)
def test_every_part_has_a_group(tmp_path: Path, servers: Servers, more: set[str]) -> None:
    """One that does not run has no processes."""
    sentinel: Any = SimpleNamespace(pids=[])
    stack = Stack(tmp_path, worker=False, servers=servers, destination="minio" if more else "ministack")
    found = groups(stack, sentinel)
    assert USUAL | more == found.keys()
    assert {"generator"} == {name for name, pids in found.items() if pids()}
