from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.tools import locate
from windrow.lab.load.plan import Interval, Plan
from windrow.lab.load.processes import machine
from windrow.lab.load.result import LoadResult
from windrow.lab.load.run import LoadTest
from windrow.lab.load.summary import summarize
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.waiting import LIMIT_S

LOAD = (sys.executable, "-m", "windrow", "load")
TINY = ("--rate", "40", "--seconds", "3", "--burst", "100:1", "--size", "2000", "--window", "1")


def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment without a MinIO to find, whose temporary folder is the test's."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = [f for f in folders if not any((Path(f) / tool).exists() for tool in ("minio", "docker"))]
    return {**os.environ, "PATH": os.pathsep.join(path), "XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}


def test_load_writes_result_and_report(tmp_path: Path) -> None:
    """A tiny load test delivers every file of its steady parts and its burst, and writes what it found."""
    json_file, report_file = tmp_path / "result.json", tmp_path / "report.html"
    command = [*LOAD, *TINY, "--json", str(json_file), "--report", str(report_file)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(tmp_path), timeout=LIMIT_S, check=False
    )
    assert 0 == done.returncode, done.stderr
    assert "✓ 220 files delivered, each exactly once and byte for byte" in done.stdout
    result = msgspec.json.decode(json_file.read_bytes(), type=LoadResult)
    assert (True, 220, 220, 0) == (
        result.ok,
        result.proof.files_uploaded,
        result.proof.files_delivered,
        result.uploads.failed,
    )
    assert result.latency is not None
    assert 220 == sum(result.latency.counts)
    assert result.proof.archives <= sum(1 for batch in result.batches if batch.outcome == "ok") * 2
    groups = {"handlers", "engine", "AWS emulator", "destination", "sentinel", "generator"}
    assert groups == result.resources.cores.keys()
    assert all(peak > 1 for peak in result.resources.peak_rss_mb.values())
    assert "Every file delivered exactly once" in report_file.read_text()
    assert [] == list(tmp_path.glob("windrow-*"))


@pytest.mark.needs("minio", "elasticmq")
def test_load_on_the_fast_servers(tmp_path: Path) -> None:
    """The command, with ElasticMQ as the queue and MinIO as the landing store: each has figures of its own."""
    json_file = tmp_path / "result.json"
    path = f"{Path(locate('minio')).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*LOAD, *TINY, "--servers", "fast", "--json", str(json_file)],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "TMPDIR": str(tmp_path)},
        timeout=LIMIT_S,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    result = msgspec.json.decode(json_file.read_bytes(), type=LoadResult)
    assert (True, 220, 220) == (result.ok, result.proof.files_uploaded, result.proof.files_delivered)
    assert {"queue", "landing"} <= result.resources.cores.keys()
    assert [] == list(tmp_path.glob("windrow-*"))


@pytest.mark.needs("minio")
def test_outage_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The destination is killed amid the load and comes back: all files arrive once, and the result tells of it."""
    monkeypatch.setenv("PATH", str(Path(locate("minio")).parent), prepend=os.pathsep)
    plan = Plan(rate=30, seconds=4, outage=Interval(0.5, 1.0), size=2000, window_s=1)
    told: list[str] = []
    with Stack(tmp_path, Shape(window_s=1, sentinel_s=0), destination="minio", worker=False) as stack:
        record = LoadTest(stack, plan, say=told.append).run()
    result = summarize(record, profile="baseline", command="", machine=machine())
    assert result.ok, "\n".join(result.proof.problems)
    assert (120, 0, 0) == (result.proof.files_delivered, result.proof.files_missing, result.proof.files_duplicated)
    assert ["the destination is killed", "the destination is back"] == [what for what in told if "destination" in what]
    assert result.disturbance is not None
    assert result.disturbance.caught_up_s is not None
    assert result.disturbance.caught_up_s > result.disturbance.span.end_s


def test_interrupted_load_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM amid the load ends everything that was started, and the loss of the figures is reported."""
    command = [*LOAD, "--rate", "20", "--seconds", "600", "--window", "1", "--size", "100"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(tmp_path)) as load:
        assert load.stderr is not None
        for line in load.stderr:
            if line.startswith("uploading"):
                break
        load.send_signal(signal.SIGTERM)
        assert 130 == load.wait(LIMIT_S)
        assert "what was measured until then is not written" in load.stderr.read()
    assert [] == list(tmp_path.glob("windrow-*"))
