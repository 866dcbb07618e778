"""The ledger rebuilt from the archives, on fakes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.unit.world import RUN_S, World
from windrow.core.errors import DestinationError, DestinationFault, LedgerError
from windrow.core.events import SourceObject
from windrow.core.ledger import Claim
from windrow.operations.audit import ArchiveReader
from windrow.operations.rebuild import Rebuilder, Rebuilt
from windrow.ports import ClaimOutcome
from windrow.testing import FakeLedger

DAY = timedelta(days=1)
OLDER_KEY = "2026/01/01/00/00/20260101T0000Z-0123456789abcdef.tar.gz"


def lost(count: int = 5) -> tuple[World, list[SourceObject]]:
    """Return a world that delivered files, a minute each, and has lost its ledger since."""
    world = World()
    sources = []
    for number in range(count):
        sources.append(world.upload(f"k{number}"))
        world.process(world.message(sources[-1]))
        world.clock.advance(60)
    world.ledger = FakeLedger()
    return world, sources


def rebuild(world: World, ttl_days: int = 30) -> Rebuilt:
    """Rebuild the ledger of a world."""
    archives = ArchiveReader(world.destination, "")
    now = world.clock.now()
    return Rebuilder(archives, world.ledger, world.commit_point(), world.clock, ttl=timedelta(days=ttl_days)).rebuild(
        now - 40 * DAY, now + DAY, lambda _: None
    )


def test_after_a_rebuild_nothing_is_delivered_twice() -> None:
    """Every message comes once more: all are recognised without a look at the destination."""
    world, sources = lost()
    done = rebuild(world)
    asked: list[str] = []
    world.destination.hook = asked.append
    failed = world.process(*(world.message(source) for source in sources))

    assert Rebuilt(5, 5, []) == done
    assert ([], 5) == (failed, world.metrics.counts["FilesDuplicate"])
    assert ["probe"] == sorted(set(asked))
    world.assert_each_once()


def test_without_a_rebuild_files_would_be_delivered_twice() -> None:
    """The loss is real: this is what the rebuild is for."""
    world, sources = lost(1)
    world.clock.advance(RUN_S)
    world.process(world.message(sources[0], receives=2))

    # The same plan makes the same archive key: its PUT is refused. Two files at once make another.
    other = world.upload("other", at=sources[0].event_time)
    world.ledger = FakeLedger()
    world.process(world.message(sources[0]), world.message(other))

    assert 2 == world.delivered()[sources[0].object_id]


def test_a_rebuild_can_be_repeated() -> None:
    """The second run changes nothing."""
    world, _ = lost()
    rebuild(world)
    items, archives = dict(world.ledger.items), dict(world.ledger.archives)

    assert Rebuilt(5, 5, []) == rebuild(world)
    assert (items, archives) == (world.ledger.items, world.ledger.archives)


def test_claims_of_workers_are_left_alone() -> None:
    """A file that is in work keeps its owner."""
    world, sources = lost()
    message = world.message(sources[0])
    world.process(message)
    claim = world.ledger.items[sources[0].object_id]
    rebuild(world)

    assert claim == world.ledger.items[sources[0].object_id]


@pytest.mark.parametrize("end", ["release", "orphan"])
def test_claims_of_a_restored_backup_are_replaced(end: str) -> None:
    """The backup has a claim that led to nothing; the file was delivered in another archive since. It is recognised."""
    world = World()
    source = world.upload("k")
    lease_until = 0 if end == "release" else int(world.clock.now().timestamp()) + 60
    expires_at = int((world.clock.now() + 30 * DAY).timestamp())
    stale = Claim(source.object_id, OLDER_KEY, "of old", lease_until, expires_at)
    world.ledger.items[source.object_id] = stale
    world.clock.advance(RUN_S)
    world.process(world.message(source, receives=2))
    (key,) = (key for key, (_, body) in world.destination.objects.items() if key != stale.archive_key)
    world.ledger = FakeLedger(items={source.object_id: stale})
    done = rebuild(world)
    other = world.upload("other", at=source.event_time)
    world.process(world.message(source, receives=3), world.message(other))

    assert Rebuilt(1, 1, []) == done
    assert key == world.ledger.items[source.object_id].archive_key
    world.assert_each_once()


def test_a_claim_that_another_archive_bears_out_is_left_alone() -> None:
    """A file that two archives hold keeps the claim that it has, at each repetition."""
    world, (source,) = lost(1)
    rebuild(world)
    (key,) = world.ledger.archives
    record = msgspec.structs.replace(world.ledger.archives[key], archive_key="another")
    claim = msgspec.structs.replace(world.ledger.items[source.object_id], archive_key="another")
    world.ledger = FakeLedger(items={source.object_id: claim}, archives={"another": record})
    rebuild(world)

    assert claim == world.ledger.items[source.object_id]


@pytest.mark.parametrize("operation", ["claim", "record"])
def test_an_interrupted_rebuild_is_run_again(operation: str) -> None:
    """It fails half-way, with claims but no record: the next run completes it, and nothing is delivered twice."""
    world, sources = lost()
    seen: list[str] = []

    def fail_third(name: str) -> None:
        seen.append(name)
        if seen.count(operation) == 3:
            raise LedgerError("throttled")

    world.ledger.hook = fail_third
    with pytest.raises(LedgerError):
        rebuild(world)
    world.ledger.hook = lambda _: None
    rebuild(world)
    world.process(*(world.message(source) for source in sources))

    world.assert_each_once()


def test_a_claim_that_is_not_written_is_an_error() -> None:
    """A ledger that refuses single claims leaves no archive recorded without them."""
    world, _ = lost(1)
    claim = world.ledger.claim
    world.ledger.claim = lambda claims: [ClaimOutcome.FAILED for _ in claim(claims)]  # type: ignore[method-assign]
    with pytest.raises(LedgerError, match="not every claim"):
        rebuild(world)

    assert {} == world.ledger.archives


def test_broken_archives_are_named_and_the_rest_restored() -> None:
    """What fails verification is no delivery: its files are left to the next worker."""
    world, _ = lost(3)
    key = min(world.destination.objects)
    stored, body = world.destination.objects[key]
    world.destination.objects[key] = msgspec.structs.replace(stored, checksum_sha256="0" * 64), body
    done = rebuild(world)

    assert (2, 2, [key]) == (done.archives, done.files, [each.what for each in done.broken])
    assert 2 == len(world.ledger.items)


def test_what_the_ledger_would_have_forgotten_is_not_restored() -> None:
    """Deliveries older than the ledger's memory are left out."""
    world, _ = lost(2)
    world.clock.advance(31 * 86_400)

    assert Rebuilt() == rebuild(world)
    assert ({}, {}) == (world.ledger.items, world.ledger.archives)


def test_rebuilt_items_expire_as_the_first_ones_did() -> None:
    """The memory counts from the delivery, not from the rebuild."""
    world, sources = lost(1)
    (stored, _), *_ = world.destination.objects.values()
    world.clock.advance(10 * 86_400)
    rebuild(world)

    expected = int((stored.last_modified + 30 * DAY).timestamp())
    assert expected == world.ledger.items[sources[0].object_id].expires_at
    assert {expected + 86_400} == {record.expires_at for record in world.ledger.archives.values()}


def test_a_destination_that_is_away_is_an_error() -> None:
    """A rebuild that cannot see the archives must not look complete."""
    world, _ = lost(1)

    def away(_operation: str) -> None:
        raise DestinationError("away", DestinationFault.CONNECT)

    world.destination.hook = away
    with pytest.raises(DestinationError):
        rebuild(world)
