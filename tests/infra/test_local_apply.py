"""infra/local applied to MiniStack with IAM enforced: what is made, who may do what, and that it all goes again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.infra.terraform import REPOSITORY, Terraform, copy_infra
from tests.servers.endpoint import Endpoint
from windrow import packaging, settings
from windrow.archives.sources import StoredArchive
from windrow.cli.root import COMMANDS
from windrow.clients.clock import SystemClock
from windrow.clients.destination.bucket import S3Destination
from windrow.core.archive.reader import Archive
from windrow.lab.stack.process import HOST, Process, Server
from windrow.lab.stack.provision import isolated
from windrow.lab.stack.servers import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, find_minio
from windrow.lab.stack.waiting import wait_until
from windrow.ports import Credentials
from windrow.testing import FakeSecrets

pytestmark = [
    pytest.mark.needs("terraform", "package-index"),
    pytest.mark.skipif(packaging.host_target() is None, reason="Lambda's wheels run on Linux only"),
    pytest.mark.timeout(900),
]

REFUSED = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "UnauthorizedOperation"}
PARTNER, OPERATOR, DEPLOYER = "partner", "operator", "deployer"
AGGREGATOR, SENTINEL, ROTATION, RETENTION = "aggregator", "sentinel", "rotation", "retention"
WORKER, SWEEPER = "worker", "sweeper"
OTHER_BUCKET, OTHER_KEY, OTHER_SECRET = "other-bucket", "theirs.txt", "other-secret"


@dataclass(frozen=True)
class Caller:
    """Somebody's access keys for the emulator."""

    url: str
    keys: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a boto3 client that calls in their name."""
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        arguments: dict[str, Any] = {"region_name": REGION, **self.keys}
        session: Any = boto3.session.Session(**arguments)
        return session.client(service, endpoint_url=self.url, config=config)

    def in_role(self, arn: str) -> Caller:
        """Take on a role."""
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return Caller(
            self.url,
            {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            },
        )


@dataclass(frozen=True)
class Stack:
    """The applied stack."""

    terraform: Terraform
    variables: list[str]
    root: Caller
    before: dict[str, set[str]]
    outputs: dict[str, Any]
    package: Path

    def caller(self, name: str) -> Caller:
        """Return one of the people, a server in the role of what it does, or a function."""
        if name == PARTNER:
            return self.root.in_role(self.outputs["uploader"]["role_arn"])
        if name in {OPERATOR, DEPLOYER}:
            return self.root.in_role(self.outputs[f"{name}_role_arn"])
        if name in {WORKER, SWEEPER}:
            role = self.outputs["worker_role_arns"][AGGREGATOR if name == WORKER else RETENTION]
            return self.root.in_role(self.outputs["server_role_arn"]).in_role(role)
        return self._as_the_function(self.outputs["role_arns"][name])

    def environment(self, name: str, settings: dict[str, str]) -> dict[str, str]:
        """Return the environment of a process that has these settings, as ``name``."""
        keys = {key.upper(): value for key, value in self.caller(name).keys.items()}
        aws = {"AWS_ENDPOINT_URL": self.root.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        return {**isolated(os.environ), **settings, **aws, **keys}

    def _as_the_function(self, arn: str) -> Caller:
        """Take on a role that only Lambda may, by changing its trust for a moment."""
        iam, name = self.root.client("iam"), arn.rpartition("/")[2]
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        ours = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [ours]})
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy)
        try:
            return self.root.in_role(arn)
        finally:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def plan(self) -> int:
        """Plan anew: 0 means that nothing would change, 2 that something would."""
        arguments = ("plan", "-no-color", "-detailed-exitcode", *self.variables)
        return self.terraform.run(*arguments, accept=(0, 2)).returncode


def built(package: Path) -> Path:
    """Build the real zips: their twins for the Python that runs MiniStack, which runs functions too."""
    target = packaging.host_target()
    assert target is not None
    packaging.build(REPOSITORY, target, package)
    packaging.build(REPOSITORY, target, packaging.rotation_path(package), packaging.ROTATION)
    return package


def emulator(folder: Path) -> Server:
    """Return MiniStack with every service, enforcing IAM."""
    environ = {
        "AUTH": "true",
        "BIND_HOST": HOST,
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
    }
    command = [sys.executable, "-m", "ministack"]
    return Server("ministack", folder, lambda _port: command, environ=environ, health="/_ministack/health")


def inventory(root: Caller) -> dict[str, set[str]]:
    """Return the names of everything there is, by kind."""
    ec2, iam, kms, lambda_ = (root.client(service) for service in ("ec2", "iam", "kms", "lambda"))
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    roles = iam.list_roles()["Roles"]
    return {
        "aliases of keys": {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]},
        "buckets": {bucket["Name"] for bucket in root.client("s3").list_buckets()["Buckets"]},
        "event source mappings": {item["UUID"] for item in lambda_.list_event_source_mappings()["EventSourceMappings"]},
        "functions": {function["FunctionName"] for function in lambda_.list_functions()["Functions"]},
        # AWS deletes a key after a waiting period of at least a week.
        "keys": {key["KeyId"] for key in keys if key["KeyState"] != "PendingDeletion"},
        "log groups": {group["logGroupName"] for group in root.client("logs").describe_log_groups()["logGroups"]},
        "queues": set(root.client("sqs").list_queues().get("QueueUrls", [])),
        "roles": {role["RoleName"] for role in roles},
        "schedules": {item["Name"] for item in root.client("scheduler").list_schedules()["Schedules"]},
        "secrets": {secret["Name"] for secret in root.client("secretsmanager").list_secrets()["SecretList"]},
        "security groups": {group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]},
        "subnets": {subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]},
        "tables": set(root.client("dynamodb").list_tables()["TableNames"]),
        "VPCs": {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]},
    }


@pytest.fixture(scope="module")
def minio_url(request: pytest.FixtureRequest) -> str:
    """Return where MinIO listens; where there is none, where it would."""
    return str(request.getfixturevalue("minio").url) if find_minio() else "http://127.0.0.1:9000"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, minio_url: str) -> Iterator[Stack]:
    """infra/local, applied."""
    folder = tmp_path_factory.mktemp("local")
    terraform = Terraform(copy_infra(folder) / "local").init()
    package = built(folder / "function.zip")
    with emulator(folder) as server:
        root = Caller(server.url, {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY})
        # Belong to somebody else in the same account; the stack must be refused all of it.
        where = {"LocationConstraint": REGION}
        root.client("s3").create_bucket(Bucket=OTHER_BUCKET, CreateBucketConfiguration=where)
        root.client("s3").put_object(Bucket=OTHER_BUCKET, Key=OTHER_KEY, Body=b"x")
        root.client("secretsmanager").create_secret(Name=OTHER_SECRET, SecretString="{}")
        before = inventory(root)
        endpoints = [f"-var=aws_endpoint={server.url}", f"-var=destination_endpoint={minio_url}"]
        variables = [*endpoints, f"-var=zip_path={package}", "-var=disposable=false"]
        terraform.run("apply", "-no-color", "-auto-approve", *variables)
        yield Stack(terraform, variables, root, before, terraform.outputs(), package)


@pytest.mark.needs("minio")
def test_files_of_the_external_party_arrive_in_minio(stack: Stack, minio: Endpoint, tmp_path: Path) -> None:
    """The worker follows the mapping that Terraform made, in its own role, with IAM enforced.

    It comes first: later tests switch the mapping off and move the alias.
    """
    config = settings.load(stack.outputs["environment"])
    minio.client("s3").create_bucket(Bucket=config.destination_bucket)
    secret = json.dumps({"access_key": minio.access_key, "secret_key": minio.secret_key})
    stack.root.client("secretsmanager").put_secret_value(SecretId=config.destination_secret_id, SecretString=secret)
    uploads = {f"partner/{number}.txt": f"content {number}".encode() for number in range(30)}
    s3 = stack.caller(PARTNER).client("s3")
    for key, body in uploads.items():
        s3.put_object(Bucket=stack.outputs["landing_bucket"], Key=key, Body=body)
    environment = stack.environment(WORKER, stack.outputs["environment"])
    secrets = FakeSecrets(Credentials(minio.access_key, minio.secret_key))
    destination = S3Destination(minio.url, config.destination_bucket, minio.region, secrets, SystemClock())

    worker = Process("worker", tmp_path)

    def arrived() -> dict[str, bytes] | None:
        assert worker.running, worker.log_tail()
        keys = [key for key, _size in destination.list(config.destination_prefix)]
        archives = [Archive.open(StoredArchive(destination, key)) for key in keys]
        found = {file.key: b"".join(archive.read(file)) for archive in archives for file in archive.manifest.files}
        return found if len(found) >= len(uploads) else None

    worker.launch([sys.executable, "-m", "windrow.cli", "run", "--window", "1", "--quiet-wait", "1"], environment)
    try:
        delivered = wait_until("all files", arrived, cause=worker.log_tail)
    finally:
        worker.stop()
    assert delivered is not None
    assert uploads == {key: body for key, body in delivered.items() if key in uploads}


def invoke(stack: Stack, function: str, event: dict[str, str]) -> Any:
    """Run the function, which MiniStack does in the function's role; return its answer.

    As a version of its own, which the reserved concurrency of 0 does not keep from running.
    """
    lambda_, name = stack.root.client("lambda"), stack.outputs["role_arns"][function].rpartition("/")[2]
    version = lambda_.publish_version(FunctionName=name)["Version"]
    answer = lambda_.invoke(FunctionName=name, Qualifier=version, Payload=json.dumps(event))
    body = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, body
    return body


@pytest.mark.needs("minio")
def test_sentinel_probes_in_its_role(stack: Stack, minio: Endpoint) -> None:
    """The sentinel reads the secret, the mapping and the circuit, and finds the destination up."""
    assert {"mode": "auto", "opened": False, "failures": 0, "fault": ""} == invoke(stack, SENTINEL, {})


@pytest.mark.needs("minio")
def test_rotation_replaces_the_credentials_in_its_role(stack: Stack, minio: Endpoint) -> None:
    """All four steps, as Secrets Manager calls them; afterwards the secret holds a key of MinIO's that works."""
    secret_id, token = stack.outputs["destination_secret_id"], str(uuid4())
    # Again, since MiniStack keeps an empty version before the first one, which AWS does not.
    secret_of_root = json.dumps({"access_key": minio.access_key, "secret_key": minio.secret_key})
    stack.root.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=secret_of_root)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        invoke(stack, ROTATION, {"SecretId": secret_id, "ClientRequestToken": token, "Step": step})
    secret = json.loads(stack.root.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"])
    assert secret["access_key"] != minio.access_key
    config = settings.load(stack.outputs["environment"])
    secrets = FakeSecrets(Credentials(secret["access_key"], secret["secret_key"]))
    destination = S3Destination(minio.url, config.destination_bucket, minio.region, secrets, SystemClock())
    assert list(destination.list(config.destination_prefix))


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
    function = stack.root.client("lambda").get_function_configuration(FunctionName="windrow-retention")
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, str(hours_later)],
        env=stack.environment(SWEEPER, function["Environment"]["Variables"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


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
    assert (second["ok"], second["copied"], second["expired"]) == (True, 0, len(before) - 1)
    assert ([key], []) == ([version["Key"] for version in left["Versions"]], left.get("DeleteMarkers", []))
    assert (third["ok"], third["expired"]) == (True, 0)
    archives = [
        entry["Key"]
        for entry in at_minio.list_objects_v2(Bucket=stack.outputs["destination_bucket"])["Contents"]
        if entry["Key"].endswith(".tar.gz")
    ]
    listed = s3.list_objects_v2(Bucket=copies)["Contents"]
    assert dict.fromkeys(archives, "DEEP_ARCHIVE") == {entry["Key"]: entry["StorageClass"] for entry in listed}
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


def test_second_apply_changes_nothing(stack: Stack) -> None:
    """A plan after the apply is empty."""
    assert stack.plan() == 0


def test_rotation_of_an_earlier_state_is_moved(stack: Stack) -> None:
    """Where a state has the rotation in the module of the secret, as it was, a plan moves it and changes nothing."""
    before, after = "module.windrow.module.credentials", 'module.windrow.module.rotation["this"]'
    moved = ("module.function", "aws_lambda_permission.secrets_manager")
    for name in moved:
        stack.terraform.run("state", "mv", f"{after}.{name}", f"{before}.{name}")
    plan = stack.terraform.run("plan", "-no-color", "-refresh=false", *stack.variables).stdout
    for name in moved:
        stack.terraform.run("state", "mv", f"{before}.{name}", f"{after}.{name}")
    assert "Plan: 0 to add, 0 to change, 0 to destroy." in plan
    assert {f"{before}.{name}" in plan for name in moved} == {True}


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


Act = Callable[[Any, Stack], object]


def _bucket(stack: Stack) -> str:
    return str(stack.outputs["landing_bucket"])


def _copies(stack: Stack) -> str:
    return str(stack.outputs["archive_copies_bucket"])


def _delete_landed_version(client: Any, stack: Stack) -> None:
    answer = stack.root.client("s3").put_object(Bucket=_bucket(stack), Key="partner/old", Body=b"")
    client.delete_object(Bucket=_bucket(stack), Key="partner/old", VersionId=answer["VersionId"])


def _function_of_the_mapping(stack: Stack) -> str:
    """Return what the mapping names, as the engine of `windrow run` asks for it: the alias's ARN."""
    mapping = stack.root.client("lambda").get_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"])
    return str(mapping["FunctionArn"])


def _insert(client: Any, stack: Stack) -> None:
    statement = f"INSERT INTO \"{stack.outputs['ledger_table']}\" VALUE {{'object_id': 'a'}}"
    client.batch_execute_statement(Statements=[{"Statement": statement}])


def _circuit(stack: Stack) -> dict[str, Any]:
    """Return the key of the item that the sentinel keeps its state in, the only one that its policy names."""
    object_id = f"circuit#{stack.outputs['event_source_mapping_id']}"
    return {"TableName": stack.outputs["ledger_table"], "Key": {"object_id": {"S": object_id}}}


def _mapping(client: Any, stack: Stack) -> None:
    client.get_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"])


def _switch(client: Any, stack: Stack) -> None:
    client.update_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"], Enabled=False)


def _staged(client: Any, stack: Stack) -> None:
    """Put a version of the secret under a stage of its own, and take the stage away again."""
    secret_id, stage = stack.outputs["destination_secret_id"], "TRIED"
    put = client.put_secret_value(SecretId=secret_id, SecretString="{}", VersionStages=[stage])
    client.update_secret_version_stage(SecretId=secret_id, VersionStage=stage, RemoveFromVersionId=put["VersionId"])


ALLOWED: list[tuple[str, str, str, Act]] = [
    (PARTNER, "s3", "put", lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/a", Body=b"")),
    (
        PARTNER,
        "s3",
        "put with the owner's ACL",
        lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/a", Body=b"", ACL="bucket-owner-full-control"),
    ),
    (AGGREGATOR, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=_bucket(s))),
    (AGGREGATOR, "dynamodb", "claim", _insert),
    (WORKER, "lambda", "mapping", _mapping),
    (
        WORKER,
        "lambda",
        "limits",
        lambda c, s: c.get_function_configuration(FunctionName=_function_of_the_mapping(s)),
    ),
    (
        AGGREGATOR,
        "dynamodb",
        "read",
        lambda c, s: c.batch_get_item(RequestItems={s.outputs["ledger_table"]: {"Keys": [{"object_id": {"S": "a"}}]}}),
    ),
    (
        RETENTION,
        "s3",
        "copy",
        lambda c, s: c.put_object(Bucket=_copies(s), Key="a", Body=b"", StorageClass="DEEP_ARCHIVE"),
    ),
    (RETENTION, "s3", "list copies", lambda c, s: c.list_objects_v2(Bucket=_copies(s))),
    (RETENTION, "s3", "delete landed version", _delete_landed_version),
    (WORKER, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=_bucket(s))),
    (WORKER, "dynamodb", "claim", _insert),
    (SWEEPER, "s3", "delete landed version", _delete_landed_version),
    (OPERATOR, "s3", "list versions", lambda c, s: c.list_object_versions(Bucket=_bucket(s))),
    (OPERATOR, "s3", "delete landed version", _delete_landed_version),
    (OPERATOR, "secretsmanager", "stages", _staged),
    (AGGREGATOR, "sqs", "dead-letter", lambda c, s: c.send_message(QueueUrl=s.outputs["dlq_url"], MessageBody="x")),
    (SENTINEL, "dynamodb", "state", lambda c, s: c.get_item(**_circuit(s))),
    (SENTINEL, "lambda", "mapping", _mapping),
    (SENTINEL, "lambda", "switch", _switch),
    (
        SENTINEL,
        "secretsmanager",
        "secret",
        lambda c, s: c.get_secret_value(SecretId=s.outputs["destination_secret_id"]),
    ),
    (ROTATION, "secretsmanager", "stages", _staged),
    (
        ROTATION,
        "secretsmanager",
        "secret",
        lambda c, s: c.get_secret_value(SecretId=s.outputs["destination_secret_id"]),
    ),
]

FORBIDDEN: list[tuple[str, str, str, Act]] = [
    (PARTNER, "s3", "read", lambda c, s: c.get_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (PARTNER, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=_bucket(s))),
    (PARTNER, "s3", "delete", lambda c, s: c.delete_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (PARTNER, "s3", "other prefix", lambda c, s: c.put_object(Bucket=_bucket(s), Key="other/a", Body=b"")),
    (
        PARTNER,
        "s3",
        "other encryption",
        lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/b", Body=b"", ServerSideEncryption="AES256"),
    ),
    (
        PARTNER,
        "s3",
        "the account's own key",
        lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/b", Body=b"", ServerSideEncryption="aws:kms"),
    ),
    (PARTNER, "s3", "list other bucket", lambda c, _: c.list_objects_v2(Bucket=OTHER_BUCKET)),
    (PARTNER, "s3", "read other bucket", lambda c, _: c.get_object(Bucket=OTHER_BUCKET, Key=OTHER_KEY)),
    (PARTNER, "sqs", "queue", lambda c, s: c.receive_message(QueueUrl=s.outputs["queue_url"])),
    (AGGREGATOR, "s3", "delete", lambda c, s: c.delete_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (AGGREGATOR, "s3", "write", lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/c", Body=b"")),
    (AGGREGATOR, "s3", "delete version", _delete_landed_version),
    (AGGREGATOR, "s3", "copy", lambda c, s: c.put_object(Bucket=_copies(s), Key="b", Body=b"")),
    (AGGREGATOR, "lambda", "mapping", _mapping),
    (WORKER, "ec2", "network interfaces", lambda c, _: c.describe_network_interfaces()),
    (WORKER, "s3", "delete", lambda c, s: c.delete_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (WORKER, "lambda", "invoke", lambda c, s: c.invoke(FunctionName=s.outputs["function_name"])),
    (WORKER, "logs", "write", lambda c, _: c.create_log_stream(logGroupName="/aws/lambda/x", logStreamName="x")),
    (SWEEPER, "ec2", "network interfaces", lambda c, _: c.describe_network_interfaces()),
    (SWEEPER, "s3", "read", lambda c, s: c.get_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (SWEEPER, "s3", "delete copy", lambda c, s: c.delete_object(Bucket=_copies(s), Key="a")),
    (OPERATOR, "s3", "read", lambda c, s: c.get_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (OPERATOR, "s3", "write", lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/e", Body=b"")),
    (OPERATOR, "s3", "delete copy", lambda c, s: c.delete_object(Bucket=_copies(s), Key="a")),
    (OPERATOR, "dynamodb", "delete", lambda c, s: c.delete_item(**_circuit(s))),
    (OPERATOR, "lambda", "invoke", lambda c, s: c.invoke(FunctionName=s.outputs["function_name"])),
    (OPERATOR, "lambda", "deploy", lambda c, s: c.publish_version(FunctionName=s.outputs["function_name"])),
    (OPERATOR, "secretsmanager", "other secret", lambda c, _: c.get_secret_value(SecretId=OTHER_SECRET)),
    (OPERATOR, "sqs", "receive", lambda c, s: c.receive_message(QueueUrl=s.outputs["queue_url"])),
    (DEPLOYER, "lambda", "delete function", lambda c, s: c.delete_function(FunctionName=s.outputs["function_name"])),
    (DEPLOYER, "lambda", "other function", lambda c, _: c.publish_version(FunctionName="windrow-sentinel")),
    (DEPLOYER, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=_bucket(s))),
    (
        DEPLOYER,
        "secretsmanager",
        "secret",
        lambda c, s: c.get_secret_value(SecretId=s.outputs["destination_secret_id"]),
    ),
    (RETENTION, "s3", "read", lambda c, s: c.get_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (RETENTION, "s3", "list", lambda c, s: c.list_objects_v2(Bucket=_bucket(s))),
    (RETENTION, "s3", "write", lambda c, s: c.put_object(Bucket=_bucket(s), Key="partner/d", Body=b"")),
    (RETENTION, "s3", "delete copy", lambda c, s: c.delete_object(Bucket=_copies(s), Key="a")),
    (RETENTION, "s3", "list other bucket", lambda c, _: c.list_objects_v2(Bucket=OTHER_BUCKET)),
    (RETENTION, "s3", "read other bucket", lambda c, _: c.get_object(Bucket=OTHER_BUCKET, Key=OTHER_KEY)),
    (RETENTION, "secretsmanager", "other secret", lambda c, _: c.get_secret_value(SecretId=OTHER_SECRET)),
    (RETENTION, "sqs", "queue", lambda c, s: c.receive_message(QueueUrl=s.outputs["queue_url"])),
    (AGGREGATOR, "s3", "list other bucket", lambda c, _: c.list_objects_v2(Bucket=OTHER_BUCKET)),
    (AGGREGATOR, "s3", "read other bucket", lambda c, _: c.get_object(Bucket=OTHER_BUCKET, Key=OTHER_KEY)),
    (AGGREGATOR, "sqs", "send", lambda c, s: c.send_message(QueueUrl=s.outputs["queue_url"], MessageBody="x")),
    (AGGREGATOR, "secretsmanager", "other secret", lambda c, _: c.get_secret_value(SecretId=OTHER_SECRET)),
    (
        AGGREGATOR,
        "dynamodb",
        "delete",
        lambda c, s: c.delete_item(TableName=s.outputs["ledger_table"], Key={"object_id": {"S": "a"}}),
    ),
    (AGGREGATOR, "lambda", "invoke", lambda c, s: c.invoke(FunctionName=s.outputs["function_name"])),
    (SENTINEL, "s3", "read", lambda c, s: c.get_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (SENTINEL, "sqs", "queue", lambda c, s: c.receive_message(QueueUrl=s.outputs["queue_url"])),
    (SENTINEL, "dynamodb", "delete", lambda c, s: c.delete_item(**_circuit(s))),
    (
        SENTINEL,
        "dynamodb",
        "claims",
        lambda c, s: c.batch_get_item(RequestItems={s.outputs["ledger_table"]: {"Keys": [{"object_id": {"S": "a"}}]}}),
    ),
    (SENTINEL, "secretsmanager", "other secret", lambda c, _: c.get_secret_value(SecretId=OTHER_SECRET)),
    (
        SENTINEL,
        "secretsmanager",
        "write",
        lambda c, s: c.put_secret_value(SecretId=s.outputs["destination_secret_id"], SecretString="{}"),
    ),
    (SENTINEL, "lambda", "invoke", lambda c, s: c.invoke(FunctionName=s.outputs["function_name"])),
    (ROTATION, "secretsmanager", "other secret", lambda c, _: c.get_secret_value(SecretId=OTHER_SECRET)),
    (
        ROTATION,
        "secretsmanager",
        "delete",
        lambda c, s: c.delete_secret(SecretId=s.outputs["destination_secret_id"]),
    ),
    (ROTATION, "s3", "read", lambda c, s: c.get_object(Bucket=_bucket(s), Key="partner/announced.txt")),
    (ROTATION, "sqs", "queue", lambda c, s: c.receive_message(QueueUrl=s.outputs["queue_url"])),
    (ROTATION, "dynamodb", "ledger", lambda c, s: c.get_item(**_circuit(s))),
    (ROTATION, "lambda", "invoke", lambda c, s: c.invoke(FunctionName=s.outputs["function_name"])),
]


def _named(cases: list[tuple[str, str, str, Act]]) -> list[Any]:
    return [pytest.param(who, service, act, id=f"{who}-{service}-{what}") for who, service, what, act in cases]


@pytest.mark.parametrize(("who", "service", "act"), _named(ALLOWED))
def test_roles_can_do_their_work(stack: Stack, who: str, service: str, act: Act) -> None:
    """What the pipeline needs is allowed."""
    act(stack.caller(who).client(service), stack)


@pytest.mark.parametrize(("who", "service", "act"), _named(FORBIDDEN))
def test_roles_can_do_nothing_else(stack: Stack, who: str, service: str, act: Act) -> None:
    """What nobody needs is refused."""
    with pytest.raises(ClientError) as refusal:
        act(stack.caller(who).client(service), stack)
    assert refusal.value.response["Error"]["Code"] in REFUSED


RUNBOOK = (REPOSITORY / "docs/operations.md").read_text()
OTHERS_COMMANDS = {"deploy", "package", "retain", "run"}
"""Of the pipeline, and of servers: they have roles of their own."""
OPERATE = """
import json, sys
from botocore.client import BaseClient
from windrow.cli.root import run

plain, calls = BaseClient._make_api_call, set()

def noted(client, operation, arguments):
    if client.meta.endpoint_url == sys.argv[1]:
        calls.add(f"{client.meta.service_model.service_name}:{operation}")
    return plain(client, operation, arguments)

BaseClient._make_api_call = noted
for command in json.loads(sys.argv[2]):
    run(command.split())
print(json.dumps(sorted(calls)))
"""
"""Runs commands one after the other, and ends with the API calls that they made to AWS."""

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
    archive = minio.client("s3").list_objects_v2(Bucket=stack.outputs["destination_bucket"])["Contents"][0]["Key"]
    # One to send back by itself, and one that is left for SQS's own move.
    for body in ("x", "y"):
        stack.root.client("sqs").send_message(QueueUrl=stack.outputs["dlq_url"], MessageBody=body)
    commands = [
        "doctor",
        "status",
        "audit --since 2h --grace 1s",
        "replay --all --since 2h",
        "replay --missing --since 2h --grace 1s",
        "ledger rebuild --since 2h --force",
        "dlq ls",
        "dlq redrive --limit 1",
        "dlq redrive",
        "dlq drop --yes",
        f"archive ls s3://{stack.outputs['destination_bucket']}/{archive}",
        f"archive verify s3://{stack.outputs['destination_bucket']}/{archive}",
        f"archive extract s3://{stack.outputs['destination_bucket']}/{archive} --to {tmp_path}",
        f"archive quarantine {archive}",
        "circuit status",
        "circuit close",
        "circuit auto",
        "circuit open",
    ]
    groups = {"archive", "circuit", "dlq", "ledger"}
    named = re.findall(r"windrow ((?:archive|circuit|dlq|ledger) [a-z]+|[a-z]+)", RUNBOOK)
    run = {" ".join(command.split()[: 2 if command.split()[0] in groups else 1]) for command in commands}
    assert {command for command in named if command in COMMANDS or " " in command} - OTHERS_COMMANDS - groups == run

    keys = {name.upper(): value for name, value in stack.root.keys.items()}
    environ = {**isolated(os.environ), **stack.outputs["environment"], "AWS_DEFAULT_REGION": REGION, **keys}
    arguments = [sys.executable, "-c", OPERATE, stack.root.url, json.dumps(commands)]
    done = subprocess.run(arguments, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = set(json.loads(done.stdout.splitlines()[-1])) | calls_of_the_runbook()
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


def deploy(stack: Stack, caller: Caller, *arguments: str) -> dict[str, Any]:
    """Run ``windrow deploy`` and return its result."""
    keys = {name.upper(): value for name, value in caller.keys.items()}
    environ = {**isolated(os.environ), "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": stack.root.url, **keys}
    command = [sys.executable, "-m", "windrow.cli", "deploy", "--function", stack.outputs["function_name"], "--json"]
    done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_release_is_deployed_to_terraforms_function_and_rolled_back(stack: Stack, tmp_path: Path) -> None:
    """As documented, with the policy for it: apply the new zip, deploy it, go back; Terraform changes nothing.

    The smoke test runs the real zip, in the function's role. The mapping is off: MiniStack would poll for a version.
    """
    lambda_ = stack.root.client("lambda")
    alias = {"FunctionName": stack.outputs["function_name"], "Name": stack.outputs["function_alias"]}
    lambda_.update_event_source_mapping(UUID=stack.outputs["event_source_mapping_id"], Enabled=False)
    lambda_.update_alias(**alias, FunctionVersion="1")
    release = Path(shutil.copy(stack.package, tmp_path / "release.zip"))
    shutil.copy(packaging.rotation_path(stack.package), packaging.rotation_path(release))
    with zipfile.ZipFile(release, "a") as package:
        package.writestr("release.txt", "2")
    stack.terraform.run("apply", "-no-color", "-auto-approve", *stack.variables, f"-var=zip_path={release}")
    caller = stack.caller(DEPLOYER)
    deployed = deploy(stack, caller, "--zip", str(release), "--steps", "50,100", "--bake", "0")
    assert ("deployed", "2") == (deployed["outcome"], deployed["version"])
    back = deploy(stack, caller, "--rollback")
    assert ("rolled-back", "1") == (back["outcome"], back["version"])
    arguments = ("plan", "-no-color", "-detailed-exitcode", *stack.variables, f"-var=zip_path={release}")
    stack.terraform.run(*arguments)


def test_state_holds_no_secret(stack: Stack) -> None:
    """The secret has no value in the state, even once it has one."""
    value = "the-value-of-the-secret"
    secret_id = stack.outputs["destination_secret_id"]
    stack.root.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=value)
    stack.terraform.run("refresh", "-no-color", *stack.variables)
    assert value not in (stack.terraform.folder / "terraform.tfstate").read_text()


def data_tier(stack: Stack) -> dict[str, Any]:
    """Return what keeps the files safe and readable: the buckets' settings, the keys, the ledger, the secret."""
    s3, kms, dynamodb = (stack.root.client(service) for service in ("s3", "kms", "dynamodb"))
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    table = dynamodb.describe_table(TableName=stack.outputs["ledger_table"])["Table"]
    return {
        "keys": {key["KeyId"]: key["KeyState"] for key in keys},
        "aliases": {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]},
        "ledger": (table["TableStatus"], table["DeletionProtectionEnabled"]),
        "secrets": {entry["Name"] for entry in stack.root.client("secretsmanager").list_secrets()["SecretList"]},
        "buckets": {
            bucket: {
                "policy": s3.get_bucket_policy(Bucket=bucket)["Policy"],
                "public access block": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
                "versioning": s3.get_bucket_versioning(Bucket=bucket)["Status"],
                "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
                "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
                "files": [version["Key"] for version in s3.list_object_versions(Bucket=bucket).get("Versions", [])],
            }
            for bucket in (_bucket(stack), _copies(stack))
        },
    }


def test_destroy_is_refused_before_anything_is_touched(stack: Stack) -> None:
    """A stack that is not disposable: the plan fails as a whole, and nothing is gone."""
    stack.caller(PARTNER).client("s3").put_object(Bucket=_bucket(stack), Key="partner/kept.txt", Body=b"x")
    before, tier = inventory(stack.root), data_tier(stack)
    done = stack.terraform.run("destroy", "-no-color", "-auto-approve", *stack.variables, accept=(1,))
    assert "files_are_kept[0] has lifecycle.prevent_destroy set" in " ".join(done.stderr.split())
    assert "partner/kept.txt" in tier["buckets"][_bucket(stack)]["files"]
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


def test_destroy_leaves_nothing(stack: Stack) -> None:
    """The documented way: once `disposable` is applied, a destroy leaves what there was before the apply."""
    disposable = [*stack.variables, "-var=disposable=true"]
    stack.terraform.run("apply", "-no-color", "-auto-approve", *disposable)
    stack.terraform.run("destroy", "-no-color", "-auto-approve", *disposable)
    assert stack.before == inventory(stack.root)
