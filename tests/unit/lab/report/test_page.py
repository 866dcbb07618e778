from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from tests.unit.lab.load.records import MACHINE, record
from windrow.lab.load.outage import SentinelRun
from windrow.lab.load.plan import PROFILES, Interval
from windrow.lab.load.result import LoadResult, encode
from windrow.lab.load.run import Record
from windrow.lab.load.summary import summarize
from windrow.lab.report import render
from windrow.lab.report.__main__ import main

VOID = {"meta", "path", "rect", "br"}


def result(seen: Record, profile: str = "baseline") -> LoadResult:
    """Return the result of a made-up load test."""
    return summarize(seen, profile=profile, command="windrow load --rate 1", machine=MACHINE)


class Page(HTMLParser):
    """Reads a page: its text, its attributes, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """All text outside of style and script."""
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """The element that closes is the one opened last."""
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        """Note text that people read."""
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def test_page_is_whole_and_loads_nothing() -> None:
    """Every element is closed, and nothing names an address: the file is all there is."""
    html = render(result(record([30.0] * 100)))
    page = Page(html)
    assert [] == page.open
    assert [] == [name for name, _ in page.attributes if name in ("src", "href", "srcset", "xlink:href")]
    assert None is re.search(r"https?:|url\(|@import|//[a-z]+\.", html)


def test_figures_of_the_result_are_on_the_page() -> None:
    """Tiles have files, lost, twice, percentiles, and whether the objective is met; machine and command are named."""
    text = Page(render(result(record([30.0] * 99 + [61.0])))).text
    for expected in (
        "Files delivered 100 of 100 uploaded",
        "Lost 0",
        "Twice 0",
        "Latency p50 30 s",
        "p99.9 61 s",
        "Maximum 61 s",
        "Objective met",
        "Every file delivered exactly once, byte for byte",
        "Test <processor>, 2 cores",
        "windrow load --rate 1",
    ):
        assert expected in text


@pytest.mark.parametrize(("latency_s", "drawn"), [(5.0, False), (29.0, False), (60.0, True)])
def test_a_short_test_has_a_scale_of_its_own(latency_s: float, drawn: bool) -> None:
    """Limits of minutes would flatten what took seconds: then they are not drawn, and a sentence says so."""
    html = render(result(record([latency_s] * 20)))
    ends = [float(end) for end in re.findall(r'data-x="([0-9.]+)" data-unit="files"', html)]

    assert drawn is ("95 % by then" in html) is ("2 min</b>" in html)
    # The backlog of this made-up test is young in any case.
    assert (1 if drawn else 3) == html.count("limits of 2 and 3 minutes are far off this scale")
    assert drawn is (ends[0] > 180)


def test_figures_hold_their_place_in_the_drawing() -> None:
    """No number in a drawing is infinite or not a number."""
    html = render(result(record([30.0] * 500)))
    assert None is re.search(r"\b(?:nan|inf)\b", html)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (record([200.0] * 20), "too late for the objective"),
        (record([30.0] * 20, twice=True), "Not every file was delivered exactly once"),
        (record([30.0] * 20, failed=["<b>\u202e\x1b[2J\udcff: refused"]), "Not every file was delivered exactly once"),
    ],
)
def test_page_says_what_is_wrong(seen: Record, verdict: str) -> None:
    """A run that failed is not praised, and its problems are listed as text."""
    html = render(result(seen))
    assert verdict in html
    assert 'class="verdict bad"' in html
    assert "<b>" not in html
    assert [] == [char for char in html if not char.isprintable() and char != "\n"]


def test_outage_is_shaded_and_told() -> None:
    """The outage is on the charts over time, and its events stand in their order; what never came is said."""
    probes = [SentinelRun(60.0, opened=True, fault="connect")]
    page = render(result(record([150.0] * 300, outage=Interval(20, 120), probes=probes, seconds=460), "outage"))
    assert 7 <= page.count('class="shade"')
    text = Page(page).text
    events = ["0:20 the destination is killed", "1:00 the sentinel opens", "2:20 the destination answers again"]
    assert sorted(text.index(event) for event in events) == [text.index(event) for event in events]
    assert "never the sentinel closes the circuit" in text
    assert "Objective not judged" in text


def test_nothing_delivered_still_makes_a_page() -> None:
    """Without a single archive there are no latencies to draw; the page says so by leaving them out."""
    page = Page(render(result(record([]))))
    assert [] == page.open
    assert "Latency p50" not in page.text


def test_profile_as_it_is_has_its_name() -> None:
    """A profile's own plan is named; one that was changed is a load test."""
    usual = msgspec.structs.replace(result(record([30.0])), plan=PROFILES["baseline"])
    assert "<title>Steady load: 10 files/s for 10 min - Windrow load test</title>" in render(usual)
    assert "<title>Load test: 1 files/s for 1 s - Windrow load test</title>" in render(result(record([30.0])))


def test_report_stays_small() -> None:
    """Ten minutes of samples, thinned, make a page of less than 200 kB: it can be kept in the repository."""
    html = render(result(record([30.0 + number % 30 for number in range(600)])))
    assert len(html.encode()) < 200_000


def test_kept_result_is_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command draws the report of a JSON file that was kept."""
    kept = result(record([30.0] * 10))
    (tmp_path / "r.json").write_bytes(encode(kept))
    monkeypatch.setattr("sys.argv", ["report", str(tmp_path / "r.json"), str(tmp_path / "r.html")])
    main()
    assert render(kept) == (tmp_path / "r.html").read_text()


def test_failed_runs_of_the_sentinel_are_told() -> None:
    """A sentinel that failed now and then is part of how it was measured."""
    failing = [SentinelRun(60.0, opened=False, error="LedgerError: timed out")]
    assert "no run failed" in Page(render(result(record([30.0])))).text
    assert "failed at 60 s: LedgerError: timed out" in Page(render(result(record([30.0], probes=failing)))).text
