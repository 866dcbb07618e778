"""Tools that some tests need and not every machine has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE_ALL = "REQUIRE_ALL"
"""Environment variable; set to 1 it makes a missing tool a failure, so that CI can't skip by accident."""


def tools_cache() -> Path:
    """Return the folder where `scripts/tools.sh` keeps what it built or fetched."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windrow"


def require(tool: str, how_to_get: str) -> str:
    """Return the path of an executable from PATH, the cache that `make tools` fills, or Go's folder for binaries.

    Without it the test is skipped, or fails where every test is required to run; ``how_to_get`` tells a person
    how to install it.
    """
    folders = [os.environ.get("PATH", os.defpath), str(tools_cache() / "bin"), str(Path.home() / "go" / "bin")]
    path = os.pathsep.join(folders)
    found = shutil.which(tool, path=path)
    if found is None:
        missing(tool, how_to_get)
    return found


def missing(what: str, how_to_get: str) -> NoReturn:
    """Skip the test, or fail it where every test is required to run, because ``what`` is not there."""
    reason = f"{what} is not installed: {how_to_get}"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
