"""A worker behind proxies that break its connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.faults.campaign import SHORT
from bench.faults.environment import Environment
from tests.tools import locate


@pytest.fixture
def toxiproxy() -> Path:
    """Return Toxiproxy's server."""
    return Path(locate("toxiproxy"))


@pytest.fixture
def environment(tmp_path: Path, toxiproxy: Path) -> Iterator[Environment]:
    """Run servers, proxies and a worker that dies at traps."""
    with Environment(tmp_path, toxiproxy, SHORT.shape, visibility_s=SHORT.visibility_s) as running:
        yield running
