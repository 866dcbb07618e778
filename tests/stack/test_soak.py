"""A soak of seconds: all that happens in one of an hour, on the same stack and the real worker."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from bench import soak
from bench.soak_verdict import DEPLOYMENT
from tests.tools import locate
from windrow.lab.load.plan import Plan
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.needs("minio")]


def test_rotations_and_a_deployment_amid_the_load_lose_and_double_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is in one archive with its bytes, by two workers of which the first ended in order."""
    monkeypatch.setenv("PATH", str(Path(locate("minio")).parent), prepend=":")
    plan = Plan(rate=10, seconds=15, size=2000, window_s=1)
    with Stack(tmp_path, Shape(window_s=1, sentinel_s=0), destination="minio", worker=False) as stack:
        first = stack.worker.log
        record, expiring = soak.run(stack, plan, kept_s=1.0)
        pages = boto3.client("s3").get_paginator("list_object_versions").paginate(Bucket=stack.outputs.landing_bucket)
        left = sum(len(page.get("Versions", ())) for page in pages)
        ended = ['"event":"summary"' in log.read_text() for log in (first, stack.worker.log)]

    assert [] == record.proof.problems
    assert (150, 150) == (record.proof.files_uploaded, record.proof.files_delivered)
    names = ("rotation 1", "rotation 2", DEPLOYMENT)
    assert [f"{name} {what}" for name in names for what in ("begins", "is done")] == [what for _, what in record.events]
    assert [True, False] == ended
    assert (1, 1) == tuple(record.samples[-1].usage[group].processes for group in ("engine", "sentinel"))
    assert 0 < expiring.deleted == 150 - left
