"""One archive's delivery: how often it is tried, and what is known at its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from windrow.core.archive.writer import SealedArchive, build_frame, seal
from windrow.core.errors import ChecksumMismatch, DestinationError, DestinationFault, LedgerError
from windrow.core.events import SourceObject
from windrow.core.keys import window_of
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.pipeline.deliver import Deliverer, DeliveryResult, DeliveryState
from windrow.testing import START, FakeClock, FakeDestination, FakeLedger, FakeMetrics, Hook

KEY = "2026/01/02/03/04/20260102T0304Z-0123456789abcdef.tar.gz"
PASSING = (DestinationFault.CONNECT, DestinationFault.SLOW, DestinationFault.UNAVAILABLE)
COMMITTED, NOT_STORED, UNKNOWN = DeliveryState.COMMITTED, DeliveryState.NOT_STORED, DeliveryState.UNKNOWN


def archive(key: str) -> SealedArchive:
    """Return the archive of one file."""
    window = window_of(KEY)
    assert window is not None
    source = SourceObject("landing", key, "v1", "e", "", 4, START)
    return seal(window, [build_frame([(f"data/{key}", source, b"body")], 1)], 1)


class Scene:
    """A destination and a ledger, and who delivers to them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.destination = FakeDestination(self.clock)
        self.ledger = FakeLedger()
        commit_point = CommitPoint(self.destination, self.ledger, FakeMetrics(), self.clock, ttl=timedelta(days=30))
        self.deliverer = Deliverer(commit_point, self.clock, jitter=lambda: 1.0)
        self.puts = 0

    def deliver(self, key: str = "a", *, left_s: float = 300.0) -> DeliveryResult:
        """Deliver an archive in a run of 300 s of which so much is left."""
        deadline, sealed = Deadline(self.clock, 300.0), archive(key)
        self.clock.advance(300.0 - left_s)

        def store() -> bool:
            self.puts += 1
            return self.destination.put(KEY, sealed.chunks, sealed.sha256, sealed.metadata)

        return self.deliverer.deliver(KEY, "me", sealed, store, deadline)


@pytest.fixture
def scene() -> Scene:
    """An empty destination."""
    return Scene()


def fault(
    operation: str, kind: DestinationFault, *, times: int = 1_000, maybe_stored: bool = False, then: Hook | None = None
) -> Hook:
    """Return a hook that has an operation fail, so many times."""
    left = [times]

    def hook(name: str) -> None:
        if name == operation and left[0]:
            left[0] -= 1
            raise DestinationError("scripted", kind, maybe_stored=maybe_stored)
        if then:
            then(name)

    return hook


def test_an_archive_is_stored_verified_and_recorded(scene: Scene) -> None:
    """One write, and the record that says so."""
    delivery = scene.deliver()

    assert (COMMITTED, None, 1) == (delivery.state, delivery.error, scene.puts)
    assert delivery.record == scene.ledger.archives[KEY]
    assert [] == scene.clock.sleeps


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_is_tried_three_times(scene: Scene, kind: DestinationFault) -> None:
    """A quarter of a second and a second apart."""
    scene.destination.hook = fault("put", kind, times=2)
    good = scene.deliver()
    scene.destination.hook = fault("put", kind)
    scene.puts, scene.destination.objects = 0, {}
    bad = scene.deliver()

    assert (COMMITTED, NOT_STORED, 3) == (good.state, bad.state, scene.puts)
    assert [0.25, 1.0, 0.25, 1.0, 0.0] == scene.clock.sleeps


@pytest.mark.parametrize("kind", [kind for kind in DestinationFault if kind not in PASSING])
def test_any_other_fault_is_not_tried_again(scene: Scene, kind: DestinationFault) -> None:
    """It would meet the next attempt too."""
    scene.destination.hook = fault("put", kind)
    delivery = scene.deliver()

    assert (NOT_STORED, kind, 1) == (delivery.state, getattr(delivery.error, "kind", None), scene.puts)


@pytest.mark.parametrize(("left_s", "puts"), [(22.5, 3), (21.5, 3), (21.2, 2), (21.0, 1)])
def test_a_write_is_made_again_while_there_is_time_for_it_to_hang(scene: Scene, left_s: float, puts: int) -> None:
    """16 s, and 5 s for the rest; the pauses count."""
    scene.destination.hook = fault("put", DestinationFault.SLOW)

    assert (NOT_STORED, puts) == (scene.deliver(left_s=left_s).state, scene.puts)


def test_a_write_whose_reply_was_lost_is_found_by_its_repetition(scene: Scene) -> None:
    """The key is taken, by what was sent."""
    scene.destination.hook = fault("put done", DestinationFault.SLOW, times=1, maybe_stored=True)
    delivery = scene.deliver()

    assert (COMMITTED, 2) == (delivery.state, scene.puts)
    assert delivery.record == scene.ledger.archives[KEY]


def test_a_write_that_nobody_confirms_is_asked_for_in_the_end(scene: Scene) -> None:
    """Each attempt ended without an answer; the archive of the first stands."""
    scene.destination.hook = fault("put done", DestinationFault.REFUSED, maybe_stored=True)
    delivery = scene.deliver()

    assert (COMMITTED, 1) == (delivery.state, scene.puts)


def test_a_write_that_did_not_come_closes_its_key(scene: Scene) -> None:
    """So that it finds the key taken, should it arrive after all."""
    scene.destination.hook = fault("put", DestinationFault.REFUSED, times=1, maybe_stored=True)
    delivery = scene.deliver()

    assert (NOT_STORED, "scripted") == (delivery.state, str(delivery.error))
    assert "0" == scene.destination.objects[KEY][0].metadata["file-count"]


@pytest.mark.parametrize(("left_s", "state"), [(51.5, NOT_STORED), (51.0, UNKNOWN)])
def test_nobody_asks_without_time_for_the_answer(scene: Scene, left_s: float, state: DeliveryState) -> None:
    """The next run asks then."""
    scene.destination.hook = fault("put", DestinationFault.REFUSED, times=1, maybe_stored=True)

    assert state is scene.deliver(left_s=left_s).state


@pytest.mark.parametrize("operation", ["head", "put"])
def test_a_destination_that_does_not_answer_leaves_it_open(scene: Scene, operation: str) -> None:
    """Neither stored nor not."""
    scene.destination.hook = fault(
        "put", DestinationFault.REFUSED, times=1, maybe_stored=True, then=fault(operation, DestinationFault.CONNECT)
    )
    delivery = scene.deliver()

    assert (UNKNOWN, DestinationFault.CONNECT) == (delivery.state, getattr(delivery.error, "kind", None))


def test_an_attempt_that_surely_failed_does_not_undo_one_that_may_stand(scene: Scene) -> None:
    """The first may still arrive when the second is refused."""
    refused = fault("put", DestinationFault.REFUSED, times=1)
    scene.destination.hook = fault("put", DestinationFault.SLOW, times=1, maybe_stored=True, then=refused)

    assert NOT_STORED is scene.deliver().state
    assert "0" == scene.destination.objects[KEY][0].metadata["file-count"]


@pytest.mark.parametrize("operation", ["record", "records"])
def test_a_ledger_that_fails_leaves_it_open(scene: Scene, operation: str) -> None:
    """Without the record nothing counts; the next run finds the archive."""

    def hook(name: str) -> None:
        if name == operation:
            raise LedgerError("throttled")

    scene.ledger.hook = hook
    if operation == "records":
        scene.destination.hook = fault("put", DestinationFault.REFUSED, times=1, maybe_stored=True)
    delivery = scene.deliver()

    assert (UNKNOWN, "throttled") == (delivery.state, str(delivery.error))


def test_what_another_worker_stored_before_decides(scene: Scene) -> None:
    """Its manifest says what is delivered."""
    scene.deliver("theirs")
    delivery = scene.deliver("mine")

    assert COMMITTED is delivery.state
    assert delivery.record is not None
    assert [True, False] == [delivery.record.lists(f"landing/{key}@v1") for key in ("theirs", "mine")]


def test_an_archive_that_fails_its_verification_does_not_count(scene: Scene) -> None:
    """Its key is closed, and its files get another one."""

    def corrupt(name: str) -> None:
        if name == "put done":
            stored, body = scene.destination.objects[KEY]
            scene.destination.objects[KEY] = msgspec.structs.replace(stored, checksum_sha256="0" * 64), body

    scene.destination.hook = corrupt
    delivery = scene.deliver()

    assert (NOT_STORED, ChecksumMismatch) == (delivery.state, type(delivery.error))
    assert "is closed" in str(delivery.error)


def test_jitter_shortens_the_pauses(scene: Scene) -> None:
    """Workers that failed at once do not come back at once."""
    jitters: Callable[[], float] = iter((0.5, 0.1, 0.0)).__next__
    scene.deliverer._jitter = jitters
    scene.destination.hook = fault("put", DestinationFault.SLOW)
    scene.deliver()

    assert [0.125, 0.1, 0.0] == scene.clock.sleeps
