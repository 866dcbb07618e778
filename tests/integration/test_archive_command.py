"""``windrow archive`` on an ``s3://`` URL: settings, secret, destination and range reads together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import msgspec
import pytest

from tests.archives import archive_of
from windrow.core.archive.writer import SealedArchive
from windrow.lab.stack import servers

FILES = [("one.txt", b"1\n"), ("odd//key?#%2F", b"2\n" * 40_000), ("three", b"")]
BUCKET = "archives"
KEY = "2026/11/23/10/07/20261123T1007Z-0123456789abcdef.tar.gz"


@pytest.fixture(scope="module")
def sealed() -> SealedArchive:
    """The archive in the destination."""
    return archive_of(FILES)


@pytest.fixture(scope="module")
def environ(sealed: SealedArchive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user whose destination holds the archive; one MiniStack is destination and AWS."""
    with servers.ministack(tmp_path_factory.mktemp("ministack")) as server:
        session = boto3.session.Session(servers.ACCESS_KEY, servers.SECRET_KEY, region_name=servers.REGION)
        secret = {"access_key": servers.ACCESS_KEY, "secret_key": servers.SECRET_KEY}
        session.client("secretsmanager", endpoint_url=server.url).create_secret(
            Name="destination", SecretString=msgspec.json.encode(secret).decode()
        )
        s3 = session.client("s3", endpoint_url=server.url)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"".join(sealed.chunks), Metadata=sealed.metadata)
        plain = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "WINDROW_"))}
        yield plain | {
            "AWS_ACCESS_KEY_ID": servers.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": servers.SECRET_KEY,
            "AWS_REGION": servers.REGION,
            "AWS_DEFAULT_REGION": servers.REGION,
            "AWS_ENDPOINT_URL": server.url,
            "WINDROW_DESTINATION_ENDPOINT": server.url,
            "WINDROW_DESTINATION_REGION": servers.REGION,
            "WINDROW_DESTINATION_SECRET_ID": "destination",
        }


def windrow(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``windrow archive`` as a user does, in a process of its own."""
    code = "from windrow.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "archive", *arguments], env=environ, capture_output=True, check=False
    )


def test_ls_and_verify(environ: dict[str, str], sealed: SealedArchive) -> None:
    """The archive is listed, and verified against the digest in its metadata."""
    listed = windrow(environ, "ls", f"s3://{BUCKET}/{KEY}", "--json")
    verified = windrow(environ, "verify", f"s3://{BUCKET}/{KEY}", "--json")

    assert [key for key, _ in FILES] == [file["key"] for file in json.loads(listed.stdout)["files"]]
    answer = json.loads(verified.stdout)
    assert (True, sealed.sha256.hex(), True) == (answer["ok"], answer["sha256"], answer["sha256_compared"])


def test_keys_that_may_read_are_enough(environ: dict[str, str]) -> None:
    """A consumer has AWS's own variables only; no setting of Windrow's, and no Secrets Manager."""
    consumer = {name: text for name, text in environ.items() if not name.startswith("WINDROW_")}

    listed = windrow(consumer, "ls", f"s3://{BUCKET}/", "--json")
    done = windrow(consumer, "cat", f"s3://{BUCKET}/{KEY}", "--key", FILES[1][0])

    assert [f"s3://{BUCKET}/{KEY}"] == [each["location"] for each in json.loads(listed.stdout)["archives"]]
    assert (0, FILES[1][1], b"") == (done.returncode, done.stdout, done.stderr)


def test_cat_by_raw_key(environ: dict[str, str]) -> None:
    """One file comes out by its raw key."""
    done = windrow(environ, "cat", f"s3://{BUCKET}/{KEY}", "--key", FILES[1][0])

    assert (0, FILES[1][1], b"") == (done.returncode, done.stdout, done.stderr)


def test_extract(environ: dict[str, str], sealed: SealedArchive, tmp_path: Path) -> None:
    """All files come out under their member names."""
    done = windrow(environ, "extract", f"s3://{BUCKET}/{KEY}", str(tmp_path))

    assert 0 == done.returncode
    for file, (_, content) in zip(sealed.manifest.files, FILES, strict=True):
        assert content == (tmp_path / file.name).read_bytes()


def test_an_absent_archive(environ: dict[str, str]) -> None:
    """Asking for what is not there is wrong use, and says so in one line."""
    done = windrow(environ, "ls", f"s3://{BUCKET}/absent.tar.gz")

    assert (2, b"") == (done.returncode, done.stdout)
    assert b"error: the destination holds no archive 'absent.tar.gz'\n" == done.stderr
