"""How the two set-ups are applied."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from scripts.aws_verify.setups import Emulated
from scripts.aws_verify.targets import Target
from windrow.ports import Credentials


def test_the_destination_is_signed_for_in_its_own_region() -> None:
    """The second bucket's is not MinIO's: S3 would answer 301 to every delivery."""
    target = Target("http://127.0.0.1:9", "archives", "eu-west-2", Credentials("key", "secret", None), rotates=False)
    root: Any = SimpleNamespace(url="http://127.0.0.1:9")
    terraform: Any = None

    variables = Emulated("windrow-1", root, target, terraform).variables(Path("function.zip"))

    assert "-var=destination_region=eu-west-2" in variables
