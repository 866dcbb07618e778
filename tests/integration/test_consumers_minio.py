"""What the page for those who receive archives says, with archives in a real MinIO and keys that may only read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec
import msgspec
import pandas as pd
import polars as pl
import pytest

from tests.archives import WINDOW, archive_of
from tests.integration.test_consumers_page import code
from tests.servers.endpoint import Endpoint, new_name
from windrow.archives.filesystem import WindrowFileSystem
from windrow.clients.destination.bucket import S3Destination
from windrow.core.completeness import Mark
from windrow.core.keys import archive_key, mark_key
from windrow.core.windows import DAY, MINUTE, floor
from windrow.lab.stack.destination import DestinationAccess, admin_client
from windrow.ports import Credentials

pytestmark = pytest.mark.needs("minio")

FILES = [("orders/1.csv", b"n\n1\n"), ("orders/2.csv", b"n\n41\n"), ("readme", b"")]
KEY = archive_key("eu", WINDOW.start, MINUTE, [])


@pytest.fixture(scope="module")
def bucket(minio: Endpoint) -> str:
    """A bucket with an archive, and a mark of its day and of the day before."""
    name, s3, sealed = minio.new_bucket(), minio.client("s3"), archive_of(FILES)
    s3.put_object(Bucket=name, Key=KEY, Body=b"".join(sealed.chunks), Metadata=sealed.metadata)
    day = floor(WINDOW.start, DAY)
    for start, files, held in ((day - DAY, 0, {}), (day, len(FILES), {KEY: len(FILES)})):
        mark = Mark(start, start + DAY, day + 2 * DAY, files, held)
        s3.put_object(Bucket=name, Key=mark_key("eu", mark), Body=msgspec.json.encode(mark))
    return name


@pytest.fixture(scope="module")
def keys(minio: Endpoint, bucket: str) -> Credentials:
    """Keys of a consumer: they have the page's policy and no other."""
    root = Credentials(minio.access_key, minio.secret_key)
    access = DestinationAccess(kind="minio", endpoint=minio.url, access_key=root.access_key, secret_key=root.secret_key)
    admin, user = admin_client(access, root), Credentials(new_name("consumer"), "a-secret-of-theirs")
    policy = json.loads(code("json", "Statement").replace(":::backup", f":::{bucket}"))
    admin.policy_add(policy_name=user.access_key, policy=policy)
    admin.user_add(user.access_key, user.secret_key)
    admin.policy_set(policy_name=user.access_key, user=user.access_key)
    return user


@pytest.fixture(autouse=True)
def _consumer(minio: Endpoint, keys: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what a consumer sets."""
    for name, value in {
        "AWS_ENDPOINT_URL": minio.url,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_REGION": minio.region,
        "AWS_DEFAULT_REGION": minio.region,
    }.items():
        monkeypatch.setenv(name, value)


def run(folder: Path, script: str) -> str:
    """Run a Python program in a folder; return what it prints."""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert "" == done.stderr
    return done.stdout


def test_shell(bucket: str, tmp_path: Path) -> None:
    """The commands of the page: what is to be read, who holds a key, and all files of an archive."""
    windrow = f"{sys.executable} -c 'from windrow.cli import main; main()' archive"
    script = f"""
        set -euo pipefail
        at=$({windrow} ls s3://{bucket}/eu/ --since 2026-11-23 --until 2026-11-24 | awk '{{print $NF}}')
        {windrow} find 'orders/*' s3://{bucket}/eu | wc -l
        {windrow} extract "$at" files >/dev/null
    """

    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ("", ["2"]) == (done.stderr, done.stdout.split())
    assert dict(FILES) == {key: (tmp_path / "files/data" / key).read_bytes() for key, _ in FILES}


def test_python_reads_the_body_of_a_response(bucket: str, tmp_path: Path) -> None:
    """By boto3 and the standard library, file by file."""
    more = f"""
import boto3
body = boto3.client("s3").get_object(Bucket={bucket!r}, Key={KEY!r})["Body"]
print({{file["key"]: data for file, data in files(body)}} == {dict(FILES)!r})
"""
    assert "True\n" == run(tmp_path, code("python", "def files(stream)") + more)


def test_python_asks_whether_a_minute_is_complete(bucket: str, tmp_path: Path) -> None:
    """And reads the archives that the marks name."""
    script = code("python", "archives.complete").replace("s3://backup/eu", f"s3://{bucket}/eu")

    assert f"{{{KEY!r}}}\n" == run(tmp_path, script + "    print(keys)\n")


def test_duckdb_pandas_and_polars(bucket: str, tmp_path: Path) -> None:
    """The page's program sums a column over the files of an archive, and of one file each."""
    script = re.sub(r"windrow://backup/\S+?\.tar\.gz", f"windrow://{bucket}/{KEY}", code("python", "import duckdb"))

    assert "[(42,)]\n1\n41\n" == run(tmp_path, script)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the HEADs and range reads that are made of the server."""
    counted: Counter[str] = Counter()
    for name in ("head", "read"):
        asked = getattr(S3Destination, name)

        def counting(*arguments: object, name: str = name, asked: object = asked) -> object:
            counted[name] += 1
            return asked(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(S3Destination, name, counting)
    WindrowFileSystem.clear_instance_cache()
    fsspec.register_implementation("windrow", WindrowFileSystem, clobber=True)
    yield counted
    WindrowFileSystem.clear_instance_cache()


@pytest.mark.parametrize("reader", ["pandas", "polars", "duckdb"])
def test_a_file_in_an_archive_is_read_with_two_range_reads(bucket: str, requests: Counter[str], reader: str) -> None:
    """As a table, by its path; the one beside it takes none."""
    at = f"windrow://{bucket}/{KEY}/data/orders"

    def total(name: str) -> int:
        if reader == "pandas":
            return int(pd.read_csv(f"{at}/{name}")["n"].sum())
        if reader == "polars":
            with fsspec.open(f"{at}/{name}") as file:
                return int(pl.read_csv(file)["n"].sum())
        with duckdb.connect() as database:
            database.register_filesystem(fsspec.filesystem("windrow"))
            ((found,),) = database.sql(f"SELECT sum(n)::INTEGER FROM read_csv('{at}/{name}')").fetchall()  # noqa: S608
            return int(found)

    assert (1, 41) == (total("1.csv"), total("2.csv"))
    assert {"head": 1, "read": 2} == requests


def test_the_keys_may_not_write(bucket: str, tmp_path: Path) -> None:
    """Nor does reading need it."""
    done = run(
        tmp_path,
        f"""
import boto3, botocore.exceptions
try:
    boto3.client("s3").put_object(Bucket={bucket!r}, Key="eu/x", Body=b"")
except botocore.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
""",
    )

    assert "AccessDenied\n" == done
