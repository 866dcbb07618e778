"""How a soak is judged, and what happens amid it."""

from __future__ import annotations

import re
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from bench import soak_page
from bench.soak_events import Expiry, Planned, Programme
from bench.soak_verdict import Change, Life, Measured, SoakResult, held, judge, latencies, lives, slowed
from tests.unit.lab.load.records import MACHINE, record, sample
from windrow.core.errors import LocalStackError
from windrow.lab.load.course import Course
from windrow.lab.load.plan import Interval
from windrow.lab.load.processes import Usage
from windrow.lab.load.result import encode
from windrow.lab.load.samples import Measurement
from windrow.lab.load.summary import Delivered, delivered, summarize
from windrow.lab.report.charts import SINCE

LIFE = Life("whole run", ("engine",), Interval(10.0, 10.0), Interval(50.0, 10.0))


def holding(usages: dict[int, Usage]) -> list[Measurement]:
    """Return a sample a second of the engine, which holds from each second on what is given for it."""
    samples, usage = [], Usage(0.1, 100.0, 20, 5)
    for second in range(60):
        usage = usages.get(second, usage)
        samples.append(msgspec.structs.replace(sample(second, 0, 0), usage={"engine": usage}))
    return samples


def grown(changes: list[Change]) -> list[str]:
    """Return the figures that grew beyond their bound."""
    return [change.figure for change in changes if not change.ok]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (Usage(0.9, 110.0, 25, 7), []),
        (Usage(0.1, 110.2, 20, 5), ["memory, MB"]),
        (Usage(0.1, 100.0, 26, 5), ["open files"]),
        (Usage(0.1, 100.0, 20, 8), ["threads"]),
        (Usage(0.1, 50.0, 2, 1), []),
        (Usage(0.1, 220.0, 50, 14, 2), []),
    ],
    ids=["to the bounds", "memory", "open files", "threads", "less", "a second process"],
)
def test_growth_beyond_a_bound_is_found_for_each_figure(last: Usage, expected: list[str]) -> None:
    """A process may hold 10 MB, 5 open files and 2 threads more than at first; a second one is no growth."""
    assert expected == grown(held(holding({50: last}), LIFE))


def test_bound_of_a_large_process_is_a_share() -> None:
    """5 % of a large process's memory are more than 10 MB."""
    samples = holding({0: Usage(0.1, 1000.0), 50: Usage(0.1, 1050.0), 55: Usage(0.1, 1049.0)})
    assert [] == grown(held(samples, LIFE))


def test_what_happens_outside_of_the_spans_does_not_count() -> None:
    """Neither the warm-up, nor a peak on the way, nor one in less than half of a span."""
    high = Usage(0.1, 900.0, 90, 90)
    usual = Usage(0.1, 100.0, 20, 5)
    samples = holding({0: high, 10: usual, 20: high, 50: usual, 56: high})
    assert [] == grown(held(samples, LIFE))


def test_span_without_samples_is_an_error() -> None:
    """Nothing measured is not flat."""
    with pytest.raises(ValueError, match="no sample of engine from 50 to 60 s"):
        held(holding({})[:50], LIFE)


def test_lives_end_and_begin_with_the_deployment() -> None:
    """Of an hour: 2 minutes of warm-up, and 10 minutes at both ends of each process's life."""
    spans = [
        (life.name, life.first.start_s, life.first.end_s, life.last.start_s, life.last.end_s)
        for life in lives(3600, 2160, 2170)
    ]
    assert [
        ("before the deployment", 120, 720, 1560, 2160),
        ("after the deployment", 2290, 2890, 3000, 3600),
        ("whole run", 120, 720, 3000, 3600),
    ] == spans


def arriving(first_s: float, last_s: float, slow_s: float) -> list[Delivered]:
    """Return 1,000 files in the first and in the last span of `LIFE`; two of the last are slow."""
    early = [Delivered(10 + number / 100, 10 + number / 100 + first_s) for number in range(1000)]
    late = [Delivered(50 + number / 100, 50 + number / 100 + last_s) for number in range(998)]
    return [*early, *late, Delivered(59.0, 59.0 + slow_s), Delivered(59.5, 59.5 + slow_s)]


@pytest.mark.parametrize(
    ("last_s", "slow_s", "expected"),
    [(30, 30, []), (33, 33, []), (33.5, 33.5, ["p50, s", "p99, s", "p99.9, s"]), (30, 40, ["p99.9, s"])],
)
def test_latency_may_grow_by_a_tenth(last_s: float, slow_s: float, expected: list[str]) -> None:
    """Half of the files, and the slowest of a thousand, may take a tenth longer at the end."""
    assert expected == grown(slowed(arriving(30, last_s, slow_s), LIFE))


def test_latencies_of_a_span_are_of_the_files_that_arrived_in_it() -> None:
    """By arrival, not by delivery."""
    found = latencies(arriving(30, 20, 25), Interval(50.0, 10.0))
    assert (1000, 20, 20, 25, 25) == (found.files, found.p50, found.p99, found.p99_9, found.max)


def soaked(last: Usage, *, twice: bool = False) -> SoakResult:
    """Return the outcome of a soak of two minutes, whose processes hold at the end of their lives what is given."""
    made = record([30.0] * 120, twice=twice)
    usual = Usage(0.1, 100.0, 20, 5)
    measured = Measured(
        samples=[
            msgspec.structs.replace(each, usage=dict.fromkeys(("engine", "handlers", "sentinel"), usage))
            for each in made.samples
            for usage in [last if each.at_s >= 100 else usual]
        ],
        files=delivered(made),
        events=[(72.04, "the deployment begins"), (74.0, "the deployment is done")],
    )
    return judge(measured, summarize(made, profile="soak", command="", machine=MACHINE), deleted=7)


def test_outcome_is_good_if_all_stayed_flat_and_every_file_arrived_once() -> None:
    """Both workers, the sentinel and latency are judged; latencies are told for each sixth of the run."""
    result = soaked(Usage(0.1, 100.0, 20, 5))
    assert (True, 7, (72.0, "the deployment begins")) == (result.ok, result.deleted, result.events[0])
    assert ["p50, s", "p99, s", "p99.9, s"] == [each.figure for each in result.changes if each.what == "latency"]
    assert 3 * 5 + 3 == len(result.changes)
    assert [(20 * part, 20) for part in range(6)] == [(each.span.start_s, each.files) for each in result.latencies]


@pytest.mark.parametrize(("last", "twice"), [(Usage(0.1, 200.0, 20, 5), False), (Usage(0.1, 100.0, 20, 5), True)])
def test_outcome_is_bad_if_memory_grew_or_a_file_came_twice(last: Usage, *, twice: bool) -> None:
    """Either is enough."""
    assert not soaked(last, twice=twice).ok


def test_report_says_what_grew_and_when_the_worker_was_replaced() -> None:
    """Verdict, bounds, events, latencies by part, and a mark in each chart over time."""
    grown = soaked(Usage(0.1, 200.0, 20, 5))
    page = soak_page.render(grown)
    text = re.sub(r"<[^>]+>", " ", page)
    assert "Every file delivered exactly once, byte for byte; 3 figures grew beyond the bound" in text
    assert "memory, open files and latency flat" in soak_page.render(soaked(Usage(0.1, 100.0, 20, 5)))
    assert "Not every file was delivered exactly once" in soak_page.render(soaked(Usage(0.1, 100.0, 20, 5), twice=True))
    assert 3 == text.count(" NO ")
    assert "1:12 A the deployment begins 1:14 the deployment is done" in " ".join(text.split())
    assert 11 == page.count(">A</b>") == page.count(SINCE)
    assert "http" not in page.replace("http://www.w3.org", "")


def test_saved_outcome_can_be_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same page comes of it."""
    result = soaked(Usage(0.1, 100.0, 20, 5))
    (tmp_path / "r.json").write_bytes(encode(result))
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "r.json"), str(tmp_path / "r.html")])
    soak_page.main()
    assert soak_page.render(result) == (tmp_path / "r.html").read_text()


def test_planned_actions_are_done_one_after_the_other_and_noted() -> None:
    """However close their times are. Once all are done the run may end."""
    told: list[str] = []
    programme = Programme([Planned(0.01, name, lambda: told.append("acts")) for name in ("one", "two")])
    assert not programme.over
    programme.run(Course(time.monotonic(), threading.Event(), told.append))
    assert ["one begins", "acts", "one is done", "two begins", "acts", "two is done"] == told
    assert programme.over


def test_run_that_stops_skips_the_action() -> None:
    """Nothing begins any more."""
    stop, told = threading.Event(), list[str]()
    stop.set()
    programme = Programme([Planned(1e6, "the deployment", lambda: told.append("acts"))])
    programme.run(Course(time.monotonic(), stop, told.append))
    assert ([], False) == (told, programme.over)


class FakeS3:
    """Notes what is deleted; refuses versions named so."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Delete some."""
        assert "landing" == Bucket
        keys = [each["Key"] for each in Delete["Objects"]]
        self.calls.append(keys)
        refused = [each for each in Delete["Objects"] if each["VersionId"] == "refused"]
        return {"Errors": [{"Key": each["Key"], "Code": "AccessDenied"} for each in refused]} if refused else {}


def test_raw_files_are_deleted_once_each_some_time_after_their_delivery() -> None:
    """Not at once, and a hundred in a request at most."""
    s3, delivered = FakeS3(), {(f"{number:03}", "v") for number in range(150)}
    course = Course(time.monotonic() - 5, threading.Event(), delivered=delivered)
    expiring = Expiry(cast("Any", s3), "landing", kept_s=0.0)
    expiring.sweep(course)
    delivered.add(("150", "v"))
    expiring.sweep(course)
    expiring.sweep(course)
    assert ([100, 50, 1], 151) == ([len(call) for call in s3.calls], expiring.deleted)

    later = Expiry(cast("Any", s3), "landing", kept_s=60.0)
    later.sweep(course)
    later.sweep(course)
    assert 0 == later.deleted


def test_raw_file_that_is_not_deleted_ends_the_soak() -> None:
    """Else the machine's memory would fill."""
    course = Course(time.monotonic(), threading.Event(), delivered={("a", "refused")})
    with pytest.raises(LocalStackError, match="1 raw files were not deleted"):
        Expiry(cast("Any", FakeS3()), "landing", kept_s=0.0).sweep(course)
