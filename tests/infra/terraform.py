"""Runs Terraform on a copy of infra/, so that nothing is written beside the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tools import locate, provider_folder

REPOSITORY = Path(__file__).resolve().parents[2]
INFRA = REPOSITORY / "infra"
LOCK = ".terraform.lock.hcl"


def copy_infra(folder: Path) -> Path:
    """Copy infra/ without what Terraform left there, but for the lock files of the examples; return the copy."""
    copy = folder / "infra"

    def ignored(folder: str, names: list[str]) -> set[str]:
        kept = {LOCK} if Path(folder).parent == INFRA / "examples" else set()
        return shutil.ignore_patterns(".terraform", LOCK, "*.tfstate*")(folder, names) - kept

    shutil.copytree(INFRA, copy, ignore=ignored)
    return copy


@dataclass(frozen=True)
class Terraform:
    """Terraform in one folder of a copy of infra/."""

    folder: Path

    def run(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run a command; fail the test with its output unless its exit code is one of ``accept``."""
        done = subprocess.run(
            [locate("terraform"), *arguments],
            cwd=self.folder,
            env=environment(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in accept:
            pytest.fail(
                f"terraform {arguments[0]} in {self.folder.name}: exit {done.returncode}\n{done.stdout}\n{done.stderr}",
                pytrace=False,
            )
        return done

    def init(self) -> Terraform:
        """Find the provider, which must be the one of a lock file, and the modules; leave the backend out."""
        locked = ["-lockfile=readonly"] if (self.folder / LOCK).exists() else []
        self.run("init", "-no-color", "-backend=false", f"-plugin-dir={provider_folder()}", *locked)
        return self

    def outputs(self) -> dict[str, Any]:
        """Return the values of the outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the user's own Terraform settings, in which loopback needs no proxy."""
    kept = {name: value for name, value in environ.items() if not name.startswith("TF_")}
    return kept | {
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
    }
