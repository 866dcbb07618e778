"""What is verified on the applied stack, each by itself: it returns what it saw, or raises."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from botocore.exceptions import ClientError

from scripts.aws_verify import contract
from scripts.aws_verify.account import REFUSED, Caller
from scripts.aws_verify.allowed import ALLOWED
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.forbidden import FORBIDDEN
from scripts.aws_verify.setups import Setup
from scripts.aws_verify.stack import AUDITOR, DEPLOYER, PARTNER, ROTATION, SENTINEL, Stack
from windrow import packaging, settings
from windrow.archives.sources import StoredArchive
from windrow.clients.answers import code
from windrow.core.archive.reader import Archive
from windrow.core.metric import Metric
from windrow.core.words import counted
from windrow.lab.stack.provision import isolated
from windrow.lab.stack.waiting import wait_until
from windrow.operations.audit.statement import Statement
from windrow.ports import Credentials

FILES = 30
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
"""Of a rotation, in the order in which Secrets Manager calls them."""
DELIVERY_S = 600.0
"""Minutes are usual on AWS: a batching window, and a first probe."""
LOGGED_S = 120.0
"""A line that was written is found after seconds."""


class Wrong(Exception):
    """The stack does not do what it should."""


class NotRun(Exception):
    """A check can't be made here, for the reason that the message gives."""


@dataclass(frozen=True)
class Context:
    """What a check works on. ``suites`` are the contract suites to run."""

    setup: Setup
    stack: Stack
    folder: Path
    cleanup: Cleanup
    suites: tuple[str, ...] = (contract.SUITES,)


def unchanged(context: Context) -> str:
    """A second plan changes nothing."""
    if context.stack.plan() != 0:
        raise Wrong("a plan right after the apply would change something")
    return "a plan right after the apply is empty"


def contracts(context: Context) -> str:
    """The contract suites pass."""
    root, name = context.setup.root, context.setup.name
    result = contract.run(root, name, context.folder, context.cleanup, context.suites)
    if result.failed or not result.passed:
        lines = [f"{test}: {why}" for test, why in result.failed.items()]
        raise Wrong("\n".join([f"{counted(len(lines), 'test')} failed, {result.passed} passed", *lines]))
    skipped = "".join(f"\nskipped {test}: {why}" for test, why in result.skipped.items())
    return f"{counted(result.passed, 'test')} passed{skipped}"


def delivery(context: Context) -> str:
    """Files of the external party arrive whole, each once."""
    stack, target = context.stack, context.setup.target
    target.give(stack.root, stack.outputs["destination_secret_id"])
    uploads = {f"partner/{number}.txt": f"content {number}".encode() for number in range(FILES)}
    s3 = stack.caller(PARTNER).client("s3")
    for key, body in uploads.items():
        s3.put_object(Bucket=stack.landing_bucket, Key=key, Body=body)
    with context.setup.delivering(stack, context.folder):
        arrived = wait_until("all files to arrive", lambda: _arrived(context, uploads), limit_s=DELIVERY_S, pause_s=0.5)
    archives = arrived or {}
    delivered = [(key, body) for files in archives.values() for key, body in files if key in uploads]
    if sorted(delivered) != sorted(uploads.items()):
        raise Wrong(f"{FILES} files were uploaded, and {len(delivered)} delivered, or with other contents")
    return f"{FILES} files arrived in {counted(len(archives), 'archive')}, each once and byte for byte"


def _arrived(context: Context, uploads: dict[str, bytes]) -> dict[str, list[tuple[str, bytes]]] | None:
    """Return what is in each archive at the destination, once no file is missing."""
    destination = context.setup.target.open()
    found = {}
    for key, _size in destination.list(settings.load(context.stack.outputs["environment"]).destination_prefix):
        archive = Archive.open(StoredArchive(destination, key))
        found[key] = [(file.key, b"".join(archive.read(file))) for file in archive.manifest.files]
    keys = {key for files in found.values() for key, _body in files}
    return found if uploads.keys() <= keys else None


def probe(context: Context) -> str:
    """The sentinel, in its own role, finds the destination up."""
    said = context.stack.invoke(SENTINEL, {})
    if said != {"mode": "auto", "opened": False, "failures": 0, "fault": ""}:
        raise Wrong(f"the sentinel answered {said}")
    return "the sentinel probed in its own role: the destination is up, the circuit closed"


def audit(context: Context) -> str:
    """The daily audit, in its own role, writes its statement beside the archives and publishes what it found."""
    stack, destination = context.stack, context.setup.target.open()
    key = stack.invoke(AUDITOR, {})["statement"]
    stored = {name: destination.head(name) for name in (key, f"{key.removesuffix('json')}html")}
    data, page = (destination.read(name, 0, found.size) if found else b"" for name, found in stored.items())
    report = msgspec.json.decode(data, type=Statement).report
    if (report.missing, report.duplicated, page[:15].lower()) != (0, 0, b"<!doctype html>"):
        raise Wrong(f"the statement says {report}, and its page begins with {page[:15]!r}")
    wait_until("its metrics", lambda: Metric.FILES_MISSING in stack.log(AUDITOR), limit_s=LOGGED_S, pause_s=1)
    return f"{key} and its page are beside the archives, and its metrics in the log"


def rotation(context: Context) -> str:
    """The four steps of a rotation replace the credentials by others that work."""
    stack, target = context.stack, context.setup.target
    if not target.rotates:
        raise NotRun("the second bucket has no admin API of MinIO's, so that no function can make new keys there")
    client, secret_id = stack.root.client("secretsmanager"), stack.outputs["destination_secret_id"]
    target.give(
        stack.root, stack.outputs["destination_secret_id"]
    )  # anew, since MiniStack keeps an empty version before the first one, which AWS does not
    token = str(uuid4())
    for step in STEPS:
        stack.invoke(ROTATION, {"SecretId": secret_id, "ClientRequestToken": token, "Step": step})
    secret = json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
    if secret["access_key"] == target.credentials.access_key:
        raise Wrong("the secret holds the key that it held before")
    target.open(Credentials(secret["access_key"], secret["secret_key"])).probe()
    return "four steps, after which the secret holds another key, which the destination accepts"


def attempt(stack: Stack, who: str, service: str, act: Callable[[Any, Stack], object]) -> str:
    """Return the code of the error that the service answered; empty if it did what it was asked."""
    try:
        act(stack.caller(who).client(service), stack)
    except ClientError as error:
        return code(error)
    return ""


def roles(context: Context) -> str:
    """Each role can do its work, and nothing else."""
    stack = context.stack
    wrong = [
        f"{who} should be allowed: {service}, {what} ({refusal})"
        for who, service, what, act in ALLOWED
        if (refusal := attempt(stack, who, service, act))
    ] + [
        f"{who} should be refused: {service}, {what} ({refusal or 'it was allowed'})"
        for who, service, what, act in FORBIDDEN
        if (refusal := attempt(stack, who, service, act)) not in REFUSED
    ]
    if wrong:
        raise Wrong("\n".join(wrong))
    return f"{counted(len(ALLOWED), 'action')} allowed, {len(FORBIDDEN)} refused"


def deployment(context: Context) -> str:
    """As documented, with the policy for it: apply a new zip, deploy it, go back; Terraform changes nothing then."""
    stack = context.stack
    context.setup.before_deployment(stack)
    release = Path(shutil.copy(stack.package, context.folder / "release.zip"))
    shutil.copy(packaging.rotation_path(stack.package), packaging.rotation_path(release))
    with zipfile.ZipFile(release, "a") as package:
        package.writestr("release.txt", "2")
    stack.apply(f"-var=zip_path={release}")
    caller = stack.caller(DEPLOYER)
    there = deploy(stack, caller, "--zip", str(release), "--steps", "50,100", "--bake", "0")
    back = deploy(stack, caller, "--rollback")
    seen = (there["outcome"], back["outcome"], back["version"])
    if seen != ("deployed", "rolled-back", "1"):
        raise Wrong(f"deployed and rolled back: {seen}")
    if stack.plan() != 0:
        raise Wrong("a plan after the deployment would change something")
    return f"version {there['version']} deployed after its smoke test, and back to version 1; a plan is empty then"


def deploy(stack: Stack, caller: Caller, *arguments: str) -> dict[str, Any]:
    """Run ``windrow deploy`` and return its result."""
    environ = {**isolated(os.environ), **caller.environment()}
    command = [sys.executable, "-m", "windrow", "deploy", "--function", stack.outputs["function_name"], "--json"]
    done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"windrow deploy ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


CHECKS: dict[str, Callable[[Context], str]] = {
    "second plan": unchanged,
    "delivery": delivery,
    "probe": probe,
    "audit": audit,
    "rotation": rotation,
    "contract suites": contracts,
    "roles": roles,
    "deployment": deployment,
}
"""In this order: roles leave the mapping off, and rotations other keys in the secret."""
