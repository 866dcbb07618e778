"""The applied stack, and those who act on it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.aws_verify.account import Caller
from scripts.aws_verify.bystanders import Bystanders
from scripts.aws_verify.terraform import Terraform
from windrow.lab.stack.provision import isolated

PARTNER, OPERATOR, DEPLOYER = "partner", "operator", "deployer"
AGGREGATOR, AUDITOR, SENTINEL, ROTATION, RETENTION = "aggregator", "auditor", "sentinel", "rotation", "retention"
WORKER, SWEEPER = "worker", "sweeper"
"""Servers that do the work of the aggregator and of the retention sweep."""


@dataclass(frozen=True)
class Stack:
    """The applied stack: its Terraform with the variables of its apply, who applied it, and its zip."""

    terraform: Terraform
    variables: list[str]
    root: Caller
    outputs: dict[str, Any]
    package: Path
    bystanders: Bystanders
    _callers: dict[str, Caller] = field(default_factory=dict, repr=False, compare=False)

    @property
    def landing_bucket(self) -> str:
        """Where the external party uploads."""
        return str(self.outputs["landing_bucket"])

    @property
    def copies_bucket(self) -> str:
        """Where copies of archives are kept."""
        return str(self.outputs["archive_copies_bucket"])

    def caller(self, name: str) -> Caller:
        """Return one of the people, a server in the role of what it does, or a function; the same each time."""
        if name not in self._callers:
            self._callers[name] = self._in_role_of(name)
        return self._callers[name]

    def _in_role_of(self, name: str) -> Caller:
        if name == PARTNER:
            return self.root.in_role(self.outputs["uploader"]["role_arn"])
        if name in {OPERATOR, DEPLOYER}:
            return self.root.in_role(self.outputs[f"{name}_role_arn"])
        if name in {WORKER, SWEEPER}:
            role = self.outputs["worker_role_arns"][AGGREGATOR if name == WORKER else RETENTION]
            return self.root.in_role(self.outputs["server_role_arn"]).in_role(role)
        return self.root.in_role_of_a_service(self.outputs["role_arns"][name])

    def function(self, name: str) -> str:
        """Return the name of a function, which is its role's too."""
        return str(self.outputs["role_arns"][name].rpartition("/")[2])

    def environment(self, name: str, settings: dict[str, str]) -> dict[str, str]:
        """Return the environment of a process that has these settings, as ``name``."""
        return {**isolated(os.environ), **settings, **self.caller(name).environment()}

    def invoke(self, function: str, event: dict[str, str]) -> Any:
        """Run a function's code as a version of its own, which no reserved concurrency keeps from running.

        Raises:
            RuntimeError: the function failed; the message is what it answered.
        """
        client, name = self.root.client("lambda"), self.function(function)
        version = client.publish_version(FunctionName=name)["Version"]
        client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
        answer = client.invoke(FunctionName=name, Qualifier=version, Payload=json.dumps(event))
        body = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"{name} answered {body}")
        return body

    def log(self, function: str) -> str:
        """Return what a function has logged."""
        name = self.function(function)
        config = self.root.client("lambda").get_function_configuration(FunctionName=name)
        pages = self.root.pages("logs", "filter_log_events", logGroupName=config["LoggingConfig"]["LogGroup"])
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def apply(self, *variables: str) -> None:
        """Apply once more, with more variables, which stay; of several values, the last counts."""
        self.variables.extend(variables)
        self.terraform.run("apply", "-no-color", "-auto-approve", *self.variables)

    def plan(self) -> int:
        """Plan anew: 0 means that nothing would change, 2 that something would."""
        arguments = ("plan", "-no-color", "-detailed-exitcode", *self.variables)
        return self.terraform.run(*arguments, accept=(0, 2)).returncode
