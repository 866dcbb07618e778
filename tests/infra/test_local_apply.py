"""infra/local on MiniStack with IAM enforced: what is made, who may do what, and that it all goes again.

Applied, checked and destroyed by what `make aws-verify` runs on AWS.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripts.aws_verify import __main__ as command
from scripts.aws_verify.account import Caller
from scripts.aws_verify.checks import CHECKS, FILES
from scripts.aws_verify.cleanup import Cleanup
from scripts.aws_verify.data_tier import data_tier
from scripts.aws_verify.inventory import inventory
from scripts.aws_verify.report import Report, Result
from scripts.aws_verify.setups import REPOSITORY, Emulated
from scripts.aws_verify.stack import AGGREGATOR, AUDITOR, PARTNER, RETENTION, SWEEPER, Stack
from scripts.aws_verify.targets import Target, second_bucket
from scripts.aws_verify.targets import minio as minio_target
from scripts.aws_verify.verification import Verification
from tests.servers.endpoint import Endpoint
from tests.tools import provider_folder
from windrow import packaging, settings
from windrow.cli.root import COMMANDS
from windrow.lab.stack.provision import isolated
from windrow.lab.stack.servers import REGION, find_minio, ministack
from windrow.lab.stack.waiting import wait_until

pytestmark = [
    pytest.mark.needs("terraform", "package-index"),
    pytest.mark.skipif(packaging.host_target() is None, reason="Lambda's wheels run on Linux only"),
    pytest.mark.timeout(1800),
]

SUITES = tuple(f"tests/contract/test_{name}_contract.py" for name in ("lambda", "ledger", "queue", "secrets"))
"""Of the contract suites, which all run on MiniStack in other tests: enough to see that they reach the account."""


@dataclass(frozen=True)
class Verified:
    """A verification whose checks are made, and which destroys everything when it is closed."""

    verification: Verification
    stack: Stack
    closing: ExitStack
    output: Path

    @property
    def report(self) -> Report:
        """What it has found so far."""
        return self.verification.report


@dataclass(frozen=True)
class Protected(Emulated):
    """The stack as it is where it stays: not disposable."""

    disposable: bool = False


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Verified]:
    """A run of the command on an emulator, up to its end."""
    folder = tmp_path_factory.mktemp("local")
    with ministack(folder, auth=True, services="") as server, ExitStack() as closing:
        options = command.parsed(
            ["--endpoint", str(server.url), "--plugins", str(provider_folder()), "--output", str(folder / "report")]
        )
        verification = Verification(
            command.caller(options.endpoint),
            options.output,
            SUITES,
            plugins=options.plugins,
            kind=Protected,
            target=partial(destination, request),
        )
        closing.enter_context(verification.destroying())
        stack = verification.check()
        assert stack, "\n".join(step.detail for step in verification.report.steps)
        yield Verified(verification, stack, closing, options.output)


def destination(request: pytest.FixtureRequest, root: Caller, bucket: str, cleanup: Cleanup) -> Target:
    """Return a bucket at MinIO; where there is none, the second bucket that stands in for it on AWS."""
    if not find_minio():
        return second_bucket(root, bucket, cleanup)
    server: Endpoint = request.getfixturevalue("minio")
    return minio_target(server.url, server.access_key, server.secret_key, bucket)


@pytest.fixture(scope="module")
def stack(verified: Verified) -> Stack:
    """infra/local, applied and checked."""
    return verified.stack


@pytest.mark.parametrize("check", CHECKS)
def test_verification_finds_the_stack_as_it_should_be(verified: Verified, check: str) -> None:
    """Each check is made, and says what it saw; without MinIO, a rotation can't be."""
    (step,) = [step for step in verified.report.steps if step.name == check]
    expected = Result.NOT_RUN if check == "rotation" and not find_minio() else Result.OK
    assert expected == step.result, step.detail
    assert step.detail


AUDIT = """
import json
from datetime import timedelta
from windrow import bootstrap
from windrow.clients.clock import SystemClock
from windrow.functions import audit

class Tomorrow(SystemClock):
    def now(self):
        return super().now() + timedelta(days=1)

bootstrap._clock = Tomorrow()
print(json.dumps(audit.handler({}, None)))
"""
"""The function's own code, in a process where the day that it judges is today."""


def run_code(stack: Stack, function: str, role: str, code: str, *arguments: str) -> list[str]:
    """Run code with the settings that Terraform gave a function, in a role; return what it printed."""
    config = stack.root.client("lambda").get_function_configuration(FunctionName=stack.function(function))
    environ = stack.environment(role, config["Environment"]["Variables"])
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_daily_audit_judges_all_that_arrived(stack: Stack) -> None:
    """By the role's own listing and the manifests: what was delivered, and what only came."""
    *logged, answer = run_code(stack, AUDITOR, AUDITOR, AUDIT)
    told = json.loads(answer)
    pages = stack.root.pages("s3", "list_object_versions", Bucket=stack.landing_bucket)
    arrived = sum(len(page.get("Versions", [])) for page in pages)
    metrics = [line for line in map(json.loads, logged) if "FilesMissing" in line]
    assert arrived > FILES
    assert (arrived, arrived - FILES, 0) == (told["judged"], told["missing"], told["duplicated"])
    assert [([arrived - FILES], [0])] == [(each["FilesMissing"], each["FilesDuplicated"]) for each in metrics]


SWEEP = """
import json, sys
from datetime import timedelta
from windrow import bootstrap
from windrow.clients.clock import SystemClock
from windrow.clients.cloudwatch.metrics import SeveralMetrics
from windrow.functions import retain

class Later(SystemClock):
    def now(self):
        return super().now() + timedelta(hours=int(sys.argv[1]))

class Context:
    def get_remaining_time_in_millis(self):
        return 300_000

retain._sweeper = lambda: bootstrap.sweeper(retain._config(), SeveralMetrics(), Later())
print(json.dumps(retain.handler({}, Context())))
"""
"""The function's own code, in a process where it is so many hours later."""


def sweep(stack: Stack, *, hours_later: int) -> dict[str, Any]:
    """Run the retention function with the settings that Terraform gave it, in a server's role; return its report."""
    return dict(json.loads(run_code(stack, RETENTION, SWEEPER, SWEEP, str(hours_later))[-1]))


@pytest.mark.needs("minio")
def test_delivered_files_are_copied_and_expire(stack: Stack, minio: Endpoint) -> None:
    """Copies are in Deep Archive within the hour; a week later the raw files are gone, but not the undelivered one."""
    bucket, copies = stack.outputs["landing_bucket"], stack.outputs["archive_copies_bucket"]
    key = "partner/undelivered.txt"
    stack.caller(PARTNER).client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    s3, at_minio = stack.root.client("s3"), minio.client("s3")
    before = {version["Key"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]}
    first = sweep(stack, hours_later=2)
    early = {version["Key"] for version in s3.list_object_versions(Bucket=bucket)["Versions"]}
    second = sweep(stack, hours_later=24 * 8)
    third = sweep(stack, hours_later=24 * 8)
    left = s3.list_object_versions(Bucket=bucket)

    assert [] == first["examples"] + second["examples"] + third["examples"]
    assert (first["ok"], first["expired"], before) == (True, 0, early)
    assert first["copied"] >= 1
    assert (second["ok"], second["copied"], second["expired"]) == (True, 0, FILES)
    undelivered = {each for each in before if not re.fullmatch(r"partner/\d+\.txt", each)}
    assert key in undelivered
    assert (undelivered, []) == ({version["Key"] for version in left["Versions"]}, left.get("DeleteMarkers", []))
    assert (third["ok"], third["expired"]) == (True, 0)
    archives = [
        entry["Key"]
        for entry in at_minio.list_objects_v2(Bucket=stack.outputs["destination_bucket"])["Contents"]
        if entry["Key"].endswith(".tar.gz")
    ]
    listed = s3.list_objects_v2(Bucket=copies)["Contents"]
    copied = {entry["Key"]: entry["StorageClass"] for entry in listed if entry["Key"].endswith(".tar.gz")}
    assert dict.fromkeys(archives, "DEEP_ARCHIVE") == copied
    for name in archives:
        archive = at_minio.get_object(Bucket=stack.outputs["destination_bucket"], Key=name)
        assert (archive["Body"].read(), archive["Metadata"]) == restored(s3, copies, name)


def restored(s3: Any, bucket: str, key: str) -> tuple[bytes, dict[str, str]]:
    """Restore an object from Deep Archive, which takes hours on AWS; return its bytes and metadata."""
    s3.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}})

    def get() -> Any:
        try:
            return s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.InvalidObjectState:
            return None

    answer = wait_until(f"{key} to be restored", get)
    return answer["Body"].read(), answer["Metadata"]


def of_an_earlier_stack(state: dict[str, Any]) -> int:
    """Give the resources in a state the addresses that they had once; return how many had another."""
    rotation, credentials, worker = 'module.rotation["this"]', "module.credentials", ".module.worker[0]"
    count = 0
    for resource in state["resources"]:
        module = resource.get("module", "")
        if rotation in module:
            resource["module"] = module.replace(rotation, credentials)
        elif module.endswith(worker):
            resource |= {"module": module.removesuffix(worker), "name": "worker"}
            resource["instances"][0]["index_key"] = 0
        count += module != resource.get("module", "")
    return count


def test_resources_of_an_earlier_state_are_moved(stack: Stack) -> None:
    """Nothing changes where the secret's module has the rotation, and the functions' modules the workers' roles."""
    path = stack.terraform.folder / "terraform.tfstate"
    text = path.read_text()
    state = json.loads(text)
    count = of_an_earlier_stack(state)
    path.write_text(json.dumps(state))
    plan = stack.terraform.run("plan", "-no-color", "-refresh=false", *stack.variables).stdout
    path.write_text(text)
    assert "Plan: 0 to add, 0 to change, 0 to destroy." in plan
    assert count == plan.count(" has moved to ")
    assert count > 4


def test_apply_leaves_the_sentinels_and_the_deployments_work_alone(stack: Stack) -> None:
    """A plan is empty after the circuit was opened and a deployment moved the alias."""
    lambda_ = stack.root.client("lambda")
    lambda_.update_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"], Enabled=False)
    alias = {"FunctionName": stack.outputs["function_name"], "Name": stack.outputs["function_alias"]}
    lambda_.update_alias(**alias, FunctionVersion="1", Description="windrow deploy: 1 replaced 0")
    assert stack.plan() == 0
    lambda_.update_alias(**alias, FunctionVersion="$LATEST")


def test_outputs_configure_a_worker(stack: Stack) -> None:
    """The output `environment` holds every setting of the aggregator and the sentinel, each of them valid."""
    environment = stack.outputs["environment"]
    loaded = settings.load(environment, needs=(*settings.AGGREGATE, "event_source_mapping_id"))
    assert loaded.landing_buckets == {stack.outputs["landing_bucket"]}
    assert environment["AWS_ENDPOINT_URL"] == stack.root.url


def test_mapping_and_queue_agree(stack: Stack) -> None:
    """The mapping gathers a minute, with partial responses; the queue hides messages for six timeouts and a window."""
    uuid = stack.outputs["event_source_mapping_id"]
    mapping = stack.root.client("lambda").get_event_source_mapping(UUID=uuid)
    attributes = stack.root.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["queue_url"], AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
    )["Attributes"]
    assert mapping["MaximumBatchingWindowInSeconds"] == 60
    assert mapping["BatchSize"] == 10_000
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert attributes["VisibilityTimeout"] == str(6 * 120 + 60)


def test_upload_reaches_the_queue(stack: Stack) -> None:
    """What the external party uploads is announced to the aggregator."""
    key = "partner/announced.txt"
    stack.caller(PARTNER).client("s3").put_object(Bucket=stack.outputs["landing_bucket"], Key=key, Body=b"x")
    sqs = stack.caller(AGGREGATOR).client("sqs")
    bodies: list[str] = []
    # S3's test event comes first; long polls, so that no wait is guessed.
    for _ in range(10):
        answer = sqs.receive_message(QueueUrl=stack.outputs["queue_url"], MaxNumberOfMessages=10, WaitTimeSeconds=5)
        bodies += [message["Body"] for message in answer.get("Messages", [])]
        if any(key in body for body in bodies):
            break
    assert any(key in body for body in bodies)


RUNBOOK = (REPOSITORY / "docs/operations.md").read_text()
OTHERS_COMMANDS = {"deploy", "package", "retain", "run"}
"""Of the pipeline, and of servers: they have roles of their own."""
OPERATE = """
import json, sys
from botocore.client import BaseClient
from windrow.cli.root import run
from windrow.clients import json_requests

plain, light, calls = BaseClient._make_api_call, json_requests.send, set()

def note(client, operation):
    if client.meta.endpoint_url == sys.argv[1]:
        calls.add(f"{client.meta.service_model.service_name}:{operation}")

def noted(client, operation, arguments):
    note(client, operation)
    return plain(client, operation, arguments)

def noted_light(client, operation, *request):
    note(client, operation)
    return light(client, operation, *request)

BaseClient._make_api_call, json_requests.send = noted, noted_light
codes = {command: run(command.split()) for command in json.loads(sys.argv[2])}
print(json.dumps({"calls": sorted(calls), "codes": codes}))
"""
"""Runs commands one after the other, and ends with the API calls that they made to AWS, and their exit codes."""

ACTIONS = {
    "dynamodb:BatchExecuteStatement": {"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"},
    "s3:Cp": {"s3:GetObject"},
    "s3:DeleteObject": {"s3:DeleteObjectVersion"},
    "s3:GetBucketNotificationConfiguration": {"s3:GetBucketNotification"},
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "logs:Tail": {"logs:FilterLogEvents"},
    # The secret's key, and the function that Secrets Manager runs in the caller's name.
    "secretsmanager:PutSecretValue": {"secretsmanager:PutSecretValue", "kms:GenerateDataKey"},
    "secretsmanager:GetSecretValue": {"secretsmanager:GetSecretValue", "kms:Decrypt"},
    "secretsmanager:RotateSecret": {"secretsmanager:RotateSecret", "lambda:InvokeFunction"},
    "sts:GetCallerIdentity": set(),  # everybody may
}
"""What IAM calls the calls that it does not call by their own names. The deletion in the runbook names a version."""


def actions_of(call: str) -> set[str]:
    """Return the actions that IAM checks for a call."""
    return ACTIONS.get(call, {call.removesuffix("Batch")})


def calls_of_the_runbook() -> set[str]:
    """Return the API calls of the ``aws`` commands in the runbook."""
    found = re.findall(r"aws (s3api|s3|lambda|logs|secretsmanager|ec2|kms) ([a-z][a-z-]+)", RUNBOOK)
    found += [("kms", "cancel-key-deletion")]  # "`aws kms enable-key` or `cancel-key-deletion`"
    return {f"{service.removesuffix('api')}:{name.title().replace('-', '')}" for service, name in found}


@pytest.mark.needs("minio")
def test_operators_policy_is_what_the_runbook_needs(stack: Stack, minio: Endpoint, tmp_path: Path) -> None:
    """The actions of all calls that its commands make, and no others; each command of it is run."""
    listed = minio.client("s3").list_objects_v2(Bucket=stack.outputs["destination_bucket"])["Contents"]
    archive = next(entry["Key"] for entry in listed if entry["Key"].endswith(".tar.gz"))
    # One to send back by itself, and one that is left for SQS's own move.
    for body in ("x", "y"):
        stack.root.client("sqs").send_message(QueueUrl=stack.outputs["dlq_url"], MessageBody=body)
    commands = {
        "doctor": 0,
        "status": 1,  # there are dead letters, and the mapping is disabled
        "audit --since 2h --grace 1s": 1,  # files of the tests before are in no archive
        "replay --all --since 2h": 0,
        "replay --missing --since 2h --grace 1s": 0,
        "ledger rebuild --since 2h --force": 0,
        "dlq ls": 0,
        "dlq redrive --limit 1": 0,
        "dlq redrive": 0,
        "dlq drop --yes": 0,
        f"archive ls s3://{stack.outputs['destination_bucket']}/{archive}": 0,
        f"archive verify s3://{stack.outputs['destination_bucket']}/{archive}": 0,
        f"archive extract s3://{stack.outputs['destination_bucket']}/{archive} {tmp_path / 'files'}": 0,
        f"archive quarantine {archive}": 1,  # it is sound
        "circuit status": 0,
        "circuit close": 0,
        "circuit auto": 0,
        "circuit open": 0,
    }
    groups = {"archive", "circuit", "dlq", "ledger"}
    named = re.findall(r"windrow ((?:archive|circuit|dlq|ledger) [a-z]+|[a-z]+)", RUNBOOK)
    run = {" ".join(command.split()[: 2 if command.split()[0] in groups else 1]) for command in commands}
    assert {command for command in named if command in COMMANDS or " " in command} - OTHERS_COMMANDS - groups == run

    keys = {name.upper(): value for name, value in stack.root.keys.items()}
    environ = {**isolated(os.environ), **stack.outputs["environment"], "AWS_DEFAULT_REGION": REGION, **keys}
    arguments = [sys.executable, "-c", OPERATE, str(stack.root.url), json.dumps(list(commands))]
    done = subprocess.run(arguments, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ended = json.loads(done.stdout.splitlines()[-1])
    assert commands == ended["codes"], done.stdout + done.stderr
    calls = set(ended["calls"]) | calls_of_the_runbook()
    granted = {
        action
        for statement in json.loads(stack.outputs["operator_policy"])["Statement"]
        for action in statement["Action"]
    }
    assert granted == set().union(*map(actions_of, calls))


FALSE_ALARMS = {
    ("MISMATCHED_TYPE", "s3:TlsVersion"): "AWS's own examples write this number as a text, and S3 gives it back so",
    ("UNKNOWN_CONDITION_FOR_ACTION", "s3:TlsVersion"): "in a refusal of all actions, some of which have no such key",
    ("UNKNOWN_CONDITION_FOR_ACTION", "lambda:SourceFunctionArn"): "Lambda sets it for every call of a function's code",
    ("UNKNOWN_CONDITION_FOR_ACTION", "kms:EncryptionContext:aws:logs:arn"): "as AWS's own policy for encrypted logs",
    ("MISMATCHED_TYPE", "ArnLike"): "as AWS's own policy for encrypted logs: the context holds an ARN",
}
"""What the linter says of policies that are right: the kind, a part of the details, and why."""


def policies(stack: Stack) -> dict[str, str]:
    """Return the policies that the stack made, but those of trust, and those that it gives out."""
    state = json.loads((stack.terraform.folder / "terraform.tfstate").read_text())
    applied = {
        f"{resource.get('module', 'local')}.{resource['type']}.{resource['name']}-{number}": instance["attributes"][
            "policy"
        ]
        for resource in state["resources"]
        for number, instance in enumerate(resource["instances"])
        if resource.get("module") and instance["attributes"].get("policy")
    }
    given_out = {name: value for name, value in stack.outputs.items() if name.endswith("_policy")}
    return applied | given_out


def test_linter_finds_nothing_in_the_policies(stack: Stack, tmp_path: Path) -> None:
    """Parliament knows every action with its resources and conditions; wildcards have a test of their own."""
    for name, policy in policies(stack).items():
        (tmp_path / f"{re.sub(r'[^a-z0-9_.-]', '-', name)}.json").write_text(policy)
    command = ["bash", str(REPOSITORY / "scripts/parliament.sh"), "--directory", str(tmp_path), "--json"]
    done = subprocess.run([*command, "--minimum_severity", "MEDIUM"], capture_output=True, text=True, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [] == [finding for finding in said if not any(_is_false(finding, *kind) for kind in FALSE_ALARMS)]
    assert set(FALSE_ALARMS) == {kind for kind in FALSE_ALARMS if any(_is_false(each, *kind) for each in said)}


def _is_false(finding: dict[str, Any], issue: str, part: str) -> bool:
    return finding["issue"] == issue and part in str(finding["detail"])


def test_state_holds_no_secret(stack: Stack) -> None:
    """None of its values: the deployment applied once more, after the delivery and the rotation had each put one."""
    client, secret_id = stack.root.client("secretsmanager"), stack.outputs["destination_secret_id"]
    versions = client.list_secret_version_ids(SecretId=secret_id, IncludeDeprecated=True)["Versions"]
    values = [
        client.get_secret_value(SecretId=secret_id, VersionId=version["VersionId"]).get("SecretString") or "{}"
        for version in versions
    ]
    keys = {key for value in values for key in json.loads(value).values()}
    state = (stack.terraform.folder / "terraform.tfstate").read_text()
    assert "release.zip" in state
    assert keys
    assert [] == [key for key in keys if key in state]


def test_destroy_is_refused_before_anything_is_touched(stack: Stack) -> None:
    """A stack that is not disposable: the plan fails as a whole, and nothing is gone."""
    stack.caller(PARTNER).client("s3").put_object(Bucket=stack.landing_bucket, Key="partner/kept.txt", Body=b"x")
    before, tier = inventory(stack.root), data_tier(stack)
    done = stack.terraform.run("destroy", "-no-color", "-auto-approve", *stack.variables, accept=(1,))
    assert "files_are_kept[0] has lifecycle.prevent_destroy set" in " ".join(done.stderr.split())
    assert "partner/kept.txt" in tier["buckets"][stack.landing_bucket]["files"]
    assert (before, tier) == (inventory(stack.root), data_tier(stack))


def test_destroy_stops_at_the_ledger_before_the_files(stack: Stack) -> None:
    """Without the first bar, and without `disposable` applied: what is left is the whole data tier."""
    page = (REPOSITORY / "docs/deploy.md").read_text()
    (address,) = re.findall(r"^ *terraform state rm 'module\.windrow\.(.*)'$", page, re.MULTILINE)
    stack.terraform.run("state", "rm", f"module.windrow.{address}")
    tier = data_tier(stack)
    done = stack.terraform.run("destroy", "-no-color", "-auto-approve", *stack.variables, accept=(1,))
    assert "protected against deletion" in " ".join(done.stderr.split())
    assert tier == data_tier(stack)


def test_destroy_leaves_nothing(verified: Verified) -> None:
    """The documented way, `disposable` applied first; the end of the verification, and its report says so."""
    report = verified.report
    verified.stack.apply("-var=disposable=true")
    verified.closing.close()
    verified.verification.tidy()
    assert ({}, {}, {}, False) == (report.undone, report.left, report.by_others, report.interrupted)
    assert 0 == command.told(report, verified.output)
    (page,) = verified.output.glob("*.md")
    assert "Everything that was tried is as it should be, and nothing is left." in page.read_text()
    assert report == msgspec.json.decode(page.with_suffix(".json").read_bytes(), type=Report)
    assert {page, page.with_suffix(".json")} == set(verified.output.iterdir())
