from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.unit.lab.load.records import MACHINE, record
from windrow.cli import load
from windrow.cli.root import run
from windrow.lab.load.plan import PROFILES, Interval, Phase, Plan
from windrow.lab.load.result import LoadResult
from windrow.lab.load.run import Record
from windrow.lab.load.summary import summarize
from windrow.lab.stack import servers

GOOD = record([30.0] * 20)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Have load tests end at once with a good result, and return the plans that they were given."""
    return replace_run(monkeypatch, GOOD)


def replace_run(monkeypatch: pytest.MonkeyPatch, seen: Record) -> list[Plan]:
    """Have load tests end at once, having seen this."""
    plans: list[Plan] = []

    def fake(plan: Plan, profile: str) -> LoadResult:
        plans.append(plan)
        return summarize(seen, profile=profile, command="windrow load", machine=MACHINE)

    monkeypatch.setattr(load, "_run", fake)
    return plans


@pytest.mark.parametrize("profile", [name for name, plan in PROFILES.items() if not plan.outage])
def test_profile_is_carried_out_as_it_is(plans: list[Plan], profile: str) -> None:
    """A profile alone is the whole plan."""
    assert 0 == run(["load", "--profile", profile])
    assert [PROFILES[profile]] == plans


def test_options_override_the_profile(plans: list[Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is given replaces the profile's own value, and nothing else does."""
    monkeypatch.setattr(servers, "find_minio", lambda: Path("minio"))
    options = ["--rate", "5", "--seconds", "60", "--burst", "50:5", "--burst", "70:3", "--outage", "20:9"]
    assert 0 == run(["load", *options, "--size", "200", "--window", "2"])
    bursts = (Phase(50, 5), Phase(70, 3))
    assert [Plan(rate=5, seconds=60, bursts=bursts, outage=Interval(20, 9), size=200, window_s=2)] == plans


def test_fast_servers_are_asked_for(plans: list[Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile is the same on them."""
    monkeypatch.setattr(servers, "find_minio", lambda: Path("minio"))
    monkeypatch.setattr(servers, "find_elasticmq", lambda: (Path("java"), Path("jars")))
    assert 0 == run(["load", "--profile", "peak", "--servers", "fast"])
    assert [msgspec.structs.replace(PROFILES["peak"], servers="fast")] == plans


@pytest.mark.parametrize(
    ("minio", "option", "expected"),
    [
        (True, "fast", "--servers fast needs a Java 17 and ElasticMQ; `make elasticmq` fetches it once"),
        (False, "fast", "--servers fast needs a MinIO; `make minio` builds it once"),
        (True, "slow", "--servers is one of ministack, fast, not 'slow'"),
    ],
)
def test_servers_that_are_not_here_are_named(
    plans: list[Plan],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    minio: bool,
    option: str,
    expected: str,
) -> None:
    """Nothing is started, and the message says how to get them."""
    monkeypatch.setattr(servers, "find_minio", lambda: Path("minio") if minio else None)
    monkeypatch.setattr(servers, "docker_has_minio", lambda: False)
    monkeypatch.setattr(servers, "find_elasticmq", lambda: None)
    assert 0 != run(["load", "--servers", option])
    assert expected in " ".join(capsys.readouterr().err.split())
    assert [] == plans


def test_standard_output_is_json_alone_if_asked(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json -`` there is one JSON object on standard output and nothing else."""
    assert 0 == run(["load", "--json", "-"])
    assert 20 == msgspec.json.decode(capsys.readouterr().out, type=LoadResult).proof.files_delivered


def test_people_are_shown_the_outcome(plans: list[Plan], capsys: pytest.CaptureFixture[str]) -> None:
    """Files, percentiles, the objective and the limit are shown."""
    assert 0 == run(["load"])
    shown = " ".join(capsys.readouterr().out.split())
    for expected in (
        "✓ 20 files delivered, each exactly once",
        "20 uploaded, 20 delivered, 0 missing, 0 twice",
        "p95 30.0 s",
        "met: 100.00 % within 2 minutes",
        "limit the batching window",
    ):
        assert expected in shown


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (record([200.0] * 20), "✗ 20 files delivered exactly once, but too late"),
        (record([30.0] * 20, twice=True), "✗ not every file was delivered exactly once"),
        (record([30.0] * 20, failed=["key: refused"]), "✗ not every file was delivered exactly once"),
    ],
)
def test_what_went_wrong_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seen: Record, expected: str
) -> None:
    """A file twice, a failed upload or a missed objective is a problem found, and is said."""
    replace_run(monkeypatch, seen)
    assert 1 == run(["load"])
    assert expected in capsys.readouterr().out


def test_late_files_of_an_outage_are_no_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an outage the objective is not judged, and it is told how soon the backlog was gone."""
    replace_run(monkeypatch, record([200.0] * 20, outage=Interval(2, 3)))
    assert 0 == run(["load"])
    assert "the backlog was delivered" in capsys.readouterr().out


def test_files_are_written(plans: list[Plan], tmp_path: Path) -> None:
    """The result and the report are written where they were wanted."""
    json_file, report_file = tmp_path / "r.json", tmp_path / "r.html"
    assert 0 == run(["load", "--json", str(json_file), "--report", str(report_file)])
    assert msgspec.json.decode(json_file.read_bytes(), type=LoadResult).ok
    assert report_file.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--profile", "none"], "one of baseline, peak, burst, outage"),
        (["--burst", "fast"], "RATE:SECONDS"),
        (["--outage", "1"], "START:SECONDS"),
        (["--seconds", "60", "--outage", "30:31"], "would end 61 s after the start"),
        (["--report", "no/such/folder/file.html"], "there is no folder"),
    ],
)
def test_wrong_options_start_nothing(
    plans: list[Plan], capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """What can't be carried out is wrong use, said before anything starts."""
    assert 2 == run(["load", *arguments])
    assert expected in " ".join(capsys.readouterr().err.split())
    assert [] == plans


def test_outage_without_minio_is_wrong_use(
    plans: list[Plan], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A destination that keeps all in memory would lose it in an outage: nothing is started."""
    monkeypatch.setattr(servers, "find_minio", lambda: None)
    monkeypatch.setattr(servers, "docker_has_minio", lambda: False)
    assert 2 == run(["load", "--profile", "outage"])
    assert "make minio" in capsys.readouterr().err
    assert [] == plans
