"""Runs Terraform on a copy of infra/, so that nothing is written beside the sources."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.aws_verify import terraform
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


class Terraform(terraform.Terraform):
    """Terraform in one folder of a copy of infra/, with the provider that the tests use."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, program=locate("terraform"), plugins=provider_folder())

    def init(self, *arguments: str) -> terraform.Terraform:
        """Find the provider, which must be the one of a lock file, and the modules; leave the backend out."""
        locked = ["-lockfile=readonly"] if (self.folder / LOCK).exists() else []
        return super().init("-backend=false", *locked, *arguments)
