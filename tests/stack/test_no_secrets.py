"""No output of any command shows a secret that is in use."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from bench.faults.environment import Environment, no_trace, private_key_names, shows
from bench.faults.traffic import Traffic
from windrow import cli
from windrow.lab.stack.waiting import LIMIT_S

pytestmark = [pytest.mark.needs("minio", "toxiproxy"), pytest.mark.timeout(300)]

SEED = 1
COMMANDS = (
    ("status",),
    ("doctor",),
    ("audit", "--since", "1h", "--grace", "0s"),
    ("dlq", "ls"),
    ("replay", "--missing", "--grace", "0s", "--dry-run"),
)


Ended = subprocess.CompletedProcess[bytes]


def outputs(environment: Environment) -> dict[str, Ended]:
    """Run every command, for people and for machines; return how each ended, and all that it wrote."""
    return {
        " ".join([*command, *form]): subprocess.run(
            [sys.executable, "-m", "windrow", *command, *form],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment.environment(),
            timeout=LIMIT_S,
            check=False,
        )
        for command in COMMANDS
        for form in ((), ("--json",))
    }


def test_no_command_shows_a_secret(environment: Environment) -> None:
    """All is well; then the destination refuses the keys; then nothing listens there: each has its own messages."""
    traffic = Traffic(environment, SEED, files_per_s=1)
    traffic.upload_as(environment.stack.outputs.landing_bucket, "a.json", b"a")
    traffic.announce(traffic.sent)
    assert 0 == environment.await_empty(LIMIT_S)
    in_order = outputs(environment)
    environment.rotate_keys()
    refused = outputs(environment)
    environment.stack.destination.kill()
    away = outputs(environment)
    used = environment.secrets | private_key_names(environment.folder)

    # This stack's visibility timeout is too short on purpose, which doctor finds.
    failed = {command: ended.returncode for command, ended in in_order.items() if ended.returncode}
    assert {"doctor": 1, "doctor --json": 1} == failed
    assert all(ended.stdout for found in (in_order, refused, away) for ended in found.values())
    assert len({found["doctor --json"].stdout for found in (in_order, refused, away)}) == 3
    assert [] == [
        command for found in (in_order, refused, away) for command, ended in found.items() if shows(ended.stdout, used)
    ]
    assert [] == no_trace(environment.folder, used)


def test_a_load_test_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither what it prints, nor its JSON, nor its report, holds one of the secrets that it made up."""
    used: set[str] = set()
    make = secrets.token_urlsafe

    def token(length: int | None = None) -> str:
        value = make(length)
        used.add(value)
        return value

    files = tmp_path / "result.json", tmp_path / "report.html"
    monkeypatch.setattr(secrets, "token_urlsafe", token)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    options = ("--rate", "10", "--seconds", "2", "--size", "1000", "--window", "1")
    monkeypatch.setattr(sys, "argv", ["windrow", "load", *options, "--json", str(files[0]), "--report", str(files[1])])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capfd.readouterr()

    assert 0 == ended.value.code
    assert 3 == len(used)  # administrator, user and worker
    assert "delivered" in printed.out
    outputs = [os.fsencode(printed.out), os.fsencode(printed.err), *(path.read_bytes() for path in files)]
    assert not any(shows(output, used) for output in outputs)
