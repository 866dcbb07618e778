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
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.aws_verify.account import Caller
from scripts.aws_verify.cleanup import Cleanup, empty_bucket
from scripts.aws_verify.inventory import KINDS, names
from scripts.aws_verify.users import make_role, make_user
from windrow.lab.stack.provision import isolated

REPOSITORY = Path(__file__).resolve().parents[2]
SERVER = "CONTRACT_SERVER"
"""Environment variable: the fields of `tests.servers.endpoint.Endpoint`, as JSON."""
PREFIX = "CONTRACT_PREFIX"
"""Environment variable: how the names of all that the suites make begin, so that it can be found and removed."""
SUITES = "tests/contract"
EMULATOR = "ministack"
"""What the suites call the server whose place the account takes."""
UNNAMED = [
    "dynamodb:BatchExecuteStatement",
    "lambda:CreateEventSourceMapping",
    "lambda:CreateFunction",
    "lambda:ListEventSourceMappings",
]
"""What MiniStack checks without the name of table or function; the last is how it calls the reading of a mapping."""

NEWLINES = "a wildcard in a policy matches no newline on MiniStack, so it refuses such keys to all but root"
BEYOND_EMULATORS = [
    ("test_odd_keys_are_read_as_they_are[", NEWLINES),
    ("test_odd_keys_are_deleted_and_no_other[ministack-a\\nb]", NEWLINES),
    ("test_odd_keys_are_deleted_and_no_other[ministack-a\\r\\nb", NEWLINES),
    (
        "test_round_trips_says_which_keys_obstore_asks_for[",
        "MiniStack lists no bucket with a control character in a key, so it could not be emptied again",
    ),
]
"""Beginnings of the names of tests that the account runs and an emulator can't, with the reason."""


class Result(msgspec.Struct, frozen=True):
    """How many tests ran, and why those that failed did."""

    passed: int
    failed: dict[str, str]
    skipped: dict[str, str]


def run(root: Caller, name: str, folder: Path, cleanup: Cleanup, suites: tuple[str, ...] = (SUITES,)) -> Result:
    """Run the suites as a user who may use what they make, and nothing else; note how that goes again."""
    prefix = f"{name}-t-"
    cleanup.add(
        f"aws s3 ls | grep {prefix}  # and functions, queues, tables and secrets of that prefix",
        lambda: sweep(root, prefix),
    )
    role = make_role(root, f"{name}-contract-function", of_functions(root, prefix), cleanup)
    credentials = make_user(root, f"{name}-contract", statements(root, prefix, role), cleanup)
    server = {
        "name": EMULATOR,
        "url": root.url or f"https://s3.{root.region}.amazonaws.com",
        "access_key": credentials.access_key,
        "secret_key": credentials.secret_key,
        "region": root.region,
        "of_aws": root.url is None,
        "role_arn": role,
    }
    found = folder / "contract.xml"
    plugins = ["-p", "scripts.aws_verify.contract", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, f"--junitxml={found}", *suites]
    environ = {**isolated(os.environ), SERVER: json.dumps(server), PREFIX: prefix}
    done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)
    if not found.exists():
        raise RuntimeError(f"pytest ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return read(found)


def of_functions(root: Caller, prefix: str) -> list[dict[str, Any]]:
    """Return what the suites' functions may: take messages from queues that begin with the prefix."""
    actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    queues = f"arn:{root.partition()}:sqs:{root.region}:{root.account()}:{prefix}*"
    return [{"Effect": "Allow", "Action": actions, "Resource": queues}]


def statements(root: Caller, prefix: str, role: str) -> list[dict[str, Any]]:
    """Return what the suites' user may: everything with what begins with the prefix, and with mappings to it."""
    aws = f"arn:{root.partition()}"
    here = f"{root.region}:{root.account()}"
    functions = f"{aws}:lambda:{here}:function:{prefix}*"
    # The wildcards cover what the suites make and name themselves.
    resources = {
        "dynamodb": [f"{aws}:dynamodb:{here}:table/{prefix}*"],
        "s3": [f"{aws}:s3:::{prefix}*"],
        "lambda": [functions],
        "secretsmanager": [f"{aws}:secretsmanager:{here}:secret:{prefix}*"],
        "sqs": [f"{aws}:sqs:{here}:{prefix}*"],
    }
    passed = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    return [
        *({"Effect": "Allow", "Action": f"{service}:*", "Resource": arns} for service, arns in resources.items()),
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": passed},
        {
            # What is absent belongs to no function, and must be answered as absent.
            "Effect": "Allow",
            "Action": "lambda:GetEventSourceMapping",
            "Resource": f"{aws}:lambda:{here}:event-source-mapping:*",
        },
        {
            "Effect": "Allow",
            "Action": [f"lambda:{act}EventSourceMapping" for act in ("Create", "Delete", "Update")],
            "Resource": "*",
            "Condition": {"ArnLike": {"lambda:FunctionArn": functions}},
        },
        *([{"Effect": "Allow", "Action": UNNAMED, "Resource": "*"}] if root.url else []),
    ]


def sweep(root: Caller, prefix: str) -> None:
    """Remove all that the suites made."""
    sqs, dynamodb, secrets, logs = (root.client(each) for each in ("sqs", "dynamodb", "secretsmanager", "logs"))
    removals: list[tuple[str, Callable[[str], object]]] = [
        ("log groups", lambda name: logs.delete_log_group(logGroupName=name)),
        ("buckets", lambda name: empty_bucket(root, name)),
        ("queues", lambda url: sqs.delete_queue(QueueUrl=url)),
        ("tables", lambda name: dynamodb.delete_table(TableName=name)),
        ("secrets", lambda name: secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)),
        ("functions", lambda name: drop_function(root, name)),
    ]
    each = Cleanup()
    for kind, remove in removals:
        for name in names(root, *KINDS[kind]):
            # A queue's name is the end of its URL, a function's that of its log group.
            if name.rpartition("/")[2].startswith(prefix):
                each.add(name, partial(remove, name))
    if failed := each.run():
        raise RuntimeError("; ".join(f"{name}: {why}" for name, why in failed.items()))


def drop_function(root: Caller, name: str) -> None:
    """Delete a function, and first the mappings to it."""
    client = root.client("lambda")
    for page in root.pages("lambda", "list_event_source_mappings"):
        for mapping in page["EventSourceMappings"]:
            if name in mapping["FunctionArn"].split(":"):
                client.delete_event_source_mapping(UUID=mapping["UUID"])
    client.delete_function(FunctionName=name)


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
    if not json.loads(os.environ[SERVER])["of_aws"]:
        for item in items:
            for name, reason in BEYOND_EMULATORS:
                if item.name.startswith(name):
                    item.add_marker(pytest.mark.skip(reason=reason))


def _runs_there(item: Any) -> bool:
    values = list(_values(item.callspec.params)) if hasattr(item, "callspec") else []
    return EMULATOR in values or EMULATOR in item.fixturenames


def _values(parameters: Any) -> Iterator[Any]:
    for value in parameters.values():
        yield from value if isinstance(value, tuple) else (value,)
