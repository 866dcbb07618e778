"""The probe that goes the way of an archive: what it writes, what it checks, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest

from windrow.core.archive.reader import parse_manifest
from windrow.core.errors import ChecksumMismatch, DestinationError, DestinationFault
from windrow.core.manifest import Window
from windrow.pipeline.probe import Probe, canary
from windrow.testing import FakeClock, FakeDestination

MIB = 1024 * 1024
FOLDER = "in/.windrow-canary/"


class Scene:
    """A destination, what is asked of it, and what stands there while a probe is under way."""

    def __init__(self, *, parts: bool = False, prefix: str = "in") -> None:
        self.clock = FakeClock()
        self.destination = FakeDestination(self.clock)
        self.asked: list[str] = []
        self.seen: dict[str, bytes] = {}
        self.probe = Probe(self.destination, self.clock, prefix, iter("abcdef").__next__, parts=parts)
        self.destination.hook = self._note

    def run(self, *, strong: bool = False) -> int:
        """Probe to the end; return in how many steps."""
        return sum(1 for _ in self.probe.steps(strong=strong))

    def when(self, operation: str, act: Callable[[], object]) -> None:
        """Have something happen at an operation."""

        def hook(name: str) -> None:
            self._note(name)
            if name == operation:
                act()

        self.destination.hook = hook

    def change(self, **fields: object) -> None:
        """Have HEAD tell something else of what is there."""
        for key, (stored, body) in self.destination.objects.items():
            self.destination.objects[key] = msgspec.structs.replace(stored, **fields), body

    def _note(self, name: str) -> None:
        self.asked.append(name)
        self.seen |= {key: body for key, (_, body) in self.destination.objects.items()}


@pytest.fixture
def scene() -> Scene:
    """A destination that takes everything."""
    return Scene()


def refused() -> None:
    """Fail as a destination does."""
    raise DestinationError("scripted", DestinationFault.REFUSED)


@pytest.mark.parametrize(("strong", "least", "most"), [(False, 0, 4096), (True, 2 * MIB, 2 * MIB + 4096)])
def test_a_canary_is_written_verified_read_and_deleted(scene: Scene, strong: bool, least: int, most: int) -> None:
    """A strong one is larger than the 1 MiB that a proxy takes unless told otherwise."""
    steps = scene.run(strong=strong)

    ((key, body),) = scene.seen.items()
    assert f"{FOLDER}{int(scene.clock.now().timestamp())}-a" == key
    assert least <= len(body) < most
    asked = [name for name in scene.asked if not name.endswith(" done")]
    assert (["probe", "put", "head", "read", "delete"], 5, {}) == (asked, steps, scene.destination.objects)


def test_where_parts_are_in_use_a_strong_probe_sends_some() -> None:
    """Staged, verified, copied to their key, and verified there; a weak one does not."""
    scene = Scene(parts=True)
    scene.run()
    weak = list(scene.asked)
    scene.asked.clear()
    scene.run(strong=True)

    assert "begin" not in weak
    assert {"begin", "send_part", "complete", "copy_part"} <= set(scene.asked)
    assert [True, True] == [
        any(key.endswith("-b-parts") for key in scene.seen),
        any("staging" in key for key in scene.seen),
    ]
    assert ({}, {}) == (scene.destination.objects, scene.destination.uploads)


def test_without_a_prefix_the_folder_is_at_the_top() -> None:
    """As archives are."""
    scene = Scene(prefix="")
    scene.run()

    assert [".windrow-canary/"] == [key[:16] for key in scene.seen]


def test_a_canary_is_an_archive_without_files_of_its_minute() -> None:
    """With the metadata of an archive, and bytes that its key makes its own."""
    now = datetime(2026, 11, 23, 10, 7, 31, 999, tzinfo=UTC)
    one, other = canary("one", now, 0), canary("other", now, 3)
    body = b"".join(bytes(chunk) for chunk in other.chunks)

    start = datetime(2026, 11, 23, 10, 7, tzinfo=UTC)
    assert Window(start, start.replace(minute=8)) == other.manifest.window
    assert other.manifest == parse_manifest(body[: int(other.metadata["manifest-bytes"])])
    assert (len(body), sha256(body).digest(), sha256(body).hexdigest(), "0") == (
        other.size,
        other.sha256,
        other.metadata["sha256_checksum"],
        other.metadata["file-count"],
    )
    assert body.endswith(b"other\0\0\0")
    assert b"".join(bytes(chunk) for chunk in one.chunks).endswith(b"one")


def test_a_new_key_that_counts_as_taken_is_a_fault(scene: Scene) -> None:
    """The condition of the write does not do what it says."""
    scene.when("probe", lambda: setattr(scene.destination, "put", lambda *_arguments: False))

    with pytest.raises(DestinationError, match="is new, and the server says that it exists"):
        scene.run()


def test_what_is_gone_after_it_was_stored_is_a_fault(scene: Scene) -> None:
    """Before anything is verified."""
    scene.when("head", scene.destination.objects.clear)

    with pytest.raises(DestinationError, match="was stored and is not there"):
        scene.run()


def test_metadata_that_are_lost_are_named(scene: Scene) -> None:
    """A proxy drops headers with an underscore, say."""
    scene.when("head", lambda: scene.change(metadata={"file-count": "0"}))

    with pytest.raises(ChecksumMismatch, match=r"without the metadata sha256_checksum, format, raw-bytes"):
        scene.run()


@pytest.mark.parametrize("fields", [{"size": 1}, {"checksum_sha256": "0" * 64}])
def test_what_is_not_what_was_sent_is_a_mismatch(scene: Scene, fields: dict[str, object]) -> None:
    """Verified as archives are."""
    scene.when("head", lambda: scene.change(**fields))

    with pytest.raises(ChecksumMismatch):
        scene.run()


def test_other_bytes_than_were_sent_are_a_mismatch(scene: Scene) -> None:
    """Whatever the server's checksum says."""

    def spoil() -> None:
        for key, (stored, body) in scene.destination.objects.items():
            scene.destination.objects[key] = stored, b"\0" + body[1:]

    scene.when("read", spoil)

    with pytest.raises(ChecksumMismatch, match="came back with other bytes"):
        scene.run()


def test_a_canary_that_can_not_be_deleted_is_no_fault(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """No delivery deletes anything."""
    scene.when("delete", refused)

    assert 5 == scene.run()
    assert "canary not deleted" in caplog.text


def test_parts_that_are_refused_are_dropped() -> None:
    """Nothing of them stays."""
    scene = Scene(parts=True)
    scene.when("send_part", refused)

    with pytest.raises(DestinationError, match="scripted"):
        scene.run(strong=True)

    assert ({}, {}) == (scene.destination.objects, scene.destination.uploads)


def test_canaries_of_an_hour_ago_are_deleted_one_by_one(scene: Scene) -> None:
    """A younger one may be in use, and what is no canary is left alone; the time is looked at in between."""
    now_s = int(scene.clock.now().timestamp())
    names = [f"{now_s - 3600}-x", f"{now_s - 3599}-y", f"{now_s - 9000}-z", f"{now_s - 9000}-z/inner", "notes"]
    for name in names:
        scene.destination.put(FOLDER + name, [b""], sha256(b"").digest(), {})
    looks: list[None] = []

    scene.probe.clean_up(lambda: looks.append(None))

    assert sorted(FOLDER + name for name in (names[1], names[3], names[4])) == sorted(scene.destination.objects)
    assert 2 == len(looks)


def test_cleaning_up_ends_with_the_time(scene: Scene) -> None:
    """Whoever looks at it may raise."""
    now_s = int(scene.clock.now().timestamp())
    for name in ("x", "y"):
        scene.destination.put(f"{FOLDER}{now_s - 9000}-{name}", [b""], sha256(b"").digest(), {})

    with pytest.raises(DestinationError, match="scripted"):
        scene.probe.clean_up(refused)

    assert 1 == len(scene.destination.objects)
