"""The retention sweep on fakes: what is copied, what expires, and all that must keep a raw file where it is."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from random import Random
from typing import Any

import msgspec
import pytest

from tests.unit.operations.retention.scene import AGED_S, DAY, HOT, WEEK_S, Scene, done, unversioned
from tests.unit.world import Killed
from windrow.core.archive.writer import build_frame, seal
from windrow.core.errors import CopyError, DestinationError, DestinationFault
from windrow.core.events import SourceObject
from windrow.core.keys import archive_key
from windrow.core.manifest import Window
from windrow.core.windows import MINUTE, floor
from windrow.operations.audit import ArchiveReader, Auditor
from windrow.operations.retention import SweepReport
from windrow.operations.retention import sweep as sweep_module
from windrow.ports import ListedVersion
from windrow.testing import START, FakeLandingIndex, Hook


def failing(operation: str, error: BaseException, *, times: int = 1_000) -> Hook:
    """Return a hook that raises at one point, so many times."""
    left = [times]

    def hook(name: str) -> None:
        if name == operation and left[0]:
            left[0] -= 1
            raise error

    return hook


def away(operation: str) -> Hook:
    """Return a hook of a destination that goes away at an operation and stays away."""
    gone: list[bool] = []

    def hook(name: str) -> None:
        if name == operation or gone:
            gone.append(True)
            raise DestinationError("away", DestinationFault.CONNECT)

    return hook


def corrupted(scene: Scene, key: str) -> None:
    """Have the destination give other bytes than it was sent, with the metadata and checksum of before."""
    stored, body = scene.world.destination.objects[key]
    scene.world.destination.objects[key] = stored, body[:-1] + bytes([body[-1] ^ 1])


def test_archives_are_copied_as_they_are() -> None:
    """Same key, same bytes, same metadata, once; nothing young is deleted."""
    scene = Scene()
    keys = [scene.deliver("a", "b"), scene.deliver("c")]
    scene.age(3600)
    first, second = scene.sweep(), scene.sweep()

    assert ({"copied": 2}, {}) == (done(first), done(second))
    assert scene.archives() == scene.copied()
    stored = {key: dict(scene.world.destination.objects[key][0].metadata) for key in keys}
    assert stored == {key: dict(copy.metadata) for key, (copy, _) in scene.copies.objects.items()}
    assert (["a", "b", "c"], True, True) == (scene.landed(), first.ok, second.complete)


def test_files_expire_once_delivered_copied_and_old() -> None:
    """Exactly those that the archives list; a file that was not delivered stays, however old."""
    scene = Scene()
    scene.deliver("a", "b")
    scene.world.upload("undelivered")
    scene.world.upload("a", b"a newer version that nobody delivered")
    scene.age()
    report = scene.sweep()

    assert {"copied": 1, "expired": 2} == done(report)
    assert ["a", "undelivered"] == scene.landed()
    assert [b"a newer version that nobody delivered"] == [
        held.data for (_, key, _), held in scene.world.landing.objects.items() if key == "a"
    ]
    assert report.ok


def test_files_stay_hot_so_long() -> None:
    """Seven days, an hour that has to be over, and an hour for audits that run."""
    scene = Scene()
    scene.deliver("a")
    for hours in (24 * 7 - 1, 1, 1):
        scene.age(hours * 3600)
        scene.sweep()
        assert ["a"] == scene.landed()
    scene.age(3600)
    scene.sweep()
    assert [] == scene.landed()


def test_hot_days_can_be_more() -> None:
    """The setting decides."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    assert {"copied": 1} == done(scene.sweep(hot=8 * DAY))
    scene.age(86_400)
    assert {"expired": 1} == done(scene.sweep(hot=8 * DAY))


def test_an_hour_that_expired_is_not_read_again() -> None:
    """The next run lists, and asks for no archive."""
    scene = Scene()
    scene.deliver("a", "b")
    scene.age()
    scene.sweep()
    asked: list[str] = []
    scene.world.destination.hook = scene.raw.hook = scene.copies.hook = asked.append
    report = scene.sweep()

    assert ({}, 1, True) == (done(report), report.archives, report.complete)
    assert {"list"} == set(asked)
    assert 1 == len(scene.notes())


def test_an_archive_that_comes_late_is_swept_too() -> None:
    """A replay delivers into an hour that had expired: its note does not hold any more."""
    scene = Scene()
    early = scene.world.upload("late", at=START)
    scene.deliver("a")
    scene.age()
    scene.sweep()
    assert [] == scene.world.process(scene.world.message(early))
    report = scene.sweep()

    assert {"copied": 1, "expired": 2} == done(report)
    assert ([], True) == (scene.landed(), report.ok)


def test_a_bucket_that_is_added_is_swept_too() -> None:
    """The note of an hour holds for the landing buckets of then."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    buckets = scene.world.settings.landing_buckets
    scene.world.settings = msgspec.structs.replace(scene.world.settings, landing_buckets=frozenset({"other"}))
    foreign = scene.sweep()
    scene.world.settings = msgspec.structs.replace(scene.world.settings, landing_buckets=buckets)

    assert {"copied": 1, "foreign": 1} == done(foreign)
    assert foreign.ok
    assert {"expired": 1} == done(scene.sweep())


def test_notes_are_dropped_when_they_are_old() -> None:
    """They do not gather for ever; other objects in their folder stay."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    scene.sweep()
    scene.world.destination.put(".windrow-retention/readme", [], sha256().digest(), {})
    scene.age(31 * 86_400)
    scene.sweep()

    assert [".windrow-retention/readme"] == scene.notes()


def test_a_note_that_is_not_written_costs_another_look() -> None:
    """And nothing else."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    refused = DestinationError("read-only", DestinationFault.REFUSED)
    scene.world.destination.hook = failing("put", refused)
    assert scene.sweep().ok
    assert ([], []) == (scene.landed(), scene.notes())


def test_a_copy_that_is_missing_at_expiry_is_made_first() -> None:
    """Somebody deleted it: the files go only once there is one again."""
    scene = Scene()
    key = scene.deliver("a")
    scene.age(3600)
    scene.sweep()
    scene.copies.objects.clear()
    scene.age()
    report = scene.sweep()

    assert {"copied": 1, "expired": 1} == done(report)
    assert [key] == list(scene.copied())


def test_a_copy_that_vanishes_behind_the_listing_keeps_the_files() -> None:
    """Each copy is looked at by itself right before the deletion."""
    scene = Scene()
    scene.deliver("a")
    scene.age(3600)
    scene.sweep()
    scene.age()

    def vanish(name: str) -> None:
        if name == "head":
            scene.copies.objects.clear()

    scene.copies.hook = vanish
    report = scene.sweep()
    assert ({"failed": 1}, ["a"], False) == (done(report), scene.landed(), report.ok)
    assert "there is no copy" in report.examples[0].detail


def test_bytes_that_are_corrupt_on_the_way_make_no_copy() -> None:
    """The archive's own SHA-256 tells; its files stay, those of others go."""
    scene = Scene()
    bad, good = scene.deliver("bad"), scene.deliver("good")
    corrupted(scene, bad)
    scene.age()
    report = scene.sweep()

    assert {"copied": 1, "expired": 1, "failed": 1} == done(report)
    assert ([good], ["bad"], False) == (list(scene.copied()), scene.landed(), report.ok)
    assert (bad, True) == (report.examples[0].what, report.complete)
    assert [] == scene.notes()


def test_a_failure_is_mended_by_the_next_run() -> None:
    """Nothing is remembered against an archive."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    scene.copies.hook = failing("store", CopyError("slow down"), times=1)
    assert ({"failed": 1}, ["a"]) == (done(scene.sweep()), scene.landed())
    assert ({"copied": 1, "expired": 1}, []) == (done(scene.sweep()), scene.landed())


def test_a_copy_with_other_content_keeps_the_files() -> None:
    """A copy is never replaced: somebody must look."""
    scene = Scene()
    key = scene.deliver("a")
    scene.age(3600)
    scene.sweep()
    copy, body = scene.copies.objects[key]
    for other in (
        msgspec.structs.replace(copy, size=1),
        msgspec.structs.replace(copy, metadata={"sha256_checksum": "0" * 64}),
        msgspec.structs.replace(copy, metadata={}),
    ):
        scene.copies.objects[key] = other, body
        scene.age()
        report = scene.sweep(start=START)
        assert ({"failed": 1}, ["a"], False) == (done(report), scene.landed(), report.ok)
        assert other is scene.copies.objects[key][0]


def test_a_copy_of_another_size_is_told_at_once() -> None:
    """Not only when the files are due, a week later."""
    scene = Scene()
    key = scene.deliver("a")
    scene.copies.store(key, [b"other"], 5, sha256(b"other").digest(), {})
    scene.age(3600)
    report = scene.sweep()
    assert ({"failed": 1}, {key: b"other"}) == (done(report), scene.copied())


def test_an_archive_that_was_replaced_keeps_the_files() -> None:
    """Its bytes are not those of the copy any more, though they fit its own metadata."""
    scene = Scene()
    key = scene.deliver("a")
    scene.age(3600)
    scene.sweep()
    other = Scene()
    forged = other.deliver("a", data=b"context")
    scene.world.destination.objects[key] = other.world.destination.objects[forged]
    scene.age()
    report = scene.sweep()

    assert ({"failed": 1}, ["a"]) == (done(report), scene.landed())


@pytest.mark.parametrize("metadata", [{}, {"sha256_checksum": "x", "file-count": "1"}])
def test_an_archive_without_a_digest_is_not_copied(metadata: dict[str, str]) -> None:
    """There is nothing to verify it by."""
    scene = Scene()
    key = scene.deliver("a")
    stored, body = scene.world.destination.objects[key]
    scene.world.destination.objects[key] = msgspec.structs.replace(stored, metadata=metadata), body
    scene.age()
    assert ({"failed": 1}, {}, ["a"]) == (done(scene.sweep()), scene.copied(), scene.landed())


def test_an_archive_that_fails_verification_keeps_the_files() -> None:
    """It was copied when it was sound; now the server's checksum tells otherwise."""
    scene = Scene()
    key = scene.deliver("a")
    scene.age(3600)
    scene.sweep()
    stored, body = scene.world.destination.objects[key]
    scene.world.destination.objects[key] = msgspec.structs.replace(stored, checksum_sha256="0" * 64), body
    scene.age()
    report = scene.sweep()

    assert ({"failed": 1}, ["a"]) == (done(report), scene.landed())
    assert key in scene.world.destination.objects


def test_closed_keys_need_no_copy() -> None:
    """An archive without files only keeps its key; a copy of what was there before stays what it is."""
    scene = Scene()
    start = floor(START, MINUTE)
    window = Window(start, start + MINUTE)
    empty = seal(window, [], 1)
    key = ""
    for name in ("closed", "closed later"):
        key = archive_key("", start, MINUTE, [name])
        scene.world.destination.put(key, empty.chunks, empty.sha256, empty.metadata)
    scene.copies.store(key, [b"before"], 6, sha256(b"before").digest(), {})
    scene.age()
    report = scene.sweep()

    assert ({}, True, {key: b"before"}) == (done(report), report.ok, scene.copied())


def test_files_without_a_version_stay() -> None:
    """What is under the key now may be a newer file; the others of the archive go."""
    scene = Scene()
    plain, versioned = unversioned(scene, "plain"), scene.world.upload("versioned")
    scene.world.process(scene.world.message(plain), scene.world.message(versioned))
    scene.age()
    report = scene.sweep()

    assert {"copied": 1, "expired": 1, "unversioned": 1} == done(report)
    assert (["plain"], True) == (scene.landed(), report.ok)
    assert {} == done(scene.sweep())


@pytest.mark.parametrize("version_id", ["null", ""])
def test_no_version_of_that_name_is_deleted(version_id: str) -> None:
    """A manifest that names S3's "null" names whatever is there now."""
    file = SourceObject("landing", "k", version_id, "e", "1", 1, START)
    archive = seal(Window(START, START + MINUTE), [build_frame([("data/k", file, b"x")], 1)], 1)
    scene = Scene()
    scene.world.destination.put(
        archive_key("", floor(START, MINUTE), MINUTE, ["k"]), archive.chunks, archive.sha256, archive.metadata
    )
    scene.age()
    assert {"copied": 1, "unversioned": 1} == done(scene.sweep())


def test_young_files_of_an_old_archive_stay() -> None:
    """Whatever the key says, the age of each file counts by its own arrival."""
    scene = Scene()
    key = scene.deliver("a")
    scene.age(WEEK_S - 60)
    young = scene.deliver("young")
    # As a wrong clock or a forged key would have it.
    scene.world.destination.objects[key[:-23] + "0" * 16 + ".tar.gz"] = scene.world.destination.objects.pop(young)
    scene.age(3 * 3600)
    report = scene.sweep()

    assert {"copied": 2, "expired": 1, "young": 1} == done(report)
    assert (["young"], []) == (scene.landed(), scene.notes())
    scene.age(WEEK_S - 3600)
    assert {"expired": 2} == done(scene.sweep(start=START))
    assert [] == scene.landed()


def test_what_s3_refuses_to_delete_is_told_and_the_rest_goes() -> None:
    """The next run tries again."""
    scene = Scene()
    scene.deliver("a", "b", "c")
    scene.age()
    scene.raw.refused = {"b": "AccessDenied"}
    report = scene.sweep()

    assert {"copied": 1, "expired": 2, "refused": 1} == done(report)
    assert (["b"], False, True) == (scene.landed(), report.ok, report.complete)
    assert ("landing/b", True) == (report.examples[0].what, "AccessDenied" in report.examples[0].detail)
    assert 1 == scene.metrics.counts["RawFilesExpireFailed"]
    scene.raw.refused = {}
    assert {"expired": 3} == done(scene.sweep())
    assert [] == scene.landed()


@pytest.mark.parametrize("port", ["copies", "raw", "destination"])
@pytest.mark.parametrize("point", ["store", "store done", "delete", "delete done", "put"])
def test_a_run_that_dies_is_completed_by_the_next(port: str, point: str) -> None:
    """Between any two of its steps: nothing is lost, nothing is left over."""
    scene = Scene()
    for name in ("a", "b", "c"):
        scene.deliver(name)
    scene.age()
    targets: dict[str, Any] = {"copies": scene.copies, "raw": scene.raw, "destination": scene.world.destination}
    targets[port].hook = failing(point, Killed(), times=1)
    try:
        scene.sweep()
    except Killed:
        assert set(scene.landed()) == {"a", "b", "c"} or len(scene.copied()) == 3
    report = scene.sweep()

    assert (report.ok, [], scene.archives()) == (True, scene.landed(), scene.copied())


@pytest.mark.parametrize("operation", ["list", "head", "read"])
def test_a_destination_that_is_away_deletes_nothing(operation: str) -> None:
    """Nothing can be verified, so nothing goes; the run fails, and its metrics say so."""
    scene = Scene()
    scene.deliver("a")
    scene.age(3600)
    scene.sweep()
    scene.age()
    scene.world.destination.hook = away(operation)
    with pytest.raises(DestinationError):
        scene.sweep()

    assert ["a"] == scene.landed()
    # The sweep before; nothing is blamed on the archive.
    assert (1, 0) == (scene.metrics.counts["RetentionSweepsCompleted"], scene.metrics.counts["ArchiveCopyFailed"])
    assert 2 == scene.metrics.flushes


def test_an_archive_that_cannot_be_read_keeps_no_others_waiting() -> None:
    """The destination answers, but not for this one: a bad disk, say."""
    scene = Scene()
    bad, good = scene.deliver("bad"), scene.deliver("good")
    head = scene.world.destination.head

    def unreadable(key: str) -> object:
        if key == bad:
            raise DestinationError("InternalError", DestinationFault.UNAVAILABLE)
        return head(key)

    scene.world.destination.head = unreadable  # type: ignore[method-assign, assignment]
    scene.age()
    report = scene.sweep()
    assert {"copied": 1, "expired": 1, "failed": 1} == done(report)
    assert ([good], ["bad"], bad) == (list(scene.copied()), scene.landed(), report.examples[0].what)


def test_a_bucket_for_copies_that_is_away_deletes_nothing() -> None:
    """The listing tells it, before anything is done."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    scene.copies.hook = failing("list", CopyError("AccessDenied"))
    with pytest.raises(CopyError):
        scene.sweep()
    assert ["a"] == scene.landed()


def test_a_sweep_stops_when_everything_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not try thousands of archives in vain."""
    monkeypatch.setattr(sweep_module, "TOO_MANY", 5)
    scene = Scene()
    for number in range(30):
        scene.deliver(f"k{number}")
    scene.age(3600)
    scene.copies.hook = failing("store", CopyError("AccessDenied"))
    report = scene.sweep()
    assert 5 <= report.failed < 15
    assert (False, floor(START, timedelta(hours=1))) == (report.complete, report.left_since)


def test_time_that_runs_out_leaves_the_rest_to_the_next_run() -> None:
    """Oldest first, so that a backlog makes progress; in the end all is done."""
    scene = Scene()
    for number in range(20):
        scene.deliver(f"k{number:02}")
        scene.age(3600)
    scene.age()
    clock = scene.world.clock

    def slow(name: str) -> None:
        if name in ("store", "delete"):
            clock.advance(8)

    scene.copies.hook = scene.raw.hook = slow

    def run() -> SweepReport:
        began_s = clock.monotonic()
        report = scene.sweep(remaining_s=120)
        assert clock.monotonic() - began_s < 120
        return report

    first = run()
    after_first = scene.landed()
    reports = [first]
    while not reports[-1].complete:
        assert len(reports) < 20
        reports.append(run())

    assert (False, True) == (first.ok, first.left_since is not None)
    assert 0 < first.copied < 20
    assert sorted(scene.copied()) == sorted(scene.archives())
    assert after_first == [f"k{number:02}" for number in range(20 - len(after_first), 20)]
    assert [] == scene.landed()
    assert 20 == sum(report.expired for report in reports)


def test_large_archives_are_copied_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a whole run does not keep the others waiting; its own files wait for the next run."""
    monkeypatch.setattr(sweep_module, "LARGE_BYTES", 2_000)
    scene = Scene()
    large = scene.deliver("large", data=Random(1).randbytes(5_000))
    small = scene.deliver("small")
    scene.age()
    stored = scene.copies.objects
    first = scene.sweep()

    assert [small, large] == list(stored)
    assert ({"copied": 2, "expired": 1}, True) == (done(first), first.complete)
    assert ["large"] == scene.landed()
    assert {"expired": 2} == done(scene.sweep())
    assert [] == scene.landed()


def test_an_archive_that_needs_more_than_a_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had a fresh run and was not done: that needs a person."""
    monkeypatch.setattr("windrow.operations.retention.copier.PIECE_BYTES", 100)
    scene = Scene()
    scene.deliver("a")
    scene.age(3600)
    scene.world.destination.hook = lambda name: scene.world.clock.advance(200) if name == "read" else None
    report = scene.sweep(remaining_s=300)
    assert ({"failed": 1}, {}) == (done(report), scene.copied())
    assert "sweep with a worker" in report.examples[0].detail


def test_a_copy_that_is_cut_short_by_the_end_of_the_run_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run has more time for it: no failure."""
    monkeypatch.setattr("windrow.operations.retention.copier.PIECE_BYTES", 100)
    monkeypatch.setattr(sweep_module, "COPIES_AT_ONCE", 1)
    scene = Scene()
    scene.deliver("a")
    scene.age(3600)
    clock = scene.world.clock

    def slow(name: str) -> None:
        clock.advance({"list": 30, "read": 70}.get(name, 0))

    scene.world.destination.hook = slow
    report = scene.sweep(remaining_s=120, start=START)
    assert ({}, False, {}) == (done(report), report.complete, scene.copied())
    assert floor(START, timedelta(hours=1)) == report.left_since


def test_two_sweeps_at_once_are_fine() -> None:
    """The one that comes second finds the copy that the first one made meanwhile."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    inner: list[object] = []

    def meanwhile(name: str) -> None:
        if name == "store" and not inner:
            inner.append(None)
            inner.append(scene.sweep())

    scene.copies.hook = meanwhile
    outer = scene.sweep()
    assert {"copied": 1, "expired": 1} == done(outer)
    assert (True, []) == (outer.ok, scene.landed())


def test_a_dry_run_changes_nothing_and_tells_what_would_be_done() -> None:
    """The same counts as the run that follows, and no metrics."""
    scene = Scene()
    scene.deliver("a", "b")
    scene.age()
    before = dict(scene.world.destination.objects)
    dry = scene.sweep(dry_run=True)

    assert (before, {}, ["a", "b"]) == (scene.world.destination.objects, scene.copied(), scene.landed())
    assert ({"copied": 1, "expired": 2}, 0) == (done(dry), scene.metrics.flushes)
    assert done(dry) == done(scene.sweep())


def test_a_range_bounds_what_is_swept() -> None:
    """By the hour; what is older or younger stays as it is."""
    scene = Scene()
    for name in ("a", "b", "c"):
        scene.deliver(name)
        scene.age(3600)
    scene.age()
    hour = timedelta(hours=1)
    report = scene.sweep(start=START + hour, end=floor(START, hour) + 2 * hour)
    assert {"copied": 1, "expired": 1} == done(report)
    assert ["a", "c"] == scene.landed()


def test_the_usual_range_looks_back_a_week_beyond_the_hot_days() -> None:
    """After an outage of days it catches up by itself; what is older needs a wider range."""
    scene = Scene()
    scene.deliver("a")
    scene.age(15 * 86_400)
    assert {} == done(scene.sweep())
    assert {"copied": 1, "expired": 1} == done(scene.sweep(start=scene.world.clock.now() - 20 * DAY))
    scene.deliver("b")
    scene.age(13 * 86_400)
    assert {"copied": 1, "expired": 1} == done(scene.sweep())


def test_archives_of_the_last_minutes_are_left_alone() -> None:
    """Their delivery may still be under way."""
    scene = Scene()
    scene.deliver("a")
    report = scene.sweep()
    assert ({}, 0, True) == (done(report), report.archives, report.complete)
    scene.age(600)
    assert {"copied": 1} == done(scene.sweep())


@pytest.mark.parametrize("prefix", ["", "in", "a/b"])
def test_prefixes_and_wide_windows(prefix: str) -> None:
    """Archives of an hour and of a day, as a backlog makes them, expire when their last hour is due."""
    scene = Scene()
    scene.world.settings = msgspec.structs.replace(scene.world.settings, destination_prefix=prefix)
    sources = [scene.world.upload(f"k{number}", at=START + number * timedelta(hours=9)) for number in range(12)]
    scene.age(108 * 3600)
    scene.world.process(*(scene.world.message(source) for source in sources))
    assert [] != [key for key in scene.archives() if key.count("/") == 3 + len(prefix.split("/")) * bool(prefix)]
    # The last file, of 06:04, is not a week old yet, though the start of its archive's window is.
    scene.age(6 * 86_400 + 13 * 3600)
    report = scene.sweep()
    scene.age(24 * 3600)
    rest = scene.sweep()

    assert (12, []) == (report.expired + rest.expired, scene.landed())
    assert (0, 0) == (report.young, rest.young)
    assert scene.archives() == scene.copied()
    assert all(key.startswith(f"{prefix}/" if prefix else "") for key in scene.copied())


def test_metrics_are_published_with_zeros() -> None:
    """Alarms watch these names."""
    scene = Scene()
    scene.sweep()
    expected = {
        "ArchivesCopied": 0,
        "ArchiveCopyFailed": 0,
        "RawFilesExpired": 0,
        "RawFilesExpireFailed": 0,
        "RetentionSweepsCompleted": 1,
    }
    assert expected == dict(scene.metrics.counts)


def test_progress_is_told() -> None:
    """Counts that grow."""
    scene = Scene()
    scene.deliver("a")
    scene.age()
    told: list[tuple[int, int, int]] = []
    scene.sweep(progress=lambda report: told.append((report.archives, report.copied, report.expired)))
    assert (told, (1, 1, 1)) == (sorted(told), told[-1])


def test_an_audit_after_the_sweep_finds_nothing_wrong() -> None:
    """What was delivered and has expired is expired; nothing is missing, so nothing is replayed."""
    scene = Scene()
    scene.deliver("a", "b")
    scene.age(WEEK_S - 3600)
    scene.deliver("young")
    scene.age(4 * 3600)
    scene.sweep()
    world = scene.world
    archives = ArchiveReader(world.destination, "")
    listed = [
        ListedVersion(source.bucket, source.key, source.version_id, source.etag, source.size, source.event_time)
        for source in world.sources
        if (source.bucket, source.key, source.version_id) in world.landing.objects
    ]
    auditor = Auditor(
        index=FakeLandingIndex(listed),
        ledger=world.ledger,
        archives=archives,
        buckets={"landing"},
        clock=world.clock,
    )
    start, end, grace = world.clock.now() - 10 * DAY, world.clock.now(), timedelta(minutes=5)
    report = auditor.judge(start, end, grace=grace, retention=HOT).report

    assert (True, 2, 1, 0, 0) == (report.ok, report.expired, report.landed, report.orphaned, report.missing)
    assert [] == list(auditor.missing(start, end, grace=grace))
    assert AGED_S > WEEK_S
