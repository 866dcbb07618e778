"""How things stand, on fakes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from tests.archives import archive_of
from windrow.cli import status as status_command
from windrow.cli.root import run
from windrow.cli.status import render, report
from windrow.core.archive.writer import SealedArchive, seal
from windrow.core.circuit import Circuit, Mode
from windrow.core.errors import DestinationError, DestinationFault, LedgerError, MappingError, QueueError
from windrow.core.manifest import Window
from windrow.core.planning import MINUTE, archive_key, floor
from windrow.ports import QueueDepth
from windrow.status import NEWEST, Status, Watcher
from windrow.testing import FakeCircuits, FakeClock, FakeDestination, FakeMapping

NOON = datetime(2026, 11, 23, 12, 3, 20, tzinfo=UTC)


@dataclass
class Gauge:
    """A queue's gauge."""

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


class Desk:
    """Everything that a watcher looks at, at noon."""

    def __init__(self, prefix: str = "in") -> None:
        self.prefix = prefix
        self.clock = FakeClock(NOON)
        self.gauge, self.letters = Gauge(), Letters()
        self.mapping, self.circuits = FakeMapping(), FakeCircuits()
        self.destination = FakeDestination(self.clock)
        self.watcher = Watcher(
            queue=self.gauge,
            dead_letters=self.letters,
            circuits=self.circuits,
            mapping=self.mapping,
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


def text(status: Status) -> str:
    """Return what a person sees."""
    console = Console(width=120)
    with console.capture() as captured:
        console.print(render(status))
    return captured.get()


def test_all_is_well() -> None:
    """Nothing waits, the mapping is on, the last delivery is told."""
    desk = Desk()
    key = desk.deliver(NOON - MINUTE)
    desk.clock.advance(42)
    status = desk.watcher.look()

    assert (True, {}) == (status.well, status.problems)
    assert status.last_archive is not None
    assert (key, 3) == (status.last_archive.key, status.last_archive.files)
    assert "0:00:42 ago, 3 files" in text(status)
    assert "unknown (CloudWatch has no figure)" in text(status)


def test_rates_are_since_the_look_before() -> None:
    """Ten seconds, seven files in new archives, and a queue that shrank by twenty."""
    desk = Desk()
    desk.deliver(NOON - MINUTE)
    desk.gauge.queue = QueueDepth(visible=100, in_flight=5, delayed=0)
    first = desk.watcher.look()
    desk.clock.advance(10)
    newest = [desk.deliver(NOON - MINUTE, files=4), desk.deliver(NOON, files=3)][-1]
    desk.gauge.queue = QueueDepth(visible=70, in_flight=15, delayed=0)
    second = desk.watcher.look()

    assert (None, None) == (first.files_per_second, first.queue_change_per_second)
    assert (0.7, -2.0) == (second.files_per_second, second.queue_change_per_second)
    assert second.last_archive is not None
    assert newest == second.last_archive.key
    assert "70 waiting, 15 in flight, -2.0/s" in text(second)


def test_a_look_that_fails_loses_nothing_from_the_rates() -> None:
    """Whatever of it failed, the next look tells the files and messages since the last one that could."""
    desk = Desk()
    desk.deliver(NOON - MINUTE)
    desk.watcher.look()
    desk.clock.advance(10)
    for files in (4, 3):
        desk.deliver(NOON, files=files)
    operations: list[str] = []

    def fail_at_the_second_head(operation: str) -> None:
        operations.append(operation)
        if operation == "head" and operations.count("head") == 2:
            raise DestinationError("no way there", DestinationFault.CONNECT)

    desk.destination.hook = fail_at_the_second_head
    desk.gauge.error = QueueError("no queue")
    failed = desk.watcher.look()
    desk.clock.advance(10)
    desk.gauge.error, desk.gauge.queue = None, QueueDepth(visible=60, in_flight=0, delayed=0)
    found = desk.watcher.look()

    assert (None, None) == (failed.files_per_second, failed.queue_change_per_second)
    assert {"queue", "oldest_age_seconds", "last_archive"} == failed.problems.keys()
    assert (0.35, 3.0) == (found.files_per_second, found.queue_change_per_second)


@pytest.mark.parametrize(("archives", "rate"), [(NEWEST, NEWEST * 2 / 10), (NEWEST + 1, None)])
def test_more_archives_than_are_counted_give_no_rate(archives: int, rate: float | None) -> None:
    """A rate of some of them would be a wrong one; the newest is told all the same."""
    desk = Desk()
    desk.deliver(NOON - MINUTE)
    desk.watcher.look()
    desk.clock.advance(10)
    keys = [desk.deliver(NOON, files=2) for _ in range(archives)]
    status = desk.watcher.look()

    assert rate == status.files_per_second
    assert status.last_archive is not None
    assert max(keys) == status.last_archive.key


def test_quiet_since_a_while() -> None:
    """The last delivery is found hours and days back, and remembered when nothing new comes."""
    for back in (timedelta(hours=1), timedelta(hours=5), timedelta(hours=11), timedelta(days=6)):
        desk = Desk(prefix="")
        key = desk.deliver(NOON - back)
        looks = [desk.watcher.look(), desk.watcher.look()]
        assert [key, key] == [look.last_archive.key for look in looks if look.last_archive]
        assert 0.0 == looks[1].files_per_second


def test_a_fence_is_no_delivery() -> None:
    """An archive without files is not shown as the last one."""
    desk = Desk()
    key = desk.deliver(NOON - MINUTE)
    desk.deliver(NOON, files=0)
    status = desk.watcher.look()

    assert status.last_archive is not None
    assert key == status.last_archive.key


def test_nothing_was_ever_delivered() -> None:
    """An empty destination is no problem, and told."""
    status = Desk().watcher.look()

    assert (None, {}) == (status.last_archive, status.problems)
    assert "none within 7 days" in text(status)


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
    desk.gauge.error = desk.letters.error = QueueError("no queue")
    status = desk.watcher.look()

    assert {
        "queue": "no queue",
        "oldest_age_seconds": "no queue",
        "circuit": "no table",
        "mapping_enabled": "no mapping",
        "dead_letters": "no queue",
        "last_archive": "no way there",
    } == status.problems
    assert not status.well
    assert all(why in text(status) for why in status.problems.values())


def test_what_is_wrong_is_shown() -> None:
    """An open circuit, a disabled mapping, dead letters and an old message."""
    desk = Desk()
    desk.circuits.circuit = Circuit(opened=True, failures=9, fault="tls")
    desk.mapping.on = False
    desk.letters.count = 7
    desk.gauge.age_s = 7321.4
    status = desk.watcher.look()
    shown = text(status)

    assert not status.well
    for part in ("open: the destination failed", "(tls), 9 in a row", "disabled", "7: see windrow dlq ls", "2:02:01"):
        assert part in shown


def test_json_has_every_field() -> None:
    """A machine gets all of it, and whether it is well."""
    desk = Desk()
    desk.circuits.circuit = Circuit(mode=Mode.OPEN, opened=True)
    found = report(desk.watcher.look())

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


@pytest.mark.usefixtures("desk")
def test_watching_for_people_redraws_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal each look replaces the one before."""
    console = Console(force_terminal=True, width=100, height=30, highlight=False)
    monkeypatch.setattr(status_command, "out", console)
    with console.capture() as captured:
        assert 0 == run(["status", "--watch"])

    assert "\x1b[1A" in captured.get()
    assert "closed: the sentinel watches" in captured.get()


@pytest.mark.usefixtures("desk")
def test_watching_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Into a pipe, people's tables make no sense."""
    assert 2 == run(["status", "--watch"])
    assert "--json" in capsys.readouterr().err


def test_a_look_that_is_not_well_exits_with_1(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts see that dead letters wait."""
    desk.letters.count = 1
    assert 1 == run(["status"])
    assert "1: see windrow dlq ls" in capsys.readouterr().out
