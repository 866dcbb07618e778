"""infra/examples/servers on MiniStack with IAM enforced: applied, it delivers through a worker in its role.

What the emulator lacks is left out: alarms, and IAM Roles Anywhere, in whose place users take on the role.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.aws_verify.account import Caller
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.contract import UNNAMED
from scripts.aws_verify.inventory import appeared, inventory
from scripts.aws_verify.setups import copy_infra
from scripts.aws_verify.targets import second_bucket
from scripts.aws_verify.terraform import Terraform
from scripts.aws_verify.users import make_user
from tests.tools import provider_folder
from windrow.archives.sources import StoredArchive
from windrow.clients.destination.bucket import S3Destination
from windrow.core.archive.reader import Archive
from windrow.core.keys import is_internal
from windrow.lab.stack.process import Process
from windrow.lab.stack.provision import isolated
from windrow.lab.stack.servers import ACCESS_KEY, REGION, SECRET_KEY, ministack
from windrow.lab.stack.waiting import wait_until

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(600)]

NAME = "windrow-servers"
SERVICES = ("dynamodb", "iam", "kms", "s3", "s3control", "secretsmanager", "sqs", "sts")


@dataclass(frozen=True)
class Applied:
    """The applied example, and who acts on it."""

    root: Caller
    outputs: dict[str, Any]
    destination: S3Destination
    worker: Caller
    partner: Caller
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a process of the worker's: the file that the example gives out, and the role."""
        lines = self.outputs["environment_file"].splitlines()
        return {**isolated(os.environ), **dict(line.split("=", 1) for line in lines), **self.worker.environment()}


def overrides(url: str, arns: dict[str, str], destination: dict[str, str]) -> dict[str, Any]:
    """Return what differs from the example: where it is, and what the emulator does not have."""
    provider = {
        "region": REGION,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "allowed_account_ids": None,
        "s3_use_path_style": True,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "endpoints": dict.fromkeys(SERVICES, url),
    }
    module = {
        "name": NAME,
        "landing_bucket_name": f"{NAME}-landing",
        "uploaders": {"partner": {"principal_arn": arns["partner"], "prefix": "partner/"}},
        "workers": {"principal_arns": [arns["worker"]]},
        "destination": destination,
        "retention": {"smallest_moved": "all_storage_classes_128K"},
        "alarms": None,
        "disposable": True,
        "plaintext_loopback_cidrs": ["127.0.0.0/8"],
    }
    return {"terraform": {"backend": {"local": {}}}, "provider": {"aws": provider}, "module": {"windrow": module}}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """The example, applied; at the end destroyed, and nothing is left."""
    folder, cleanup = tmp_path_factory.mktemp("servers"), Cleanup()
    terraform = Terraform(copy_infra(folder) / "examples/servers", plugins=provider_folder())
    with ministack(folder, auth=True, services="") as server:
        root = Caller(REGION, server.url).with_keys(ACCESS_KEY, SECRET_KEY)
        before = inventory(root)
        target = second_bucket(root, f"{NAME}-archives", cleanup)
        role = f"arn:aws:iam::{root.account()}:role/{NAME}-worker"
        may = {
            "partner": {"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{NAME}-landing/partner/*"},
            "worker": {"Action": "sts:AssumeRole", "Resource": role},
        }
        users = {
            who: make_user(root, f"{NAME}-{who}", [{"Effect": "Allow", **statement}], cleanup)
            for who, statement in may.items()
        }
        arns = {who: f"arn:aws:iam::{root.account()}:user/{NAME}-{who}" for who in users}
        where = {"endpoint": target.endpoint, "bucket": target.bucket, "region": target.region}
        changes = overrides(str(server.url), arns, where)
        (terraform.folder / "emulator_override.tf.json").write_text(json.dumps(changes))
        terraform.init()
        terraform.run("apply", "-no-color", "-auto-approve")
        outputs = terraform.outputs()
        target.give(root, outputs["destination_secret_id"])
        unnamed = {"Effect": "Allow", "Action": UNNAMED, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [unnamed]})
        at_role = {"RoleName": f"{NAME}-worker", "PolicyName": "emulator"}
        root.client("iam").put_role_policy(**at_role, PolicyDocument=policy)
        partner, worker = (
            root.with_keys(users[who].access_key, users[who].secret_key) for who in ("partner", "worker")
        )
        yield Applied(root, outputs, target.open(), worker.in_role(outputs["worker_role_arn"]), partner, folder)
        root.client("iam").delete_role_policy(**at_role)
        terraform.run("destroy", "-no-color", "-auto-approve")
        assert {} == cleanup.run()
        assert {} == appeared(before, inventory(root))


def test_a_worker_in_its_role_delivers_what_is_uploaded(applied: Applied) -> None:
    """Once, byte for byte; the queue is empty then."""
    applied.partner.client("s3").put_object(Bucket=applied.outputs["landing_bucket"], Key="partner/a.txt", Body=b"a")
    worker = Process("worker", applied.folder)
    worker.launch([sys.executable, "-m", "windrow", "run", "--window", "1", "--quiet-wait", "1"], applied.environ)
    try:
        keys = wait_until(
            "the archive",
            lambda: [key for key, _size in applied.destination.list("") if not is_internal(key)],
            cause=worker.log_tail,
        )
    finally:
        worker.stop()
    archives = [Archive.open(StoredArchive(applied.destination, key)) for key in keys]
    assert [("partner/a.txt", b"a")] == [
        (file.key, b"".join(archive.read(file))) for archive in archives for file in archive.manifest.files
    ]
