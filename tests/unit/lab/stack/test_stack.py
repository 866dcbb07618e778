from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.tools import locate
from windrow import settings
from windrow.core.errors import LocalStackError
from windrow.lab.stack.provision import Shape, isolated
from windrow.lab.stack.stack import Stack


@pytest.fixture(autouse=True)
def _stray_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a user's own AWS configuration about, which must not reach the stack."""
    monkeypatch.setenv("AWS_PROFILE", "the-users-own")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("WINDROW_QUEUE_URL", "elsewhere")


def test_isolated_environment_leads_nowhere() -> None:
    """Credentials, profiles, proxies and settings are gone; the rest stays."""
    found = isolated({"PATH": "/bin", "AWS_PROFILE": "p", "https_proxy": "x", "NO_PROXY": "y", "WINDROW_PREFIX": "z"})
    assert {"PATH": "/bin", "NO_PROXY": "y"} == {
        name: value for name, value in found.items() if not name.startswith("AWS_")
    }
    assert (os.devnull, os.devnull) == (found["AWS_CONFIG_FILE"], found["AWS_SHARED_CREDENTIALS_FILE"])


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers on a full disk wait and repeat rather than end: nothing is started, with the way out named."""
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: SimpleNamespace(free=3_000_000))
    stack = Stack(tmp_path / "new", Shape(), destination="ministack")
    with pytest.raises(LocalStackError, match=r"^the disk of .*new is full: 3 MB are free; set TMPDIR to .*room$"):
        stack.start()
    assert [] == list(tmp_path.iterdir())
    with pytest.raises(LocalStackError, match="is full"):
        stack.check()


def test_stack_is_provisioned_as_terraform_does_it(tmp_path: Path) -> None:
    """Landing, queues, ledger, secret and mapping have the properties that the design gives them."""
    with Stack(tmp_path, Shape(window_s=7, timeout_s=30), destination="ministack", worker=False) as stack:
        out = stack.outputs
        queue = _attributes(out.queue_url)
        versioning = boto3.client("s3").get_bucket_versioning(Bucket=out.landing_bucket)
        table = boto3.client("dynamodb").describe_table(TableName=out.ledger_table)["Table"]
        lifetime = boto3.client("dynamodb").describe_time_to_live(TableName=out.ledger_table)
        mapping = boto3.client("lambda").get_event_source_mapping(UUID=out.event_source_mapping_id)
    assert ("187", "432000") == (queue["VisibilityTimeout"], queue["MessageRetentionPeriod"])
    assert 100 == int(json.loads(queue["RedrivePolicy"])["maxReceiveCount"])
    assert "Enabled" == versioning["Status"]
    assert [{"AttributeName": "object_id", "KeyType": "HASH"}] == table["KeySchema"]
    assert "expires_at" == lifetime["TimeToLiveDescription"]["AttributeName"]
    assert (10_000, 7, ["ReportBatchItemFailures"], {"MaximumConcurrency": 2}, True) == (
        mapping["BatchSize"],
        mapping["MaximumBatchingWindowInSeconds"],
        mapping["FunctionResponseTypes"],
        mapping["ScalingConfig"],
        mapping["FunctionArn"].endswith(":windrow-aggregator:live"),
    )


def test_stack_environment_is_valid_and_ends_with_it(tmp_path: Path) -> None:
    """While the stack runs the settings load from this process's environment; afterwards it is as before."""
    before = dict(os.environ)
    with Stack(tmp_path, destination="ministack", worker=False) as stack:
        loaded = settings.load(os.environ)
        assert (stack.outputs.queue_url, stack.destination.url) == (loaded.queue_url, loaded.destination_endpoint)
        assert "HTTP_PROXY" not in os.environ
    assert before == dict(os.environ)


def test_uploads_reach_the_queue_and_stay_there_without_a_worker(tmp_path: Path) -> None:
    """The emulator's own poller leaves the messages alone, so that the engine alone takes them."""
    with Stack(tmp_path, destination="ministack", worker=False) as stack:
        boto3.client("s3").put_object(Bucket=stack.outputs.landing_bucket, Key="ü b+c/", Body=b"x")
        sqs = boto3.client("sqs")
        bodies: list[dict[str, Any]] = []
        while len(bodies) < 2:
            reply = sqs.receive_message(QueueUrl=stack.outputs.queue_url, WaitTimeSeconds=10)
            bodies += [json.loads(message["Body"]) for message in reply["Messages"]]
            hidden = int(_attributes(stack.outputs.queue_url)["ApproximateNumberOfMessagesNotVisible"])
            assert len(bodies) == hidden
    records = [record for body in bodies for record in body.get("Records", [])]
    assert ["ü b+c/"] == [unquote_plus(record["s3"]["object"]["key"]) for record in records]
    assert ["s3:TestEvent"] == [body["Event"] for body in bodies if "Event" in body]


@pytest.mark.needs("minio")
def test_worker_keys_may_do_no_more_than_the_aggregator_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On MinIO the secret's keys write and read archives, delete in Windrow's folders, and are refused all else."""
    binary = Path(locate("minio"))
    monkeypatch.setenv("PATH", f"{binary.parent}{os.pathsep}{os.environ['PATH']}")
    with Stack(tmp_path, destination="minio", worker=False) as stack:
        out = stack.outputs
        secret = boto3.client("secretsmanager").get_secret_value(SecretId=out.destination_secret_id)["SecretString"]
        keys = json.loads(secret)
        s3 = boto3.client(
            "s3",
            endpoint_url=out.destination_endpoint,
            region_name=out.destination_region,
            aws_access_key_id=keys["access_key"],
            aws_secret_access_key=keys["secret_key"],
        )
        for key in ("k", "p/.windrow-staging/k"):
            s3.put_object(Bucket=out.destination_bucket, Key=key, Body=b"x")
            assert b"x" == s3.get_object(Bucket=out.destination_bucket, Key=key)["Body"].read()
        s3.delete_object(Bucket=out.destination_bucket, Key="p/.windrow-staging/k")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=out.destination_bucket, Key="k")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.create_bucket(Bucket="another")
    assert stack.access_key != keys["access_key"]


@pytest.mark.needs("minio", "elasticmq")
def test_fast_servers_are_parts_of_the_stack(tmp_path: Path) -> None:
    """Their end is noticed, and only the queue keeps all of its data in memory."""
    stack = Stack(tmp_path, Shape(sentinel_s=0), destination="minio", worker=False, servers="fast")
    assert ["ministack", "minio", "elasticmq", "landing"] == [part.name for part in stack.parts()]
    assert ["ministack", "elasticmq"] == [part.name for part in stack.parts() if stack.holds_all(part)]


def test_ended_server_is_noticed(tmp_path: Path) -> None:
    """A check names the process that is gone."""
    with Stack(tmp_path, destination="ministack", worker=False) as stack:
        stack.check()
        stack.destination.kill()
        with pytest.raises(LocalStackError, match="destination has ended"):
            stack.check()


def test_outputs_are_known_only_while_it_runs(tmp_path: Path) -> None:
    """A stack that was not started has no endpoints."""
    stack = Stack(tmp_path, destination="ministack")
    with pytest.raises(LocalStackError, match="is not running"):
        _ = stack.outputs


def test_nothing_stays_when_the_start_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that started before another did not are stopped, and the environment is restored."""
    before = dict(os.environ)
    stack = Stack(tmp_path, destination="ministack")

    def fail(*_args: object) -> None:
        raise LocalStackError("no such luck")

    monkeypatch.setattr("windrow.lab.stack.stack.provision", fail)
    with pytest.raises(LocalStackError, match="no such luck"):
        stack.start()
    assert (False, False) == (stack.aws.running, stack.destination.running)
    assert before == dict(os.environ)


def _attributes(queue_url: str) -> dict[str, str]:
    reply = boto3.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return {str(name): value for name, value in reply["Attributes"].items()}
