from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.programs import write_program
from tests.tools import locate
from windrow.core.errors import LocalStackError
from windrow.lab.stack.process import HOST, Server
from windrow.lab.stack.servers import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    docker_has_minio,
    elasticmq,
    find_elasticmq,
    find_minio,
    minio,
    ministack,
)

USER, PASSWORD = "administrator", "not-a-secret"

FAKE_DOCKER = """
import os, sys
arguments = sys.argv[1:]
with open({calls!r}, "a") as calls:
    print(*arguments, file=calls)
if arguments[0] == "run":
    options = dict(zip(arguments, arguments[1:]))
    port = options["--publish"].split(":")[1]
    data = options["--volume"].split(":")[0]
    os.execv({minio!r}, ["minio", "server", "--quiet", "--address", "127.0.0.1:" + port, data])
sys.exit({inspected} if arguments[0] == "image" else 0)
"""


@pytest.fixture
def binary() -> Path:
    """Return a MinIO to run."""
    return Path(locate("minio"))


@pytest.fixture
def no_minio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide every MinIO and Docker of this machine; return the only folder of PATH but the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "true"):
        (folder / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def client(
    service: str,
    server: Server,
    access_key: str = ACCESS_KEY,
    secret_key: str = SECRET_KEY,
    ca_file: Path | None = None,
) -> Any:
    """Return a client of a server."""
    session: Any = boto3.Session(access_key, secret_key, region_name=REGION)
    verify = str(ca_file) if ca_file else None
    return session.client(service, endpoint_url=server.url, config=Config(proxies={}), verify=verify)


def test_ministack_serves_aws_and_forgets_at_a_restart(tmp_path: Path) -> None:
    """Queue URLs name the loopback address, and a restarted emulator is empty at the same address."""
    with ministack(tmp_path) as aws:
        sqs = client("sqs", aws)
        assert f"{aws.url}/000000000000/jobs" == sqs.create_queue(QueueName="jobs")["QueueUrl"]
        aws.kill()
        aws.start()
        assert not sqs.list_queues().get("QueueUrls")


def test_ministack_with_auth_enforces_policies(tmp_path: Path) -> None:
    """With ``auth`` the static keys may do all, and a user without a policy nothing."""
    with ministack(tmp_path, auth=True) as aws:
        client("s3", aws).create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        iam = client("iam", aws)
        iam.create_user(UserName="stranger")
        keys = iam.create_access_key(UserName="stranger")["AccessKey"]
        stranger = client("s3", aws, keys["AccessKeyId"], keys["SecretAccessKey"])
        with pytest.raises(ClientError, match="AccessDenied"):
            stranger.list_objects_v2(Bucket="bucket")


def test_ministack_keeps_idle_connections_longer_than_terraform_does(tmp_path: Path) -> None:
    """It closes none that a client of Go's may still send on, which lets go after 90 seconds; but soon after."""
    with ministack(tmp_path) as aws:
        options = psutil.Process(aws.pid).cmdline()
        assert 90 < int(options[options.index("--keep-alive") + 1]) < 120


def test_ministack_answers_in_one_piece(tmp_path: Path) -> None:
    """Header and body arrive together: Go's client may close a connection between them, and ask again."""
    with ministack(tmp_path) as aws, socket.create_connection((HOST, aws.port)) as connection:
        for _ in range(50):
            connection.sendall(f"GET /_ministack/health HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            header, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            (length,) = re.findall(rb"(?i)content-length: (\d+)", header)
            assert len(body) == int(length) > 0


@pytest.mark.needs("minio")
def test_minio_keeps_its_data_over_a_crash(tmp_path: Path, binary: Path) -> None:
    """A MinIO that was killed comes back at the same address with what it had."""
    with minio(tmp_path, binary=binary, access_key=USER, secret_key=PASSWORD) as server:
        s3 = client("s3", server, USER, PASSWORD)
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="k", Body=b"content")
        server.kill()
        server.start()
        assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"content"


@pytest.mark.needs("minio")
def test_minio_speaks_tls_with_given_certificates(tmp_path: Path, binary: Path) -> None:
    """A client that trusts the private CA gets through."""
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    certs = tmp_path / "certs"
    certs.mkdir()
    certificate.private_key_pem.write_to_path(certs / "private.key")
    certificate.cert_chain_pems[0].write_to_path(certs / "public.crt")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with minio(tmp_path, binary=binary, certs=certs, access_key=USER, secret_key=PASSWORD) as server:
        assert server.url.startswith("https://")
        s3 = client("s3", server, USER, PASSWORD, ca_file=tmp_path / "ca.pem")
        assert s3.list_buckets()["Buckets"] == []


def test_minio_is_found_on_path_first(no_minio: Path, tmp_path: Path) -> None:
    """PATH comes before the cache that ``make minio`` fills."""
    built = write_program(tmp_path / "cache/windrow/bin/minio")
    on_path = write_program(no_minio / "minio")
    assert on_path == find_minio()
    on_path.unlink()
    assert built == find_minio()


def test_no_minio_is_none(no_minio: Path, tmp_path: Path) -> None:
    """Neither in the cache nor on PATH, and no Docker: to start one is an error that says what to do."""
    assert (None, False) == (find_minio(), docker_has_minio())
    with pytest.raises(LocalStackError, match="make minio"):
        minio(tmp_path, access_key=USER, secret_key=PASSWORD)


def test_no_elasticmq_is_none(no_minio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs jars in the cache and a Java that works: to start it without is an error that says what to do."""
    jars = tmp_path / "cache/windrow/java-servers/elasticmq"
    write_program(no_minio / "java", "exit 1")
    jars.mkdir(parents=True)
    assert find_elasticmq() is None
    with pytest.raises(LocalStackError, match="make elasticmq"):
        elasticmq(tmp_path)
    java = write_program(tmp_path / "java/java")
    monkeypatch.setenv("PATH", str(java.parent), prepend=os.pathsep)
    assert (java, jars) == find_elasticmq()
    jars.rmdir()
    assert find_elasticmq() is None


def test_docker_without_a_daemon_is_no_minio(no_minio: Path, tmp_path: Path) -> None:
    """The client is installed and every command of it fails: nothing is started by it."""
    write_program(no_minio / "docker", "echo Cannot connect to the Docker daemon. >&2; exit 1")
    with pytest.raises(LocalStackError, match="make minio"):
        minio(tmp_path, access_key=USER, secret_key=PASSWORD)


@pytest.mark.parametrize(("status", "expected"), [(0, True), (1, False)])
def test_docker_counts_only_with_the_image(no_minio: Path, tmp_path: Path, status: int, expected: bool) -> None:
    """A daemon without MinIO's image, or none at all, is as good as no Docker: nothing is downloaded."""
    _write_docker(no_minio, tmp_path / "calls", "/none", status)
    assert expected == docker_has_minio()


@pytest.mark.needs("minio")
def test_minio_in_docker_is_started_and_removed(binary: Path, no_minio: Path, tmp_path: Path) -> None:
    """The container runs as this user on a loopback port, no key is on its command line, and it is removed."""
    _write_docker(no_minio, tmp_path / "calls", str(binary), 0)
    with minio(tmp_path / "data", access_key=USER, secret_key=PASSWORD) as server:
        assert client("s3", server, USER, PASSWORD).list_buckets()["Buckets"] == []
    _inspect, run, remove = (tmp_path / "calls").read_text().splitlines()
    name = run.split("--name ")[1].split()[0]
    assert f"rm --force {name}" == remove
    assert f"--user {os.getuid()}:{os.getgid()}" in run
    assert f"--publish {HOST}:{server.port}:9000" in run
    assert PASSWORD not in run


def _write_docker(folder: Path, calls: Path, binary: str, inspected: int) -> None:
    script = FAKE_DOCKER.format(calls=str(calls), minio=binary, inspected=inspected)
    write_program(folder / "docker", script, interpreter=sys.executable)
