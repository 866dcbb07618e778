"""What is applied, and what differs between AWS and the emulator that stands in for it."""

from __future__ import annotations

import json
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.aws_verify.account import Caller
from scripts.aws_verify.bystanders import bystanders
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.stack import WORKER, Stack
from scripts.aws_verify.targets import Target
from scripts.aws_verify.terraform import Terraform
from windrow.lab.stack.process import Process

REPOSITORY = Path(__file__).resolve().parents[2]
OVERRIDES = Path(__file__).parent / "staging"
INFRA = REPOSITORY / "infra"
LOCK = ".terraform.lock.hcl"
SHARED = ("people.tf", "outputs_verified.tf")
"""Of infra/local: what the example `staging` gets too."""


def copy_infra(folder: Path) -> Path:
    """Copy infra/ without what Terraform left there, but for the lock files of the examples; return the copy."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        kept = {LOCK} if Path(folder).parent == INFRA / "examples" else set()
        return shutil.ignore_patterns(".terraform", LOCK, "*.tfstate*")(folder, names) - kept

    return Path(shutil.copytree(INFRA, folder / "infra", ignore=ignored))


@dataclass(frozen=True)
class Setup(ABC):
    """A configuration, and how the stack that it makes is driven."""

    name: str
    root: Caller
    target: Target
    terraform: Terraform

    @abstractmethod
    def variables(self, package: Path) -> list[str]:
        """Return the arguments of apply, plan and destroy."""

    @property
    def disposing(self) -> list[str]:
        """Further arguments of a destroy."""
        return []

    @abstractmethod
    def delivering(self, stack: Stack, folder: Path) -> AbstractContextManager[None]:
        """Have the stack work through its queue meanwhile."""

    @abstractmethod
    def before_deployment(self, stack: Stack) -> None:
        """Bring the alias to where a first apply leaves it on AWS."""


def apply(setup: Setup, package: Path, cleanup: Cleanup) -> Stack:
    """Apply the configuration; note first how all of it goes again."""
    others = bystanders(setup.root, setup.name, cleanup)
    variables = setup.variables(package)
    arguments = [*variables, *setup.disposing]
    cleanup.add(
        f"terraform -chdir={setup.terraform.folder} destroy {' '.join(arguments)}",
        lambda: setup.terraform.run("destroy", "-no-color", "-auto-approve", *arguments),
    )
    setup.terraform.run("apply", "-no-color", "-auto-approve", *variables)
    return Stack(setup.terraform, variables, setup.root, setup.terraform.outputs(), package, others)


@dataclass(frozen=True)
class Aws(Setup):
    """The example `staging` in an account, with what `staging/` beside this module replaces in it."""

    @staticmethod
    def prepare(folder: Path) -> Path:
        """Copy infra/ with the changes to the example; return the folder to apply."""
        copy = copy_infra(folder)
        staging = copy / "examples/staging"
        for path in (*OVERRIDES.glob("*.tf"), *(copy / "local" / name for name in SHARED)):
            shutil.copy(path, staging)
        return staging

    def variables(self, package: Path) -> list[str]:
        """Return the arguments of apply, plan and destroy. Nothing rotates: the secret has no value at first."""
        given = {
            "name": self.name,
            "account_id": self.root.account(),
            "destination_endpoint": self.target.endpoint,
            "destination_bucket": self.target.bucket,
            "zip_path": str(package),
            "rotation_days": "null",
        }
        return [f"-var={name}={value}" for name, value in given.items()]

    @contextmanager
    def delivering(self, stack: Stack, folder: Path) -> Iterator[None]:  # noqa: ARG002 - an emulator's worker logs there
        """Let the functions, which reach S3 through an endpoint of their VPC, reach the second bucket too."""
        ec2, bucket = self.root.client("ec2"), f"arn:{self.root.partition()}:s3:::{self.target.bucket}"
        here = [
            {"Name": "vpc-id", "Values": [stack.outputs["vpc_id"]]},
            {"Name": "vpc-endpoint-type", "Values": ["Gateway"]},
            {"Name": "service-name", "Values": [f"com.amazonaws.{self.root.region}.s3"]},
        ]
        (endpoint,) = ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
        policy = json.loads(endpoint["PolicyDocument"])
        policy["Statement"].append(
            {
                "Sid": "StandInForMinIO",
                "Effect": "Allow",
                "Principal": "*",  # the account's own: see the condition
                "Action": "s3:*",
                "Resource": [bucket, f"{bucket}/*"],
                "Condition": {"StringEquals": {"aws:PrincipalAccount": self.root.account()}},
            }
        )
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=json.dumps(policy))
        yield

    def before_deployment(self, stack: Stack) -> None:
        """Leave it: the alias points to the first version."""


@dataclass(frozen=True)
class Emulated(Setup):
    """infra/local on MiniStack, which does not have all that the example `staging` consists of."""

    disposable: bool = True

    @property
    def disposing(self) -> list[str]:
        """Whatever it was applied with."""
        return ["-var=disposable=true"]

    @staticmethod
    def prepare(folder: Path) -> Path:
        """Copy infra/; return the folder to apply."""
        return copy_infra(folder) / "local"

    def variables(self, package: Path) -> list[str]:
        """Return the arguments of apply, plan and destroy."""
        given = {
            "name": self.name,
            "aws_endpoint": str(self.root.url),
            "destination_endpoint": self.target.endpoint,
            "destination_bucket": self.target.bucket,
            "destination_region": self.target.region,
            "zip_path": package,
            "disposable": str(self.disposable).lower(),
        }
        return [f"-var={name}={value}" for name, value in given.items()]

    @contextmanager
    def delivering(self, stack: Stack, folder: Path) -> Iterator[None]:
        """Run a worker in its own role, by the mapping that Terraform made: MiniStack knows no batching window."""
        worker = Process("worker", folder)
        environ = stack.environment(WORKER, stack.outputs["environment"])
        command = ["run", "--window", "1", "--quiet-wait", "1"]
        worker.launch([sys.executable, "-m", "windrow", *command], environ)
        try:
            yield
            if not worker.running:
                raise RuntimeError(f"the worker ended {worker.log_tail()}")
        finally:
            worker.stop()

    def before_deployment(self, stack: Stack) -> None:
        """Point the alias to the first version, with the mapping off: MiniStack would poll for a version."""
        client = self.root.client("lambda")
        client.update_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"], Enabled=False)
        alias = {"FunctionName": stack.outputs["function_name"], "Name": stack.outputs["function_alias"]}
        client.update_alias(**alias, FunctionVersion="1")
