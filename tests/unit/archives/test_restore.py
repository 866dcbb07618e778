"""Files come back from archives as they were uploaded, each under its raw key, once, and never over another."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.archives import source
from tests.unit.archives.shelf import BUCKET, NOON, Shelf, at, connected, tar_of
from windrow import archives
from windrow.archives import Restored, Selection, SourceMissing, TargetConflict, restore_target
from windrow.archives.restoring import NAMED
from windrow.core.archive.writer import SealedArchive, build_frame, seal, stream_frame
from windrow.core.described import Described
from windrow.core.errors import DestinationError, DestinationFault
from windrow.core.manifest import Window
from windrow.core.windows import DAY, HOUR
from windrow.ports import Clock
from windrow.testing import FakeClock, FakeDestination

if TYPE_CHECKING:
    from typing_extensions import Buffer

LARGE = random.Random(5).randbytes(2 * restore_target.PART_BYTES + 17)


@dataclass
class Target(FakeDestination):
    """A bucket that remembers content types, and refuses what begins with ``refused``."""

    types: dict[str, str] = field(default_factory=dict)

    def put(
        self,
        key: str,
        chunks: Sequence[Buffer],
        sha256: bytes,
        metadata: Mapping[str, str],
        content_type: str = "archive",
    ) -> bool:
        """Store an object."""
        if "refused" in key:
            raise DestinationError(f"PUT {key}: XMinioInvalidObjectName", DestinationFault.REFUSED)
        self.types[key] = content_type
        return super().put(key, chunks, sha256, metadata)

    def begin(self, key: str, metadata: Mapping[str, str], *, verified: bool, content_type: str = "archive") -> str:
        """Begin an upload."""
        self.types[key] = content_type
        return super().begin(key, metadata, verified=verified)

    def held(self) -> dict[str, bytes]:
        """Return what is stored."""
        return {key: data for key, (_, data) in self.objects.items()}


@pytest.fixture
def target() -> Target:
    """An empty bucket, ``s3://target``."""
    return Target()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, target: Target) -> Shelf:
    """Archives, and an empty target beside them."""
    return connected(monkeypatch, target=target)


def run(
    selection: Selection | None = None,
    *,
    to: str = "s3://target/back",
    dry_run: bool = False,
    clock: Clock | None = None,
) -> Restored:
    """Restore from all archives."""
    sleep = (clock or FakeClock()).sleep
    return archives.restore(f"s3://{BUCKET}/eu/", to, selection or Selection(), dry_run=dry_run, sleep=sleep)


def test_files_of_many_archives_come_back_as_they_were(shelf: Shelf, target: Target) -> None:
    """Raw key, bytes, content type and user metadata; S3's own type where the uploader said none."""
    said = {"data/a.json": Described(None, "application/json", {"owner": "me", "city": "Zürich"})}
    shelf.add([("a.json", b"{}"), ("odd//key?#", b"odd"), ("empty", b"")], NOON, said=said)
    shelf.add([("z", b"z")], at(13), HOUR)

    result = run()

    assert {"back/a.json": b"{}", "back/odd//key?#": b"odd", "back/empty": b"", "back/z": b"z"} == target.held()
    assert {"owner": "me", "city": "=?UTF-8?B?WsO8cmljaA==?="} == target.objects["back/a.json"][0].metadata
    assert ("application/json", "binary/octet-stream") == (target.types["back/a.json"], target.types["back/z"])
    assert (True, 2, 4, 4, 0) == (result.ok, result.archives, result.files, result.written, result.present)
    assert 6 == result.bytes == result.written_bytes


def test_of_a_large_file_every_part_is_verified(shelf: Shelf, target: Target) -> None:
    """It is streamed, and found to be the same afterwards although the server has no checksum of the whole."""
    shelf.put("eu/2026/11/23/12/00/20261123T1200Z-0123456789abcdef.tar.gz", with_large())

    first, second = run(), run()

    assert LARGE == target.held()["back/large.bin"]
    assert "video/mp4" == target.types["back/large.bin"]
    assert (1, 0, 0, 1) == (first.written, first.present, second.written, second.present)
    assert {} == target.uploads


def with_large() -> SealedArchive:
    """Return an archive of one file of three parts."""
    large = source("large.bin", len(LARGE), "v0", event_time=NOON)
    pieces = (LARGE[at : at + 1_000_000] for at in range(0, len(LARGE), 1_000_000))
    frame = stream_frame("data/large.bin", large, pieces, 1, Described(None, "video/mp4", {}))
    return seal(Window(NOON, NOON + timedelta(minutes=1)), [frame], 1)


def test_the_newest_version_of_a_key_is_restored(shelf: Shelf, target: Target) -> None:
    """In whichever archive it is, in whichever order they come; another one if it is asked for."""
    shelf.add([("k", b"new"), ("k", b"old")], at(0), DAY, times=[at(12, 9), at(12, 1)])
    shelf.add([("other", b""), ("another", b""), ("k", b"mid")], at(12, 5))

    newest = run(Selection(key="k"))
    older = run(Selection(key="k", until=at(12, 2)), to="s3://target/then")
    named = run(Selection(key="k", version_id="v1"), to="s3://target/named")

    assert {"back/k": b"new", "then/k": b"old", "named/k": b"old"} == target.held()
    assert (1, 2) == (newest.files, newest.older_versions)
    assert (0, 0) == (older.older_versions, named.older_versions)


def test_a_file_of_two_archives_is_one_file(shelf: Shelf, target: Target) -> None:
    """After a replay of a lost archive that turns up again."""
    shelf.add([("k", b"1")], NOON)
    shelf.add([("k", b"1")], NOON)

    result = run()

    assert (1, 1, 0) == (result.files, result.written, result.older_versions)


def test_files_are_chosen_by_key_and_time(shelf: Shelf, target: Target) -> None:
    """By the time at which each arrived, not by its archive's."""
    shelf.add([("a/1", b"1"), ("a/2", b"2"), ("b", b"3")], at(12), HOUR, times=[at(12, 1), at(12, 30), at(12, 30)])

    result = run(Selection(key="a/*", since=at(12, 20), until=at(12, 40)))

    assert {"back/a/2": b"2"} == target.held()
    assert 1 == result.files


def test_a_restore_that_ended_goes_on(shelf: Shelf, target: Target) -> None:
    """Of what is there nothing is read or written again."""
    shelf.add([("a", b"1"), ("b", b"2")], NOON)
    shelf.add([("c", b"3")], at(12, 1))
    run(Selection(key="[ab]"))
    shelf.requests.clear()

    result = run()

    assert (True, 3, 1, 2) == (result.ok, result.files, result.written, result.present)
    assert 1 + 2 + 1 == shelf.requests["read"] - 1  # two manifests twice, and one frame


def test_other_bytes_under_a_key_stay(shelf: Shelf, target: Target) -> None:
    """They are named, and everything else is restored."""
    shelf.add([("a", b"1"), ("b", b"2"), ("c", b"3")], NOON)
    target.put("back/a", [b"0"], sha256(b"0").digest(), {})
    target.put("back/b", [b"longer"], sha256(b"longer").digest(), {})

    result = run()

    assert {"back/a": b"0", "back/b": b"longer", "back/c": b"3"} == target.held()
    assert (False, 2, 1) == (result.ok, result.conflicts, result.written)
    assert {"a", "b"} == {each.where for each in result.problems}


def test_two_landing_buckets_on_one_key_are_refused(shelf: Shelf, target: Target) -> None:
    """Before anything is written; one of them alone can be restored."""
    shelf.add([("k", b"1")], NOON)
    other = source("k", 1, "v9", bucket="second", event_time=NOON)
    frame = build_frame([("data/k", other, b"2")], 6)
    shelf.put("eu/2026/11/23/12/01/20261123T1201Z-0123456789abcdef.tar.gz", seal(Window(NOON, NOON + HOUR), [frame], 6))

    with pytest.raises(TargetConflict, match="'k' came from the landing buckets landing and second"):
        run()
    assert {} == target.held()
    assert 1 == run(Selection(bucket="second")).written
    assert {"back/k": b"2"} == target.held()


def test_a_broken_archive_does_not_keep_the_others(shelf: Shelf, target: Target) -> None:
    """Broken at its beginning or within, it is named."""
    key = shelf.add([("a", b"1" * 500)], NOON)
    shelf.damage(key, shelf.destination.objects[key][1][:-60] + b"x" * 60)
    gone = shelf.add([("b", b"2")], at(12, 1))
    shelf.damage(gone, b"no archive")
    shelf.add([("c", b"3")], at(12, 2))

    result = run()

    assert {"back/c": b"3"} == target.held()
    assert (False, 2, 1) == (result.ok, result.unreadable, result.written)
    assert {shelf.url(key), shelf.url(gone)} == {each.where for each in result.problems}


def test_a_key_that_the_target_refuses_does_not_keep_the_others(shelf: Shelf, target: Target) -> None:
    """All are counted, some named."""
    shelf.add([(f"refused/{number}", b"1") for number in range(NAMED + 1)] + [("taken", b"2")], NOON)

    result = run()

    assert {"back/taken": b"2"} == target.held()
    assert (False, NAMED + 1, NAMED) == (result.ok, result.refused, len(result.problems))


def fails(times: int, *operations: str, kind: DestinationFault = DestinationFault.UNAVAILABLE) -> Callable[[str], None]:
    """Return a hook that fails so often."""
    left = [times]

    def hook(operation: str) -> None:
        if operation in operations and left[0]:
            left[0] -= 1
            raise DestinationError("503", kind, maybe_stored=True)

    return hook


@pytest.mark.parametrize("operation", ["put", "put done"])
def test_a_put_is_repeated(shelf: Shelf, target: Target, operation: str) -> None:
    """Whether the server had stored the file or not: it is there once, and counts as written."""
    shelf.add([("k", b"1")], NOON)
    target.hook = fails(1, operation)
    clock = FakeClock()

    result = run(clock=clock)

    assert (1, 0, {"back/k": b"1"}) == (result.written, result.present, target.held())
    assert [restore_target.STORING.first_s] == clock.sleeps


@pytest.mark.parametrize("operation", ["complete", "complete done"])
def test_a_completion_is_repeated(shelf: Shelf, target: Target, operation: str) -> None:
    """As a PUT is; an upload that was completed is gone, which is no error."""
    shelf.put("eu/2026/11/23/12/00/20261123T1200Z-0123456789abcdef.tar.gz", with_large())
    target.hook = fails(1, operation)

    assert 1 == run().written
    assert {"back/large.bin": LARGE} == target.held()


def test_a_target_that_stays_away_ends_the_restore(shelf: Shelf, target: Target) -> None:
    """With its error; parts that were sent are dropped."""
    shelf.put("eu/2026/11/23/12/00/20261123T1200Z-0123456789abcdef.tar.gz", with_large())
    target.hook = fails(99, "complete")

    with pytest.raises(DestinationError, match="503"):
        run()
    assert ({}, {}) == (target.held(), target.uploads)


def test_a_dry_run_writes_nothing(shelf: Shelf, target: Target) -> None:
    """It says what would be written, and what could not."""
    shelf.add([("a", b"1"), ("b", b"22"), ("c", b"3")], NOON)
    target.put("back/a", [b"1"], sha256(b"1").digest(), {})
    target.put("back/c", [b"x"], sha256(b"x").digest(), {})

    result = run(dry_run=True)

    assert (1, 2, 1, 1) == (result.written, result.written_bytes, result.present, result.conflicts)
    assert {"back/a", "back/c"} == target.held().keys()


def test_nothing_found_is_not_well(shelf: Shelf, target: Target) -> None:
    """Whoever restores expects something."""
    shelf.add([("a", b"1")], NOON)

    assert not run(Selection(key="b")).ok


@pytest.mark.parametrize("to", [f"s3://{BUCKET}/eu", f"s3://{BUCKET}/eu/back", f"s3://{BUCKET}/eu/"])
def test_raw_files_do_not_go_among_archives(shelf: Shelf, to: str) -> None:
    """Who lists archives would find them."""
    with pytest.raises(TargetConflict, match="is where the archives are"):
        run(to=to)


def test_a_target_is_a_bucket(shelf: Shelf) -> None:
    """A folder is what extracting is for."""
    with pytest.raises(SourceMissing, match="is not s3://bucket/prefix"):
        run(to="/mnt/back")


def test_one_archive_is_restored(shelf: Shelf, target: Target) -> None:
    """Named by itself, whatever its key; without a prefix files go to their raw keys."""
    shelf.put("copies/anything", tar_of([("a/b", b"1")], NOON))

    assert 1 == archives.restore(f"s3://{BUCKET}/copies/anything", "s3://target").written
    assert {"a/b": b"1"} == target.held()
