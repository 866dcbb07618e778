"""Each benchmark runs at a tiny size and prints the JSON that it promises."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench import aggregate, archive, drain, imports, scale, simulate
from tests.optional import missing
from windrow.local.servers import find_minio

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a benchmark's main with --json and gives its answer."""

    def call(main: Callable[[list[str]], None], *arguments: str) -> dict[str, Any]:
        main([*arguments, "--json"])
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


@pytest.fixture
def _minio() -> None:
    if find_minio() is None:
        missing("minio", "make minio (needs Go, 3 minutes once)")


@pytest.mark.usefixtures("_minio")
def test_aggregate_gives_ratios_and_the_figures_behind_them(run: Run) -> None:
    """Every contender delivers all files, ratios follow from figures, and Windrow makes the fewest requests."""
    answer = run(aggregate.main, "--files", "26", "--repeat", "1")

    rows = answer["figures"]["26"]
    assert {contender.name for contender in aggregate.CONTENDERS} == rows.keys()
    promised = {"throughput_vs_naive", "cpu_vs_naive", "cpu_vs_bento", "cpu_vs_floor", "archive_vs_level9"}
    assert promised <= answer["ratios"].keys()
    assert (rows["Bento"] is None) == (answer["ratios"]["cpu_vs_bento"] is None)
    windrow, floor = rows["Windrow"], rows["floor"]
    assert windrow["cpu_ms_per_file"] / floor["cpu_ms_per_file"] == pytest.approx(
        answer["ratios"]["cpu_vs_floor"], rel=1e-3
    )
    expected = {"GetObject": 26, "BatchExecuteStatement": 2, "PutObject": 1, "HeadObject": 1, "PutItem": 1}
    assert expected == {name: windrow["requests"].get(name, 0) for name in expected}
    assert answer["limiting_factor"]
    assert answer["machine"]["cores"] >= 1


def test_archive_reads_one_file_by_two_ranges(run: Run) -> None:
    """One file costs two range reads, however large the archive is."""
    answer = run(archive.main, "--files", "20", "--archive-files", "40", "--repeat", "1")

    assert {"build_vs_libdeflate", "build_vs_libdeflate_sha256", "one_file_vs_tar"} == answer["ratios"].keys()
    assert 2 == answer["figures"]["one file"]["range_reads"]


@pytest.mark.usefixtures("_minio")
def test_imports_compares_with_boto3(run: Run) -> None:
    """Import, first call and first file are each compared with the import of boto3."""
    answer = run(imports.main, "--repeat", "1")

    assert {"import_vs_boto3", "first_call_vs_boto3", "first_file_vs_boto3"} == answer["ratios"].keys()
    assert imports.PROGRAMS.keys() == answer["cpu_ms"].keys()


@pytest.mark.usefixtures("_minio")
def test_drain_empties_the_queue(run: Run) -> None:
    """The whole backlog is delivered, and its rate is compared with the emulator's own."""
    answer = run(drain.main, "--messages", "60")

    assert 60 == answer["messages"]
    assert answer["figures"]["drained_per_s"] / answer["figures"]["emulator_per_s"] == pytest.approx(
        answer["ratios"]["drain_vs_emulator"], abs=0.01
    )


@pytest.mark.usefixtures("_minio")
def test_scale_measures_each_point_of_the_grid(run: Run) -> None:
    """Sizes of which no count fits are measured with as many files as fit."""
    options = ("--files", "4", "--bytes", "1000", "3000000", "--at-once", "2", "--at-once-files", "5", "--most-mb", "6")
    answer = run(scale.main, *options)

    points = [(point["files"], point["file_bytes"], point["at_once"]) for point in answer["points"]]
    assert [(4, 1000, 1), (2, 3_000_000, 1), (5, scale.AT_ONCE_BYTES, 2)] == points


def test_simulate_names_the_first_limit_of_every_run(run: Run) -> None:
    """Every run tells its latency, its first limit and its cost."""
    answer = run(simulate.main, "--seconds", "200")

    assert (simulate.RUNS.keys(), simulate.STEPS.keys()) == (answer["runs"].keys(), answer["steps"].keys())
    for result in (*answer["runs"].values(), *answer["steps"].values()):
        assert {"p50", "p95", "p99.9", "max"} == result["latency_s"].keys()
        assert max(result["utilisation"].values()) == result["utilisation"][result["first_limit"]]
        assert result["usd_per_month"] > 0
