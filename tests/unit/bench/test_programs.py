"""Each benchmark runs at a tiny size and prints the JSON that it promises."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench import aggregate, archive, drain, emulator, imports, million, requests, scale, simulate
from bench.peers import faults
from bench.scaling import EMULATOR_MESSAGE_BYTES

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a benchmark's main with --json and gives its answer."""

    def call(main: Callable[[list[str]], object], *arguments: str) -> dict[str, Any]:
        main([*arguments, "--json"])
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


@pytest.mark.needs("minio")
def test_aggregate_gives_ratios_and_the_figures_behind_them(run: Run) -> None:
    """Every contender delivers all files, of mixed sizes too; ratios follow from figures; Windrow asks the least."""
    answer = run(aggregate.main, "--files", "26", "--repeat", "1", "--mix", "--level", "1")

    rows = answer["figures"]["26"]
    assert {contender.name for contender in aggregate.CONTENDERS} == rows.keys()
    promised = {"throughput_vs_naive", "cpu_vs_naive", "cpu_vs_bento", "cpu_vs_lower_bound", "archive_vs_level9"}
    assert promised == answer["ratios"].keys() == answer["ranges"].keys()
    assert {"throughput_vs_naive_level9", "worker_cpu_vs_bento"} < answer["more_ratios"].keys()
    assert (rows["Bento"] is None) == (answer["ratios"]["cpu_vs_bento"] is None)
    windrow, bound, naive = rows["Windrow"], rows["lower bound"], rows["naive handler, level 6"]
    assert 1 == answer["level"]
    assert windrow["archive_mb"] > naive["archive_mb"]
    # Not from the times per file, which are rounded to microseconds: a fast machine takes a few hundred.
    ((of_windrow,), (of_bound,)) = windrow["runs"], bound["runs"]
    assert of_windrow["cpu_s"] / of_bound["cpu_s"] == pytest.approx(answer["ratios"]["cpu_vs_lower_bound"], rel=1e-3)
    expected = {"GetObject": 26, "BatchExecuteStatement": 2, "PutObject": 1, "HeadObject": 1, "PutItem": 1}
    assert expected == {name: windrow["requests"].get(name, 0) for name in expected}
    asked = ("GetObject", "DeleteMessageBatch", "BatchExecuteStatement")
    # The files' claims, and those of both warm batches; one message a file, ten a request.
    assert (26, 3, 2 + 2) == tuple(rows["Windrow worker"]["requests"][name] for name in asked)
    assert "GetQueueAttributes" not in rows["Windrow worker"]["requests"]
    assert (0, 0) == (rows["Windrow worker"]["missing"], rows["Windrow worker"]["doubled"])
    assert (True, {"26": 1}) == (answer["mixed_sizes"], answer["repeats"])
    assert answer["limiting_factor"]
    assert answer["machine"]["cores"] >= 1


def test_archive_reads_one_file_by_two_ranges(run: Run) -> None:
    """One file costs two range reads, however large the archive is."""
    answer = run(archive.main, "--files", "20", "--archive-files", "40", "--repeat", "1")

    built = {f"build_vs_{other}{on}" for other in ("libdeflate", "libdeflate_sha256") for on in ("", "_all_cores")}
    assert {*built, "one_file_vs_tar"} == answer["ratios"].keys()
    assert 2 == answer["figures"]["one file"]["range_reads"]


@pytest.mark.slow
@pytest.mark.needs("minio", "package-index")
def test_imports_compares_with_boto3(run: Run) -> None:
    """Import, first call and first file, of the package and of that with bytecode, against the import of boto3."""
    answer = run(imports.main, "--repeat", "1")

    promised = {"import_vs_boto3", "first_call_vs_boto3", "first_file_vs_boto3"}
    for form in (imports.PLAIN, imports.BYTECODE):
        assert promised == answer["ratios"][form].keys()
        assert imports.PROGRAMS.keys() == answer["cpu_ms"][form].keys()


@pytest.mark.needs("minio", "elasticmq")
def test_drain_delivers_the_whole_backlog_once(run: Run) -> None:
    """`windrow run` empties the queue, every file is compared, and CPU time and memory are told by process."""
    answer = run(drain.main, "--messages", "300", "--batch-size", "60", "--modes", "fast")

    (result,) = answer["runs"]
    proof = result["proof"]
    assert (300, 0, 0, 0) == (
        proof["files_delivered"],
        proof["files_duplicated"],
        proof["files_unexpected"],
        result["kept"],
    )
    assert 5 <= result["batches"]
    servers = {"queue (ElasticMQ)", "landing (MinIO)", "destination (MinIO)", "ledger (MiniStack)"}
    assert {"engine", "handlers", *servers} == result["cpu_ms_per_message"].keys()
    assert {"engine", "handlers"} == result["peak_mb"].keys()
    assert result["per_s"] * result["seconds"] == pytest.approx(300, rel=0.05)


@pytest.mark.needs("minio")
def test_scale_measures_each_point_of_the_grid(run: Run) -> None:
    """Sizes of which no count fits are measured with as many files as fit; so are those of the batch that warms up."""
    grid = ("--files", "10", "--bytes", "2000", "3000000", "0", "--most-mb", "6")
    answer = run(scale.main, *grid, "--at-once", "2", "--at-once-batch", "5", "1000", "--at-once-batch", "2", "100000")

    points = [(point["files"], point["file_bytes"], point["at_once"]) for point in answer["points"]]
    mean = points[2][1]
    assert [(10, 2000, 1), (2, 3_000_000, 1), (10, mean, 1), (5, 1000, 2), (2, 100_000, 2)] == points
    assert [False, False, True, False, False] == [point["mixed"] for point in answer["points"]]


@pytest.mark.needs("minio")
def test_million_delivers_slice_by_slice(run: Run) -> None:
    """Every slice goes through the same process, the last one may be smaller, and no file is lost or doubled."""
    answer = run(million.main, "--files", "50", "--slice", "20")

    assert (50, 3, 0, 0) == tuple(answer[name] for name in ("files", "slices", "lost", "doubled"))
    assert answer["growth_mb"] <= answer["growth_most_mb"]
    assert [] == answer["failures"]


@pytest.mark.needs("minio")
def test_faults_show_what_becomes_of_the_naive_handler(run: Run) -> None:
    """Claims without a delivery lose all files; where marks follow the delivery, one absent object fails its batch."""
    down = ("--only", "down", "--who", "claim", "--visibility", "12", "--down", "60")
    absent = ("--only", "absent", "--who", "mark", "--visibility", "3", "--receives", "2")
    (claimed,) = run(faults.main, "--files", "8", *down)["results"]
    (marked,) = run(faults.main, "--files", "8", *absent)["results"]

    assert (8, 0) == (claimed["missing"], claimed["dead_lettered"])
    assert (8, 9) == (marked["missing"], marked["dead_lettered"])


def test_simulate_names_the_first_limit_of_every_run(run: Run) -> None:
    """Every run tells its latency, its first limit and its cost."""
    answer = run(simulate.main, "--seconds", "200")

    assert (simulate.RUNS.keys(), simulate.STEPS.keys()) == (answer["runs"].keys(), answer["steps"].keys())
    for result in (*answer["runs"].values(), *answer["steps"].values()):
        assert {"p50", "p95", "p99.9", "max"} == result["latency_s"].keys()
        assert max(result["utilisation"].values()) == result["utilisation"][result["first_limit"]]
        assert result["usd_per_month"]["raw"] > result["usd_per_month"]["archives"] > 0


def test_emulator_measures_the_message_that_the_simulation_counts_with(run: Run) -> None:
    """A single event tells its size, no batch is needed."""
    answer = run(emulator.main, "--files", "16")

    assert answer["message_bytes"] == pytest.approx(EMULATOR_MESSAGE_BYTES, abs=2)
    assert answer["get_ms"] > 0
    assert answer["put_bytes_per_s"] > 0


@pytest.mark.needs("minio")
def test_requests_compares_each_kind_with_boto3s(run: Run) -> None:
    """Receives, reads of items, small and large PUTs."""
    lines = run(requests.main, "--rounds", "1")["lines"]

    assert ["receive of 10", "read of 25 items", *requests.BODIES] == [line["request"] for line in lines]
    for line in lines:
        assert line["light_ms"] / line["boto3_ms"] == pytest.approx(line["ratio"], abs=0.02)
