"""The servers of the local stack: MiniStack for AWS, and MinIO (or a second MiniStack) as the destination.

Each function gives a `Server` that is not started yet: use it in ``with``, or call its ``start`` and ``stop``.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from windrow.core.errors import LocalStackError
from windrow.lab.stack.process import HOST, Server
from windrow.lab.stack.programs import answer, find_program

ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 - MiniStack's own static test credentials
REGION = "eu-west-2"
ACCOUNT = "000000000000"

MINIO_IMAGE = "minio/minio"
_MINIO_HEALTH = "/minio/health/cluster"
"""Answers 200 once requests for buckets and users succeed; ``ready`` and ``live`` do while those still get 503."""

_SERVICES = "cloudwatch,dynamodb,events,iam,lambda,logs,s3,secretsmanager,sns,sqs,ssm,sts"


def ministack(folder: Path, *, auth: bool = False, name: str = "ministack") -> Server:
    """Return an AWS emulator that keeps its state in memory: a restart empties it.

    Its credentials are `ACCESS_KEY` and `SECRET_KEY`, account `ACCOUNT`, any region. ``auth`` makes it check
    signatures and enforce IAM policies.
    """
    environ = {
        "BIND_HOST": HOST,
        "LOG_LEVEL": "WARNING",
        "SERVICES": _SERVICES,
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
    return Server(
        name,
        folder,
        lambda _port: [sys.executable, "-m", "ministack"],
        environ=environ,
        health="/_ministack/health",
    )


def minio(
    folder: Path,
    *,
    access_key: str,
    secret_key: str,
    certs: Path | None = None,
    binary: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Server:
    """Return a MinIO that keeps its data in ``folder``: a restart finds it again.

    The keys are the root user's. ``certs`` is a folder with ``public.crt`` and ``private.key``; with it the server
    speaks TLS only. ``binary`` is found by `find_minio` unless given; without any, Docker runs it. ``more`` are
    variables of MinIO's environment, such as those that name a webhook.

    Raises:
        LocalStackError: MinIO was not found, and no Docker has its image.
    """
    root = {"MINIO_ROOT_USER": access_key, "MINIO_ROOT_PASSWORD": secret_key}
    environ = {**root, "MINIO_BROWSER": "off", **(more or {})}
    data = folder.absolute() / "minio-data"
    data.mkdir(parents=True, exist_ok=True)
    binary = binary or find_minio()
    if binary is None and not docker_has_minio():
        raise LocalStackError(f"there is no MinIO here, nor a Docker that has {MINIO_IMAGE}; `make minio` builds one")
    certs = certs.absolute() if certs else None
    scheme = "https" if certs else "http"
    if binary is None:
        container = f"windrow-{uuid.uuid4().hex[:12]}"
        return Server(
            "minio",
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
        "minio",
        folder,
        lambda port: [str(binary), "server", "--quiet", "--address", f"{HOST}:{port}", *with_tls, str(data)],
        environ=environ,
        health=_MINIO_HEALTH,
        scheme=scheme,
    )


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
