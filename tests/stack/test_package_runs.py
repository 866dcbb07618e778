"""The zips are run: their twins for this machine and this Python, as Lambda runs it.

The function's own target, arm64 with Python 3.13, can't run on every machine that runs these tests. The twin comes from
the same lock file, the same sources and the same code of `windrow.packaging`; only the wheels of compiled packages are
others.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from tests.tools import locate, runtime_client
from windrow import bootstrap, settings
from windrow.clients.sqs.records import receive_record
from windrow.lab.stack.process import free_port, is_free
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.verification import Deliveries
from windrow.lab.stack.waiting import LIMIT_S, wait_until
from windrow.packaging import DELIVERY, ROTATION, Built, Contents, build, host_target
from windrow.packaging.trim import SERVICES

pytestmark = [
    pytest.mark.needs("package-index"),
    pytest.mark.slow,
    pytest.mark.skipif(host_target() is None, reason="Lambda's wheels run on Linux only"),
]

ROOT = Path(__file__).parents[2]
FILES = 120
MEMORY_MB = 1024
"""The function's, in the aggregator module."""
HANDLER = "windrow.functions.aggregate.handler"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the zip is made of, which may change in the checkout while these tests run."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def build_twin(checkout: Path, folder: Path, contents: Contents) -> Built:
    """Build a twin for this interpreter; the aggregator's has bytecode."""
    target = host_target()
    assert target is not None
    return build(checkout, target, folder / "twin.zip", contents, bytecode=contents is DELIVERY)


def unpack(built: Built) -> Path:
    """Unpack a zip as Lambda does."""
    folder = Path(built.path).parent / "task"
    with zipfile.ZipFile(built.path) as package:
        package.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the twin of the aggregator's zip."""
    return build_twin(checkout, tmp_path_factory.mktemp("package"), DELIVERY)


@pytest.fixture(scope="module")
def task(built: Built) -> Path:
    """Unpack the aggregator's zip."""
    return unpack(built)


@pytest.fixture(scope="module")
def rotation_task(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build and unpack the twin of the rotation's zip."""
    return unpack(build_twin(checkout, tmp_path_factory.mktemp("rotation"), ROTATION))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Run the local stack without a worker."""
    with Stack(tmp_path / "stack", worker=False) as running:
        yield running


def isolated(task: Path, script: str, *arguments: str) -> None:
    """Run Python code that sees the package and the standard library alone."""
    environ = {"AWS_DEFAULT_REGION": "eu-west-2", "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(task)!r})\n{script}"]
    done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_every_entry_point_imports(task: Path, rotation_task: Path) -> None:
    """Each Lambda entry point imports from its zip alone, and has a handler."""
    script = "import importlib\nfor name in sys.argv[1:]: importlib.import_module('windrow.functions.' + name).handler"
    isolated(task, script, *DELIVERY.functions)
    isolated(rotation_task, script, *ROTATION.functions)


def test_bytecode_spares_a_cold_start_the_compiler(task: Path) -> None:
    """No module of the zip is compiled when the aggregator is imported."""
    script = """
compiled = []
sys.addaudithook(lambda event, arguments: compiled.append(arguments[1]) if event == "compile" else None)
import windrow.functions.aggregate
compiled = [name for name in compiled if str(name).startswith(sys.path[0])]
assert not compiled, compiled
"""
    isolated(task, script)


def test_minio_is_in_the_rotations_zip_alone(task: Path, rotation_task: Path) -> None:
    """What reaches each file's path is only what that needs."""
    assert (False, True) == ((task / "minio").exists(), (rotation_task / "minio").exists())


def test_every_client_builds(task: Path) -> None:
    """Each AWS client that the code uses builds from the trimmed data, with its paginators and endpoint rules."""
    script = """
import boto3
for service in sys.argv[1:]:
    client = boto3.client(service, aws_access_key_id="x", aws_secret_access_key="x")
    assert "eu-west-2" in client.meta.endpoint_url, client.meta.endpoint_url
    client.waiter_names
boto3.client("s3", aws_access_key_id="x", aws_secret_access_key="x").get_paginator("list_object_versions")
"""
    isolated(task, script, *sorted(SERVICES))


@pytest.mark.needs("lambda-rie")
def test_real_event_is_delivered_within_the_memory_limit(task: Path, stack: Stack) -> None:
    """Under AWS's runtime client and emulator, with the function's memory, a batch is delivered and nothing fails."""
    sources = upload(stack)
    with function(locate("lambda-rie"), runtime_client(), task, stack) as url:
        answer = invoke(url, receive(stack))
    assert {"batchItemFailures": []} == answer, (task.parent / "emulator.log").read_text(errors="replace")
    assert sources == delivered()


def upload(stack: Stack) -> dict[str, int]:
    """Put files into the landing bucket; return their sizes by key."""
    s3 = boto3.client("s3")
    sizes = {}
    for number in range(FILES):
        body = b'{"reading": %d, "unit": "kPa"}\n' % number * (number * 30)
        s3.put_object(Bucket=stack.outputs.landing_bucket, Key=f"plant a/{number}.jsonl", Body=body)
        sizes[f"plant a/{number}.jsonl"] = len(body)
    return sizes


def receive(stack: Stack) -> bytes:
    """Receive messages until each file has one; return Lambda's event."""
    sqs = boto3.client("sqs")
    url = stack.outputs.queue_url
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    records: list[bytes] = []
    files = 0
    while files < FILES:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=5,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        records += [receive_record(message, arn).record for message in messages]
        files += sum("plant" in message["Body"] for message in messages)
    return b'{"Records":[' + b",".join(records) + b"]}"


def delivered() -> dict[str, int]:
    """Return the size by key of every file in every archive at the destination."""
    deliveries = Deliveries(bootstrap.destination(settings.load(os.environ)))
    deliveries.refresh()
    return {file.key: file.size for delivery in deliveries.archives for file in delivery.manifest.files}


@contextmanager
def function(emulator: str, client: Path, task: Path, stack: Stack) -> Iterator[str]:
    """Run the unpacked zip in AWS's emulator on loopback addresses; give the URL that invokes it.

    The limit is RLIMIT_DATA, on the runtime alone: all private memory that may be written, thread stacks included, used
    or not. RLIMIT_AS would count the 64 MB of addresses as well that glibc reserves for the heap of each thread and
    never touches (1,020 MB in all where 110 MB are resident), and fail by the order in which threads start.
    """
    api, runtime = free_port(), free_port()
    command = [
        *(emulator, "--runtime-interface-emulator-address", f"127.0.0.1:{api}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime}"),
        *(
            "/bin/sh",
            "-c",
            f'ulimit -d {MEMORY_MB * 1024} && exec "$0" -S -B -m awslambdaric {HANDLER}',
            sys.executable,
        ),
    ]
    environ = {
        **{name: value for name, value in stack.environment().items() if name.startswith(("AWS_", "WINDROW_"))},
        "PATH": os.defpath,
        "PYTHONPATH": f"{task}{os.pathsep}{client}",
        "LAMBDA_TASK_ROOT": str(task),
        "AWS_LAMBDA_FUNCTION_NAME": "windrow",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
    }
    log = task.parent / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environ, cwd=task, stdout=output, stderr=output, start_new_session=True)
        try:
            await_port(process, api, log)
            yield f"http://127.0.0.1:{api}/2015-03-31/functions/function/invocations"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the emulator listens."""

    def listens() -> bool:
        assert None is process.poll(), log.read_text()
        return not is_free(port)

    wait_until("the emulator to listen", listens, cause=log.read_text)


def invoke(url: str, event: bytes) -> Any:
    """Invoke the function synchronously."""
    target = urlsplit(url)
    connection = HTTPConnection(str(target.hostname), target.port, timeout=LIMIT_S)
    with closing(connection):
        connection.request("POST", target.path, body=event)
        return json.load(connection.getresponse())
