"""What every test shares: an environment without the user's own AWS account, and the servers of the contract suites."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import hypothesis
import pytest

from scripts.aws_verify.contract import SERVER
from tests import needs
from tests.servers import java
from tests.servers.endpoint import Endpoint
from tests.servers.seaweedfs import seaweedfs as make_seaweedfs
from tests.servers.versitygw import versitygw as make_versitygw
from tests.tools import locate
from windrow.lab.stack import servers

ACCESS_KEY = "windrow-test"
SECRET_KEY = "windrow-test-secret"
UNIT = Path(__file__).parent / "unit"

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the process for all its tests.

    Hypothesis draws the same examples each time and sets none a time limit, as it does by itself in CI: a machine may
    be busy. Sessions share what botocore reads from its data files, which costs 80 ms a session. Ctrl-C reaches the
    processes under test where a shell made its background job ignore it (``make test &``).
    """
    config.pluginmanager.register(needs.plugin(), "needs")
    hypothesis.settings.load_profile("ci")
    botocore.session.create_loader = cache(botocore.session.create_loader)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the user's AWS configuration, Windrow settings and unbuffered streams; offer test credentials."""
    for name in list(os.environ):
        if name.startswith(("AWS_ENDPOINT_URL", "WINDROW_")) or name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # users have buffers, and lose what is in them
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.SECRET_KEY)
    monkeypatch.setenv("AWS_REGION", servers.REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", servers.REGION)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep unit tests on this machine: only loopback addresses can be connected to."""
    if not request.path.is_relative_to(UNIT):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            pytest.fail(f"a unit test connected to {address}", pytrace=True)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Run one MiniStack for all tests; each makes buckets, tables and queues of its own.

    Or use the account that `make aws-verify` names.
    """
    if SERVER in os.environ:
        yield Endpoint(**json.loads(os.environ[SERVER]))
        return
    with servers.ministack(tmp_path_factory.mktemp("ministack")) as server:
        yield Endpoint("ministack", server.url, servers.ACCESS_KEY, servers.SECRET_KEY)


@pytest.fixture(scope="session")
def elasticmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Run one ElasticMQ for all tests."""
    locate("elasticmq")
    with servers.elasticmq(tmp_path_factory.mktemp("elasticmq"), quick=True) as server:
        yield Endpoint("elasticmq", server.url, servers.ACCESS_KEY, servers.SECRET_KEY)


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Run one MinIO for all tests."""
    binary, folder = Path(locate("minio")), tmp_path_factory.mktemp("minio")
    with servers.minio(folder, binary=binary, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as server:
        yield Endpoint("minio", server.url, ACCESS_KEY, SECRET_KEY, region="us-east-1")


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Run one versitygw for all tests."""
    with make_versitygw(tmp_path_factory.mktemp("versitygw"), access_key=ACCESS_KEY, secret_key=SECRET_KEY) as server:
        yield Endpoint("versitygw", server.url, ACCESS_KEY, SECRET_KEY, region="us-east-1")


@pytest.fixture(scope="session")
def s3proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Run one S3Proxy for all tests."""
    with java.s3proxy(tmp_path_factory.mktemp("s3proxy"), access_key=ACCESS_KEY, secret_key=SECRET_KEY) as server:
        yield Endpoint("s3proxy", server.url, ACCESS_KEY, SECRET_KEY, region="us-east-1")


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Run one SeaweedFS for all tests."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    with make_seaweedfs(folder, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as server:
        yield Endpoint("seaweedfs", server.url, ACCESS_KEY, SECRET_KEY, region="us-east-1")
