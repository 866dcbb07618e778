"""``windrow replay`` on fakes: what it leaves out, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from windrow.cli.root import run
from windrow.core.errors import QueueError
from windrow.operations.audit import Coverage
from windrow.operations.replay import Replayer
from windrow.ports import ListedVersion, QueueDepth
from windrow.testing import FakeClock, FakeSender

NOW = FakeClock().now()
RETENTION = timedelta(days=5)


def covering(**counts: int) -> Coverage:
    """Return what was judged and what not."""
    return Coverage(**{"judged": 0, "landed": 0, "pending": 0, "outside": 0, "elsewhere": 0, **counts})


@dataclass
class Found:
    """What a search found, and what it was found in."""

    versions: list[ListedVersion]
    coverage: Coverage

    def __iter__(self) -> Iterator[ListedVersion]:
        return iter(self.versions)


@dataclass
class Site:
    """Landing objects that are missing, the depths of two queues, and what a replay sent."""

    versions: list[ListedVersion] = field(default_factory=list)
    depths: dict[str, int] = field(default_factory=dict)
    sender: FakeSender = field(default_factory=FakeSender)
    clock: FakeClock = field(default_factory=FakeClock)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=lambda: covering(judged=30))

    def missing(self, start: datetime, end: datetime, **_options: object) -> Found:
        """Return all of them."""
        return self.listed(start, end)

    def listed(self, start: datetime, end: datetime, _prefix: str = "") -> Found:
        """Return all of them, and remember the range."""
        self.spans.append((start, end))
        return Found(self.versions, self.coverage)

    def undelivered(self, versions: Iterator[ListedVersion]) -> Iterator[ListedVersion]:
        """Let all of them pass."""
        return versions

    def fail_at(self, batch: int) -> None:
        """Have the queue refuse the n-th ten."""
        sends: list[str] = []

        def hook(operation: str) -> None:
            if operation == "send":
                sends.append(operation)
                if len(sends) == batch:
                    raise QueueError("away")

        self.sender.hook = hook


@dataclass
class Statistics:
    """A queue with so many messages in flight."""

    count: int

    def depth(self) -> QueueDepth:
        """Return the depth."""
        return QueueDepth(0, self.count, 0)

    def retention(self) -> timedelta:
        """Return how long it keeps a message."""
        return RETENTION


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that the command works on."""
    site = Site()
    variables = {
        "LANDING_BUCKETS": "landing",
        "LEDGER_TABLE": "t",
        "DESTINATION_ENDPOINT": "https://destination.example",
        "DESTINATION_BUCKET": "bucket",
        "DESTINATION_SECRET_ID": "s",
        "QUEUE_URL": "https://sqs.example/1/queue",
        "DLQ_URL": "https://sqs.example/1/dlq",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"WINDROW_{name}", value)
    monkeypatch.setattr("windrow.bootstrap.auditor", lambda _settings: site)
    monkeypatch.setattr("windrow.bootstrap.ledger_corrector", lambda _settings: site)
    monkeypatch.setattr(
        "windrow.bootstrap.queue_statistics", lambda url: Statistics(site.depths.get(url.rpartition("/")[2], 0))
    )
    monkeypatch.setattr(
        "windrow.bootstrap.replayer",
        lambda _settings, *, rate_per_s: Replayer(site.sender, site.clock, rate_per_s=rate_per_s),
    )
    monkeypatch.setattr("windrow.cli.replay.SystemClock", lambda: site.clock)
    return site


def listed(key: str, version_id: str | None = "v1", at: datetime = NOW) -> ListedVersion:
    """Return a listed version."""
    return ListedVersion("landing", key, version_id, "e1", 5, at)


def replay(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return exit code and report."""
    code = run(["replay", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("depths", "queued"),
    [({}, 2), ({"queue": 3}, 1), ({"dlq": 2}, 1), ({"queue": 3, "dlq": 2}, 1)],
    ids=["both empty", "one waits", "one was rejected", "both"],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_objects_without_versions_need_both_queues_empty(
    site: Site, capsys: pytest.CaptureFixture[str], depths: dict[str, int], queued: int, dry_run: bool
) -> None:
    """A message in either may be theirs: delivered after the replay it would be a second delivery."""
    site.versions = [listed("a"), listed("b", None)]
    site.depths = depths
    code, report = replay(capsys, "--missing", *(["--dry-run"] if dry_run else []))

    assert (int(bool(depths)), not depths, int(bool(depths))) == (code, report["ok"], report["left_out"])
    assert queued == report["would_queue" if dry_run else "queued"]
    assert (0 if dry_run else queued) == len(site.sender.bodies)
    assert ("windrow dlq redrive" in report["why"]) is bool(depths)


def test_all_goes_back_as_far_as_the_ledger_remembers(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """And still will when a message has waited its longest; what is missing can be found out for any time."""
    site.versions = [listed("a")]
    code, refused = replay(capsys, "--all", "--since", "25d")

    assert (2, []) == (code, site.sender.bodies)
    assert "30 days (WINDROW_LEDGER_TTL_DAYS), and a message may wait in the queue for 5 of them" in refused["error"]
    assert f"--since from {NOW - timedelta(days=24) + timedelta(hours=1):%Y-%m-%dT%H:%M}Z on" in refused["error"]
    assert 0 == replay(capsys, "--all", "--since", "24d")[0]
    assert 0 == replay(capsys, "--missing", "--since", "31d")[0]


def test_where_the_ledger_remembers_nothing_only_what_is_missing_can_be_queued(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """No other start of a range that is older than its memory is proposed."""
    site.versions = [listed("a")]
    code, refused = replay(capsys, "--all", "--since", "40d", "--until", "30d")

    assert (2, []) == (code, site.sender.bodies)
    assert refused["error"].endswith("Use --missing")


def test_what_is_too_old_by_the_time_of_its_turn_is_left_out(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In the run that began in time and in one that goes on later; both are reported as a problem, with the way out."""
    oldest = NOW - timedelta(days=24)
    arguments = ("--all", "--since", "24d", "--rate", "1", "--state", str(tmp_path / "state.json"))
    young = [listed(f"c{number:02}") for number in range(20)]
    site.versions = [*young[:10], listed("c09d", at=oldest), *young[10:], listed("e", at=oldest + timedelta(hours=1))]
    site.fail_at(3)
    interrupted, _ = replay(capsys, *arguments)
    site.sender.hook = lambda _operation: None
    site.clock.advance(2 * 3600)
    would_code, would = replay(capsys, *arguments, "--dry-run")
    code, report = replay(capsys, *arguments)

    assert 1 == interrupted
    assert (1, 0, 2) == (would_code, would["would_queue"], would["forgotten"])
    assert (1, False, 0, 20, 2) == (
        code,
        report["ok"],
        report["queued"],
        report["queued_before"],
        report["forgotten"],
    )
    assert f"with --missing --since {oldest:%Y-%m-%dT%H:%M}Z" in report["why"]
    assert 20 == len(site.sender.bodies)


def test_what_was_left_out_is_told_to_people_as_an_error(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how many messages are where, and what to do about them."""
    site.versions, site.depths = [listed("b", None)], {"dlq": 2}

    assert 1 == run(["replay", "--missing"])
    text = capsys.readouterr()
    assert "0 objects queued" in text.out
    assert "The queue holds 0 messages, the dead-letter queue 2" in text.err
    assert "windrow dlq drop" in text.err


def test_archives_that_cannot_be_read_are_told_and_the_rest_is_queued(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of them is no reason to queue nothing, nor to be silent about its files."""
    site.versions, site.unreadable = [listed("a")], {"in/x.tar.gz": "HEAD in/x.tar.gz: 403"}
    code, report = replay(capsys, "--missing")

    assert (1, False, 1) == (code, report["ok"], report["queued"])
    assert {"in/x.tar.gz": "HEAD in/x.tar.gz: 403"} == report["unreadable"]
    assert "The destination denies access to 1 archive." in report["why"]
    assert "in/x.tar.gz: HEAD in/x.tar.gz: 403" in report["why"]


def test_all_leaves_objects_without_versions_out(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """That was not asked for, so it is no problem, and is reported."""
    site.versions = [listed("a"), listed("b", None)]
    code, report = replay(capsys, "--all")

    assert (0, True, 1, 1) == (code, report["ok"], report["queued"], report["left_out"])
    assert "--missing" in report["why"]


def test_an_interrupted_replay_goes_on_and_then_deletes_its_state(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each run tells what it sent itself; the range stays that of the first; the next replay begins anew."""
    path = tmp_path / "state.json"
    arguments = ("--all", "--since", "48h", "--state", str(path))
    site.versions = [listed(f"k{number:02}") for number in range(25)]
    site.fail_at(3)
    first = replay(capsys, *arguments)
    kept = path.exists()
    site.sender.hook = lambda _operation: None
    would = replay(capsys, *arguments, "--dry-run")
    second = replay(capsys, *arguments)
    left = list(tmp_path.iterdir())
    third = replay(capsys, *arguments)

    assert (1, False, True) == (first[0], first[1]["ok"], kept)
    assert 5 == would[1]["would_queue"]
    assert (0, 5, 20) == (second[0], second[1]["queued"], second[1]["queued_before"])
    assert [] == left
    assert (0, 25, 0) == (third[0], third[1]["queued"], third[1]["queued_before"])
    assert site.spans[0] == site.spans[1] == site.spans[2] != site.spans[3]
    assert 50 == len(site.sender.bodies)


def test_people_are_told_what_this_run_sent(site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And what earlier ones did."""
    arguments = ["replay", "--all", "--state", str(tmp_path / "state.json")]
    site.versions = [listed(f"k{number:02}") for number in range(25)]
    site.fail_at(2)
    run(arguments)
    site.sender.hook = lambda _operation: None

    assert 0 == run(arguments)
    assert "15 objects queued after 10 by earlier runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--since", "24h", "--prefix", "a/"], "since '48h', not '24h'"),
        (["--since", "48h", "--prefix", "b/"], "prefix 'a/', not 'b/'"),
        (["--since", "48h", "--prefix", "a/", "--until", "1h"], "until 'now', not '1h'"),
    ],
)
def test_a_state_of_other_arguments_is_refused(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], named: str
) -> None:
    """Going on from there would leave out what nobody queued."""
    path = tmp_path / "state.json"
    site.versions = [listed(f"k{number:02}") for number in range(25)]
    site.fail_at(2)
    replay(capsys, "--all", "--since", "48h", "--prefix", "a/", "--state", str(path))
    before = path.read_bytes()
    code, report = replay(capsys, "--all", *arguments, "--state", str(path))

    assert 2 == code
    assert named in report["error"]
    assert "delete it to start again" in report["error"]
    assert before == path.read_bytes()


@pytest.mark.parametrize("content", ["nonsense", '{"bucket": "landing", "key": "k", "version_id": "v1", "queued": 3}'])
def test_what_is_no_state_is_refused(
    site: Site, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str
) -> None:
    """A file of something else, or of a version that noted less, is not taken for a position."""
    path = tmp_path / "state.json"
    path.write_text(content)
    code, report = replay(capsys, "--all", "--state", str(path))

    assert 2 == code
    assert "holds no position of a replay" in report["error"]


NOTHING_JUDGED = [
    (["--missing"], {"landed": 7, "pending": 7}, "7 files arrived less than 5 minutes ago (--grace)"),
    (["--missing"], {"outside": 3}, "no file arrived in this range, 3 before or after it"),
    (
        ["--missing", "--prefix", "typo/"],
        {"elsewhere": 2},
        "archives of the range hold 2 files with other keys",
    ),
    (["--all", "--prefix", "typo/"], {}, "the landing buckets hold no file with keys under 'typo/'; see --prefix"),
    (["--all"], {}, "the landing buckets hold no file."),
]


@pytest.mark.parametrize(("arguments", "counts", "why"), NOTHING_JUDGED)
@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["", "dry run"])
def test_a_replay_that_looked_at_nothing_says_why_and_is_a_problem(
    site: Site,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    counts: dict[str, int],
    why: str,
    dry_run: list[str],
) -> None:
    """None queued then does not mean that none is missing."""
    site.coverage = covering(**counts)
    code, report = replay(capsys, *arguments, *dry_run)

    assert (1, False, 0) == (code, report["ok"], report["judged"])
    assert report["why"].startswith("Nothing was judged: ")
    assert why in report["why"]


def test_a_replay_says_what_it_judged_and_what_not(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """That nothing is missing is no problem; that some are too young to tell is said."""
    site.coverage = covering(judged=1, landed=8, pending=7)

    assert 0 == run(["replay", "--missing"])
    assert ["0 objects queued", "1 file judged; 7 not judged, younger than 5 minutes."] == (
        capsys.readouterr().out.splitlines()
    )
