from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from random import Random

import boto3
import psutil
import pytest

from tests.tools import locate
from windrow.cli import demo
from windrow.cli.root import run
from windrow.lab.stack.provision import Shape
from windrow.lab.stack.samples import ODD_KEYS, generate
from windrow.lab.stack.stack import Stack
from windrow.lab.stack.trial import State, Trial
from windrow.lab.stack.verification import Report
from windrow.lab.stack.waiting import LIMIT_S, wait_until

WINDROW = (sys.executable, "-m", "windrow")
LARGE = Random(1).randbytes(3_000_000)


def environment(tmp_path: Path, *, minio: bool) -> dict[str, str]:
    """Return an environment with or without a MinIO to find, whose temporary folder is the test's."""
    path = os.environ.get("PATH", os.defpath)
    if minio:
        path = f"{Path(locate('minio')).parent}{os.pathsep}{path}"
    else:
        folders = path.split(os.pathsep)
        without = [f for f in folders if not any((Path(f) / tool).exists() for tool in ("minio", "docker"))]
        path = os.pathsep.join(without)
    return {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}


def windrow(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*WINDROW, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=LIMIT_S, check=False)


def left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    processes = list(psutil.process_iter(["cmdline", "cwd"]))
    return [
        " ".join(process.info["cmdline"] or [])
        for process in processes
        if str(process.info["cwd"] or "").startswith(str(folder))
    ]


@pytest.mark.parametrize("destination", ["ministack", pytest.param("minio", marks=pytest.mark.needs("minio"))])
def test_demo_verifies_every_file(tmp_path: Path, destination: str) -> None:
    """On either destination every sample, odd keys included, arrives once and byte for byte; nothing stays behind."""
    env = environment(tmp_path, minio=destination == "minio")
    done = windrow("demo", "--files", "120", "--window", "1", "--rate", "200", "--json", env=env)
    assert 0 == done.returncode, done.stderr
    report = json.loads(done.stdout)
    assert {"ok": True, "files_uploaded": 120, "files_delivered": 120, "destination": destination} == {
        name: report[name] for name in ("ok", "files_uploaded", "files_delivered", "destination")
    }
    assert (0, 0, 0) == (report["files_missing"], report["files_duplicated"], report["sha256_mismatches"])
    assert report["archives"] >= 1
    assert 0 < report["bytes_out"] < report["bytes_in"]
    assert {"p50", "p95", "p99_9", "max"} == report["latency_seconds"].keys()
    assert [] == left_behind(tmp_path)
    assert [] == list(tmp_path.glob("windrow-*"))


def test_demo_that_nobody_hears_leaves_nothing(tmp_path: Path) -> None:
    """On a full disk it says so, with no logs to keep: nothing was wrong with the stack."""
    env = environment(tmp_path, minio=False)
    with Path("/dev/full").open("w") as full:
        command = [*WINDROW, "demo", "--files", "5", "--window", "1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=env, check=False)
    assert (1, "error: standard output can't be written: No space left on device\n") == (done.returncode, done.stderr)
    assert [] == left_behind(tmp_path)
    assert [] == list(tmp_path.glob("windrow-*"))


def test_demo_takes_a_folder_of_ones_own(tmp_path: Path) -> None:
    """Odd file names, an empty file and one of several frames are delivered; people are shown the result."""
    folder = tmp_path / "my files"
    for name, content in {"a b/ü+é.txt": b"1", "new\nline": b"2", "empty": b"", "large": LARGE}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    done = windrow("demo", "--input", str(folder), "--window", "1", env=environment(tmp_path, minio=False))
    assert 0 == done.returncode, done.stderr
    assert "✓ 4 files delivered, each exactly once and byte for byte" in done.stdout
    assert "make minio" in done.stdout
    assert "{" not in done.stdout + done.stderr  # no logs of the worker's among it


def test_demo_of_an_empty_folder_is_wrong_use(tmp_path: Path) -> None:
    """Nothing is started for a folder without files."""
    done = windrow("demo", "--input", str(tmp_path), env=environment(tmp_path, minio=False))
    assert (2, "", f"error: {tmp_path} holds no files\n") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_ends_in_order_and_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    """``windrow up`` shows where everything is, as JSON for machines, and a signal stops all of it."""
    command = [*WINDROW, "up", "--json", "--window", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(tmp_path, minio=False), start_new_session=True
    ) as up:
        assert up.stdout is not None
        facts = json.loads(up.stdout.readline())
        assert facts["environment"]["AWS_ENDPOINT_URL"] == facts["aws_endpoint"]
        assert 3 <= len(left_behind(tmp_path))
        up.send_signal(how)
        assert 0 == up.wait(LIMIT_S)
    # A handler that was just starting notices a moment later that its worker is gone.
    wait_until("all processes to end", lambda: not left_behind(tmp_path), cause=lambda: left_behind(tmp_path))
    assert [] == list(tmp_path.glob("windrow-*"))


@pytest.mark.needs("minio")
def test_up_survives_a_killed_minio(tmp_path: Path) -> None:
    """What people try: it is reported, and comes back at the same address when it is asked for."""
    command = [*WINDROW, "up", "--json", "--no-worker"]
    env = environment(tmp_path, minio=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
    ) as up:
        assert up.stdout is not None
        assert up.stderr is not None
        facts = json.loads(up.stdout.readline())
        os.kill(facts["processes"]["minio"], signal.SIGKILL)
        ended = up.stderr.readline()
        up.send_signal(signal.SIGUSR1)
        again = next(line for line in up.stderr if "runs again" in line)
        with urllib.request.urlopen(f"{facts['destination_endpoint']}/minio/health/live") as answer:  # noqa: S310
            status = answer.status
        up.terminate()
        code = up.wait(LIMIT_S)
    assert ended.startswith("minio has ended (killed by SIGKILL), the rest keeps running.")
    assert (200, 0, True) == (status, code, again.startswith("minio runs again"))
    assert [] == left_behind(tmp_path)


def test_environment_that_up_writes_points_at_the_stack(tmp_path: Path) -> None:
    """Another shell that sources the file reaches the landing bucket, and lists archives with the other one."""
    command = [*WINDROW, "up", "--json", "--no-worker"]
    env = environment(tmp_path, minio=False)
    ask = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True) as up:
        assert up.stdout is not None
        folder = json.loads(up.stdout.readline())["folder"]
        answers = [
            subprocess.run(
                ["sh", "-c", f'. "{folder}/{name}" && exec "$0" -c "$1"', sys.executable, ask],
                capture_output=True,
                text=True,
                env={**env, "AWS_PROFILE": "the-users-own"},
                check=True,
            ).stdout
            for name in ("env", "env.destination")
        ]
        up.terminate()
    assert ["['windrow-landing']\n", "['windrow-archives']\n"] == answers


def test_dead_worker_ends_the_demo_and_keeps_the_logs(tmp_path: Path) -> None:
    """A worker that dies is an error that quotes its log, rather than a wait without end."""
    command = [*WINDROW, "demo", "--files", "50", "--rate", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(tmp_path, minio=False)) as demo:
        worker = _worker(tmp_path)
        worker.kill()
        assert demo.stderr is not None
        message = demo.stderr.read()
        assert 1 == demo.wait(LIMIT_S)
    assert "error: worker has ended" in message
    assert "The logs are kept in" in message
    assert [] == left_behind(tmp_path)
    assert 1 == len(list(tmp_path.glob("windrow-*/worker.log")))


def test_bad_message_is_reported_and_the_rest_delivered(tmp_path: Path) -> None:
    """A message that is no S3 event ends in the dead-letter queue, the report says why, and every file arrives."""
    states: list[State] = []
    samples = generate(101)
    with Stack(tmp_path, Shape(window_s=1), destination="ministack") as stack:
        boto3.client("sqs").send_message(QueueUrl=stack.outputs.queue_url, MessageBody="no event")
        found = Trial(stack, samples, 500, states.append).run()
    assert not found.ok
    assert (101, 0, 0, 1) == (
        found.files_delivered,
        found.files_missing,
        found.files_duplicated,
        found.files_dead_lettered,
    )
    assert any(problem.startswith("dead-lettered, malformed: ") for problem in found.problems)
    assert set(ODD_KEYS) <= {sample.key for sample in samples}
    assert (101, 101, 101) == (states[-1].uploaded, states[-1].delivered, states[-1].verified)


def test_demo_that_verifies_less_than_all_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report that is not ok exits with 1, names the first problems, and the logs stay to be looked at."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    problems = [f"missing: 'key {number}'" for number in range(12)]
    found = Report(
        ok=False,
        files_uploaded=20,
        files_delivered=8,
        files_missing=12,
        files_duplicated=0,
        files_unexpected=1,
        files_dead_lettered=2,
        sha256_mismatches=3,
        archives=0,
        bytes_in=2_000_000,
        bytes_out=0,
        destination="ministack",
        window_seconds=4,
        latency_seconds=None,
        objective_met=None,
        problems=problems,
    )
    monkeypatch.setattr(demo, "_run", lambda *_: found)
    assert 1 == run(["demo"])
    captured = capsys.readouterr()
    shown = " ".join(captured.out.split())
    assert "✗ not every file was delivered exactly once" in shown
    assert "12 missing" in shown
    assert "3 with wrong bytes, 1 never uploaded, 2 dead-lettered" in shown
    assert problems[9] in shown
    assert problems[10] not in shown
    assert "and 2 more" in shown
    (folder,) = tmp_path.glob("windrow-*")
    assert str(folder) in captured.err
    assert (folder / "worker.log").exists()


def _worker(folder: Path) -> psutil.Process:
    """Wait for the worker of the stack in a folder."""

    def find() -> psutil.Process | None:
        for process in psutil.process_iter(["cmdline", "cwd"]):
            ours = str(process.info["cwd"] or "").startswith(str(folder))
            if ours and (process.info["cmdline"] or [])[-2:] == ["windrow", "run"]:
                return process
        return None

    found = wait_until("a worker", find)
    assert found is not None
    return found
