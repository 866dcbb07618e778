"""Claims: who holds an object, what becomes of claims of others, and what a ledger or destination that fails costs."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import Mock

import msgspec
import pytest

from windrow.core.archive.writer import build_frame, seal
from windrow.core.errors import DestinationError, DestinationFault, LedgerError, OutOfTime
from windrow.core.events import SourceObject
from windrow.core.keys import rebuild_key, window_of
from windrow.core.ledger import Claim
from windrow.core.planning import PlannedArchive, plan
from windrow.pipeline.claim import Claimed, Claimer
from windrow.pipeline.commit_point import CommitPoint
from windrow.pipeline.deadline import Deadline
from windrow.ports import ClaimOutcome
from windrow.testing import START, FakeClock, FakeDestination, FakeLedger, FakeMetrics, Hook

TTL = timedelta(days=30)
RUN_S = 60.0
OF_ONE_KEY = (DestinationFault.REFUSED, DestinationFault.CHECKSUM)
PERHAPS_OF_ONE_KEY = (DestinationFault.SLOW, DestinationFault.UNAVAILABLE)
LEASE_S = 60 + 1 + 15
"""A lease outlives its owner's run by the seconds that clocks may differ by."""


def source(key: str) -> SourceObject:
    """Return an object."""
    return SourceObject("landing", key, "v1", "e", "", 4, START)


def planned(*keys: str) -> PlannedArchive:
    """Return the archive that a worker plans for these objects."""
    (archive,) = plan(map(source, keys), prefix="", max_archive_bytes=1000)
    return archive


class Scene:
    """A ledger and a destination, with a worker that claims in them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = FakeLedger()
        self.destination = FakeDestination(self.clock)
        commit_point = CommitPoint(self.destination, self.ledger, FakeMetrics(), self.clock, ttl=TTL)
        self.claimer = Claimer(self.ledger, commit_point, self.clock, ttl=TTL)

    def deadline(self, granted_s: float = RUN_S) -> Deadline:
        """Return the time of a run that begins now."""
        return Deadline(self.clock, granted_s)

    def claim(self, *keys: str, owner: str = "me") -> Claimed:
        """Claim objects for an archive of their own."""
        return self.claimer.claim(planned(*keys), owner, self.deadline())

    def dies(self, *keys: str, owner: str = "dead") -> PlannedArchive:
        """Have a worker claim objects for one archive and die; its lease ends."""
        self.claim(*keys, owner=owner)
        return planned(*keys)

    def store(self, archive: PlannedArchive) -> None:
        """Store an archive of these objects."""
        frames = [build_frame([(f"data/{each.key}", each, b"body") for each in archive.objects], 1)]
        sealed = seal(archive.window, frames, 1)
        assert self.destination.put(archive.key, sealed.chunks, sealed.sha256, sealed.metadata)

    def resolve(self, *keys: str) -> Claimed:
        """Claim objects, and what crashed owners left of them."""
        archive, deadline = planned(*keys), self.deadline()
        result = self.claimer.claim(archive, "me", deadline)
        self.claimer.resolve_orphans(archive, "me", deadline, result)
        return result


@pytest.fixture
def scene() -> Scene:
    """An empty ledger."""
    return Scene()


def failing(operation: str, error: Exception, *, times: int = 1_000) -> Hook:
    """Return a hook that has an operation fail, so many times."""
    left = [times]

    def hook(name: str) -> None:
        if name == operation and left[0]:
            left[0] -= 1
            raise error

    return hook


def ids(*keys: str) -> set[str]:
    """Return the ids of objects."""
    return {source(key).object_id for key in keys}


def test_what_nobody_has_is_held_until_the_run_is_over(scene: Scene) -> None:
    """And a little longer, for clocks that differ; it is remembered for as long as the ledger remembers."""
    scene.clock.advance(0.5)
    now_s = int(scene.clock.now().timestamp())
    result = scene.claim("a", "b")

    key = planned("a", "b").key
    expected = {each: Claim(each, key, "me", now_s + LEASE_S, now_s + 30 * 86_400) for each in ids("a", "b")}
    assert expected == result.held == scene.ledger.items
    assert (set(), {}, {}, {}) == (result.delivered, result.busy, result.orphaned, result.failed)


def test_a_run_that_is_over_claims_for_the_grace_alone(scene: Scene) -> None:
    """A lease never ends before now."""
    deadline = scene.deadline()
    scene.clock.advance(100)
    (claim,) = scene.claimer.claim(planned("a"), "me", deadline).held.values()

    assert int(scene.clock.now().timestamp()) + 16 == claim.lease_until


def test_what_a_living_worker_has_is_busy_until_its_lease_ends(scene: Scene) -> None:
    """Rounded up, so that nobody comes back a moment too early."""
    scene.claim("a", owner="them")
    scene.clock.advance(10.5)
    result = scene.claim("a", "b")

    assert {source("a").object_id: LEASE_S - 10} == result.busy
    assert ids("b") == result.held.keys()


def test_my_own_claim_is_held_when_its_reply_was_lost(scene: Scene) -> None:
    """The same run claims for the same archive again."""
    first = scene.claim("a")
    scene.clock.advance(1)

    assert first.held == scene.claim("a").held


def test_what_was_released_is_taken_over_under_another_key(scene: Scene) -> None:
    """The key of the plan may be taken by an archive without it."""
    scene.claimer.release(list(scene.claim("a", owner="them").held.values()))
    (held,) = scene.claim("a").held.values()

    assert (rebuild_key(planned("a").key, "me"), "me") == (held.archive_key, held.owner)
    assert held == scene.ledger.items[held.object_id]


def test_what_is_in_a_committed_archive_is_delivered(scene: Scene) -> None:
    """The record of the claim's own archive tells."""
    archive = scene.dies("a")
    scene.store(archive)
    scene.clock.advance(LEASE_S)
    assert ids("a") == scene.resolve("a").delivered
    asked: list[str] = []
    scene.destination.hook = asked.append

    assert (ids("a"), []) == (scene.claim("a").delivered, asked)


def test_what_a_dead_worker_left_is_an_orphan_first(scene: Scene) -> None:
    """Whether to ask for it is the caller's to say."""
    scene.dies("a")
    scene.clock.advance(LEASE_S)
    result = scene.claim("a")

    assert (ids("a"), {}, {}) == (set(result.orphaned), result.held, result.busy)


def test_an_orphan_whose_archive_is_not_there_is_taken_over(scene: Scene) -> None:
    """Its key is closed first."""
    archive = scene.dies("a", "b")
    scene.clock.advance(LEASE_S)
    result = scene.resolve("a", "b")

    again = rebuild_key(planned("a", "b").key, "me")
    assert {again} == {claim.archive_key for claim in result.held.values()}
    assert (ids("a", "b"), {}) == (set(result.held), result.orphaned)
    assert "0" == scene.destination.objects[archive.key][0].metadata["file-count"]


def test_an_archive_delivers_the_orphans_that_it_lists_and_no_others(scene: Scene) -> None:
    """One of its owner's files may have dropped out on the way."""
    archive = scene.dies("a", "b")
    scene.store(PlannedArchive(archive.key, archive.window, (source("a"),)))
    scene.clock.advance(LEASE_S)
    result = scene.resolve("a", "b")

    assert (ids("a"), ids("b"), {}) == (result.delivered, set(result.held), result.failed)


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        *((kind, "held") for kind in OF_ONE_KEY + PERHAPS_OF_ONE_KEY),
        *((kind, "failed") for kind in DestinationFault if kind not in OF_ONE_KEY + PERHAPS_OF_ONE_KEY),
    ],
)
def test_a_fault_of_one_key_costs_its_files_alone(scene: Scene, kind: DestinationFault, second: str) -> None:
    """Any other one would meet all keys, so no more are asked for."""
    scene.dies("a", owner="first")
    scene.dies("b", owner="second")
    scene.clock.advance(LEASE_S)
    error = DestinationError("scripted", kind)
    scene.destination.hook = failing("head", error, times=1)
    result = scene.resolve("a", "b")

    assert {source("a").object_id: error} == {name: result.failed[name] for name in ids("a")}
    assert second == ("held" if ids("b") <= result.held.keys() else "failed")
    assert ids("a", "b") == result.held.keys() | result.failed.keys()


@pytest.mark.parametrize("kind", PERHAPS_OF_ONE_KEY)
def test_a_destination_that_answers_nothing_is_not_asked_for_more_keys(scene: Scene, kind: DestinationFault) -> None:
    """What might have been due to one key alone is not, where the bucket can't be asked for either."""
    scene.dies("a", owner="first")
    scene.dies("b", owner="second")
    scene.clock.advance(LEASE_S)
    asked: list[str] = []

    def down(operation: str) -> None:
        asked.append(operation)
        raise DestinationError("scripted", kind)

    scene.destination.hook = down
    result = scene.resolve("a", "b")

    assert (["head", "probe"], ids("a", "b"), {}) == (asked, set(result.failed), result.held)


def test_a_ledger_that_fails_ends_the_asking(scene: Scene) -> None:
    """Nothing could be decided of another key either."""
    scene.dies("a", owner="first")
    scene.dies("b", owner="second")
    scene.clock.advance(LEASE_S)
    archive, deadline = planned("a", "b"), scene.deadline()
    result = scene.claimer.claim(archive, "me", deadline)
    scene.ledger.hook = failing("records", LedgerError("throttled"), times=1)
    scene.claimer.resolve_orphans(archive, "me", deadline, result)

    assert (ids("a", "b"), {}) == (set(result.failed), result.held)


@pytest.mark.parametrize(("left_s", "asked"), [(31.0, 2), (30.5, 1), (30.0, 0)])
def test_no_more_is_asked_than_there_is_time_for(scene: Scene, left_s: float, asked: int) -> None:
    """At half a second an answer; what is left goes back as out of time."""
    scene.dies("a", owner="first")
    scene.dies("b", owner="second")
    scene.clock.advance(LEASE_S)
    heads: list[str] = []

    def slow(name: str) -> None:
        if name == "put":
            heads.append(name)
            scene.clock.advance(0.5)

    scene.destination.hook = slow
    archive, deadline = planned("a", "b"), scene.deadline(300)
    result = scene.claimer.claim(archive, "me", deadline)
    scene.clock.advance(300 - left_s)
    scene.claimer.resolve_orphans(archive, "me", deadline, result)

    late = [error for error in result.failed.values() if isinstance(error, OutOfTime)]
    assert (asked, asked, 2 - asked) == (len(heads), len(result.held), len(late))


@pytest.mark.parametrize("operation", ["claim", "claims", "records", "take_over"])
def test_a_ledger_that_fails_costs_a_retry(scene: Scene, operation: str) -> None:
    """At any of its calls; nothing is held that it did not confirm."""
    scene.claimer.release(list(scene.claim("a", owner="them").held.values()))
    error = LedgerError("throttled")
    scene.ledger.hook = failing(operation, error)
    result = scene.claim("a")

    assert ({source("a").object_id: error}, {}, set()) == (result.failed, result.held, result.delivered)


def test_what_the_ledger_does_not_know_of_is_tried_again(scene: Scene) -> None:
    """Its answer to one claim of several was no answer."""
    answers = [ClaimOutcome.WON, ClaimOutcome.FAILED]
    scene.ledger.claim = lambda claims: answers[: len(claims)]  # type: ignore[method-assign]
    result = scene.claim("a", "b")

    assert (ids("a"), ids("b")) == (set(result.held), set(result.failed))


def test_a_claim_that_went_away_is_tried_again(scene: Scene) -> None:
    """It expired between the two looks, say."""
    scene.claim("a", owner="them")
    scene.ledger.claims = Mock(return_value={})  # type: ignore[method-assign]
    result = scene.claim("a")

    assert ["the claim vanished while it was read"] == [str(error) for error in result.failed.values()]


def test_a_claim_that_changed_hands_is_tried_again(scene: Scene) -> None:
    """Another worker was quicker to take it over."""
    scene.claimer.release(list(scene.claim("a", owner="them").held.values()))

    def meanwhile(name: str) -> None:
        if name == "take_over":
            (claim,) = scene.ledger.items.values()
            scene.ledger.items[claim.object_id] = msgspec.structs.replace(claim, owner="quicker", lease_until=2**40)

    scene.ledger.hook = meanwhile
    result = scene.claim("a")

    assert ({}, ["another worker took over the claim meanwhile"]) == (
        result.held,
        [str(each) for each in result.failed.values()],
    )


def test_claims_are_released_and_expired(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A released one may be taken as it is; of an expired one the destination must be asked first."""
    first, second = (list(scene.claim(key).held.values()) for key in "ab")
    scene.claimer.release(first)
    scene.claimer.expire(second)

    leases = {claim.object_id: claim.lease_until for claim in scene.ledger.items.values()}
    assert {source("a").object_id: 0, source("b").object_id: int(scene.clock.now().timestamp())} == leases
    assert "" == caplog.text
    scene.claimer.release(first)
    assert "claims were not released" in caplog.text


def test_nothing_to_release_asks_nobody(scene: Scene) -> None:
    """The ledger is not called with nothing."""
    asked: list[str] = []
    scene.ledger.hook = asked.append
    scene.claimer.release([])

    assert [] == asked


def test_the_window_of_a_rebuilt_archive_is_the_plans(scene: Scene) -> None:
    """Its key tells it."""
    scene.dies("a")
    scene.clock.advance(LEASE_S)
    (held,) = scene.resolve("a").held.values()

    assert planned("a").window == window_of(held.archive_key)
