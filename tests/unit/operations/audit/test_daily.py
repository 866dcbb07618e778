"""The audit that runs by itself: what it judges, what it publishes, and what it writes beside the archives."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.unit.operations.audit.test_auditor import GRACE, Scene, source
from windrow.core.completeness import Mark
from windrow.core.errors import DestinationError, DestinationFault, InventoryError, LandingError
from windrow.core.events import SourceObject
from windrow.core.keys import is_internal, mark_folder, statement_key, statement_of, window_of
from windrow.core.manifest import Window
from windrow.core.metric import Metric
from windrow.core.windows import DAY, HOUR, MINUTE, floor
from windrow.operations.audit import ArchiveReader, Auditor, Marker
from windrow.operations.audit.daily import STALE, DailyAudit, summary
from windrow.operations.audit.inventory import Inventory
from windrow.operations.audit.late import LateFiles
from windrow.operations.audit.statement import Statement, Statements
from windrow.testing import FakeClock, FakeDestination, FakeMetrics

if TYPE_CHECKING:
    from typing_extensions import Buffer

MIDNIGHT = datetime.fromisoformat("2026-11-23T00:00:00Z")
"""The end of the first day that is judged."""
NOON = MIDNIGHT - 12 * HOUR


@dataclass
class Shelf:
    """A destination that is told of what type its objects are."""

    destination: FakeDestination
    types: dict[str, str] = field(default_factory=dict)

    def put(
        self, key: str, chunks: Sequence[Buffer], sha256: bytes, metadata: Mapping[str, str], content_type: str
    ) -> bool:
        """Store an object."""
        self.types[key] = content_type
        return self.destination.put(key, chunks, sha256, metadata)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List objects."""
        return self.destination.list(prefix)


@dataclass
class Days:
    """A scene that is audited day by day, at three in the morning."""

    scene: Scene = field(default_factory=lambda: Scene(clock=FakeClock(MIDNIGHT + 3 * HOUR)))
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    inventories: list[Inventory] = field(default_factory=list)
    shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.scene.destination)

    def opened(self) -> tuple[Auditor, Sequence[Inventory]]:
        """Return the scene's auditor, and inventories that tell what its listings do."""
        scene = self.scene
        auditor = Auditor(
            index=scene.index,
            ledger=scene.ledger,
            archives=ArchiveReader(scene.destination, scene.prefix),
            buckets=scene.buckets,
            clock=scene.clock,
            listed_at=min((each.created_at for each in self.inventories), default=None),
        )
        return auditor, self.inventories

    def audit(self) -> tuple[str, Statement] | None:
        """Run the audit once."""
        target = self.scene.destination
        archives = ArchiveReader(target, self.scene.prefix)
        return DailyAudit(
            self.opened,
            Statements(self.shelf, self.scene.prefix),
            Marker(target, self.scene.prefix),
            LateFiles(target, archives, self.scene.buckets),
            self.metrics,
            self.scene.clock,
            timedelta(days=7),
        ).run()

    def judged(self) -> Statement:
        """Run the audit once, and return what it wrote."""
        told = self.audit()
        assert told is not None
        written = self.written(told[0])
        assert msgspec.json.decode(written, type=Statement) == told[1]
        return told[1]

    def written(self, key: str) -> bytes:
        """Return what is at the destination."""
        return bytes(self.scene.destination.objects[key][1])

    def pass_days(self, days: float = 1) -> None:
        """Let time pass."""
        self.scene.clock.advance(days * 86_400)

    def inventory_of(self, created_at: datetime) -> None:
        """Have S3 finish an inventory."""
        self.inventories = [Inventory(f"s3://i/{created_at:%d}/manifest.json", "landing", created_at, (), ())]


@pytest.fixture
def days() -> Days:
    """A day with two files that were delivered."""
    days = Days()
    files = [source("a", at=NOON), source("b", at=NOON + MINUTE)]
    days.scene.land(*files)
    days.scene.deliver(*files)
    return days


def span(statement: Statement) -> tuple[datetime, datetime]:
    """Return what was judged."""
    return statement.report.start, statement.report.end


def test_a_day_is_judged_and_a_statement_written_beside_the_archives(days: Days) -> None:
    """As JSON and as a page, in a folder that consumers skip and no audit takes for archives."""
    told = days.audit()
    assert told is not None
    key, statement = told
    page = days.written(key.removesuffix("json") + "html").decode()

    assert ((MIDNIGHT - DAY, MIDNIGHT), 2, True) == (span(statement), statement.report.delivered, statement.report.ok)
    assert "in/.windrow-statements/2026/11/22/20261122T000000Z-20261123T000000Z.20261123T030000Z.json" == key
    assert (True, None) == (is_internal(key), window_of(key))
    assert ["text/html; charset=utf-8", "application/json"] == list(days.shelf.types.values())
    assert statement_of(key) is not None
    assert "Every file that arrived was delivered exactly once" in page
    assert "Deliveries of 22 November 2026" in page
    assert 0 == days.scene.audit(MIDNIGHT - DAY, MIDNIGHT).foreign_objects


def test_its_metrics_are_of_all_files_that_arrived(days: Days) -> None:
    """One that was not delivered counts as late; one that is there twice is counted."""
    days.scene.land(source("lost", at=NOON), *(source(f"late{number}", at=NOON) for number in range(7)))
    days.scene.deliver(*(source(f"late{number}", at=NOON) for number in range(7)), after=timedelta(seconds=150))
    days.scene.deliver(source("a", at=NOON))
    days.judged()

    assert {Metric.FILES_MISSING: 1, Metric.FILES_DUPLICATED: 1} == days.metrics.counts
    assert {Metric.SHARE_WITHIN_2_MINUTES: [20.0], Metric.SHARE_WITHIN_3_MINUTES: [90.0]} == days.metrics.latencies
    assert 1 == days.metrics.flushes


def test_a_quiet_day_is_stated_and_has_no_shares() -> None:
    """That nothing was judged is in the statement; no alarm goes by a share of nothing."""
    days = Days()
    statement = days.judged()

    assert (0, False) == (statement.report.judged, statement.report.ok)
    assert {Metric.FILES_MISSING: 0, Metric.FILES_DUPLICATED: 0} == dict(days.metrics.counts)
    assert {} == days.metrics.latencies


def test_each_statement_begins_where_the_last_one_ended(days: Days) -> None:
    """A day that was left out is made up for, two at once; what was judged is not judged again."""
    first = days.judged()
    assert days.audit() is None
    days.pass_days(3)
    second, third = days.judged(), days.judged()

    assert (MIDNIGHT, MIDNIGHT + 2 * DAY) == span(second)
    assert (MIDNIGHT + 2 * DAY, MIDNIGHT + 3 * DAY) == span(third)
    assert days.audit() is None
    assert span(first)[1] == span(second)[0]


def test_a_statement_about_the_future_is_passed_over(days: Days) -> None:
    """Somebody's, or of a clock that was wrong: it would keep the audit from judging what is before it."""
    future = Window(MIDNIGHT, MIDNIGHT + 30 * DAY)
    days.scene.destination.put(statement_key("in", future, MIDNIGHT, "json"), [b"x"], sha256(b"x").digest(), {})

    assert (MIDNIGHT - DAY, MIDNIGHT) == span(days.judged())


def test_what_has_left_the_landing_bucket_is_not_judged(days: Days) -> None:
    """After an outage of the audit that lasted longer than raw files stay."""
    days.judged()
    days.pass_days(7.5)

    assert (MIDNIGHT + 16 * HOUR, MIDNIGHT + 2 * DAY + 16 * HOUR) == span(days.judged())


@pytest.mark.parametrize(("begun", "until"), [(1.0, 0), (0.0, -1), (1.5, 0), (2.99, 1)])
def test_inventories_are_judged_as_far_as_they_tell(days: Days, begun: float, until: int) -> None:
    """To a whole hour, one hour or more before they were begun."""
    days.inventory_of(MIDNIGHT + begun * HOUR)
    statement = days.judged()

    assert (MIDNIGHT + (until - 24) * HOUR, MIDNIGHT + until * HOUR) == span(statement)
    assert ["s3://i/23/manifest.json"] == [each.manifest for each in statement.inventories]
    assert days.audit() is None


def test_an_inventory_that_has_no_successor_is_an_error(days: Days) -> None:
    """Not at once, since S3 promises no hour; after two days nobody would notice by themselves."""
    days.inventory_of(MIDNIGHT + HOUR)
    days.judged()
    days.scene.clock.advance((MIDNIGHT + STALE - days.scene.clock.now()).total_seconds())
    assert days.audit() is None
    days.scene.clock.advance(1)

    with pytest.raises(InventoryError, match=r"newest inventory of landing is s3://i/23/manifest\.json, begun at"):
        days.audit()


def test_what_can_not_be_read_is_an_error_and_no_statement(days: Days) -> None:
    """Half an audit proves nothing; the next run begins at the same place."""

    def refuse(_method: str) -> None:
        raise LandingError("s3://i/0.csv.gz is not the list that its manifest names")

    days.scene.index.hook = refuse
    with pytest.raises(LandingError, match="is not the list"):
        days.audit()
    days.scene.index.hook = lambda _method: None

    assert not days.metrics.counts
    assert (MIDNIGHT - DAY, MIDNIGHT) == span(days.judged())


def test_alarms_do_not_wait_for_the_destination(days: Days) -> None:
    """What was found is published, even if the statement can't be written."""
    days.scene.land(source("lost", at=NOON))

    def refuse(method: str, *_arguments: object) -> None:
        if method == "put" and days.metrics.counts:
            raise DestinationError("away", DestinationFault.CONNECT)

    days.scene.destination.hook = refuse
    with pytest.raises(DestinationError):
        days.audit()

    assert 1 == days.metrics.counts[Metric.FILES_MISSING]


def marked(days: Days) -> list[dict[str, Any]]:
    """Return the marks of the day."""
    folder = mark_folder(days.scene.prefix, MIDNIGHT - DAY)
    return [json.loads(days.written(key)) for key in days.scene.destination.objects if key.startswith(folder)]


def test_complete_minutes_are_marked(days: Days) -> None:
    """All but that of the missing file; by an inventory the mark says when S3 began it."""
    days.scene.land(source("lost", at=NOON + HOUR))
    days.inventory_of(MIDNIGHT + HOUR)
    statement = days.judged()
    hole = floor(NOON + HOUR, MINUTE)

    assert [(MIDNIGHT - DAY, hole), (hole + MINUTE, MIDNIGHT)] == [(each.start, each.end) for each in statement.marked]
    assert ["2026-11-23T01:00:00Z"] * 2 == [each["listed_at"] for each in marked(days)]


def late_file(days: Days, *files: SourceObject) -> str:
    """Land files of the day that was judged and deliver them now; return their archive's key."""
    days.scene.land(*files)
    return days.scene.deliver(*files, after=days.scene.clock.now() + MINUTE - files[0].event_time)


def test_what_came_late_is_named_in_the_next_statement(days: Days) -> None:
    """Whatever minute it arrived in; by its archive, once."""
    first = days.judged()
    key = late_file(days, source("late", at=NOON + HOUR), source("later", at=NOON + HOUR + timedelta(seconds=9)))
    days.pass_days()
    second = days.judged()
    days.pass_days()
    third = days.judged()

    assert [(key, 2, NOON + HOUR, NOON + HOUR + timedelta(seconds=9))] == [
        (each.key, each.files, each.first, each.last) for each in second.late
    ]
    assert ((0, 0), (1, 2), (0, 0)) == (
        (first.late_archives, first.late_files),
        (second.late_archives, second.late_files),
        (third.late_archives, third.late_files),
    )


def test_what_was_not_marked_does_not_come_late(days: Days) -> None:
    """The minute of a missing file has no mark: when the file comes, nobody had relied on it."""
    days.scene.land(source("lost", at=NOON + HOUR))
    days.judged()
    days.scene.deliver(source("lost", at=NOON + HOUR), after=20 * HOUR)
    days.pass_days()

    assert [] == days.judged().late


def test_what_came_late_is_named_even_if_its_minutes_were_marked_again(days: Days) -> None:
    """By an audit by hand, whose mark names it: who goes by statements has not read that mark."""
    days.judged()
    key = late_file(days, source("late", at=NOON + HOUR))
    days.pass_days(0.5)
    marker = Marker(days.scene.destination, days.scene.prefix)
    days.scene.auditor().judge(NOON, NOON + 2 * HOUR, grace=GRACE, retention=7 * DAY, mark=marker.write)
    days.pass_days(0.5)

    assert [key] == [each.key for each in days.judged().late]


def test_what_was_there_before_the_mark_does_not_come_late(days: Days) -> None:
    """Whatever a mark names or not."""
    days.scene.land(source("lost", at=NOON + HOUR))
    days.judged()
    days.scene.deliver(source("lost", at=NOON + HOUR), after=20 * HOUR)
    days.pass_days(0.5)
    minute = floor(NOON + HOUR, MINUTE)
    Marker(days.scene.destination, "in").write(Mark(minute, minute + MINUTE, days.scene.clock.now(), 0, {}))
    days.pass_days(0.5)

    assert [] == days.judged().late


def test_files_of_other_buckets_and_tombstones_do_not_come_late(days: Days) -> None:
    """Marks are of this stack's landing buckets."""
    days.judged()
    late_file(days, msgspec.structs.replace(source("of another", at=NOON + HOUR), bucket="others"))
    days.scene.deliver(window_at=NOON + HOUR, after=20 * HOUR)
    days.pass_days()

    assert [] == days.judged().late


def test_what_is_no_mark_marks_nothing(days: Days) -> None:
    """Whatever somebody put into the folder, and an archive that is broken: the rest is reported all the same."""
    days.judged()
    folder = mark_folder(days.scene.prefix, MIDNIGHT - DAY)
    (mark,) = [key for key in days.scene.destination.objects if key.startswith(folder)]
    for name, body in ((f"{folder}note.txt", b"x"), (mark.replace("T030000Z.json", "T030001Z.json"), b"{")):
        days.scene.destination.put(name, [body], sha256(body).digest(), {})
    key = late_file(days, source("late", at=NOON + HOUR))
    broken = late_file(days, source("broken", at=NOON + 2 * HOUR))
    stored, body = days.scene.destination.objects[broken]
    days.scene.destination.objects[broken] = stored, bytes(200) + body[200:]
    days.pass_days()

    assert [key] == [each.key for each in days.judged().late]


def test_the_summary_says_what_a_log_is_read_for(days: Days) -> None:
    """And is plain data, which Lambda must be able to write down."""
    told = summary(days.audit())

    assert (2, 0, True, 0) == (told["judged"], told["missing"], told["ok"], told["late_files"])
    assert json.loads(json.dumps(told)) == told
    assert {"judged": None} == summary(days.audit())
