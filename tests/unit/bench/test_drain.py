"""What the backlog's benchmark makes of a run in which something was wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bench import drain
from tests.unit.lab.load.records import record
from windrow.core.errors import LocalStackError
from windrow.lab.stack.verification import Report

GOOD, TWICE = record([30.0] * 2).proof, record([30.0] * 2, twice=True).proof


def finish(monkeypatch: pytest.MonkeyPatch, proof: Report, kept: int) -> None:
    """Have every run end at once, with this result."""

    def measure(mode: str, *_sizes: int, **_options: Any) -> drain.Drained:
        return drain.Drained(
            mode=mode,
            per_s=400.0,
            seconds=5.0,
            cpu_ms_per_message={"engine": 0.2},
            peak_mb={"engine": 80},
            batches=2,
            others_cores=0.0,
            kept=kept,
            proof=proof,
        )

    monkeypatch.setattr(drain, "measure", measure)


@pytest.mark.parametrize(("proof", "kept"), [(TWICE, 0), (GOOD, 1)], ids=["a file twice", "a message left"])
def test_what_was_not_delivered_once_fails_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], proof: Report, kept: int
) -> None:
    """The figures are shown all the same."""
    finish(monkeypatch, proof, kept)
    with pytest.raises(SystemExit, match="not every file was delivered exactly once: default, fast"):
        drain.main([])
    assert f"{proof.files_duplicated} twice" in capsys.readouterr().out


def test_what_was_delivered_once_is_a_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mode has its figures."""
    finish(monkeypatch, GOOD, kept=0)
    drain.main([])
    assert 2 == capsys.readouterr().out.count("400 messages/s for 5 s, 2 batches")


def test_a_server_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about it, and no traceback."""

    def measure(*_sizes: object, **_options: object) -> drain.Drained:
        raise LocalStackError("there is no ElasticMQ here; `make elasticmq` fetches it")

    monkeypatch.setattr(drain, "measure", measure)
    with pytest.raises(SystemExit, match=r"^there is no ElasticMQ here; `make elasticmq` fetches it$"):
        drain.main([])
