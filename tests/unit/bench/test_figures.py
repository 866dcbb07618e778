"""The benchmarks' arithmetic, sample files and simulated limits."""

import itertools
import json

import pytest

from bench import aggregate, archive
from bench.aggregate import CONTENDERS, Results, Row, Rows, limit, more_ratios, order, ratios, ratios_table, table
from bench.events import batch
from bench.machine import Machine
from bench.peers.bento import batch_size
from bench.samples import MIX_MOST_BYTES, json_lines, mixed_sizes
from bench.simulate import IN_FLIGHT, MESSAGE_BYTES, PAYLOAD_BYTES, Setup, Simulation, percentiles, simulate
from bench.testbed import Upload
from windrow.core.notifications import parse


def rows(**cpu_ms: float) -> Rows:
    """Return a row for each contender; Windrow's and the lower bound's CPU as given, 10 ms for the rest."""
    return {
        contender.name: Row(
            files_per_s=100.0 if contender.name == "Windrow" else 20.0,
            cpu_ms_per_file=cpu_ms.get(contender.name, 10.0),
            peak_mb=1.0,
            archive_mb=9.0 if contender.name == "Windrow" else 10.0,
            requests={},
            runs=[],
        )
        for contender in CONTENDERS
    }


def test_ratios_divide_windrow_by_the_others() -> None:
    """Each ratio is the figure of Windrow's handler over the other's; there are these five and no more."""
    assert {
        "throughput_vs_naive": 5.0,
        "cpu_vs_naive": 0.2,
        "cpu_vs_bento": 0.2,
        "cpu_vs_lower_bound": 1.25,
        "archive_vs_level9": 0.9,
    } == ratios(rows(**{"Windrow": 2.0, "lower bound": 1.6}))


def test_a_ratio_is_the_median_of_those_of_each_repetition() -> None:
    """A repetition that was slow for both counts as one ratio; the lowest and the highest are reported beside it."""
    single = [
        rows(**{"Windrow": 2.0, "lower bound": 1.6}),
        rows(**{"Windrow": 9.0, "lower bound": 9.0}),
        rows(**{"Windrow": 3.0, "lower bound": 2.0}),
    ]
    results = Results(rows(), single)

    assert 1.25 == results.median(ratios)["cpu_vs_lower_bound"]
    assert [1.0, 1.5] == results.range(ratios)["cpu_vs_lower_bound"]
    assert "1.250 (1.000 to 1.500)" in ratios_table(results)


def test_every_repetition_has_another_order() -> None:
    """Over six repetitions nobody begins twice, and nobody comes twice after the same one."""
    orders = [[contender.name for contender in order(repetition)] for repetition in range(6)]

    assert all(sorted(names) == sorted(contender.name for contender in CONTENDERS) for names in orders)
    assert 6 == len({names[0] for names in orders})
    followings = [pair for names in orders for pair in itertools.pairwise(names)]
    assert len(followings) == len(set(followings))


def test_building_is_compared_on_one_thread_and_on_all_cores() -> None:
    """What more threads lose is reported, not only what one does."""
    figures = {
        "build, 1 threads": {"archive": 90.0, "libdeflate": 100.0, "libdeflate_sha256": 90.0},
        "build, 2 threads": {"archive": 160.0, "libdeflate": 200.0, "libdeflate_sha256": 200.0},
        "one file": {"tar_ms": 70.0, "ranges_ms": 1.0},
    }

    assert {
        "build_vs_libdeflate": 0.9,
        "build_vs_libdeflate_sha256": 1.0,
        "build_vs_libdeflate_all_cores": 0.8,
        "build_vs_libdeflate_sha256_all_cores": 0.8,
        "one_file_vs_tar": 70.0,
    } == archive.ratios(figures, cores=2)


def test_a_frame_is_joined_in_the_memory_of_the_one_before() -> None:
    """What libdeflate is given are the parts one after the other, and no fresh memory."""
    kept = archive.Kept()

    first = kept.join([b"a" * 10, b"bc"])
    assert b"aaaaaaaaaabc" == bytes(first)
    assert b"de" == bytes(kept.join([b"d", b"e"])) == bytes(first[:2])


def test_the_worker_is_compared_with_bento() -> None:
    """What reads its messages from a queue is compared with what does so too."""
    values = more_ratios({**rows(), aggregate.WORKER.name: rows(Windrow=5.0)["Windrow"]})

    assert (5.0, 0.5) == (values["worker_throughput_vs_bento"], values["worker_cpu_vs_bento"])


def test_what_is_not_installed_is_null_and_says_how_to_get_it() -> None:
    """Without Bento its ratio is null, and the table names the command that builds it."""
    without = {**rows(), "Bento": None}

    assert ratios(without)["cpu_vs_bento"] is None
    assert more_ratios(without)["worker_cpu_vs_bento"] is None
    assert Results({}, [without]).median(ratios)["cpu_vs_bento"] is None
    assert Results({}, [without]).range(ratios)["cpu_vs_bento"] is None
    assert "make bench-peers" in table(600, without)


@pytest.mark.parametrize(
    ("cpu_ms", "others", "expected"),
    [(12.0, 0.1, "CPU"), (3.0, 0.1, "the servers"), (12.0, 1.5, "other work")],
)
def test_the_limit_is_named(cpu_ms: float, others: float, expected: str) -> None:
    """Windrow is bound by CPU where it keeps most cores busy, else by the servers, or by what else the machine does."""
    this = Machine("Linux", "x86_64", cores=2, memory_gb=8, python="3.11", load=7)

    assert limit(rows(Windrow=cpu_ms), this, others).startswith(expected)


@pytest.mark.parametrize("size", [10, 1_000, 100_000, 1_000_001, 2_345_678])
def test_samples_have_their_size_and_are_json_lines(size: int) -> None:
    """A sample has exactly the size asked for, and every line of it is JSON."""
    data = json_lines(3, size)

    assert (size, data) == (len(data), json_lines(3, size))
    assert all(json.loads(line)["site"] == "site-003" for line in data.decode().splitlines() if line.strip())


def test_mixed_sizes_have_a_heavy_tail() -> None:
    """Half of the files are below 20 KB, the mean is 100 KB, none is empty or over 50 MB, and a seed repeats them."""
    sizes = mixed_sizes(100_000)

    assert sorted(sizes)[50_000] == pytest.approx(20_000, rel=0.03)
    assert sum(sizes) / len(sizes) == pytest.approx(100_000, rel=0.05)
    assert 1 <= min(sizes) <= max(sizes) <= MIX_MOST_BYTES
    assert sizes[:10] == mixed_sizes(10) != mixed_sizes(10, seed=2)


def test_events_are_what_windrow_parses() -> None:
    """The benchmark's messages name the uploaded version, its odd key included."""
    upload = Upload(key="a b/ü+.jsonl", version_id="v1", etag="e", size=7, sha256="")

    (record,) = batch([upload], "landing")["Records"]
    (source,) = parse(record["body"], {"landing"})

    assert ("a b/ü+.jsonl", "v1", 7) == (source.key, source.version_id, source.size)  # type: ignore[union-attr]


@pytest.mark.parametrize(("files", "expected"), [(600, 600), (3_000, 600), (1_300, 325), (7, 7), (1_202, 2)])
def test_bento_gets_batches_without_a_rest(files: int, expected: int) -> None:
    """Bento's batch size is the largest up to 600 that the files fill exactly."""
    assert expected == batch_size(files)


def test_percentiles_weigh_their_values() -> None:
    """A percentile is the least value that so much of the weight does not exceed."""
    assert {"p50": 1, "p95": 1, "p99.9": 9, "max": 9} == percentiles([(9, 3), (1, 97)])


def test_a_simulated_file_waits_for_its_window() -> None:
    """At 10 files a second batches close by time: half of the files wait half a window or longer."""
    result = Simulation(Setup(files_per_s=10)).run(600)

    assert 60 < result.latency_s["p99.9"] < 65
    assert 28 < result.latency_s["p50"] < 34


def test_a_simulated_batch_is_bounded_by_the_payload() -> None:
    """At 1,000 files a second a batch closes by its 6 MB, long before its window."""
    result = Simulation(Setup(files_per_s=1_000)).run(600)

    assert result.files_per_batch == pytest.approx(PAYLOAD_BYTES / MESSAGE_BYTES, rel=0.01)
    assert result.latency_s["max"] < 60


def test_simulated_messages_in_flight_keep_to_the_limit_of_the_queue() -> None:
    """However many batches are allowed, a queue hands out 120,000 messages at most."""
    result = Simulation(Setup(files_per_s=9_000, concurrency=1_000, partitions=1, sweeps=9)).run(300)

    assert result.in_flight <= IN_FLIGHT
    assert result.waiting_at_end > 0
    assert "claims" == result.first_limit


def test_a_simulated_worker_gathers_one_batch_while_another_is_worked_on() -> None:
    """As `windrow run` does: a batch holds all files of a window, one after the other."""
    result = Simulation(Setup(files_per_s=10, gatherers=1, concurrency=2)).run(600)

    assert (600, 2) == (result.files_per_batch, result.batches_at_once)


def test_a_simulated_backlog_ends_when_it_is_gone() -> None:
    """Ten slots of the defaults do about 3,300 files a second."""
    result = simulate(Setup(files_per_s=10, backlog=600_000), 60)

    assert result.drained_s == pytest.approx(600_000 / 3_300, rel=0.05)
    assert not result.falls_behind


def test_a_simulated_load_beyond_the_slots_falls_behind() -> None:
    """What it would take is reported, and not only that all there are were used."""
    result = simulate(Setup(files_per_s=3_000, concurrency=5, sweeps=3), 300)

    assert result.falls_behind
    assert result.limit == "batches at once, 167 %"


def test_a_simulated_sweep_has_the_time_of_its_function_or_of_its_servers() -> None:
    """The function has 900 s of an hour, a run on a server all of it; no file waits for it, so the next is reported."""
    alone, aided = (simulate(Setup(files_per_s=1_000, sweeps=sweeps), 600) for sweeps in (0, 2))

    assert alone.first_limit == "sweep"
    assert alone.limit.endswith(" %; batches at once, 80 %")
    assert aided.utilisation["sweep"] == pytest.approx(alone.utilisation["sweep"] * 900 / 7_200, rel=0.01)
    assert alone.latency_s == aided.latency_s
    assert not alone.falls_behind


def test_the_archives_of_a_simulated_batch_come_one_after_the_other() -> None:
    """Files of the minute before are there earlier, and 300 MB are two archives; so half of a batch waits less."""
    calm, busy = (Simulation(Setup(files_per_s=rate)).run(600) for rate in (10, 1_000))

    assert calm.archives_per_batch == 2
    assert 2 < busy.archives_per_batch < 3
    assert Simulation(Setup(files_per_s=1_000, file_bytes=1)).run(600).archives_per_batch < 2


def test_a_simulation_can_wait_for_its_last_batch() -> None:
    """Files that nobody follows wait out the window."""
    setup = Setup(files_per_s=100, gatherers=1, concurrency=2, message_bytes=2_000)
    cut, whole = (Simulation(setup).run(40, quiet_s=quiet_s) for quiet_s in (0, 120))

    assert cut.latency_s["max"] < 60 < whole.latency_s["max"]


def test_several_tunnels_are_paid_for_with_the_gateway_that_joins_them() -> None:
    """A second connection, an attachment for the VPC and each connection, and what passes."""
    one, four = (simulate(Setup(files_per_s=1_000, tunnels=tunnels), 600).usd_per_month for tunnels in (1, 4))

    for retention in ("archives", "raw"):
        assert four[retention] - one[retention] > 4 * 36
    assert one["raw"] > 7 * one["archives"]
