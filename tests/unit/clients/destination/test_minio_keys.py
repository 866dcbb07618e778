"""MinIO's access keys, against a server that answers as MinIO does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from urllib3.response import HTTPResponse

from tests.servers.scripted import Answer, http_server
from windrow.clients.destination.minio_keys import MinioKeys
from windrow.core.errors import RotationError
from windrow.ports import Credentials

pytest.importorskip("minio", reason="minio-py comes with the extra that makes service accounts")

ACTING = Credentials("acting", "acting-secret")
NEW = Credentials("new", "new-secret")
INFO, ADD, REMOVE = "/info-service-account?", "/add-service-account", "/delete-service-account?"


def error(code: str, message: str = "as scripted", status: int = 400) -> Answer:
    """Return MinIO's answer for an error code."""
    body = {"Code": code, "Message": message, "Resource": "/minio/admin/v3", "HostId": "h0st", "RequestID": "r3quest"}
    return status, {"Content-Type": "application/json"}, json.dumps(body, separators=(",", ":")).encode()


class MinIO:
    """Answers by the end of the path's operation; ``added`` is what it was asked to add, decrypted."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.added: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request."""
        from minio.crypto import decrypt, encrypt

        operation = next(each for each in (INFO, ADD, REMOVE) if each in path)
        self.asked.append(f"{method} {path.partition('/v3')[2]}")
        if operation == ADD:
            sent = HTTPResponse(body=io.BytesIO(body), preload_content=False)
            self.added.append(json.loads(decrypt(sent, ACTING.secret_key)))
        if operation in self.answers:
            return self.answers[operation]
        plain: dict[Any, bytes] = {INFO: b'{"impliedPolicy":true}', ADD: b"{}"}
        return 200, {}, encrypt(plain[operation], ACTING.secret_key) if operation in plain else b""


@pytest.fixture
def minio() -> MinIO:
    """A MinIO that does as it is asked."""
    return MinIO()


@pytest.fixture
def keys(minio: MinIO) -> Iterator[MinioKeys]:
    """What administers its keys."""
    with http_server(minio.answer) as url:
        yield MinioKeys(url)


def test_a_key_is_created_with_the_rights_of_its_user(minio: MinIO, keys: MinioKeys) -> None:
    """A key without a policy of its own has them all, and so has the new one."""
    keys.create(ACTING, NEW)

    added = {"status": "enabled", "accessKey": "new", "secretKey": "new-secret", "name": "windrow-rotated"}
    assert [added] == minio.added
    assert ["GET /info-service-account?accessKey=acting", "PUT /add-service-account"] == minio.asked


def test_the_key_of_a_narrowed_one_is_as_narrow(minio: MinIO, keys: MinioKeys) -> None:
    """Else each rotation would widen the rights to those of the user behind."""
    from minio.crypto import encrypt

    policy = {"Version": "2012-10-17", "Statement": []}
    info = {"impliedPolicy": False, "policy": json.dumps(policy)}
    minio.answers[INFO] = 200, {}, encrypt(json.dumps(info).encode(), ACTING.secret_key)

    keys.create(ACTING, NEW)

    assert [policy] == [added["policy"] for added in minio.added]


NOT_FOUND = ["XMinioInvalidIAMCredentials", "XMinioAdminServiceAccountNotFound", "XMinioAdminNoSuchUser"]


@pytest.mark.parametrize("code", NOT_FOUND)
def test_a_user_of_its_own_has_no_policy_to_copy(code: str, minio: MinIO, keys: MinioKeys) -> None:
    """The first credentials may be no service account."""
    minio.answers[INFO] = error(code, status=404)

    keys.create(ACTING, NEW)

    assert [False] == ["policy" in added for added in minio.added]


@pytest.mark.parametrize("code", NOT_FOUND)
def test_a_key_that_is_gone_is_removed(code: str, minio: MinIO, keys: MinioKeys) -> None:
    """By an earlier try of the same step."""
    minio.answers[REMOVE] = error(code, status=404)

    keys.remove(ACTING, "old")

    assert ["DELETE /delete-service-account?accessKey=old"] == minio.asked


def test_a_key_that_is_there_already_is_created(minio: MinIO, keys: MinioKeys) -> None:
    """By an earlier try of the same step."""
    minio.answers[ADD] = error("XMinioIAMServiceAccountUsed", "The access key is already taken")

    keys.create(ACTING, NEW)

    assert 1 == len(minio.added)


@pytest.mark.parametrize(
    ("operation", "says"),
    [
        (INFO, "MinIO did not describe the current key: "),
        (ADD, "MinIO did not create the new key: "),
        (REMOVE, "MinIO did not remove the old key: "),
    ],
)
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (error("AccessDenied", status=403), "AccessDenied"),
        ((502, {}, b"<html>Bad Gateway</html>"), "no code given"),
        ((400, {}, b'{"Code": "SlowDown"}'), "SlowDown"),
        ((400, {}, b'{"Code":"Cut'), "no code given"),
        ((400, {}, b'{"Code":"no code \\u001b[2J"}'), "no code given"),
    ],
    ids=["refused", "another's answer", "spaced", "cut short", "not a code"],
)
def test_a_refusal_is_named_by_its_code(
    operation: str, says: str, answer: Answer, cause: str, minio: MinIO, keys: MinioKeys
) -> None:
    """Not by all of the answer, which names hosts and requests."""
    minio.answers[operation] = answer

    with pytest.raises(RotationError) as caught:
        keys.remove(ACTING, "old") if operation == REMOVE else keys.create(ACTING, NEW)

    assert f"{says}{cause}" == str(caught.value)


def test_a_server_that_is_not_there_is_told() -> None:
    """For each of the operations."""
    keys = MinioKeys("http://127.0.0.1:1")
    says = r"^MinIO could not be reached: MaxRetryError$"
    with pytest.raises(RotationError, match=says):
        keys.create(ACTING, NEW)
    with pytest.raises(RotationError, match=says):
        keys.remove(ACTING, "old")


def test_a_private_authority_that_is_none_is_told() -> None:
    """Before anything is sent."""
    with pytest.raises(RotationError, match="certificate"):
        MinioKeys("https://127.0.0.1:1").remove(Credentials("a", "s", "no certificate"), "old")
