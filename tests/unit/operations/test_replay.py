"""Replay of listed versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.world import RUN_S, World
from windrow.core.errors import DestinationError, DestinationFault, LedgerError, QueueError, Transient
from windrow.core.events import REPLAYED, Message, SourceObject
from windrow.core.keys import QUARANTINE_FOLDER
from windrow.core.notifications import parse
from windrow.operations.replay import (
    MARGIN,
    LedgerCorrector,
    Position,
    Replayer,
    TtlFilter,
    VersionFilter,
    after,
    notification,
)
from windrow.pipeline.commit_point import tombstone
from windrow.pipeline.inspector import Inspector
from windrow.ports import ListedVersion
from windrow.testing import FakeClock, FakeSender

T0 = datetime(2026, 11, 23, 10, 7, 31, tzinfo=UTC)


def version(key: str, version_id: str | None = "v1") -> ListedVersion:
    """Return a listed version."""
    return ListedVersion("landing", key, version_id, "e1", 5, T0)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100), st.sampled_from(["v1", None]))
def test_a_replayed_object_is_the_one_that_was_listed(key: str, version_id: str | None) -> None:
    """The pipeline reads from the notification what the listing named."""
    (source,) = parse(notification(version(key, version_id)), {"landing"})

    sequencer = REPLAYED if version_id else ""
    assert SourceObject("landing", key, version_id, "e1", sequencer, 5, T0) == source
    assert source.replayed


@pytest.mark.parametrize(
    ("position", "left"),
    [
        (None, ["a@1", "b@3", "b@2", "b@1", "c@1"]),
        (Position("landing", "a", "1", 1), ["b@3", "b@2", "b@1", "c@1"]),
        (Position("landing", "b", "2", 3), ["b@1", "c@1"]),
        (Position("landing", "b", "gone", 3), ["b@3", "b@2", "b@1", "c@1"]),
        (Position("landing", "bb", "1", 3), ["c@1"]),
        (Position("landing", "c", "1", 5), []),
        (Position("landing", "z", "1", 5), []),
    ],
    ids=["from the start", "first done", "amid versions", "version deleted meanwhile", "key deleted", "all", "behind"],
)
def test_a_replay_goes_on_where_it_stopped(position: Position | None, left: list[str]) -> None:
    """Nothing is left out; at most one key's versions are queued again."""
    listed = [version("a", "1"), version("b", "3"), version("b", "2"), version("b", "1"), version("c", "1")]

    assert [f"{item.key}@{item.version_id}" for item in after(listed, position)] == left


class Destined:
    """A destination with archives of a world's files, a ledger that knows them, and a ledger corrector."""

    def __init__(self) -> None:
        self.world = World()
        self.sources = [self.world.upload(f"k{number}") for number in range(3)]
        self.world.process(*(self.world.message(source) for source in self.sources))
        (self.key,) = self.world.destination.objects
        self.world.clock.advance(10 * RUN_S)

    def undelivered(self, *sources: SourceObject) -> list[str]:
        """Return the keys of what is to be queued."""
        corrector = LedgerCorrector(
            self.world.ledger, Inspector(self.world.destination), self.world.quarantine().quarantine
        )
        found = corrector.undelivered(
            [ListedVersion(s.bucket, s.key, s.version_id, s.etag, s.size, s.event_time) for s in sources]
        )
        return [version.key for version in found]

    def damage(self) -> bytes:
        """Flip a bit of the archive's manifest; return the archive's bytes as they are then."""
        stored, body = self.world.destination.objects[self.key]
        damaged = body[:20] + bytes([body[20] ^ 1]) + body[21:]
        self.world.destination.objects[self.key] = stored, damaged
        return damaged


def test_what_an_archive_lost_is_delivered_again() -> None:
    """An archive is deleted by accident: the ledger forgets it, and a replay delivers its files once more."""
    case = Destined()
    del case.world.destination.objects[case.key]
    queued = case.undelivered(*case.sources)
    failed = case.world.process(*(case.world.message(source) for source in case.sources))

    assert (["k0", "k1", "k2"], []) == (queued, failed)
    case.world.assert_each_once()


def test_what_a_tombstone_replaced_is_delivered_again() -> None:
    """The archive was deleted by accident, and the tombstone of a worker that was frozen arrived at the free key.

    That is a sound archive, and not the one that the ledger has as committed.
    """
    case = Destined()
    del case.world.destination.objects[case.key]
    late = tombstone(case.key)
    assert case.world.destination.put(case.key, late.chunks, late.sha256, late.metadata)
    queued = case.undelivered(*case.sources)
    failed = case.world.process(*(case.world.message(source) for source in case.sources))

    assert (["k0", "k1", "k2"], []) == (queued, failed)
    case.world.assert_each_once()
    assert [] == case.undelivered(*case.sources)


def test_what_a_broken_archive_held_is_delivered_again() -> None:
    """An archive whose bytes changed is replaced by one that is right."""
    case = Destined()
    stored, body = case.world.destination.objects[case.key]
    case.world.destination.objects[case.key] = msgspec.structs.replace(stored, checksum_sha256="0" * 64), body
    queued = case.undelivered(*case.sources)
    failed = case.world.process(*(case.world.message(source) for source in case.sources))

    assert (["k0", "k1", "k2"], []) == (queued, failed)
    case.world.assert_each_once()


def test_a_broken_archive_is_kept_since_others_files_may_be_nowhere_else() -> None:
    """Damaged in its manifest a week on, it is replaced for one file that is missed; the bytes of the others stay."""
    case = Destined()
    damaged = case.damage()
    queued = case.undelivered(case.sources[0])
    failed = case.world.process(case.world.message(case.sources[0]))
    kept = [body for key, (_, body) in case.world.destination.objects.items() if key.startswith(QUARANTINE_FOLDER)]

    assert (["k0"], [], [damaged]) == (queued, failed, kept)
    assert {case.sources[0].object_id: 1} == case.world.delivered()


@pytest.mark.parametrize("operation", ["begin", "copy_part", "complete", "overrule"])
def test_a_broken_archive_that_cannot_be_quarantined_stays_and_nothing_is_queued(operation: str) -> None:
    """Nothing is replaced that was not kept first; the replay is repeated when the servers answer again."""
    case = Destined()
    damaged = case.damage()
    records = dict(case.world.ledger.archives)

    def fail(at: str) -> None:
        if at == operation:
            raise LedgerError("away") if operation == "overrule" else DestinationError("away", DestinationFault.SLOW)

    case.world.hook(fail)
    with pytest.raises(Transient):
        case.undelivered(case.sources[0])
    case.world.hook(lambda _: None)

    assert (damaged, records) == (case.world.destination.objects[case.key][1], case.world.ledger.archives)
    assert ["k0"] == case.undelivered(case.sources[0])
    assert [] == case.world.process(case.world.message(case.sources[0]))
    assert {case.sources[0].object_id: 1} == case.world.delivered()


def test_what_an_archive_holds_after_all_is_not_queued() -> None:
    """A file that was taken for missing and is in the archive its claim names is left alone."""
    case = Destined()
    records = dict(case.world.ledger.archives)

    assert [] == case.undelivered(*case.sources)
    assert records == case.world.ledger.archives


def test_what_the_ledger_does_not_know_is_queued() -> None:
    """A file that was never claimed needs nothing of the ledger."""
    case = Destined()
    late = case.world.upload("late")

    assert ["late"] == case.undelivered(late)


def test_a_destination_that_is_away_forgets_nothing() -> None:
    """Whether the archive is there can't be told: nothing is changed and nothing queued."""
    case = Destined()
    records = dict(case.world.ledger.archives)

    def away(_operation: str) -> None:
        raise DestinationError("away", DestinationFault.CONNECT)

    case.world.destination.hook = away
    with pytest.raises(DestinationError):
        case.undelivered(*case.sources)

    assert records == case.world.ledger.archives


def test_an_archive_that_the_destination_refuses_to_give_keeps_its_files_and_no_others() -> None:
    """What it holds can't be told: its record stays, its files are not queued, and all others are."""
    case = Destined()
    late = case.world.upload("late")
    records = dict(case.world.ledger.archives)

    def refuse(operation: str) -> None:
        if operation == "read":
            raise DestinationError("GET: AccessDenied", DestinationFault.REFUSED)

    case.world.destination.hook = refuse
    corrector = LedgerCorrector(
        case.world.ledger, Inspector(case.world.destination), case.world.quarantine().quarantine
    )
    versions = [
        ListedVersion(s.bucket, s.key, s.version_id, s.etag, s.size, s.event_time) for s in (*case.sources, late)
    ]
    queued = [version.key for version in corrector.undelivered(versions)]

    assert (["late"], {case.key: "GET: AccessDenied"}) == (queued, corrector.unreadable)
    assert records == case.world.ledger.archives


def test_queueing_keeps_to_the_rate_and_tells_each_step() -> None:
    """25 objects at 10 a second take 2.5 seconds, and every ten are noted once they are queued."""
    clock, sender, noted = FakeClock(), FakeSender(), list[Position]()
    versions = [version(f"k{number:02}") for number in range(25)]
    queued = Replayer(sender, clock, rate_per_s=10).replay(versions, noted.append, queued=100)

    assert 125 == queued
    assert 2.5 == clock.monotonic()
    assert [(110, "k09"), (120, "k19"), (125, "k24")] == [(p.queued, p.key) for p in noted]
    assert [f"k{number:02}" for number in range(25)] == [
        source.key for body in sender.bodies for source in parse(body, {"landing"}) if isinstance(source, SourceObject)
    ]


def test_time_spent_on_finding_objects_is_not_made_up_for() -> None:
    """An audit of an hour comes before the first object and a stall in between: neither floods the queue."""
    clock, sent_at = FakeClock(), list[float]()

    def found() -> Iterator[ListedVersion]:
        for number in range(60):
            clock.advance({0: 3600, 30: 60}.get(number, 0))
            yield version(f"k{number:02}")

    sender = FakeSender(lambda operation: sent_at.append(clock.monotonic()) if operation == "send" else None)
    Replayer(sender, clock, rate_per_s=10).replay(found(), lambda _: None)

    assert [3600, 3601, 3602, 3663, 3664, 3665] == sent_at


def test_an_interrupted_replay_notes_only_what_is_queued() -> None:
    """The queue fails at the second ten: the first ten are noted, and going on queues the rest."""
    clock, noted = FakeClock(), list[Position]()
    sent: list[str] = []

    def fail_second(operation: str) -> None:
        sent.append(operation)
        if sent == ["send", "send done", "send"]:
            raise QueueError("away")

    sender = FakeSender(fail_second)
    versions = [version(f"k{number:02}") for number in range(15)]
    replayer = Replayer(sender, clock, rate_per_s=1000)
    with pytest.raises(QueueError):
        replayer.replay(versions, noted.append)
    replayer.replay(after(versions, noted[-1]), noted.append, queued=noted[-1].queued)

    assert [10, 15] == [position.queued for position in noted]
    assert 15 == len(set(sender.bodies)) == len(sender.bodies)


def test_what_gets_too_old_while_others_are_queued_is_left_out() -> None:
    """A message may wait as long as the queue keeps it, and the ledger must know the delivery still."""
    clock, sender, young = FakeClock(), FakeSender(), FakeClock().now()
    ttl, retention = timedelta(days=30), timedelta(days=5)
    oldest = young - (ttl - retention - MARGIN)
    versions = [
        msgspec.structs.replace(version(key), last_modified=arrived)
        for key, arrived in [
            ("a", oldest),
            ("b", oldest - timedelta(seconds=1)),
            *[(f"c{number:02}", young) for number in range(19)],
            ("d", oldest),
            ("e", oldest + timedelta(seconds=30)),
        ]
    ]
    memory = TtlFilter(clock, ttl=ttl, retention=retention, left_out=7)
    queued = Replayer(sender, clock, rate_per_s=1).replay(memory.select(versions), lambda _: None)

    assert (21, 7 + 2) == (queued, memory.left_out)
    assert {"b", "d"} == {item.key for item in versions} - {
        source.key for body in sender.bodies for source in parse(body, {"landing"}) if isinstance(source, SourceObject)
    }


def test_a_replay_delivers_nothing_twice_however_long_its_messages_wait() -> None:
    """Whatever age a delivered file has: either it is left out, or its claim outlives its message."""
    ttl, retention = timedelta(days=30), timedelta(days=5)
    for age in (timedelta(days=days) for days in range(0, 31, 2)):
        world, sender = World(), FakeSender()
        source = world.upload("a")
        world.process(world.message(source))
        world.clock.advance(age.total_seconds())
        listed = ListedVersion(source.bucket, source.key, source.version_id, source.etag, 7, source.event_time)
        memory = TtlFilter(world.clock, ttl=ttl, retention=retention)
        Replayer(sender, world.clock, rate_per_s=1).replay(memory.select([listed]), lambda _: None)
        world.clock.advance(retention.total_seconds())
        for body in sender.bodies:
            world.process(Message("replayed", "r", body, 1, world.clock.now()))

        world.assert_each_once()
        assert memory.left_out == (age > timedelta(days=24))


@pytest.mark.parametrize(("unversioned", "passed", "left_out"), [(False, ["a"], 1), (True, ["a", "b"], 0)])
def test_objects_without_versions_pass_only_when_that_is_safe(
    unversioned: bool, passed: list[str], left_out: int
) -> None:
    """Their identity is not known from a listing, so queueing them again could deliver them twice."""
    sieve = VersionFilter(unversioned=unversioned)

    assert passed == [item.key for item in sieve.select([version("a"), version("b", None)])]
    assert left_out == sieve.left_out
