"""How things stand, on fakes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from tests.archives import archive_of
from windrow.cli import status as status_command
from windrow.cli.root import run
from windrow.cli.screen import Screen
from windrow.cli.status import render, report
from windrow.core.archive.writer import SealedArchive, seal
from windrow.core.circuit import Circuit, Mode
from windrow.core.errors import DestinationError, DestinationFault, LedgerError, MappingError, MetricsError, QueueError
from windrow.core.faults import explained
from windrow.core.keys import archive_key
from windrow.core.manifest import Window
from windrow.core.windows import DAY, HOUR, MINUTE, floor
from windrow.operations.status import NEWEST, Status, Watcher
from windrow.ports import Punctuality, QueueDepth
from windrow.testing import FakeCircuits, FakeClock, FakeDestination, FakeMapping

NOON = datetime(2026, 11, 23, 12, 3, 20, tzinfo=UTC)


@dataclass
class Statistics:
    """A queue's statistics."""

    queue: QueueDepth = field(default_factory=lambda: QueueDepth(visible=0, in_flight=0, delayed=0))
    age_s: float | None = None
    error: QueueError | None = None

    def depth(self) -> QueueDepth:
        """Return the depth."""
        if self.error:
            raise self.error
        return self.queue

    def oldest_age_s(self) -> float | None:
        """Return the age."""
        if self.error:
            raise self.error
        return self.age_s


@dataclass
class Letters:
    """A dead-letter queue."""

    count: int = 0
    error: QueueError | None = None

    def depth(self) -> int:
        """Return the count."""
        if self.error:
            raise self.error
        return self.count


@dataclass
class Hour:
    """How late files were."""

    counts: Punctuality | None = None
    error: MetricsError | None = None

    def last_hour(self) -> Punctuality | None:
        """Return the counts."""
        if self.error:
            raise self.error
        return self.counts


class Desk:
    """Everything that a watcher looks at, at noon unless told otherwise."""

    def __init__(self, prefix: str = "in", start: datetime = NOON) -> None:
        self.prefix = prefix
        self.clock = FakeClock(start)
        self.statistics, self.dead_letters, self.punctuality = Statistics(), Letters(), Hour()
        self.mapping, self.circuits = FakeMapping(), FakeCircuits()
        self.destination = FakeDestination(self.clock)
        self.watcher = Watcher(
            queue=self.statistics,
            dead_letters=self.dead_letters,
            circuits=self.circuits,
            mapping=self.mapping,
            punctuality=self.punctuality,
            destination=self.destination,
            prefix=prefix,
            clock=self.clock,
        )

    def deliver(self, at: datetime, files: int = 3, width: timedelta = MINUTE) -> str:
        """Commit an archive of files that arrived at a time."""
        start = floor(at, width)
        window = Window(start, start + width)
        archive: SealedArchive = (
            archive_of([(f"k{number}", b"x") for number in range(files)], window=window)
            if files
            else seal(window, [], 1)
        )
        key = archive_key(self.prefix, start, width, [str(len(self.destination.objects))])
        self.destination.put(key, archive.chunks, archive.sha256, archive.metadata)
        return key

    def wait_for(self, moment: datetime) -> None:
        """Have the oldest message wait since a moment, among others."""
        self.statistics.queue = QueueDepth(visible=9_000, in_flight=0, delayed=0)
        self.statistics.age_s = (self.clock.now() - moment).total_seconds()

    def poll(self) -> tuple[str | None, float | None]:
        """Look; return the last archive's key and the rate."""
        status = self.watcher.poll()
        assert {} == status.problems
        return status.last_archive.key if status.last_archive else None, status.files_per_second


def unwrapped(status: Status) -> str:
    """Return what a person sees, on one line."""
    return " ".join(text(status).split())


def text(status: Status, *, watching: bool = False) -> str:
    """Return what a person sees."""
    console = Console(width=120)
    with console.capture() as captured:
        console.print(render(status, watching=watching))
    return captured.get()


def test_all_is_well() -> None:
    """Nothing waits, the mapping is on, the last delivery is reported."""
    desk = Desk()
    key = desk.deliver(NOON - MINUTE)
    desk.clock.advance(42)
    status = desk.watcher.poll()

    assert (True, {}) == (status.well, status.problems)
    assert status.last_archive is not None
    assert (key, 3) == (status.last_archive.key, status.last_archive.files)
    assert "0:00:42 ago, 3 files" in text(status)
    assert "unknown (CloudWatch has no figure)" in text(status)


def test_rates_are_since_the_look_before() -> None:
    """Ten seconds, seven files in new archives, and a queue that shrank by twenty."""
    desk = Desk()
    desk.deliver(NOON - MINUTE)
    desk.statistics.queue = QueueDepth(visible=100, in_flight=5, delayed=0)
    first = desk.watcher.poll()
    desk.clock.advance(10)
    newest = [desk.deliver(NOON - MINUTE, files=4), desk.deliver(NOON, files=3)][-1]
    desk.statistics.queue = QueueDepth(visible=70, in_flight=15, delayed=0)
    second = desk.watcher.poll()

    assert (None, None) == (first.files_per_second, first.queue_change_per_second)
    assert (0.7, -2.0) == (second.files_per_second, second.queue_change_per_second)
    assert second.last_archive is not None
    assert newest == second.last_archive.key
    assert "70 waiting, 15 in flight, -2.0/s" in text(second)
    assert ", ? files/s" in text(first, watching=True)
    assert ", 0.7 files/s" in text(second, watching=True)
    assert "files/s" not in text(second)


def test_a_look_that_fails_loses_nothing_from_the_rates() -> None:
    """Whatever of it failed, the next look tells the files and messages since the last one that could."""
    desk = Desk()
    desk.deliver(NOON - MINUTE)
    desk.watcher.poll()
    desk.clock.advance(10)
    for files in (4, 3):
        desk.deliver(NOON, files=files)
    operations: list[str] = []

    def fail_at_the_second_head(operation: str) -> None:
        operations.append(operation)
        if operation == "head" and operations.count("head") == 2:
            raise DestinationError("no way there", DestinationFault.CONNECT)

    desk.destination.hook = fail_at_the_second_head
    desk.statistics.error = QueueError("no queue")
    failed = desk.watcher.poll()
    desk.clock.advance(10)
    desk.statistics.error, desk.statistics.queue = None, QueueDepth(visible=60, in_flight=0, delayed=0)
    found = desk.watcher.poll()

    assert (None, None) == (failed.files_per_second, failed.queue_change_per_second)
    assert {"queue", "oldest_age_seconds", "last_archive"} == failed.problems.keys()
    assert (0.35, 3.0) == (found.files_per_second, found.queue_change_per_second)


@pytest.mark.parametrize(("archives", "rate"), [(NEWEST, NEWEST * 2 / 10), (NEWEST + 1, None)])
def test_more_archives_than_are_counted_give_no_rate(archives: int, rate: float | None) -> None:
    """A rate of some of them would be a wrong one; the newest is reported all the same."""
    desk = Desk()
    desk.deliver(NOON - MINUTE)
    desk.watcher.poll()
    desk.clock.advance(10)
    keys = [desk.deliver(NOON, files=2) for _ in range(archives)]
    status = desk.watcher.poll()

    assert rate == status.files_per_second
    assert status.last_archive is not None
    assert max(keys) == status.last_archive.key


def test_quiet_since_a_while() -> None:
    """The last delivery is found hours and days back, and remembered when nothing new comes."""
    for back in (timedelta(hours=1), timedelta(hours=5), timedelta(hours=11), timedelta(days=6)):
        desk = Desk(prefix="")
        key = desk.deliver(NOON - back)
        looks = [desk.watcher.poll(), desk.watcher.poll()]
        assert [key, key] == [look.last_archive.key for look in looks if look.last_archive]
        assert 0.0 == looks[1].files_per_second


@pytest.mark.parametrize("age_known", [True, False])
def test_a_long_outage_changes_nothing_of_the_last_delivery(age_known: bool) -> None:
    """For four days no archive of that day becomes new, nor later than the last one; requests stay few."""
    desk = Desk(start=NOON - 10 * HOUR)
    delivered = []
    for _ in range(10):
        desk.clock.advance(3600)
        delivered.append(desk.deliver(desk.clock.now()))
    last = delivered[-1]
    assert (last, None) == desk.poll()
    requests: list[str] = []
    desk.destination.hook = requests.append
    for look in range(1, 4 * 24 * 2):
        desk.clock.advance(1800)
        desk.wait_for(NOON)
        desk.statistics.age_s = desk.statistics.age_s if age_known else None
        assert (look, last, 0.0) == (look, *desk.poll())
        assert requests.count("list") <= 10
        assert "head" not in requests
        requests.clear()


def test_a_drain_is_counted_in_windows_of_every_width_and_age() -> None:
    """Days, hours and minutes of the outage, and the day of today: every file counts, and the last one is reported."""
    desk = Desk()
    desk.deliver(NOON - 3 * DAY)
    desk.clock.advance(60)
    desk.wait_for(NOON - 3 * DAY)
    desk.watcher.poll()
    desk.clock.advance(10)
    for files, back, width in [(1, 3 * DAY, DAY), (2, 2 * DAY, HOUR), (3, DAY, MINUTE), (4, 5 * HOUR, HOUR)]:
        desk.deliver(NOON - back, files, width)
    desk.deliver(NOON, 20, DAY)
    desk.deliver(NOON, 30, HOUR)
    desk.deliver(NOON, 40, MINUTE)
    desk.wait_for(NOON - 3 * DAY)
    drained = desk.watcher.poll()
    desk.clock.advance(10)
    last = desk.deliver(NOON - 2 * DAY, 50, DAY)

    assert 10.0 == drained.files_per_second
    assert (last, 5.0) == desk.poll()


def test_a_day_wide_archive_of_a_calm_day_is_seen() -> None:
    """A batch of few files may span more than eight hours though nothing else waits, also around midnight."""
    for now in (NOON, floor(NOON, DAY) + MINUTE):
        desk = Desk(start=now)
        desk.deliver(now)
        desk.watcher.poll()
        desk.clock.advance(10)
        last = [desk.deliver(now - HOUR, 5, DAY), desk.deliver(now, 15, DAY)][-1]
        assert (last, 2.0) == desk.poll()


def test_what_is_listed_for_the_first_time_is_not_new() -> None:
    """CloudWatch tells late how old the backlog is: what was drained before that is no rate of one look."""
    desk = Desk()
    desk.deliver(NOON)
    desk.watcher.poll()
    desk.clock.advance(300)
    drained = [desk.deliver(NOON - 9 * HOUR - number * MINUTE) for number in range(30)]
    desk.wait_for(NOON - 9 * HOUR)
    told = [desk.poll()]
    desk.clock.advance(10)
    desk.deliver(NOON - 9 * HOUR, files=7)
    told.append(desk.poll())

    assert (max(drained), None) == told[0]
    assert 0.7 == told[1][1]


def test_what_was_given_back_is_counted_after_the_drain() -> None:
    """It is no longer in the oldest message's age; for an hour its windows are listed all the same."""
    desk = Desk()
    desk.deliver(NOON - 9 * HOUR)
    desk.wait_for(NOON - 9 * HOUR)
    desk.watcher.poll()
    desk.statistics.age_s, desk.statistics.queue = 0.0, QueueDepth(visible=0, in_flight=0, delayed=0)
    desk.watcher.poll()
    desk.clock.advance(900)
    last = desk.deliver(NOON - 9 * HOUR, files=9)

    assert (last, 0.01) == desk.poll()


def test_a_backlog_of_unknown_age_may_be_days_old() -> None:
    """CloudWatch tells nothing of a queue that was inactive, and an emulator never does."""
    desk = Desk()
    desk.statistics.queue = QueueDepth(visible=9_000, in_flight=0, delayed=0)
    desk.watcher.poll()
    desk.clock.advance(10)
    last = desk.deliver(NOON - 6 * DAY, files=20, width=HOUR)

    assert (last, 2.0) == desk.poll()


def test_more_keys_than_are_listed_give_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the look that stops at them nor by the next one; the archives of this hour are found first."""
    monkeypatch.setattr("windrow.operations.status.MOST_LISTED", 3)
    desk = Desk()
    for _ in range(3):
        desk.deliver(NOON - 9 * HOUR)
    desk.wait_for(NOON - 9 * HOUR)
    desk.watcher.poll()
    desk.clock.advance(10)
    last = desk.deliver(NOON)
    assert (last, None) == desk.poll()
    monkeypatch.undo()
    desk.clock.advance(10)
    assert (last, None) == desk.poll()
    desk.clock.advance(10)
    assert (last, 0.0) == desk.poll()


def test_one_look_tells_what_was_stored_last() -> None:
    """Not what has the newest window: a drain may deliver that first, and a whole day's archive last."""
    for width in (MINUTE, HOUR, DAY):
        for back in (2 * DAY, timedelta(0)):
            desk = Desk()
            desk.deliver(NOON - MINUTE)
            desk.clock.advance(60)
            last = desk.deliver(NOON - back, files=5, width=width)
            desk.clock.advance(1)
            desk.wait_for(NOON - 2 * DAY)
            assert (last, None) == desk.poll()


def test_a_fence_is_no_delivery() -> None:
    """An archive without files is not shown as the last one."""
    desk = Desk()
    key = desk.deliver(NOON - MINUTE)
    desk.deliver(NOON, files=0)
    status = desk.watcher.poll()

    assert status.last_archive is not None
    assert key == status.last_archive.key


def test_nothing_was_ever_delivered() -> None:
    """An empty destination is no problem, and told; the days before are looked at once."""
    desk = Desk()
    status = desk.watcher.poll()
    requests: list[str] = []
    desk.destination.hook = requests.append
    desk.watcher.poll()

    assert (None, {}) == (status.last_archive, status.problems)
    assert "none within 7 days" in text(status)
    assert ["list"] * 3 == requests


def test_each_part_that_is_away_is_told_and_hides_nothing() -> None:
    """Everything fails: every field says why, and the look itself does not fail."""
    desk = Desk()

    def destination_away(_operation: str) -> None:
        raise DestinationError("no way there", DestinationFault.CONNECT)

    def ledger_away(_operation: str) -> None:
        raise LedgerError("no table")

    def mapping_away(_operation: str) -> None:
        raise MappingError("no mapping")

    desk.destination.hook, desk.circuits.hook, desk.mapping.hook = destination_away, ledger_away, mapping_away
    desk.statistics.error = desk.dead_letters.error = QueueError("no queue")
    status = desk.watcher.poll()

    assert {
        "queue": "no queue",
        "oldest_age_seconds": "no queue",
        "circuit": "no table",
        "mapping_enabled": "no mapping",
        "dead_letters": "no queue",
        "last_archive": explained(DestinationError("no way there", DestinationFault.CONNECT)),
    } == status.problems
    assert not status.well
    shown = unwrapped(status)
    assert all(why in shown for why in status.problems.values())
    assert not [name for name in ("oldest_age", "oldest age", "mapping_enabled", "last_archive") if name in shown]
    assert "down: the destination can't be reached: no way there" in shown


def test_a_destination_that_is_down_is_told_with_the_time() -> None:
    """For how long the sentinel has had the circuit open for it; an operator's hand says nothing of the destination."""
    desk = Desk()

    def away(_operation: str) -> None:
        raise DestinationError("no way there", DestinationFault.CONNECT)

    desk.destination.hook = away
    opened = round(desk.clock.now().timestamp()) - 90
    shown = []
    for mode in (Mode.AUTO, Mode.OPEN):
        desk.circuits.circuit = Circuit(mode=mode, opened=True, failures=2, fault="connect", changed_at=opened)
        shown.append(unwrapped(desk.watcher.poll()))

    assert "down (circuit open for 0:01:30): the destination can't be reached" in shown[0]
    assert "down: the destination can't be reached" in shown[1]
    assert all("last delivery unknown, since the destination is down" in each for each in shown)


def test_a_destination_that_answers_is_up() -> None:
    """By this look itself."""
    closed = Desk()
    closed.circuits.circuit = Circuit(changed_at=round(closed.clock.now().timestamp()) - 90)

    assert "up (circuit closed for 0:01:30)" in unwrapped(closed.watcher.poll())
    assert "up" in [line.split()[-1] for line in text(Desk().watcher.poll()).splitlines() if "destination" in line]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ((50, 1), "objective met: 95.00 % within 2 minutes, 99.90 % within 3, of 1,000 files delivered"),
        ((51, 1), "objective missed: 94.90 % within 2 minutes, 99.90 % within 3, of 1,000 files delivered"),
        ((50, 2), "objective missed: 95.00 % within 2 minutes, 99.80 % within 3, of 1,000 files delivered"),
    ],
)
def test_the_objective_of_the_last_hour_is_shown(late: tuple[int, int], expected: str) -> None:
    """By counts of files: one late file in a thousand is just allowed."""
    desk = Desk()
    desk.punctuality.counts = Punctuality(1000, *late)

    assert expected in unwrapped(desk.watcher.poll())


def test_an_objective_that_is_not_known_is_no_miss() -> None:
    """Nothing was delivered, or nobody publishes it: then it says who tells; an error is reported as such."""
    desk = Desk()
    unknown = desk.watcher.poll()
    desk.punctuality.error = MetricsError("no permission")
    refused = desk.watcher.poll()

    assert (True, False) == (unknown.well, refused.well)
    assert "last hour unknown (CloudWatch has no figure; see windrow audit --since 1h)" in unwrapped(unknown)
    assert "last hour unknown: no permission" in unwrapped(refused)


def test_what_is_wrong_is_shown() -> None:
    """An open circuit, a disabled mapping, dead letters and an old message."""
    desk = Desk()
    desk.circuits.circuit = Circuit(opened=True, failures=9, fault="tls")
    desk.mapping.on = False
    desk.dead_letters.count = 7
    desk.statistics.age_s = 7321.4
    status = desk.watcher.poll()
    shown = text(status)

    assert not status.well
    for part in ("open: the destination failed", "(tls), 9 in a row", "disabled", "7: see windrow dlq ls", "2:02:01"):
        assert part in shown


def test_json_has_every_field() -> None:
    """A machine gets all of it, and whether it is well."""
    desk = Desk()
    desk.circuits.circuit = Circuit(mode=Mode.OPEN, opened=True)
    found = report(desk.watcher.poll())

    assert found.keys() == {"ok", *Status.__struct_fields__}
    assert found["ok"] is True


class Looks:
    """Lets so many pauses between two looks pass, then Ctrl-C."""

    def __init__(self, count: int) -> None:
        self.left = count

    def sleep(self, _seconds: float) -> None:
        """Pass at once, or interrupt."""
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk that the command looks at."""
    desk = Desk()
    monkeypatch.setattr("windrow.settings.load", lambda *_args, **_options: None)
    monkeypatch.setattr("windrow.bootstrap.watcher", lambda _settings: desk.watcher)
    monkeypatch.setattr("windrow.cli.status.time.sleep", Looks(2).sleep)
    return desk


@pytest.mark.usefixtures("desk")
def test_watching_for_machines_prints_an_object_a_look(capsys: pytest.CaptureFixture[str]) -> None:
    """Until Ctrl-C, which is no error."""
    assert 0 == run(["status", "--watch", "--json"])
    assert [True] * 3 == [json.loads(line)["ok"] for line in capsys.readouterr().out.splitlines()]


def test_watching_for_people_keeps_what_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen of its own on a terminal; who comes back to it reads what happened, and keeps the last look."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = Screen(width=100)
    monkeypatch.setattr(status_command, "out", console)
    monkeypatch.setattr("windrow.cli.watch.out", console)
    steps: Iterator[Callable[[], None]] = iter(
        [lambda: setattr(desk.dead_letters, "count", 2), lambda: setattr(desk.mapping, "on", False)]
    )

    def sleep(_seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()
        desk.clock.advance(5)

    monkeypatch.setattr("windrow.cli.watch.time.sleep", sleep)
    with console.capture() as captured:
        assert 0 == run(["status", "--watch"])
    page, left = captured.get().rsplit("\x1b[?1049l", 1)

    assert "\x1b[?1049h" in page
    assert "every 5 s; Ctrl-C ends" in page
    assert "closed: the sentinel watches" in left
    assert [
        "2026-11-23 12:03:30  mapping: on, now off",
        "2026-11-23 12:03:25  dead letters: 0, now 2",
    ] == [line.strip() for line in left.splitlines() if ", now " in line]


@pytest.mark.usefixtures("desk")
def test_watching_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Into a pipe, people's tables make no sense."""
    assert 2 == run(["status", "--watch"])
    assert "--json" in capsys.readouterr().err


def test_a_look_that_is_not_well_exits_with_1(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts see that dead letters wait."""
    desk.dead_letters.count = 1
    assert 1 == run(["status"])
    assert "1: see windrow dlq ls" in capsys.readouterr().out
