"""The code of the page for those who receive archives runs, and does what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tests.archives import archive_of, joined
from tests.tools import ROOT, locate
from windrow.core.archive.writer import SealedArchive
from windrow.core.completeness import Mark
from windrow.core.keys import archive_key, mark_key, window_of
from windrow.core.windows import DAY, HOUR, MINUTE
from windrow.pipeline.commit_point import tombstone

PAGE = (ROOT / "docs/consumers.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SPARK = (
    "--master local[1] --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 "
    "--conf spark.ui.enabled=false"
)
ROW = re.compile(r"orders/(\S+?)\s*\|\s*(\d+)\|")
FILES = [("orders/1.json", b'{"n": 1}'), ("orders/2.json", b'{"n": 41}'), ("readme", b"")]


def code(language: str, holding: str = "") -> str:
    """Return the blocks of a language that hold a text, joined."""
    return "\n".join(text for name, text in BLOCKS if name == language and holding in text)


@pytest.fixture
def archive(tmp_path: Path) -> SealedArchive:
    """The archive that the page's code reads; its files come once more, with another, after a replay."""
    sealed = archive_of(FILES)
    (tmp_path / "archive.tar.gz").write_bytes(joined(sealed))
    (tmp_path / "replayed.tar.gz").write_bytes(joined(archive_of([*FILES, ("zz-new", b"new")])))
    return sealed


def run(folder: Path, *command: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environ)


def test_keys_of_the_page_are_those_of_archives() -> None:
    """The three kinds, each with its window."""
    keys = re.findall(r"^<prefix>/(\d\S+)", PAGE, re.MULTILINE)
    windows = [window for key in keys if (window := window_of(key))]

    assert [MINUTE, HOUR, DAY] == [window.end - window.start for window in windows]
    for key, window in zip(keys, windows, strict=True):
        written = archive_key("", window.start, window.end - window.start, ["any"])
        assert key.rpartition("-")[0] == written.rpartition("-")[0]


def test_the_mark_of_the_page_is_one() -> None:
    """Its key tells its span, and it is read as marks are."""
    mark = msgspec.json.decode(code("json", "judged_at"), type=Mark)
    (key,) = re.findall(r"^<prefix>/(\.windrow-complete/\S+)", PAGE, re.MULTILINE)

    assert mark_key("", mark) == key
    assert {MINUTE} == {window.end - window.start for name in mark.archives if (window := window_of(name))}


@pytest.mark.needs("gnu-tar")
def test_shell(archive: SealedArchive, tmp_path: Path) -> None:
    """Every file is extracted, the manifest beside them."""
    done = run(tmp_path, "bash", "-c", code("bash"))

    assert (0, "files/MANIFEST.json\n") == (done.returncode, done.stdout)
    assert dict(FILES) == {key: (tmp_path / "files/data" / key).read_bytes() for key, _ in FILES}


def test_python_takes_each_file_once(archive: SealedArchive, tmp_path: Path) -> None:
    """Also those that came again after a replay."""
    done = run(tmp_path, sys.executable, "-c", code("python", "files(stream)"))

    assert "" == done.stderr
    assert ["orders/1.json 8", "orders/2.json 9", "readme 0", "zz-new 3"] == done.stdout.splitlines()


def test_python_refuses_an_archive_that_was_cut(archive: SealedArchive, tmp_path: Path) -> None:
    """Between two frames, where tarfile's stream seems to end."""
    path = tmp_path / "archive.tar.gz"
    first = int(archive.metadata["manifest-bytes"]) + archive.manifest.frames[0].length
    path.write_bytes(path.read_bytes()[:first])

    done = run(tmp_path, sys.executable, "-c", code("python", "files(stream)"))

    assert "ValueError: 1 files are missing: the archive was cut short" == done.stderr.splitlines()[-1]


@pytest.mark.needs("java", "spark-readers")
def test_spark_takes_each_file_of_a_day(archive: SealedArchive, tmp_path: Path) -> None:
    """Those of archives of the hour and the day too; nothing of tombstones, nor of folders that begin with a dot."""
    day = tmp_path / "2026/11/23"
    for path, files in (
        ("10/07/20261123T1007Z-0123456789abcdef.tar.gz", FILES),
        ("10/20261123T1000Z-0123456789abcdef.tar.gz", [("orders/hour", b'{"n": 7}')]),
        ("20261123T0000Z-0123456789abcdef.tar.gz", [("orders/day", b'{"n": 9}')]),
        (".windrow-quarantine/20261123T1007Z-0123456789abcdef.tar.gz", [("orders/broken", b'{"n": 8}')]),
    ):
        (day / path).parent.mkdir(parents=True, exist_ok=True)
        (day / path).write_bytes(joined(archive_of(files)))
    closed = "2026/11/23/10/07/20261123T1007Z-00000000deadbeef.tar.gz"
    (tmp_path / closed).write_bytes(joined(tombstone(closed)))
    loopback = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_SUBMIT_ARGS": f"{SPARK} pyspark-shell"}
    blocks = code("python", "def files") + code("python", "pyspark")

    done = run(tmp_path, locate("spark-readers"), "-c", blocks, environ={**os.environ, **loopback})

    rows = {("day", "9"), ("hour", "7"), ("1.json", "1"), ("2.json", "41")}
    assert rows == set(ROW.findall(done.stdout)), done.stderr


def test_the_policy_only_reads() -> None:
    """It is valid JSON, and names no action that writes."""
    actions = {action for each in json.loads(code("json", "Statement"))["Statement"] for action in each["Action"]}

    assert {"s3:ListBucket", "s3:GetObject"} == actions
