"""With AWS's CRT installed botocore signs by it, and reads bodies in other ways."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.endpoint import Endpoint

ROOT = Path(__file__).resolve().parents[2]

PUT = """
import hashlib, sys
import botocore.compat
from botocore.config import Config
assert botocore.compat.HAS_CRT, "the CRT is not in use"
from windrow.clients import aws
from windrow.clients.clock import SystemClock
from windrow.clients.destination.multipart import S3MultipartDestination
from windrow.clients.s3.copies import S3Copies
from windrow.clients.secrets.credentials import FixedSecrets
from windrow.ports import Credentials

url, bucket, region, access_key, secret_key = sys.argv[1:]
secrets = FixedSecrets(Credentials(access_key, secret_key))
destination = S3MultipartDestination(url, bucket, region, secrets, SystemClock())
pieces = [b"a" * 70_000, b"b" * 70_000]
digest = hashlib.sha256(b"".join(pieces))
assert destination.put("whole", pieces, digest.digest(), {"sha256_checksum": digest.hexdigest()})
upload = destination.begin("parts", {}, verified=True)
part = destination.send_part("parts", upload, 1, pieces, digest.digest())
assert destination.complete("parts", upload, [part])
s3 = aws.session({"AWS_REGION": region}).client(
    "s3",
    endpoint_url=url,
    aws_access_key_id=access_key,
    aws_secret_access_key=secret_key,
    config=Config(s3=aws.PATH_STYLE),
)
assert S3Copies(bucket, s3, "STANDARD").store("copy", pieces, 140_000, digest.digest(), {})
for key in ("whole", "parts", "copy"):
    assert destination.read(key, 69_999, 2) == b"ab", key
"""


@pytest.fixture(scope="module")
def crt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the CRT, which is not installed beside Windrow."""
    folder = tmp_path_factory.mktemp("crt")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--target", str(folder))
    locked = ROOT / "requirements/awscrt.txt"
    subprocess.run([*pip, "--require-hashes", "--requirement", str(locked)], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.needs("package-index")
@pytest.mark.parametrize("name", ["ministack", pytest.param("minio", marks=pytest.mark.needs("minio"))])
def test_a_put_works_with_the_crt(name: str, request: pytest.FixtureRequest, crt: Path) -> None:
    """Whole, in parts, and as a copy, which boto3 sends."""
    server: Endpoint = request.getfixturevalue(name)
    arguments = (server.url, server.new_bucket(), server.region, server.access_key, server.secret_key)
    path = os.pathsep.join([str(crt), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", PUT, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
