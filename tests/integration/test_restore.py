"""Restoring from archives into a real MinIO, by the command, also after it was killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.archives import archive_of, joined, source
from tests.servers.endpoint import Endpoint
from windrow.archives.restore_target import PART_BYTES
from windrow.core.archive.writer import seal, stream_frame
from windrow.core.described import Described
from windrow.core.keys import archive_key
from windrow.core.manifest import Window
from windrow.core.windows import MINUTE
from windrow.lab.stack.waiting import wait_until

pytestmark = pytest.mark.needs("minio")

START = archive_of([]).manifest.window_start
SMALL = 200
"""Files of the archives of which a restore is killed; it writes some hundred a second."""


def environ(server: Endpoint) -> dict[str, str]:
    """Return the environment of a user whose keys are for the server."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "WINDROW_"))}
    return plain | {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
    }


def command(folder: Path, to: str) -> list[str]:
    """Return the command that restores all archives of a folder."""
    code = "from windrow.cli import main; main()"
    return [sys.executable, "-c", code, "archive", "extract", f"{folder}/", "--to", to, "--json"]


def restore(folder: Path, to: str, server: Endpoint) -> dict[str, Any]:
    """Restore, and return what the command reports."""
    done = subprocess.run(command(folder, to), env=environ(server), capture_output=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def put(folder: Path, number: int, data: bytes) -> None:
    """Put an archive into a folder, as it would be delivered."""
    path = folder / archive_key("", START + number * MINUTE, MINUTE, [])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_files_are_as_they_were_uploaded(minio: Endpoint, tmp_path: Path) -> None:
    """Type, metadata and checksum; a large one in parts; a key that MinIO does not take keeps no other back."""
    said = {"data/a.json": Described(None, "application/json", {"owner": "me", "city": "=?UTF-8?B?WsO8cmljaA==?="})}
    put(tmp_path, 0, joined(archive_of([("a.json", b"{}"), ("two//slashes", b"x")], said=said)))
    large = random.Random(3).randbytes(PART_BYTES + 5)
    frame = stream_frame("data/large", source("large", len(large)), [large], 1, Described(None, "video/mp4", {}))
    put(tmp_path, 1, joined(seal(Window(START + MINUTE, START + 2 * MINUTE), [frame], 1)))
    bucket, s3 = minio.new_bucket(), minio.client("s3")

    first, second = (restore(tmp_path, f"s3://{bucket}/back", minio) for _ in range(2))

    head = s3.head_object(Bucket=bucket, Key="back/a.json", ChecksumMode="ENABLED")
    assert ("application/json", {"owner": "me", "city": "=?UTF-8?B?WsO8cmljaA==?="}) == (
        head["ContentType"],
        head["Metadata"],
    )
    assert head["ChecksumSHA256"]
    stored = s3.get_object(Bucket=bucket, Key="back/large")
    assert ("video/mp4", sha256(large).digest()) == (stored["ContentType"], sha256(stored["Body"].read()).digest())
    assert (2, 0, 1, False) == (first["written"], first["present"], first["refused"], first["ok"])
    assert (0, 2, "two//slashes") == (second["written"], second["present"], second["problems"][0]["where"])


def test_a_killed_restore_goes_on(minio: Endpoint, tmp_path: Path) -> None:
    """What it had written stays, everything is there in the end, and nothing is written twice."""
    contents = {f"file-{number:04}": b"%d" % number for number in range(SMALL)}
    keys = sorted(contents)
    for number in range(3):
        put(tmp_path, number, joined(archive_of([(key, contents[key]) for key in keys[number::3]], files_a_frame=100)))
    bucket, s3 = minio.new_bucket(), minio.client("s3")
    env = environ(minio) | {"TMPDIR": str(tmp_path)}  # for what it cannot clean up
    with subprocess.Popen(command(tmp_path, f"s3://{bucket}"), env=env, stdout=subprocess.DEVNULL) as killed:
        wait_until(
            "the restore to have written something",
            lambda: s3.list_objects_v2(Bucket=bucket, MaxKeys=5)["KeyCount"] == 5,
        )
        killed.kill()

    result = restore(tmp_path, f"s3://{bucket}", minio)

    assert -signal.SIGKILL == killed.returncode
    assert 5 <= result["present"] < SMALL
    assert (True, SMALL) == (result["ok"], result["present"] + result["written"])
    found = [
        each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for each in page["Contents"]
    ]
    assert keys == found
    for key in keys[::20]:
        assert contents[key] == s3.get_object(Bucket=bucket, Key=key)["Body"].read()
