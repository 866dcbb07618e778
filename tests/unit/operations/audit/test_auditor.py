"""The audit on fakes: every finding caused, everything that is none left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.errors import DestinationError, DestinationFault, LandingError, LedgerError
from windrow.core.events import REPLAYED, SourceObject
from windrow.core.keys import archive_key, quarantine_key
from windrow.core.ledger import ArchiveRecord, ArchiveState
from windrow.core.manifest import Window
from windrow.core.naming import safe_names
from windrow.core.windows import HOUR, MINUTE, floor
from windrow.operations.audit import ArchiveReader, Auditor, AuditReport, Coverage
from windrow.ports import ListedVersion
from windrow.testing import FakeClock, FakeDestination, FakeLandingIndex, FakeLedger, FakeMetrics

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
END = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
INSIDE = datetime(2026, 11, 23, 10, 7, 30, tzinfo=UTC)
GRACE = timedelta(minutes=5)
WEEK = timedelta(days=7)
FINDINGS = ("pending", "missing", "duplicated", "orphaned", "expired", "replaced", "broken", "unrecorded")


def source(key: str, *, at: datetime = INSIDE, version_id: str | None = "v1", sequencer: str = "01") -> SourceObject:
    """Return an object that arrived at a time."""
    return SourceObject("landing", key, version_id, "0f343b09", sequencer, 1, at)


def sealed(sources: Sequence[SourceObject], window: Window) -> SealedArchive:
    """Return an archive of one-byte files."""
    items = [(name, each, b"x") for name, each in zip(safe_names(sources), sources, strict=True)]
    return seal(window, [build_frame(items, 1)] if items else [], 1)


@dataclass
class Scene:
    """Landing, ledger and destination at noon, an hour after the range that is audited."""

    prefix: str = "in"
    clock: FakeClock = field(default_factory=lambda: FakeClock(END + timedelta(hours=1)))
    index: FakeLandingIndex = field(default_factory=FakeLandingIndex)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    buckets: set[str] = field(default_factory=lambda: {"landing"})
    destination: FakeDestination = field(init=False)

    def __post_init__(self) -> None:
        self.destination = FakeDestination(self.clock)

    def land(self, *sources: SourceObject) -> None:
        """List objects in the landing bucket."""
        for each in sources:
            self.index.listed.append(
                ListedVersion(each.bucket, each.key, each.version_id, each.etag, each.size, each.event_time)
            )

    def deliver(
        self,
        *sources: SourceObject,
        after: timedelta = timedelta(seconds=70),
        recorded: bool = True,
        width: timedelta = MINUTE,
        window_at: datetime = INSIDE,
    ) -> str:
        """Commit an archive of objects so long after the first of them arrived; return its key."""
        moment = sources[0].event_time if sources else window_at
        start = floor(moment, width)
        archive = sealed(sources, Window(start, start + width))
        key = archive_key(self.prefix, start, width, [str(len(self.destination.objects)), *map(str, sources)])
        self.destination.put(key, archive.chunks, archive.sha256, archive.metadata)
        stored, body = self.destination.objects[key]
        self.destination.objects[key] = msgspec.structs.replace(stored, last_modified=moment + after), body
        if recorded:
            self.ledger.record(ArchiveRecord(key, "o", ArchiveState.COMMITTED, 1, 2**40))
        return key

    def auditor(self) -> Auditor:
        """Return an auditor of the scene."""
        archives = ArchiveReader(self.destination, self.prefix)
        return Auditor(index=self.index, ledger=self.ledger, archives=archives, buckets=self.buckets, clock=self.clock)

    def audit(self, start: datetime = START, end: datetime = END, prefix: str = "") -> AuditReport:
        """Audit the hour."""
        return self.auditor().judge(start, end, grace=GRACE, retention=WEEK, prefix=prefix).report


def findings(report: AuditReport) -> dict[str, int]:
    """Return what was found, without the zeros."""
    return {name: getattr(report, name) for name in FINDINGS if getattr(report, name)}


@pytest.mark.parametrize("prefix", ["in", "", "a/b"])
def test_all_is_well(prefix: str) -> None:
    """Everything that landed is in one archive each: nothing is found."""
    scene = Scene(prefix)
    files = [source(f"k{number}") for number in range(5)]
    scene.land(*files)
    scene.deliver(*files[:3])
    scene.deliver(*files[3:])
    report = scene.audit()

    assert ({}, True) == (findings(report), report.ok)
    assert (5, 5, 2) == (report.landed, report.delivered, report.archives)
    assert all(examples == [] for examples in report.examples.values())


def test_missing_files_are_named_oldest_first() -> None:
    """What no archive lists after the grace is missing; an older version of a delivered key too."""
    scene = Scene()
    older = source("k", at=INSIDE, version_id="v1")
    newer = source("k", at=INSIDE + timedelta(seconds=9), version_id="v2")
    lost = source("lost", at=INSIDE - timedelta(seconds=9))
    scene.land(older, newer, lost)
    scene.deliver(newer)
    report = scene.audit()

    assert ({"missing": 2}, False) == (findings(report), report.ok)
    assert [("landing/lost", "version v1"), ("landing/k", "version v1")] == [
        (found.what, found.detail) for found in report.examples["missing"]
    ]
    assert ["lost", "k"] == [each.key for each in scene.auditor().missing(START, END, grace=GRACE)]
    assert ["k"] == [each.key for each in scene.auditor().missing(START, END, grace=GRACE, prefix="k")]


def test_young_files_are_pending() -> None:
    """A file younger than the grace may be under way: that is no finding, and not judged."""
    scene = Scene(clock=FakeClock(INSIDE + GRACE - timedelta(seconds=1)))
    scene.land(source("k"), source("delivered"))
    scene.deliver(source("delivered"))
    report = scene.audit()
    missing = scene.auditor().missing(START, END, grace=GRACE)

    assert ({"pending": 1}, 1, True) == (findings(report), report.judged, report.ok)
    assert ([], 1, 1) == (list(missing), missing.coverage.pending, missing.coverage.judged)


def test_an_audit_that_judged_nothing_is_not_ok() -> None:
    """All files may be too young, outside the range, of other keys, or there is none at all."""
    young = Scene(clock=FakeClock(INSIDE + timedelta(seconds=9)))
    young.land(source("k"))
    elsewhere = Scene()
    elsewhere.land(source("k"))
    elsewhere.deliver(source("k"), source("m"))
    reports = [
        young.audit(),
        elsewhere.audit(start=END, end=END + HOUR),
        elsewhere.audit(prefix="typo/"),
        Scene().audit(),
    ]

    assert [(0, False)] * 4 == [(report.judged, report.ok) for report in reports]
    assert [(1, 0, 0), (0, 1, 0), (0, 0, 2), (0, 0, 0)] == [
        (report.pending, report.outside, report.elsewhere) for report in reports
    ]


def test_what_a_search_for_missing_files_did_not_judge_is_counted() -> None:
    """As in an audit, once it has been iterated over."""
    scene = Scene()
    scene.land(source("a/lost"), source("a/there"), source("a/before", at=START - MINUTE), source("b"))
    scene.deliver(source("a/there"), source("b"))
    missing = scene.auditor().missing(START, END, grace=GRACE, prefix="a/")

    assert ["a/lost"] == [each.key for each in missing]
    assert Coverage(judged=2, landed=2, pending=0, outside=1, elsewhere=1) == missing.coverage


def test_a_listing_counts_what_is_outside_of_its_range() -> None:
    """An empty replay can then say that the prefix is right and the range is not."""
    scene = Scene()
    scene.land(source("a"), source("b", at=END), source("c", at=START - MINUTE))
    listing = scene.auditor().listed(START, END)

    assert (["a"], 1, 2) == ([each.key for each in listing], listing.inside, listing.outside)


def test_files_of_other_buckets_are_counted_and_not_judged() -> None:
    """Another stack delivers to the same place: its files are not orphaned, since nobody has looked for them."""
    scene = Scene()
    scene.land(source("k"))
    scene.deliver(source("k"), msgspec.structs.replace(source("of another"), bucket="others"))
    report = scene.audit()

    assert ({}, 1, 1, True) == (findings(report), report.judged, report.foreign_files, report.ok)


def test_a_file_in_two_archives_is_duplicated() -> None:
    """The finding names both archives; the file counts as delivered once."""
    scene = Scene()
    scene.land(source("k"), source("other"))
    keys = [scene.deliver(source("k")), scene.deliver(source("k"), source("other"))]
    report = scene.audit()

    assert ({"duplicated": 1}, False, 2) == (findings(report), report.ok, report.delivered)
    (found,) = report.examples["duplicated"]
    assert ("landing/k", sorted(keys)) == (found.what, sorted(found.detail.split()))


def test_two_versions_of_a_key_are_two_files() -> None:
    """Both are delivered: none is a duplicate."""
    scene = Scene()
    files = [source("k", version_id="v1"), source("k", version_id="v2")]
    scene.land(*files)
    scene.deliver(*files)

    assert {} == findings(scene.audit())


def test_same_content_twice_without_versions_is_no_duplicate() -> None:
    """The bucket shows the last upload only; the sequencer tells the two apart in the archives."""
    scene = Scene()
    first, second = source("k", version_id=None, sequencer="01"), source("k", version_id=None, sequencer="02")
    scene.land(second)
    scene.deliver(first, second)
    report = scene.audit()

    assert ({}, 1, 2) == (findings(report), report.landed, report.delivered)


def unversioned(sequencer: str, after: timedelta = timedelta(0)) -> SourceObject:
    """Return an upload of one key and one content; what a replay queues has no sequencer."""
    return source("k", version_id=None, sequencer=sequencer, at=INSIDE + after)


@pytest.mark.parametrize("upload_took", [timedelta(seconds=-2), timedelta(0), timedelta(minutes=20)])
def test_an_unversioned_object_delivered_by_replay_and_by_its_own_event_is_duplicated(upload_took: timedelta) -> None:
    """The two have different ids; that the bucket still shows the very upload that was replayed tells they are one."""
    scene = Scene()
    scene.land(unversioned("01"))
    keys = [scene.deliver(unversioned("")), scene.deliver(unversioned("01", upload_took))]
    report = scene.audit()

    assert ({"duplicated": 1}, False, 1) == (findings(report), report.ok, report.delivered)
    (found,) = report.examples["duplicated"]
    assert ("landing/k", sorted(keys)) == (found.what, sorted(found.detail.split()))


def test_an_unversioned_object_uploaded_again_after_a_replay_is_no_duplicate() -> None:
    """The bucket shows a later upload of the same content: both are files of their own."""
    scene = Scene()
    scene.land(unversioned("02", timedelta(minutes=9)))
    scene.deliver(unversioned(""), unversioned("02", timedelta(minutes=9)))

    assert ({}, 2) == (findings(scene.audit()), scene.audit().delivered)


def test_an_earlier_upload_of_what_was_replayed_is_no_duplicate() -> None:
    """The same content was there before, delivered, and uploaded anew, which a replay delivered."""
    scene = Scene()
    scene.land(unversioned("02"))
    scene.deliver(unversioned("01", timedelta(minutes=-6)), unversioned(""))

    assert ({}, 2) == (findings(scene.audit()), scene.audit().delivered)


def test_a_prefix_leaves_everything_else_out() -> None:
    """Of listing and archives only the keys under it are compared; no other is listed."""
    scene = Scene()
    listed: list[str] = []
    scene.index.hook = listed.append
    files = [source(f"{party}/{number}") for party in "ab" for number in range(3)]
    scene.land(*files[:2], *files[3:], source("b/lost"))
    mixed = scene.deliver(*files)
    scene.deliver(files[4])
    scene.deliver(source("c/stray"), recorded=False)
    of_a, of_b, of_c = (scene.audit(prefix=prefix) for prefix in ("a/", "b/", "c/"))

    assert ({"orphaned": 1}, 2, 3, 1) == (findings(of_a), of_a.landed, of_a.delivered, of_a.archives)
    assert ({"missing": 1, "duplicated": 1}, 4, 3, 2) == (findings(of_b), of_b.landed, of_b.delivered, of_b.archives)
    assert {"orphaned": 1, "unrecorded": 1} == findings(of_c)
    assert [("landing/a/2", mixed)] == [(found.what, found.detail) for found in of_a.examples["orphaned"]]
    assert ["versions"] * 3 == listed
    assert ("a/", "") == (of_a.prefix, scene.audit().prefix)


def test_overwritten_without_versions_is_replaced() -> None:
    """An unversioned bucket forgets what was overwritten: no finding, but told."""
    scene = Scene()
    old = source("k", version_id=None)
    new = msgspec.structs.replace(old, etag="ffff", sequencer="02")
    scene.land(new)
    scene.deliver(old, new)
    report = scene.audit()

    assert ({"replaced": 1}, True) == (findings(report), report.ok)


def test_a_file_that_left_too_early_is_orphaned() -> None:
    """An archive lists a version that should still be in the bucket."""
    scene = Scene()
    key = scene.deliver(source("k"))
    report = scene.audit()

    assert ({"orphaned": 1}, False) == (findings(report), report.ok)
    assert [("landing/k", key)] == [(found.what, found.detail) for found in report.examples["orphaned"]]


def test_a_file_that_left_by_retention_is_expired() -> None:
    """Eight days later the lifecycle has removed it: no finding."""
    scene = Scene(clock=FakeClock(INSIDE + timedelta(days=8)))
    scene.deliver(source("k"))
    report = scene.audit()

    assert ({"expired": 1}, True) == (findings(report), report.ok)


def test_a_file_that_landed_behind_the_listing_is_not_orphaned() -> None:
    """It was delivered while the audit ran; a file younger than the grace is not judged."""
    scene = Scene(clock=FakeClock(INSIDE + timedelta(minutes=2)))
    scene.deliver(source("k"))

    assert {} == findings(scene.audit())


def test_a_long_upload_at_the_edges_is_matched() -> None:
    """S3 lists an upload under its beginning, its event tells the end: neither edge makes a finding of that."""
    scene = Scene()
    begun = [source("before", at=START - timedelta(hours=3)), source("within", at=END - timedelta(seconds=1))]
    scene.land(*begun)
    scene.deliver(source("before", at=START + timedelta(minutes=1)))
    scene.deliver(source("within", at=END + timedelta(hours=20)))
    scene.clock.advance(86_400)
    report = scene.audit()

    assert ({}, 1, 1) == (findings(report), report.landed, report.delivered)


def test_a_wide_window_counts_for_the_range_it_touches() -> None:
    """A backlog makes archives of an hour: files of the range in one that began before it are found."""
    scene = Scene()
    early, inside = source("a", at=START + timedelta(minutes=31)), source("b", at=START + timedelta(minutes=50))
    scene.land(early, inside)
    scene.deliver(early, inside, width=HOUR)
    report = scene.audit(start=START + timedelta(minutes=45))

    assert ({}, 1) == (findings(report), report.delivered)


def test_empty_archives_are_fine() -> None:
    """A fence holds no file and needs no record."""
    scene = Scene()
    scene.land(source("k"))
    scene.deliver(source("k"))
    scene.deliver(recorded=False)
    report = scene.audit()

    assert ({}, 1) == (findings(report), report.archives)


def test_an_archive_without_record_is_told() -> None:
    """The files are delivered; the ledger is to be rebuilt."""
    scene = Scene()
    scene.land(source("k"))
    key = scene.deliver(source("k"), recorded=False)
    report = scene.audit()

    assert ({"unrecorded": 1}, True) == (findings(report), report.ok)
    assert [key] == [found.what for found in report.examples["unrecorded"]]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"checksum_sha256": "0" * 64}, "body has 0000"),
        ({"metadata": {}}, "is not an archive of Windrow's"),
    ],
)
def test_a_broken_archive_delivers_nothing_and_stays(change: dict[str, object], hint: str) -> None:
    """Its files count as missing; the audit itself deletes nothing."""
    scene = Scene()
    scene.land(source("k"))
    key = scene.deliver(source("k"))
    stored, body = scene.destination.objects[key]
    scene.destination.objects[key] = msgspec.structs.replace(stored, **change), body
    report = scene.audit()

    assert ({"missing": 1, "broken": 1}, False) == (findings(report), report.ok)
    (found,) = report.examples["broken"]
    assert key == found.what
    assert hint in found.detail
    assert key in scene.destination.objects


@pytest.mark.parametrize("length", ["0", "7", "5000000000", "9" * 5000, "seven", "-1", "\u0663"])
def test_an_archive_whose_manifest_cannot_be_read_is_broken(length: str) -> None:
    """A manifest of another length than the metadata says is a finding, not a crash, and nothing that long is read."""
    scene = Scene()
    key = scene.deliver(source("k"))
    stored, body = scene.destination.objects[key]
    metadata = {**stored.metadata, "manifest-bytes": length}
    scene.destination.objects[key] = msgspec.structs.replace(stored, metadata=metadata), body

    assert 1 == scene.audit().broken


def test_an_archive_that_the_destination_refuses_to_give_is_one_finding() -> None:
    """It may be encrypted with a key of somebody else's, say: the others are audited all the same."""
    scene = Scene()
    scene.land(source("a"), source("b"))
    scene.deliver(source("a"))
    scene.deliver(source("b"))
    refusals = [DestinationError("AccessDenied", DestinationFault.REFUSED)]

    def refuse_once(operation: str) -> None:
        if operation == "read" and refusals:
            raise refusals.pop()

    scene.destination.hook = refuse_once
    report = scene.audit()

    assert ({"missing": 1, "broken": 1}, 1) == (findings(report), report.unreadable)


def test_a_destination_that_refuses_everything_is_no_finding() -> None:
    """The probe tells it from one archive, and half an audit shows nothing."""
    scene = Scene()
    scene.deliver(source("a"))

    def refuse(operation: str) -> None:
        if operation in ("read", "probe"):
            raise DestinationError("AccessDenied", DestinationFault.REFUSED)

    scene.destination.hook = refuse

    with pytest.raises(DestinationError, match="AccessDenied"):
        scene.audit()


def test_a_condemned_archive_that_has_no_tombstone_yet_is_broken() -> None:
    """It is sound to look at, but its files are delivered elsewhere: a reader of all archives finds them twice."""
    scene = Scene()
    scene.land(source("k"))
    key = scene.deliver(source("k"), recorded=False)
    scene.ledger.record(ArchiveRecord.condemned(key, "o", scene.clock.now()))
    scene.deliver(source("k"))
    report = scene.audit()

    assert ({"broken": 1}, False, [key]) == (
        findings(report),
        report.ok,
        [found.what for found in report.examples["broken"]],
    )


def test_a_quarantined_archive_is_no_finding() -> None:
    """An operator has looked at it; what it held and nobody delivered again is missing."""
    scene = Scene()
    scene.land(source("k"))
    key = scene.deliver(source("k"))
    stored, body = scene.destination.objects.pop(key)
    scene.destination.objects[quarantine_key("", key, stored.last_modified)] = stored, body

    assert {"missing": 1} == findings(scene.audit())


def test_foreign_objects_at_the_destination_are_passed_over() -> None:
    """What is no archive by its key is not read, and told."""
    scene = Scene()
    key = "in/2026/11/23/notes.txt"
    scene.destination.put(key, [b"x"], bytes.fromhex(SHA256_OF_X), {})
    report = scene.audit()

    assert ({}, 1, 0) == (findings(report), report.foreign_objects, report.archives_read)
    assert [key] == [found.what for found in report.examples["foreign"]]


SHA256_OF_X = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


@pytest.mark.parametrize(
    ("after_s", "within", "met"),
    [(118, (1.0, 1.0), True), (119, (1.0, 1.0), True), (120, (0.0, 1.0), False), (180, (0.0, 0.0), False)],
)
def test_latency_is_never_flattered(after_s: int, within: tuple[float, float], met: bool) -> None:
    """A second is added to what the destination's time stamp cut off; the objective's limits are inclusive."""
    scene = Scene()
    scene.land(source("k"))
    scene.deliver(source("k"), after=timedelta(seconds=after_s))
    report = scene.audit()

    assert dict.fromkeys(("p50", "p95", "p99_9", "max"), after_s + 1.0) == report.latency_seconds
    assert (within, met) == ((report.within_2_minutes, report.within_3_minutes), report.objective_met)
    assert report.ok


def test_latency_percentiles_are_by_nearest_rank_and_count_the_first_delivery() -> None:
    """A duplicate delivered an hour later does not make its file late."""
    scene = Scene()
    files = [source(f"k{number:02}") for number in range(20)]
    scene.land(*files)
    for number, each in enumerate(files):
        scene.deliver(each, after=timedelta(seconds=10 * (number + 1) - 1))
    scene.deliver(files[0], after=timedelta(hours=1))
    report = scene.audit()

    assert {"p50": 100.0, "p95": 190.0, "p99_9": 200.0, "max": 200.0} == report.latency_seconds
    assert (0.6, 0.9, False) == (report.within_2_minutes, report.within_3_minutes, report.objective_met)


def test_without_deliveries_there_is_no_latency() -> None:
    """An empty range has no percentiles, and neither meets nor misses the objective."""
    report = Scene().audit()

    assert (None, None, None) == (report.within_2_minutes, report.within_3_minutes, report.objective_met)
    assert {None} == set(report.latency_seconds.values())


def delivered_in_time(scene: Scene, count: int) -> None:
    """Have so many files delivered after a minute."""
    files = [source(f"in-time/{number:03}") for number in range(count)]
    scene.land(*files)
    scene.deliver(*files)


def test_files_that_are_not_delivered_are_late() -> None:
    """The objective is about all files that arrived: with half of them missing it is not met."""
    scene = Scene()
    delivered_in_time(scene, 5)
    scene.land(*(source(f"lost/{number}") for number in range(5)))
    report = scene.audit()

    assert (0.5, 0.5, False) == (report.within_2_minutes, report.within_3_minutes, report.objective_met)
    assert (5, 5, 0) == (report.late, report.undelivered, report.replayed)


@pytest.mark.parametrize(
    ("age_s", "within"), [(120, (1.0, 1.0)), (121, (0.5, 1.0)), (180, (0.5, 1.0)), (181, (0.5, 0.5))]
)
def test_a_file_is_late_from_the_moment_it_is(age_s: int, within: tuple[float, float]) -> None:
    """Whether it is delivered or not, and whether it is old enough to be missing or not."""
    scene = Scene(clock=FakeClock(INSIDE + timedelta(seconds=age_s)))
    delivered_in_time(scene, 1)
    scene.land(source("k"))
    report = scene.audit()

    assert ({"pending": 1}, within) == (findings(report), (report.within_2_minutes, report.within_3_minutes))


def test_a_miss_that_a_replay_caused_is_told_apart() -> None:
    """What was queued again counts from its arrival, hours ago: without it the objective is met."""
    scene = Scene()
    delivered_in_time(scene, 5)
    lost, both = source("lost", sequencer=REPLAYED), source("both", sequencer=REPLAYED)
    scene.land(lost, both)
    scene.deliver(lost, both, after=timedelta(hours=3))
    replayed = scene.audit()
    scene.deliver(source("both"), after=timedelta(hours=4))
    by_itself = scene.audit()

    assert (False, True) == (replayed.objective_met, replayed.objective_met_without_replayed)
    assert [(2, 2), (2, 1)] == [(report.late, report.replayed) for report in (replayed, by_itself)]
    assert by_itself.objective_met_without_replayed is False


def without_a_bucket(_operation: str) -> None:
    """Answer as a destination that has lost its bucket."""
    raise DestinationError("NoSuchBucket", DestinationFault.BUCKET)


def test_an_audit_goes_on_without_a_landing_bucket() -> None:
    """What it held can't be told, so nothing that was delivered of it is an orphan; the others are judged."""
    scene = Scene(buckets={"landing", "lost"})
    scene.land(source("here"))
    scene.deliver(source("here"), msgspec.structs.replace(source("k"), bucket="lost"))
    scene.index.absent.add("lost")
    report = scene.audit()

    assert ["lost"] == [each.what for each in report.absent]
    assert ({}, 2, False) == (findings(report), report.delivered, report.ok)


def test_an_objective_is_not_judged_without_a_landing_bucket() -> None:
    """All that is known was in time; nobody knows what else arrived."""
    scene = Scene(buckets={"landing", "lost"})
    scene.land(source("here"))
    scene.deliver(source("here"))
    whole = scene.audit()
    scene.index.absent.add("lost")
    report = scene.audit()

    assert (True, 1.0) == (whole.objective_met, whole.within_2_minutes)
    assert (None, None, None) == (report.objective_met, report.within_2_minutes, report.within_3_minutes)
    assert (None, None) == (report.objective_met_without_replayed, report.objective_met_without_requeued)


def test_without_the_destinations_bucket_all_files_are_missing() -> None:
    """That is how an operator learns what was lost with it, and why."""
    scene = Scene()
    scene.land(source("a"), source("b"))
    scene.deliver(source("a"), source("b"))
    scene.destination.hook = without_a_bucket
    report = scene.audit()

    assert ({"missing": 2}, 0) == (findings(report), report.delivered)
    assert "does not have the bucket" in report.absent[0].detail


def test_a_replay_does_not_take_a_lost_bucket_for_missing_files() -> None:
    """It could deliver nothing: the bucket has to be there first."""
    scene = Scene()
    scene.land(source("a"))
    scene.destination.hook = without_a_bucket
    with pytest.raises(DestinationError, match="NoSuchBucket"):
        list(scene.auditor().missing(START, END, grace=timedelta(0)))


def test_a_miss_that_a_redrive_caused_is_told_apart_from_a_replays() -> None:
    """Each is counted as its own; what came by its own event as well is late for neither."""
    scene = Scene()
    delivered_in_time(scene, 5)
    lost, letter = source("lost", sequencer=REPLAYED), msgspec.structs.replace(source("letter"), redriven=True)
    scene.land(lost, letter)
    scene.deliver(lost, letter, after=timedelta(hours=3))
    report = scene.audit()

    assert (2, 1, 1) == (report.late, report.replayed, report.redriven)
    without = (report.objective_met_without_replayed, report.objective_met_without_requeued)
    assert (False, False, True) == (report.objective_met, *without)


@pytest.mark.parametrize(
    ("part", "operation", "error"),
    [
        ("index", "versions", LandingError("away")),
        ("ledger", "records", LedgerError("away")),
        ("destination", "list", DestinationError("away", DestinationFault.CONNECT)),
        ("destination", "head", DestinationError("away", DestinationFault.SLOW)),
        ("destination", "read", DestinationError("away", DestinationFault.UNAVAILABLE)),
    ],
)
def test_half_an_audit_is_none(part: str, operation: str, error: Exception) -> None:
    """If one of the three cannot be read the audit fails, rather than to report what it saw."""
    scene = Scene()
    scene.land(source("k"))
    scene.deliver(source("k"))

    def fail(name: str) -> None:
        if name == operation:
            raise error

    getattr(scene, part).hook = fail
    with pytest.raises(type(error)):
        scene.audit()


def test_progress_tells_files_and_archives() -> None:
    """Both counts grow and end at the whole."""
    scene = Scene()
    files = [source(f"k{number}") for number in range(10)]
    scene.land(*files)
    for each in files:
        scene.deliver(each)
    told: list[tuple[str, int]] = []
    scene.auditor().judge(
        START, END, grace=GRACE, retention=WEEK, progress=lambda what, count: told.append((what, count))
    )

    assert [("landed", 10), ("archives", 8), ("archives", 10)] == told


def test_examples_are_bounded_and_counts_are_not() -> None:
    """Of a hundred missing files twenty are named."""
    scene = Scene()
    scene.land(*(source(f"k{number}") for number in range(100)))
    report = scene.audit()

    assert (100, 20) == (report.missing, len(report.examples["missing"]))
