"""The keys to the local destination."""

from __future__ import annotations

import json
import re
from pathlib import Path

from windrow.lab.stack.destination import DESTINATION_BUCKET, DESTINATION_POLICY

DEPLOY = Path(__file__).resolve().parents[4] / "docs/deploy.md"


def test_the_local_stack_has_the_policy_that_operators_are_given() -> None:
    """What the stack tests prove to be enough is what the deployment page says."""
    blocks = re.findall(r"^```json\n(.*?)^```", DEPLOY.read_text(), re.MULTILINE | re.DOTALL)
    policies = [json.loads(block.replace("<bucket>", DESTINATION_BUCKET)) for block in blocks]

    assert DESTINATION_POLICY in policies
