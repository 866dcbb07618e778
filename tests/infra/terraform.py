"""Runs Terraform with the provider that the tests use."""

from __future__ import annotations

from pathlib import Path

from scripts.aws_verify import terraform
from scripts.aws_verify.setups import LOCK
from tests.tools import locate, provider_folder


class Terraform(terraform.Terraform):
    """Terraform in one folder, with the provider that the tests use."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, program=locate("terraform"), plugins=provider_folder())

    def init(self, *arguments: str) -> terraform.Terraform:
        """Find the provider, which must be the one of a lock file, and the modules; leave the backend out."""
        locked = ["-lockfile=readonly"] if (self.folder / LOCK).exists() else []
        return super().init("-backend=false", *locked, *arguments)
