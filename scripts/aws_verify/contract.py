"""Runs the contract suites of tests/contract against the account: what they are told, and what they found.

The suites name the emulator that CI has; with `SERVER` in the environment, tests/conftest.py gives them the account in
its place, and this module, as a plugin, leaves out what would run on fakes or on other servers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from scripts.aws_verify.account import Caller
from scripts.aws_verify.cleanup import Cleanup, empty_bucket
from scripts.aws_verify.inventory import KINDS, names
from scripts.aws_verify.users import make_user
from windrow.lab.stack.provision import isolated

REPOSITORY = Path(__file__).resolve().parents[2]
SERVER = "CONTRACT_SERVER"
"""Environment variable: the fields of `tests.servers.endpoint.Endpoint`, as JSON."""
PREFIX = "CONTRACT_PREFIX"
"""Environment variable: how the names of all that the suites make begin, so that it can be found and removed."""
SUITES = "tests/contract"
EMULATOR = "ministack"
"""What the suites call the server whose place the account takes."""


class Result(msgspec.Struct, frozen=True):
    """How many tests ran, and why those that failed did."""

    passed: int
    failed: dict[str, str]
    skipped: dict[str, str]


def run(root: Caller, name: str, folder: Path, cleanup: Cleanup, suites: tuple[str, ...] = (SUITES,)) -> Result:
    """Run the suites as a user who may use what they make, and nothing else; note how that goes again."""
    prefix = f"{name}-t-"
    cleanup.add(
        f"aws s3 ls | grep {prefix}  # and queues, tables and secrets of that prefix", lambda: sweep(root, prefix)
    )
    credentials = make_user(root, f"{name}-contract", statements(root, prefix), cleanup)
    server = {
        "name": EMULATOR,
        "url": root.url or f"https://s3.{root.region}.amazonaws.com",
        "access_key": credentials.access_key,
        "secret_key": credentials.secret_key,
        "region": root.region,
        "of_aws": root.url is None,
    }
    found = folder / "contract.xml"
    plugins = ["-p", "scripts.aws_verify.contract", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, f"--junitxml={found}", *suites]
    environ = {**isolated(os.environ), SERVER: json.dumps(server), PREFIX: prefix}
    done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
    if not found.exists():
        raise RuntimeError(f"pytest ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return read(found)


def statements(root: Caller, prefix: str) -> list[dict[str, Any]]:
    """Return what the suites' user may: everything with what begins with the prefix."""
    aws = f"arn:{root.partition()}"
    here = f"{root.region}:{root.account()}"
    # The wildcards cover what the suites make and name themselves.
    resources = {
        "dynamodb": [f"{aws}:dynamodb:{here}:table/{prefix}*"],
        "s3": [f"{aws}:s3:::{prefix}*"],
        "secretsmanager": [f"{aws}:secretsmanager:{here}:secret:{prefix}*"],
        "sqs": [f"{aws}:sqs:{here}:{prefix}*"],
    }
    return [{"Effect": "Allow", "Action": f"{service}:*", "Resource": arns} for service, arns in resources.items()]


def sweep(root: Caller, prefix: str) -> None:
    """Remove all that the suites made."""
    sqs, dynamodb, secrets = (root.client(service) for service in ("sqs", "dynamodb", "secretsmanager"))
    removals: list[tuple[str, Callable[[str], object]]] = [
        ("buckets", lambda name: empty_bucket(root, name)),
        ("queues", lambda url: sqs.delete_queue(QueueUrl=url)),
        ("tables", lambda name: dynamodb.delete_table(TableName=name)),
        ("secrets", lambda name: secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)),
    ]
    for kind, remove in removals:
        for name in names(root, *KINDS[kind]):
            if name.rpartition("/")[2].startswith(prefix):  # a queue's name is the end of its URL
                remove(name)


def read(found: Path) -> Result:
    """Read the results that pytest wrote."""
    failed, skipped, passed = {}, {}, 0
    for case in ET.parse(found).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        name = f"{case.get('classname')}.{case.get('name')}".replace(EMULATOR, "account")
        wrong = [*case.findall("failure"), *case.findall("error")]
        if wrong:
            failed[name] = str(wrong[0].get("message", "")).partition("\n")[0]
        elif (skip := case.find("skipped")) is not None:
            skipped[name] = str(skip.get("message", ""))
        else:
            passed += 1
    return Result(passed, failed, skipped)


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Keep the tests that run on the account, and those that its place in a parameter sends there."""
    kept = [item for item in items if _runs_there(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _runs_there(item: Any) -> bool:
    values = list(_values(item.callspec.params)) if hasattr(item, "callspec") else []
    return EMULATOR in values or EMULATOR in item.fixturenames


def _values(parameters: Any) -> Iterator[Any]:
    for value in parameters.values():
        yield from value if isinstance(value, tuple) else (value,)
