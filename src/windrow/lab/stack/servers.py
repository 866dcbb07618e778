"""The servers of the local stack: MiniStack for AWS, and MinIO (or a second MiniStack) as the destination.

Load tests may have ElasticMQ as the queue and a MinIO as the landing bucket's server, so that the emulator is not what
is measured: it searches its whole queue at each request.

Each function gives a `Server` that is not started yet: use it in ``with``, or call its ``start`` and ``stop``.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from windrow.core.errors import LocalStackError
from windrow.lab.stack.process import HOST, Server
from windrow.lab.stack.programs import answer, find_program, tools_cache

ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 - MiniStack's own static test credentials
LANDING_SECRET_KEY = "test-landing"  # noqa: S105 - as those, for a MinIO, which demands eight characters
REGION = "eu-west-2"
ACCOUNT = "000000000000"

Servers = Literal["ministack", "fast"]
"""What load tests have for queue and landing bucket: the emulator, or ElasticMQ and MinIO, which take more load."""

MINIO_IMAGE = "minio/minio"
_MINIO_HEALTH = "/minio/health/cluster"
"""Answers 200 once requests for buckets and users succeed; ``ready`` and ``live`` do while those still get 503."""

_JVM = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true")
"""For ElasticMQ: 100,000 messages of 1 kB take 300 MB. The serial collector has no threads that compete for cores."""

_SERVICES = "cloudwatch,dynamodb,events,iam,lambda,logs,s3,secretsmanager,sns,sqs,ssm,sts"
_KEEP_ALIVE_S = 100
"""How long MiniStack keeps an idle connection: longer than the 90 seconds after which Go's and Rust's clients close it.

Its own command has 75 seconds. Hypercorn may serve a request that arrives just as the time ends, and close the
connection without the answer. Not much longer, because Hypercorn also keeps what a client closed, until the time ends.
"""


def ministack(folder: Path, *, auth: bool = False, name: str = "ministack", services: str = _SERVICES) -> Server:
    """Return an AWS emulator that keeps its state in memory: a restart empties it.

    Its credentials are `ACCESS_KEY` and `SECRET_KEY`, account `ACCOUNT`, any region. ``auth`` makes it check
    signatures and enforce IAM policies. ``services`` are those that it has, with commas between; "" is all.
    """

    def command(port: int) -> list[str]:
        server = [sys.executable, "-m", "windrow.lab.stack.ministack", "ministack.app:app"]
        options = ["--keep-alive", str(_KEEP_ALIVE_S), "--workers", "0", "--log-level", "WARNING"]
        return [*server, "--bind", f"{HOST}:{port}", *options]

    environ = {
        "LOG_LEVEL": "WARNING",
        "SERVICES": services,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AUTH": str(auth).lower(),
        # Without other listeners and the search for containers, which would cost time at every start.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",
    }
    return Server(name, folder, command, environ=environ, health="/_ministack/health")


def elasticmq(folder: Path, *, quick: bool = False) -> Server:
    """Return a queue with SQS's API that keeps its messages in memory: a restart empties it. It checks no credentials.

    Its account is `ACCOUNT`, its region `REGION`, so that its queues have the ARNs that they would have in MiniStack.
    ``quick`` has Java compile only once: a start then costs half the CPU time, and 10,000 messages twice as much.

    Raises:
        LocalStackError: ElasticMQ or a Java was not found.
    """
    found = find_elasticmq()
    if found is None:
        raise LocalStackError("there is no ElasticMQ here, or no Java; `make elasticmq` fetches it (needs a JDK 17)")
    java, jars = found

    def command(port: int) -> list[str]:
        settings = {
            "node-address.host": HOST,
            "node-address.port": port,
            "rest-sqs.bind-hostname": HOST,
            "rest-sqs.bind-port": port,
            "rest-stats.enabled": "false",
            "aws.region": REGION,
            "aws.accountId": ACCOUNT,
        }
        options = [f"-D{name}={value}" for name, value in settings.items()]
        compiler = ["-XX:TieredStopAtLevel=1"] if quick else []
        return [str(java), *_JVM, *compiler, *options, "-cp", f"{jars}/*", "org.elasticmq.server.Main"]

    return Server("elasticmq", folder, command, environ={}, health="/health")


def minio(
    folder: Path,
    *,
    access_key: str,
    secret_key: str,
    name: str = "minio",
    certs: Path | None = None,
    binary: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Server:
    """Return a MinIO that keeps its data in ``folder``, under its ``name``: a restart finds it again.

    The keys are the root user's. ``certs`` is a folder with ``public.crt`` and ``private.key``; with it the server
    speaks TLS only. ``binary`` is found by `find_minio` unless given; without any, Docker runs it. ``more`` are
    variables of MinIO's environment, such as those that name a webhook.

    Raises:
        LocalStackError: MinIO was not found, and no Docker has its image.
    """
    root = {"MINIO_ROOT_USER": access_key, "MINIO_ROOT_PASSWORD": secret_key}
    environ = {**root, "MINIO_BROWSER": "off", **(more or {})}
    data = folder.absolute() / f"{name}-data"
    data.mkdir(parents=True, exist_ok=True)
    binary = binary or find_minio()
    if binary is None and not docker_has_minio():
        raise LocalStackError(f"there is no MinIO here, nor a Docker that has {MINIO_IMAGE}; `make minio` builds one")
    certs = certs.absolute() if certs else None
    scheme = "https" if certs else "http"
    if binary is None:
        container = f"windrow-{uuid.uuid4().hex[:12]}"
        return Server(
            name,
            folder,
            lambda port: _docker_command(container, port, data, certs, environ),
            environ=environ,
            health=_MINIO_HEALTH,
            scheme=scheme,
            owns_port=False,
            cleanup=["docker", "rm", "--force", container],
        )
    with_tls = ["--certs-dir", str(certs)] if certs else []
    return Server(
        name,
        folder,
        lambda port: [str(binary), "server", "--quiet", "--address", f"{HOST}:{port}", *with_tls, str(data)],
        environ=environ,
        health=_MINIO_HEALTH,
        scheme=scheme,
    )


def find_elasticmq() -> tuple[Path, Path] | None:
    """Return a Java that works, and the folder of ElasticMQ's jars, which ``make elasticmq`` fetches into the cache."""
    java, jars = find_program("java", "-version"), tools_cache() / "java-servers" / "elasticmq"
    return (java, jars) if java and jars.is_dir() else None


def find_minio() -> Path | None:
    """Return a MinIO that works: on PATH, else the one that ``make minio`` built into the user's cache folder."""
    return find_program("minio")


def docker_has_minio() -> bool:
    """Return whether a Docker daemon answers and has MinIO's image already: a start must not wait for a download."""
    return answer("docker", "image", "inspect", "--format", "{{.Id}}", MINIO_IMAGE) is not None


def _docker_command(container: str, port: int, data: Path, certs: Path | None, names: Iterable[str]) -> list[str]:
    """Return the command that runs MinIO in a container as this user; ``names`` are those of its environment.

    Only their names are on the command line, not the keys.
    """
    mount_certs = ["--volume", f"{certs}:/certs:ro"] if certs else []
    with_tls = ["--certs-dir", "/certs"] if certs else []
    return [
        *("docker", "run", "--rm", "--name", container, "--user", f"{os.getuid()}:{os.getgid()}"),
        *("--publish", f"{HOST}:{port}:9000", "--volume", f"{data}:/data", *mount_certs),
        *(each for name in names for each in ("--env", name)),
        *(MINIO_IMAGE, "server", "--quiet", "--address", ":9000", *with_tls, "/data"),
    ]
