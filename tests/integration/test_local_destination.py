"""The keys that the local stack makes on a real MinIO."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windrow.lab.stack import destination, servers
from windrow.lab.stack.process import Server
from windrow.ports import Credentials

if TYPE_CHECKING:
    from minio import MinioAdmin

pytestmark = pytest.mark.needs("minio")

ROOT = Credentials("windrow-test", "windrow-test-secret")
USERS = 5_000
"""It takes MinIO half a second to read them, and its port is open meanwhile."""


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Server]:
    """Start a MinIO that answers long before it knows its users."""
    server = servers.minio(tmp_path, access_key=ROOT.access_key, secret_key=ROOT.secret_key)
    with server:
        admin(server).user_list()
        admin(server).user_add("someone", "a-password-of-theirs")
    folder = tmp_path / "minio-data/.minio.sys/config/iam/users"
    for number in range(USERS):
        shutil.copytree(folder / "someone", folder / f"someone-{number}")
    with server:
        yield server
    shutil.rmtree(tmp_path / "minio-data")


def access(server: Server) -> destination.DestinationAccess:
    """Return the server as the local stack's destination."""
    return destination.DestinationAccess(
        kind="minio", endpoint=server.url, access_key=ROOT.access_key, secret_key=ROOT.secret_key
    )


def admin(server: Server) -> MinioAdmin:
    """Return the administrator's client."""
    return destination.admin_client(access(server), ROOT)


def test_what_a_starting_minio_is_given_lasts(late: Server) -> None:
    """Policy, user and key are made in a MinIO that still reads its users, and all are there when it has."""
    keys = destination.create_destination(access(late))

    assert USERS < len(admin(late).user_list())
    assert destination.USER_NAME in admin(late).user_list()
    assert destination.USER_NAME in admin(late).policy_list()
    assert keys.access_key in admin(late).list_service_account(destination.USER_NAME)
